"""Weak and strong views of pairs without labels: one crop and turn for both, other light for the strong one.

As in `augment`, a sample follows from its seed alone, whatever stands beside it in the batch. Source:
docs/methods/semicd_vl.md section 4.1; turns by quarters are ours, since ground has no upper side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import kornia.augmentation as K
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .datasets import IGNORE, Sample
from .unlabelled import UnlabelledPairs, UnlabelledSample

_BLUR_KERNEL = 9


class ViewBatch(NamedTuple):
    """Images float32 (B, 3, T, T) of 0..255, weak and strong, and opinions int64 (B, T, T) on both alike."""

    weak_before: Tensor
    weak_after: Tensor
    strong_before: Tensor
    strong_after: Tensor
    change: Tensor
    cover_before: Tensor
    cover_after: Tensor


@dataclass(frozen=True)
class StrongSettings:
    """How the strong view's light differs, each date by itself: the authors' jitter and blur and how often."""

    brightness: float = 0.5
    contrast: float = 0.5
    saturation: float = 0.5
    hue: float = 0.25
    jitter: float = 0.8
    blur: float = 0.5
    sigma: tuple[float, float] = (0.1, 2.0)


class ViewMaker:
    """Makes views of pairs."""

    def __init__(self, settings: StrongSettings) -> None:
        colours = (settings.brightness, settings.contrast, settings.saturation, settings.hue)
        kernel = (_BLUR_KERNEL, _BLUR_KERNEL)
        self._strong = K.ImageSequential(
            K.ColorJiggle(*colours, p=settings.jitter), K.RandomGaussianBlur(kernel, settings.sigma, p=settings.blur)
        )

    def batch(
        self,
        pairs: UnlabelledPairs,
        indices: Sequence[int],
        crop: int,
        scale: tuple[float, float],
        seeds: Sequence[int],
    ) -> ViewBatch:
        """Cut one crop of `crop` pixels from each pair, `scale` (from, to) output pixels per image pixel."""
        made = []
        for index, seed in zip(indices, seeds, strict=True):
            torch.manual_seed(seed)
            made.append(self._sample(pairs[index], crop, scale))
        return ViewBatch(*(torch.stack(part) for part in zip(*made, strict=True)))

    def _sample(self, sample: UnlabelledSample, crop: int, scale: tuple[float, float]) -> tuple[Tensor, ...]:
        images, masks = weak_view(sample.before, sample.after, sample[2:], crop, scale)
        strong = torch.cat([self._strong(date[None] / 255)[0] * 255 for date in images.split(3)])
        return (*images.split(3), *strong.split(3), *masks)


def weak_view(
    before: np.ndarray, after: np.ndarray, masks: Sequence[np.ndarray], crop: int, scale: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Cut, scale and turn a pair and its M masks alike: float32 (6, T, T) of 0..255 and int64 (M, T, T).

    The scale is uniform, but never so small that the window would exceed the image. Images are averaged over the area
    of the new pixels, masks take the nearest one.
    """
    height, width = before.shape[1:]
    least = max(scale[0], crop / min(height, width))
    factor = least + (max(scale[1], least) - least) * float(torch.rand(()))
    side = min(round(crop / factor), height, width)
    top, left = int(torch.randint(height - side + 1, ())), int(torch.randint(width - side + 1, ()))
    window = np.s_[:, top : top + side, left : left + side]
    images = torch.from_numpy(np.concatenate((before[window], after[window]))).float()
    labels = torch.from_numpy(np.stack(masks)[window])
    if side != crop:
        images = F.interpolate(images[None], size=(crop, crop), mode="bilinear", antialias=True)[0]
        labels = F.interpolate(labels[None], size=(crop, crop), mode="nearest-exact")[0]
    quarters, flip = int(torch.randint(4, ())), bool(torch.rand(()) < 0.5)
    images, labels = (torch.rot90(part, quarters, (-2, -1)) for part in (images, labels))
    return (images.flip(-1), labels.flip(-1).long()) if flip else (images, labels.long())


def labelled_views(
    pairs: Sequence[tuple[Sample, UnlabelledSample | None]],
    crop: int,
    scale: tuple[float, float],
    seeds: Sequence[int],
) -> tuple[Tensor, ...]:
    """Cut weak views of labelled pairs and of what is said of them (None: nothing).

    Returns before and after float32 (B, 3, T, T) of 0..255, label, change and foreground of both dates int64 (B, T, T).
    """
    made = []
    for (sample, said), seed in zip(pairs, seeds, strict=True):
        torch.manual_seed(seed)
        nothing = np.full_like(sample.label, IGNORE)
        masks = (sample.label, *((nothing,) * 3 if said is None else said[2:]))
        images, labels = weak_view(sample.before, sample.after, masks, crop, scale)
        made.append((*images.split(3), *labels))
    return tuple(torch.stack(part) for part in zip(*made, strict=True))
