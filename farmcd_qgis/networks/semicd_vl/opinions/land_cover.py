"""Opinions of a network that tells land covers in single images."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ....core.errors import InputError
from ...checkpoint import load_checkpoint
from ...family import family_named
from ..ceg import THRESHOLD
from .covers import LAND_COVER, Covers
from .source import Date, Opinion, checked
from .windows import averaged

# The family that has such a network inside.
ZERO_LABEL = "semicd_vl_zero"


@dataclass(frozen=True)
class LandCoverOpinion:
    """A segmenter of single images: `segment` turns images uint8 (B, 3, S, S) of a date into logits (B, C, h, w).

    It normalises by itself and may give coarser logits than its images. Images larger than `window` pixels are looked
    at in windows that overlap by half; `name` says for a record which network it is.
    """

    segment: Callable[[Tensor, Date], Tensor]
    window: int
    name: str
    covers: Covers = LAND_COVER
    threshold: float = THRESHOLD

    @torch.inference_mode()
    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        """Give the opinion on an image, uint8 (3, H, W); raises InputError where it is no probability."""
        probabilities = averaged(image, self.window, partial(self._probabilities, date=date))
        return checked(probabilities.numpy(), self.covers, image.shape[1:], self.name)

    def _probabilities(self, images: Tensor, date: Date) -> Tensor:
        logits = self.segment(images, date)
        size = (images.shape[-2], images.shape[-1])
        return F.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False).softmax(1)


def network_opinion(checkpoint: str | Path, covers: Covers | None = None) -> LandCoverOpinion:
    """Ask the network of a checkpoint, which must look at single images and tell as many covers as `covers` has.

    Of one that detects without training the network inside is asked, with its own covers and threshold. Raises
    InputError for any other, and where the checkpoint cannot be used.
    """
    net = load_checkpoint(checkpoint)
    card, threshold = net.card, THRESHOLD
    if net.family == ZERO_LABEL:
        covers, threshold, net = covers or net.covers, net.threshold, net.opinion
    covers = covers or LAND_COVER
    check_land_cover(net, checkpoint, covers)
    family = family_named(net.family)
    return LandCoverOpinion(
        lambda images, date: net(family.normalise(net, images.float(), date))[0],
        card.tile,
        f"network {card.name}",
        covers,
        threshold,
    )


def check_land_cover(net: torch.nn.Module, checkpoint: str | Path, covers: Covers) -> None:
    """Raise InputError unless a network looks at single images and tells as many covers as the table has."""
    if not getattr(net.config, "single_image", False):
        raise InputError("land_cover_two_dates", path=str(checkpoint), family=str(net.family))
    if net.config.n_classes != len(covers):
        seen, count = net.config.n_classes, len(covers)
        raise InputError("land_cover_covers", path=str(checkpoint), seen=seen, count=count, covers=covers.name)
