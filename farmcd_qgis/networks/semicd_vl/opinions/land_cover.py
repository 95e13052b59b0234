"""Opinions of a network that tells land covers in single images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .covers import LAND_COVER, Covers
from .source import Date, Opinion, checked
from .windows import averaged


@dataclass(frozen=True)
class LandCoverOpinion:
    """A segmenter of single images: `segment` turns images uint8 (B, 3, S, S) into logits (B, C, h, w).

    It normalises by itself and may give coarser logits than its images. Images larger than `window` pixels are looked
    at in windows that overlap by half; `name` says for a record which network it is.
    """

    segment: Callable[[Tensor], Tensor]
    window: int
    name: str
    covers: Covers = LAND_COVER

    @torch.inference_mode()
    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        """Give the opinion on an image, uint8 (3, H, W); raises InputError where it is no probability."""
        probabilities = averaged(image, self.window, self._probabilities)
        return checked(probabilities.numpy(), self.covers, image.shape[1:], self.name)

    def _probabilities(self, images: Tensor) -> Tensor:
        logits = self.segment(images)
        size = (images.shape[-2], images.shape[-1])
        return F.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False).softmax(1)
