"""The loss of a network with several outputs: cross entropy and Dice of each, all of weight one.

docs/methods/schanger.md, section 5. Pixels to ignore count for nothing; computed in float32, over the batches of all
processes. Shapes: S outputs, M logit maps each (1 if binary, else one a class).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .datasets import IGNORE, OTHER_THAN, UNSETTLED
from .losses import partial_cross_entropy
from .processes import everywhere

_EPS = 1e-7


def side_output_terms(maps: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Return cross entropy (S,) and Dice loss (S,) of logit maps (B, S, M, H, W) against class ids (B, H, W).

    With one map every change is the same: a label other than 0. With several, pixels that are `UNSETTLED` have a part
    in the cross entropy ("any class but 0") and in the Dice of class 0 alone; those of `OTHER_THAN` + k likewise ("any
    class but k").
    """
    maps, label = maps.float(), label.long()
    return _binary_terms(maps[:, :, 0], label) if maps.shape[2] == 1 else _class_terms(maps, label)


def _binary_terms(maps: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    known = (label != IGNORE).float()[:, None].expand_as(maps)
    target = ((label != 0) & (label != IGNORE)).float()[:, None].expand_as(maps)
    entropy = F.binary_cross_entropy_with_logits(maps, target, known, reduction="none").sum((0, 2, 3))
    return _mean(entropy, known.sum((0, 2, 3))), _dice(maps.sigmoid() * known, target)


def _class_terms(maps: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    outputs, classes = maps.shape[1:3]
    excluded = torch.where((label >= OTHER_THAN) & (label < UNSETTLED), label - OTHER_THAN, -1)
    # Told by its own term.
    named = torch.where(excluded < 0, label, IGNORE)
    entropy = torch.stack([partial_cross_entropy(maps[:, s], named).sum() for s in range(outputs)])
    entropy = entropy + _but_excluded(maps, excluded)
    probabilities = maps.softmax(2)
    known, settled = label != IGNORE, named < UNSETTLED
    dice, present = [], []
    for k in range(classes):
        target = (label == k).float()[:, None].expand(-1, outputs, -1, -1)
        counted = ((settled if k else named != IGNORE) | (excluded == k)).float()[:, None]
        dice.append(_dice(probabilities[:, :, k] * counted, target))
        present.append((label == k).sum())
    # A class that nobody has in this batch would only be pushed away by its Dice.
    there = (everywhere(torch.stack(present).float()) > 0).float()
    mean = (torch.stack(dice, 1) * there).sum(1) / there.sum().clamp_min(1)
    return _mean(entropy, known.sum().float().expand(outputs)), mean


def _but_excluded(maps: Tensor, excluded: Tensor) -> Tensor:
    """Sum -log(1 - p(k)) over the pixels whose class is known to be another than k (-1: no such pixel), per output."""
    if not bool((excluded >= 0).any()):
        return maps.new_zeros(maps.shape[1])
    place = excluded.clamp_min(0)[:, None, None].expand(-1, maps.shape[1], 1, -1, -1)
    others = maps.scatter(2, place, -torch.inf).logsumexp(2)
    cost = maps.logsumexp(2) - others
    return torch.where(excluded[:, None] >= 0, cost, 0.0).sum((0, 2, 3))


def _mean(total: Tensor, count: Tensor) -> Tensor:
    total, count = everywhere(torch.stack([total, count]))
    return total / count.clamp_min(1)


def _dice(probability: Tensor, target: Tensor) -> Tensor:
    """Return 1 - Dice per output of (B, S, H, W), over the whole batch at once."""
    axes = (0, 2, 3)
    overlap, size = everywhere(
        torch.stack([(probability * target).sum(axes), probability.sum(axes) + target.sum(axes)])
    )
    return 1 - (2 * overlap + _EPS) / (size + _EPS)
