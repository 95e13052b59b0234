"""Opinions of a CLIP: each patch of an image against sentences for each land cover.

In the last block of the visual tower every token looks at itself alone, which leaves it what stands at its place
(Zhou et al. 2022, Extract Free Dense Labels from CLIP, arXiv 2112.01071); its output is compared with the mean of
the sentences' unit vectors. A CLIP that was trained on photographs sees little in satellite images: RemoteCLIP's
weights see more. Source: docs/methods/semicd_vl.md section 1.1.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ....core.errors import InputError
from ...clip import whole_clip
from ..ceg import THRESHOLD
from .covers import FARMLAND, Covers
from .source import Date, Opinion, checked
from .windows import averaged


@dataclass(frozen=True)
class DenseClip:
    """A CLIP that looks at patches; `text` (C, D) are the unit vectors of its covers, `scale` sharpens the softmax."""

    visual: Any
    text: Tensor
    scale: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    name: str
    covers: Covers = FARMLAND
    threshold: float = THRESHOLD

    @torch.inference_mode()
    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        """Give the opinion on an image, uint8 (3, H, W), from windows of the size that the CLIP knows."""
        probabilities = averaged(image, self.visual.image_size[0], self._probabilities)
        return checked(probabilities.numpy(), self.covers, image.shape[1:], self.name)

    def _probabilities(self, images: Tensor) -> Tensor:
        mean, deviation = (torch.tensor(values)[:, None, None] for values in (self.mean, self.deviation))
        tokens = F.normalize(dense_tokens(self.visual, (images / 255 - mean) / deviation), dim=-1)
        rows, columns = self.visual.grid_size
        logits = (self.scale * tokens @ self.text.T).transpose(1, 2).unflatten(2, (rows, columns))
        size = (images.shape[-2], images.shape[-1])
        return F.interpolate(logits, size=size, mode="bilinear", align_corners=False).softmax(1)


def dense_tokens(visual: Any, images: Tensor) -> Tensor:
    """Return what the visual tower says of each patch of (B, 3, S, S), (B, patches, D), row by row."""
    x = visual.conv1(images).flatten(2).transpose(1, 2)
    start = visual.class_embedding.expand(len(x), 1, -1)
    x = visual.ln_pre(torch.cat([start, x], 1) + visual.positional_embedding)
    blocks, first_is_batch = visual.transformer.resblocks, visual.transformer.batch_first
    x = x if first_is_batch else x.transpose(0, 1)
    for block in blocks[:-1]:
        x = block(x)
    count = x.shape[1 if first_is_batch else 0]
    alone = torch.full((count, count), -torch.inf).fill_diagonal_(0)
    x = blocks[-1](x, attn_mask=alone)
    x = x if first_is_batch else x.transpose(0, 1)
    return visual.ln_post(x[:, 1:]) @ visual.proj


@torch.inference_mode()
def dense_clip(encoder: str | Path, covers: Covers = FARMLAND) -> DenseClip:
    """Load a CLIP from local weights: `encoder` is a file of OpenAI's layout, or "MODEL@FILE" (see `clip.whole_clip`).

    Raises InputError where the file cannot be used, or its visual tower is no plain vision transformer.
    """
    clip = whole_clip(encoder)
    visual = clip.model.visual
    needed = (
        "conv1",
        "class_embedding",
        "positional_embedding",
        "ln_pre",
        "transformer",
        "ln_post",
        "proj",
        "grid_size",
    )
    if not all(hasattr(visual, part) for part in needed) or visual.attn_pool is not None:
        raise InputError("opinion_clip_not_dense", file=str(encoder), tower=type(visual).__name__)
    sentences = covers.sentences()
    vectors = clip.encode([sentence for said in sentences.values() for sentence in said])
    parts = vectors.split([len(said) for said in sentences.values()])
    text = F.normalize(torch.stack([part.mean(0) for part in parts]), dim=-1)
    scale = float(clip.model.logit_scale.exp())
    return DenseClip(visual, text, scale, clip.mean, clip.deviation, clip.name, covers)
