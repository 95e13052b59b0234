"""What SemiCD-VL's training loses on a step: labels, consistency, contrast and opinions; for any family of networks.

Labelled pairs teach by their labels; pairs without, by what the network itself is sure of in a weak view (consistency),
by what opinions say (a second classifier and the foreground of each date), and by how far apart the dates lie
(contrast).
Source: docs/methods/semicd_vl.md sections 3 to 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ...core.errors import InputError
from ...networks.semicd_vl.network import Views
from ..datasets import IGNORE, as_classes
from ..losses import margin_dice, partial_cross_entropy
from ..processes import everywhere
from ..semi_losses import (
    MARGIN,
    Divisor,
    Weighing,
    consistency_loss,
    contrastive_loss,
    contrastive_pixels,
    cutmix,
    opinion_loss,
)
from ..views import ViewBatch
from .guided import Guided

Normalise = Callable[[Tensor, Literal["before", "after"]], Tensor]

_TERMS_OF_OPINIONS = 6


@dataclass(frozen=True)
class TermSettings:
    """The weights and thresholds of the method; the defaults are the authors'.

    `paper` keeps what their code does against their words (section 5). `opinions` falls from its value to 0 over the
    run; 0 is consistency alone (FixMatch). `dice` is the weight of Dice beside the cross entropy with labels, which
    the authors don't have.
    """

    mode: Literal["corrected", "paper"] = "corrected"
    threshold: float = 0.95
    weighing: Weighing = "pixelwise"
    dice: float = 0.0
    consistency: float = 1.0
    opinions: float = 0.1
    divisor: Divisor = "mean_all"
    contrast: float = 0.1
    margin: float = MARGIN

    def __post_init__(self) -> None:
        """Raise InputError for weights below 0 and a threshold that no confidence can be."""
        weights = {"dice", "consistency", "opinions", "contrast", "margin"}
        wrong = [name for name in sorted(weights) if getattr(self, name) < 0]
        if wrong or not 0 <= self.threshold <= 1:
            name = wrong[0] if wrong else "threshold"
            raise InputError("semi_setting", name=name, seen=getattr(self, name))


class Labelled(NamedTuple):
    """Labelled pairs: images (B, 3, T, T) of 0..255, labels int64 (B, T, T) and, where somebody asked, opinions."""

    before: Tensor
    after: Tensor
    label: Tensor
    change: Tensor | None = None
    cover_before: Tensor | None = None
    cover_after: Tensor | None = None


class Mixed(NamedTuple):
    """Strong views after CutMix, normalised, with pseudo-labels, their confidence, and opinions, mixed alike."""

    before: Tensor
    after: Tensor
    label: Tensor
    confidence: Tensor
    change: Tensor
    cover_before: Tensor
    cover_after: Tensor


class SemiTerms:
    """Turns a labelled batch and views of unlabelled pairs into the terms of the loss; it keeps no state of its own."""

    def __init__(self, settings: TermSettings, normalise: Normalise) -> None:
        self.settings = settings
        self.normalise = normalise

    def step(
        self,
        net: Guided,
        labelled: Labelled,
        views: ViewBatch,
        boxes: Tensor,
        progress: float,
        other: ViewBatch | None = None,
    ) -> dict[str, Tensor]:
        """Return the terms of the loss, each weighed, on the graph; their sum is the loss.

        `boxes`, bool (B, T, T), are where a partner of CutMix is seen, `progress` is how far the run is, 0..1. `other`
        are the partners; without it each pair's partner is the one before it in the batch (a batch of one is mixed
        with nothing).
        """
        settings = self.settings
        guided = net.guided and settings.opinions > 0
        net.train()
        if not (guided or settings.consistency or settings.contrast):
            # Labels alone: what the other rows of a table are measured against.
            of_labelled, _ = self._pass(net, labelled, None)
            return {"labelled": 0.5 * self._by_label(of_labelled.change, labelled.label)}
        of_labelled, of_weak = self._pass(net, labelled, views if guided or settings.mode == "paper" else None)
        partner_sure = self._sure(net, views if other is None else other)
        if settings.mode == "paper" and of_weak is not None:
            sure = _confident(of_weak.change.detach())
        else:
            sure = partner_sure if other is None else self._sure(net, views)
        mixed = self._mixed(views, other, sure, partner_sure, boxes)
        of_strong = net(mixed.before, mixed.after)
        terms = {
            "labelled": 0.5 * self._by_label(of_labelled.change, labelled.label),
            "consistency": 0.5 * settings.consistency * self._consistency(of_strong, mixed),
        }
        if settings.contrast and of_strong.distance is not None:
            terms["contrast"] = 0.5 * settings.contrast * self._contrast(of_labelled, of_strong, labelled, mixed)
        if guided and of_weak is not None:
            weight = settings.opinions * (1 - progress) / _TERMS_OF_OPINIONS
            terms["opinions"] = weight * self._opinions(of_labelled, of_weak, of_strong, labelled, views, mixed)
        return terms

    def _pass(self, net: Guided, labelled: Labelled, views: ViewBatch | None) -> tuple[Views, Views | None]:
        """Look at the labelled pairs, and at weak views in the same batch where they are to be learned from."""
        if views is None:
            return net(*self._both(labelled.before, labelled.after)), None
        before = torch.cat([labelled.before, views.weak_before])
        seen = net(*self._both(before, torch.cat([labelled.after, views.weak_after])))
        count = len(labelled.label)
        return _part(seen, slice(None, count)), _part(seen, slice(count, None))

    def _both(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        return self.normalise(before, "before"), self.normalise(after, "after")

    @torch.no_grad()
    def _sure(self, net: Guided, views: ViewBatch) -> tuple[Tensor, Tensor]:
        """Return pseudo-labels and confidence of the weak views, seen in evaluation mode."""
        net.eval()
        try:
            return _confident(net(*self._both(views.weak_before, views.weak_after)).change)
        finally:
            net.train()

    def _by_label(self, logits: Tensor, label: Tensor) -> Tensor:
        label = as_classes(label, logits.shape[1])
        loss = partial_cross_entropy(logits.float(), label)
        mean = everywhere(loss.sum()) / everywhere((label != IGNORE).sum().to(loss.dtype)).clamp_min(1)
        return mean + self.settings.dice * margin_dice(logits.float(), label) if self.settings.dice else mean

    def _mixed(
        self,
        views: ViewBatch,
        other: ViewBatch | None,
        sure: tuple[Tensor, Tensor],
        partner_sure: tuple[Tensor, Tensor],
        boxes: Tensor,
    ) -> Mixed:
        strong = self._both(views.strong_before, views.strong_after)
        own = (*strong, *sure, views.change, views.cover_before, views.cover_after)
        if other is None:
            partners = tuple(part.roll(1, 0) for part in own)
        else:
            there = self._both(other.strong_before, other.strong_after)
            partners = (*there, *partner_sure, other.change, other.cover_before, other.cover_after)
        return Mixed(*(cutmix(mine, theirs, boxes) for mine, theirs in zip(own, partners, strict=True)))

    def _consistency(self, strong: Views, mixed: Mixed) -> Tensor:
        loss = partial_cross_entropy(strong.change.float(), mixed.label)
        return self._by_confidence(loss, mixed)

    def _by_confidence(self, loss: Tensor, mixed: Mixed) -> Tensor:
        valid = torch.ones_like(mixed.label, dtype=torch.bool)
        return consistency_loss(loss, mixed.confidence, valid, self.settings.threshold, self.settings.weighing)

    def _contrast(self, of_labelled: Views, of_strong: Views, labelled: Labelled, mixed: Mixed) -> Tensor:
        assert of_labelled.distance is not None  # nosec B101 # the caller has seen to it
        assert of_strong.distance is not None  # nosec B101 # the caller has seen to it
        margin = self.settings.margin
        pixels = contrastive_pixels(of_strong.distance.float(), mixed.label, margin)
        by_label = contrastive_loss(of_labelled.distance.float(), labelled.label, margin)
        return by_label + self._by_confidence(pixels, mixed)

    def _opinions(
        self, of_labelled: Views, of_weak: Views, of_strong: Views, labelled: Labelled, views: ViewBatch, mixed: Mixed
    ) -> Tensor:
        parts = [
            self._by_opinion(of_weak, views.change, views.cover_before, views.cover_after),
            self._by_opinion(of_strong, mixed.change, mixed.cover_before, mixed.cover_after),
        ]
        if labelled.change is not None and labelled.cover_before is not None and labelled.cover_after is not None:
            said = (labelled.change, labelled.cover_before, labelled.cover_after)
            parts.append(self._by_opinion(of_labelled, *said, divisor="mean"))
        return torch.stack(parts).sum()

    def _by_opinion(
        self, views: Views, change: Tensor, before: Tensor, after: Tensor, divisor: Divisor | None = None
    ) -> Tensor:
        """The second classifier against the events, and half of each date's foreground against its opinion."""
        assert views.opinion is not None  # nosec B101 # the caller has seen to it
        assert views.cover_before is not None  # nosec B101 # the caller has seen to it
        assert views.cover_after is not None  # nosec B101 # the caller has seen to it
        total = views.opinion.new_zeros(())
        rows = (
            (views.opinion, as_classes(change, views.opinion.shape[1]), 1.0),
            (views.cover_before, before, 0.5),
            (views.cover_after, after, 0.5),
        )
        for logits, label, weight in rows:
            loss = partial_cross_entropy(logits.float(), label)
            valid = torch.ones_like(label, dtype=torch.bool)
            total = total + weight * opinion_loss(loss, label, valid, divisor or self.settings.divisor)
        return total


def _confident(logits: Tensor) -> tuple[Tensor, Tensor]:
    confidence, label = logits.float().softmax(1).max(1)
    return label, confidence


def _part(views: Views, rows: slice) -> Views:
    return Views(*(None if part is None else part[rows] for part in views))  # type: ignore[arg-type]
