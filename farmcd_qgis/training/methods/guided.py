"""A network with the heads that opinions guide: the second classifier of change, and the foreground of each date.

SemiCD-VL's network has them; others are tapped where their features pass, so that nothing of them changes, and get
heads beside them that are thrown away after training (docs/methods/semicd_vl.md section 2.3).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...networks.semicd_vl.network import COVERS, Distance, LightHead, Views, _resized, feature_distance

CHANNELS = 64
_TRIAL_SIDE = 64


@dataclass(frozen=True)
class Taps:
    """Where features pass in a network, by the names of modules.

    `feature` is the module whose input is the feature that the classifier of change stands on. The outputs of `levels`
    (their inputs, where `of_inputs`) are features of single dates, finest first: of both in one batch, before first,
    where `stacked`, else of one date after the other.
    """

    feature: str
    levels: tuple[str, ...]
    stacked: bool
    of_inputs: bool = False


# By the name of the network's class. Levels finer than stride 4 would cost more than they tell.
TAPS = {
    "FDMamba": Taps("conv_final", ("srcm_encoder_layers.2", "srcm_encoder_layers.3"), stacked=True),
    "EncodedFDMamba": Taps("conv_final", ("fusions.1", "fusions.2", "fusions.3"), stacked=True, of_inputs=True),
    "SChanger": Taps("head5.1", ("encoder3", "encoder4", "encoder5"), stacked=False),
}


class Guided(nn.Module):
    """A network and its heads for training; `net` is what is kept.

    A network without known taps is trained by consistency alone: its views have no opinion, covers and distance.
    """

    def __init__(self, net: nn.Module, distance: Distance = "intended", heads: bool = True) -> None:
        super().__init__()
        self.net = net
        self.distance = distance
        self.opinion_head: nn.Module | None = None
        self.cover_head: LightHead | None = None
        self.taps = TAPS.get(type(net).__name__) if heads else None
        if self.taps is not None:
            self._add_heads(self.taps)

    @property
    def guided(self) -> bool:
        """Whether opinions can guide it."""
        return self.taps is not None or self._own

    @property
    def _own(self) -> bool:
        return getattr(self.net, "auxiliary_seg_head", None) is not None

    def forward(self, before: Tensor, after: Tensor) -> Views:
        """Return what all heads say of two normalised images (B, 3, H, W)."""
        if self._own:
            views: Views = self.net.views(before, after, self.distance)
            return views
        if self.taps is None or self.opinion_head is None or self.cover_head is None:
            return Views(self.net(before, after)[0], None, None, None, None)
        with tapped(self.net, self.taps) as seen:
            change = self.net(before, after)[0]
        size = change.shape[-2:]
        opinion = _resized(self.opinion_head(seen.feature), size)
        q_before, q_after = self.cover_head(seen.before), self.cover_head(seen.after)
        was, became = (_resized(self.cover_head.conv_seg(q), size) for q in (q_before, q_after))
        return Views(change, opinion, was, became, feature_distance(q_before, q_after, size, self.distance))

    @torch.no_grad()
    def _add_heads(self, taps: Taps) -> None:
        """Learn the widths of the features from a trial, and make the heads for them."""
        place = next(self.net.parameters())
        trial = torch.zeros(1, 3, _TRIAL_SIDE, _TRIAL_SIDE, device=place.device, dtype=place.dtype)
        training = self.net.training
        self.net.eval()
        with tapped(self.net, taps) as seen:
            classes = self.net(trial, trial)[0].shape[1]
        self.net.train(training)
        self.opinion_head = nn.Conv2d(seen.feature.shape[1], classes, 1)
        self.cover_head = LightHead([level.shape[1] for level in seen.before], CHANNELS, COVERS)


class Seen:
    """What passed the taps in one forward pass of a network."""

    def __init__(self, taps: Taps) -> None:
        self._taps = taps
        self._maps: dict[str, list[Tensor]] = {}

    def keep(self, name: str, features: Tensor) -> None:
        """Take what passed a tap."""
        self._maps.setdefault(name, []).append(features)

    @property
    def feature(self) -> Tensor:
        """What the classifier of change stands on, (B, C, h, w)."""
        return self._maps[self._taps.feature][-1]

    @property
    def before(self) -> list[Tensor]:
        """The levels of the before date, (B, C, h, w) each."""
        return [self._date(maps, 0) for maps in self._levels()]

    @property
    def after(self) -> list[Tensor]:
        """The levels of the after date."""
        return [self._date(maps, 1) for maps in self._levels()]

    def _levels(self) -> list[list[Tensor]]:
        return [self._maps[name] for name in self._taps.levels]

    def _date(self, maps: list[Tensor], date: int) -> Tensor:
        return maps[-1].chunk(2)[date] if self._taps.stacked else maps[date]


@contextmanager
def tapped(net: nn.Module, taps: Taps) -> Iterator[Seen]:
    """Tap a network for one forward pass: hooks that stayed would travel with copies of it."""
    seen = Seen(taps)

    def input_of(name: str) -> Callable[..., None]:
        return lambda module, given: seen.keep(name, given[0])

    def output_of(name: str) -> Callable[..., None]:
        return lambda module, given, made: seen.keep(name, made)

    inputs = (taps.feature, *(taps.levels if taps.of_inputs else ()))
    outputs = () if taps.of_inputs else taps.levels
    hooks = [net.get_submodule(name).register_forward_pre_hook(input_of(name)) for name in inputs]
    hooks += [net.get_submodule(name).register_forward_hook(output_of(name)) for name in outputs]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
