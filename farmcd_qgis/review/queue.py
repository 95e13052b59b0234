"""The order in which candidates are looked at. Pure numpy; a step takes about a millisecond with 50,000 candidates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .verdicts import UNREVIEWED

DOUBTFUL = "doubtful"
BIGGEST = "biggest"
PLACE = "place"
ORDERS = (DOUBTFUL, BIGGEST, PLACE)

CURVE_BITS = 16

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """Columns of a run's candidates, all of shape (n,): shares and confidence 0-1, the centre in map units,
    the feature id in the layer. Arbitration and disagreement are nan where no text prior has spoken."""

    candidate_id: Whole
    class_id: Whole
    second_class_id: Whole
    area_ha: Real
    confidence_mean: Real
    hard_share: Real
    arbitration: Real
    disagreement: Real
    x: Real
    y: Real
    fid: Whole

    def __len__(self) -> int:
        return len(self.candidate_id)


@dataclass(frozen=True)
class Filter:
    """Which candidates are looked at; what is None does not matter.

    Areas in ha and confidences (0-1) are from-to, both included, where None leaves an end open; `extent` is (xmin,
    ymin, xmax, ymax) in map units, for the candidates' centres. `unit` is the number of an administrative unit.
    """

    class_id: int | None = None
    statuses: tuple[str, ...] = (UNREVIEWED,)
    reviewer: str | None = None
    area_ha: tuple[float | None, float | None] = (None, None)
    confidence: tuple[float | None, float | None] = (None, None)
    extent: tuple[float, float, float, float] | None = None
    unit: int | None = None

    def fits(self, candidates: Candidates) -> Mask:
        """Mark the candidates (n,) that fit by what the model says of them and by where they are."""
        kept = np.ones(len(candidates), np.bool_)
        if self.class_id is not None:
            kept &= candidates.class_id == self.class_id
        ranges = [(candidates.area_ha, self.area_ha), (candidates.confidence_mean, self.confidence)]
        if self.extent is not None:
            xmin, ymin, xmax, ymax = self.extent
            ranges += [(candidates.x, (xmin, xmax)), (candidates.y, (ymin, ymax))]
        for values, (least, most) in ranges:
            if least is not None:
                kept &= values >= least
            if most is not None:
                kept &= values <= most
        return kept


class Queue:
    """Candidates in every order, worked out once, so that a change of order or filter is a selection only."""

    def __init__(self, candidates: Candidates) -> None:
        self._orders = {name: key(candidates).argsort(kind="stable") for name, key in KEYS.items()}

    def rows(self, order: str = DOUBTFUL, kept: Mask | None = None) -> npt.NDArray[np.intp]:
        """Return the rows (0-based) of `candidates` to look at, first one first.

        `kept` (n,) marks those that a filter leaves. Raises KeyError for an order that is not in ORDERS.
        """
        ordered = self._orders[order]
        return ordered if kept is None else ordered[kept[ordered]]


def doubt(candidates: Candidates) -> Real:
    """Score how much a candidate needs a person, 0-1: equal parts of lacking confidence, disagreement of the text
    prior where there is one, share of hard pixels, and size (its rank, so that one lake does not outweigh everything).
    """
    size = np.searchsorted(np.sort(candidates.area_ha), candidates.area_ha) / max(len(candidates), 1)
    disagreement = np.nan_to_num(candidates.disagreement)
    return (1 - candidates.confidence_mean + disagreement + candidates.hard_share + size) / 4


def curve(x: Real, y: Real) -> Whole:
    """Return each point's place along a Hilbert curve over the points' bounding square: neighbours in this order are
    near each other on the map, so that the map moves little."""
    if not len(x):
        return np.zeros(0, np.int64)
    cells = 1 << CURVE_BITS
    width = max(float(np.ptp(x)), float(np.ptp(y))) or 1.0
    column, row = (((axis - axis.min()) / width * (cells - 1)).astype(np.int64) for axis in (x, y))
    place = np.zeros(len(x), np.int64)
    # The well-known walk from the largest quadrants to the cells, turning the square as the curve does.
    for half in (1 << bit for bit in reversed(range(CURVE_BITS))):
        right, upper = (column & half) > 0, (row & half) > 0
        place += half * half * ((3 * right) ^ upper)
        mirrored = right & ~upper
        column, row = (np.where(mirrored, cells - 1 - axis, axis) for axis in (column, row))
        column, row = np.where(upper, column, row), np.where(upper, row, column)
    return place


KEYS: dict[str, Callable[[Candidates], npt.NDArray[np.generic]]] = {
    DOUBTFUL: lambda candidates: -doubt(candidates),
    BIGGEST: lambda candidates: -candidates.area_ha,
    PLACE: lambda candidates: curve(candidates.x, candidates.y),
}
