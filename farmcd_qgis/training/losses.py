"""The co-training loss: cross entropy and Dice on the logits, hard-region cross entropy on the score map.

`"corrected"` and `"apart"` are ours; `"paper"` repeats the authors' code with its faults (docs/methods/fd_mamba.md, 3
and 8), so that the difference can be measured. There pixels without a settled class, which the authors' data have none
of, are ignored. All terms are computed in float32, over the batches of all processes.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from ..core.classes import NO_CHANGE
from .datasets import IGNORE, UNSETTLED
from .processes import everywhere, world_size

_EPS = 1e-10
_HARD_EPS = 1e-6
_PAPER_DICE_CLASSES = (0, 1)
# What the classes weigh in the mode "apart", against whether anything changed.
_CLASS_SHARE = 0.4

LossMode = Literal["corrected", "apart", "paper"]


@dataclass(frozen=True)
class LossTerms:
    """The three terms, unweighted, and their weighted sum `total`; all scalars on the graph."""

    total: torch.Tensor
    cross_entropy: torch.Tensor
    dice: torch.Tensor
    hard_region: torch.Tensor


class CoTrainingLoss(torch.nn.Module):
    """0.5 CE + 0.5 Dice on the logits + 0.4 CE on the score map where the network is unsure.

    `tau` is the confidence below which a pixel is hard; `class_weights` (K,) weigh the pixels of the
    cross entropy on the logits by their class, `unsettled_weight` those that changed into no settled
    class. The authors weigh nothing.
    In the mode "apart" whether a pixel changed and into what are judged apart: cross entropy and Dice of "some change",
    and over the settled pixels the cross entropy among the classes of change, which alone `class_weights` weigh there.
    """

    class_weights: torch.Tensor | None

    def __init__(
        self,
        mode: LossMode = "corrected",
        tau: float = 0.80,
        class_weights: tuple[float, ...] | None = None,
        unsettled_weight: float = 1.0,
        hard_weight: float = 0.4,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.tau = tau
        self.hard_weight = hard_weight
        self.unsettled_weight = unsettled_weight
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights)

    def forward(self, logits: torch.Tensor, score_map: torch.Tensor | None, label: torch.Tensor) -> LossTerms:
        """Compute the loss of logits and score_map (B,K,H,W) against label (B,H,W), integer with 254 and 255.

        Without a score map there is no term of it.
        """
        logits, label = logits.float(), label.long()
        if self.mode == "paper":
            label = torch.where(label == UNSETTLED, IGNORE, label)
            nll = F.cross_entropy(logits, label, ignore_index=IGNORE, reduction="sum")
            cross_entropy = everywhere(nll) / everywhere((label != IGNORE).sum().float()).clamp_min(_HARD_EPS)
            dice = everywhere(paper_dice(logits, label)) / world_size()
        elif self.mode == "apart":
            known = label != IGNORE
            margin = torch.where(known & (label != NO_CHANGE), UNSETTLED, label)
            nll = everywhere(partial_cross_entropy(logits, margin).sum()) / everywhere(known.sum()).clamp_min(1)
            cross_entropy = nll + _CLASS_SHARE * self._among_changes(logits, label)
            dice = change_dice(logits, label)
        else:
            weights = self._pixel_weights(label)
            nll = partial_cross_entropy(logits, label)
            cross_entropy = everywhere((nll * weights).sum()) / everywhere(weights.sum()).clamp_min(_HARD_EPS)
            dice = margin_dice(logits, label)
        hard = logits.new_zeros(())
        if score_map is not None:
            hard = hard_region_loss(logits, score_map.float(), label, self.tau)
        share = 1.0 if self.mode == "apart" else 0.5
        return LossTerms(share * (cross_entropy + dice) + self.hard_weight * hard, cross_entropy, dice, hard)

    def _among_changes(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Cross entropy among the classes of change, over the pixels that changed into a settled one."""
        settled = (label != NO_CHANGE) & (label < UNSETTLED)
        target = torch.where(settled, label, 1) - 1
        weights = settled.float() if self.class_weights is None else self.class_weights[target + 1] * settled
        nll = F.cross_entropy(logits[:, 1:], target, reduction="none")
        return everywhere((nll * weights).sum()) / everywhere(weights.sum()).clamp_min(_HARD_EPS)

    def _pixel_weights(self, label: torch.Tensor) -> torch.Tensor:
        known = (label != IGNORE).float()
        if self.class_weights is None:
            return torch.where(label == UNSETTLED, self.unsettled_weight, known)
        classes = self.class_weights.shape[0]
        settled = self.class_weights[label.clamp_max(classes - 1)]
        return torch.where(label == UNSETTLED, self.unsettled_weight, settled) * known


def partial_cross_entropy(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Return -log p(label) per pixel (B,H,W), 0 where ignored.

    Where the label is `UNSETTLED` p is the margin 1 - p(no change): any change will do.
    """
    log_total = logits.logsumexp(1)
    settled = label < UNSETTLED
    chosen = logits.gather(1, torch.where(settled, label, 0).unsqueeze(1)).squeeze(1)
    some_change = logits[:, 1:].logsumexp(1)
    nll = log_total - torch.where(settled, chosen, some_change)
    return torch.where(label == IGNORE, 0.0, nll)


def margin_dice(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Dice loss over the batch: half for "some change", half for the mean of the change classes present.

    Unsettled pixels count for "some change" only. Without any changed pixel the loss is that of "some change"
    against an empty target, smoothed by one pixel so that it stays informative.
    """
    probabilities = logits.softmax(1)
    margin = change_dice(logits, label)
    settled = (label < UNSETTLED).float()
    change = range(1, logits.shape[1])
    present = everywhere(torch.stack([(label == k).sum() for k in change]).float()) > 0
    classes = [
        _soft_dice(probabilities[:, k] * settled, (label == k).float())
        for k, there in zip(change, present.tolist(), strict=True)
        if there
    ]
    return 0.5 * margin + 0.5 * torch.stack(classes).mean() if classes else margin


def change_dice(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Dice loss of "some change" over the batch."""
    known, changed = label != IGNORE, (label != NO_CHANGE) & (label != IGNORE)
    return _soft_dice((1 - logits.softmax(1)[:, NO_CHANGE]) * known, changed.float())


def _soft_dice(probability: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    overlap, total = everywhere(torch.stack([(probability * target).sum(), probability.sum() + target.sum()]))
    return 1 - (2 * overlap + 1) / (total + 1)


def paper_dice(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The authors' Dice: per sample, and only over classes 0 and 1, however many classes there are.

    Ignored pixels, which the authors' data have none of, count for nothing.
    """
    probabilities = logits.softmax(1) * (label != IGNORE)[:, None]
    losses = []
    for k in _PAPER_DICE_CLASSES:
        target = (label == k).float()
        overlap = (probabilities[:, k] * target).sum((1, 2))
        total = probabilities[:, k].sum((1, 2)) + target.sum((1, 2))
        losses.append(1 - (2 * overlap + _EPS) / (total + _EPS))
    return torch.stack(losses).mean()


def hard_region_loss(logits: torch.Tensor, score_map: torch.Tensor, label: torch.Tensor, tau: float) -> torch.Tensor:
    """Cross entropy of the score map, averaged over the pixels where the network's confidence is below tau."""
    with torch.no_grad():
        hard = ((logits.softmax(1).amax(1) < tau) & (label != IGNORE)).float()
    return everywhere((partial_cross_entropy(score_map, label) * hard).sum()) / (everywhere(hard.sum()) + _HARD_EPS)
