"""CLIP as a judge of pairs of pictures: both dates side by side, and two sentences that may fit them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from .clip import clip_model

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
Bytes = npt.NDArray[np.uint8]


class ClipJudge:
    """The CLIP in a file of weights, and two sentences; raises InputError for a file without such a CLIP."""

    @torch.inference_mode()
    def __init__(self, weights: str, keep: str, drop: str) -> None:
        self._model = clip_model(Path(weights))
        texts = self._model.encode_text(self._model.tokenize((keep, drop)))
        self._texts = F.normalize(texts.float(), dim=-1)

    @torch.inference_mode()
    def margins(self, pictures: Sequence[tuple[Bytes, Bytes]]) -> npt.NDArray[np.float32]:
        """Return for pairs of pictures, uint8 (3, h, w), 100 times the cosine to `keep` less that to `drop`, (n,)."""
        images = torch.stack([side_by_side(before, after, self._model.side) for before, after in pictures])
        seen = F.normalize(self._model.encode_image(images).float(), dim=-1)
        return (100 * (seen @ self._texts.T) @ torch.tensor([1.0, -1.0])).numpy()


def side_by_side(before: Bytes, after: Bytes, side: int) -> Tensor:
    """Fit both dates, uint8 (3, h, w), next to each other into a square of grey: float32 (3, side, side) for CLIP."""
    images = torch.from_numpy(np.concatenate((before, after), axis=2)).float()[None] / 255
    height, width = images.shape[2:]
    scale = side / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    fitted = F.interpolate(images, size, mode="bicubic", antialias=True, align_corners=False)[0].clamp(0, 1)
    mean, std = (torch.tensor(values)[:, None, None] for values in (CLIP_MEAN, CLIP_STD))
    canvas = torch.zeros(3, side, side)
    top, left = (side - size[0]) // 2, (side - size[1]) // 2
    canvas[:, top : top + size[0], left : left + size[1]] = (fitted - mean) / std
    return canvas
