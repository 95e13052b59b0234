"""A network of change that nobody trained on change: one of land cover looks at each date, events are made of that.

Source: docs/methods/semicd_vl.md sections 1 and 1.8. The events are computed with numpy on the processor, tile by tile.
A parcel that the border of a tile cuts is left to the tiles that see it whole, which there are where tiles overlap by
as much as it measures.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core.classes import FIVE
from ..family import family_named
from ..semicd_vl.ceg import THRESHOLD
from ..semicd_vl.opinions.covers import LAND_COVER, Covers
from ..semicd_vl.zero_label import zero_label

_LEAST = 1e-6
# What counts a tile where it sees but a part, beside one that sees the whole.
_PART = 1e-4


@dataclass(frozen=True)
class ZeroLabelConfig:
    """What decides the network: the family of its land-cover network, and that one's configuration."""

    source: str
    inner: Any

    @property
    def n_classes(self) -> int:
        """The number of classes of change that `forward` gives logits of."""
        return len(FIVE.predicted)


class ZeroLabel(nn.Module):
    """Two dates in, log-probabilities of the classes of change out; there is no arbitration.

    `covers` say what the outputs of the land-cover network are, `threshold` from which probability one counts.
    """

    family: str = "semicd_vl_zero"
    card: Any = None
    temperature: float = 1.0
    covers: Covers = LAND_COVER
    threshold: float = THRESHOLD

    def __init__(self, config: ZeroLabelConfig, opinion: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.opinion = opinion
        self.half_stored = getattr(opinion, "half_stored", False)

    def forward(self, before: Tensor, after: Tensor, context: Any = None) -> tuple[Tensor, None]:
        """Return log-probabilities (B, K, H, W) of two images (B, 3, H, W) of 0..255.

        Where the border cuts what a pixel belongs to, they are all lower alike (`Family.weighs`).
        """
        seen = [self.probabilities(before, "before"), self.probabilities(after, "after")]
        pairs = zip(*(date.float().cpu().numpy() for date in seen), strict=True)
        made = [zero_label(was, became, self.covers, None, self.threshold) for was, became in pairs]
        probabilities, cut = (torch.from_numpy(np.stack(part)).to(before.device) for part in zip(*made, strict=True))
        return probabilities.clamp_min(_LEAST).log() + cut[:, None] * math.log(_PART), None

    def probabilities(self, images: Tensor, date: Any) -> Tensor:
        """Return the probabilities of the land covers (B, C, H, W) of images (B, 3, H, W) of 0..255."""
        logits = self.opinion(family_named(self.config.source).normalise(self.opinion, images, date))[0]
        return F.interpolate(logits, size=tuple(images.shape[-2:]), mode="bilinear", align_corners=False).softmax(1)
