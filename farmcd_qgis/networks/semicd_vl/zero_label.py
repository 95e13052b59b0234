"""Change maps without training: probabilities of the classes from two opinions and their change events.

numpy only. Source: docs/methods/semicd_vl.md section 1.7.
"""

from collections.abc import Sequence

import numpy as np

from ...core.classes import FIVE
from .ceg import THRESHOLD, UNKNOWN, Events, Instance, generate_events
from .opinions.covers import Covers

# What is not sure on both dates never wins: it stays "no change", with a confidence that makes a hard region.
_LESS_THAN_HALF = 0.499
# Below a half by so much that a tile which sees but a part does not tip it.
_SLIVER = 0.45
_KEPT_PART = 1 / 3


def zero_label(
    before: np.ndarray,
    after: np.ndarray,
    covers: Covers,
    instances: tuple[Sequence[Instance], Sequence[Instance]] | None = None,
    threshold: float = THRESHOLD,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of the classes of change, float32 (K, H, W), from opinions (C, H, W) on two dates.

    Where the events say change, their class wins with the confidence of the opinions; where pixels and instances
    contradict each other, and where either opinion is unsure of a change, "no change" wins narrowly. The second array,
    bool (H, W), is `Events.cut`.
    """
    events = generate_events(before, after, covers.foreground, instances, threshold, covers.rule)
    return change_probabilities(before, after, covers, events), events.cut


def change_probabilities(before: np.ndarray, after: np.ndarray, covers: Covers, events: Events) -> np.ndarray:
    """Return float32 (K, H, W) that add up to 1, from opinions (C, H, W) and the events that they gave."""
    inside = np.array([number in covers.foreground for number in range(len(covers))])
    becomes = np.array(covers.becomes)
    sureness = np.sqrt(before.max(0) * after.max(0))
    lost = (events.before == 0) & (events.after == 1)
    known = events.pixels != UNKNOWN
    event = (events.mixed == 1) & lost

    share = np.minimum((1 - before[inside].sum(0)).clip(0) * after[inside].sum(0), _LESS_THAN_HALF)
    share = np.where(known, 1 - sureness, share)
    share[known & lost & ~events.instances] = (_SLIVER * sureness)[known & lost & ~events.instances]
    kept = (events.before == 1) & (events.after == 1) & events.instances
    share[kept] = (_KEPT_PART * sureness)[kept]
    share[event] = sureness[event]

    into = np.zeros((len(FIVE), *share.shape), np.float32)
    for number in np.flatnonzero(inside):
        into[becomes[number]] += after[number]
    into[0] = 0
    into /= np.maximum(into.sum(0), np.finfo(np.float32).tiny)
    winner = becomes[after.argmax(0)]
    into[:, event] = winner[event] == np.arange(len(FIVE))[:, None]
    made = into * share
    made[0] = 1 - made.sum(0)
    return made.astype(np.float32)
