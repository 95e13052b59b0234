"""The order in which candidates are looked at. Pure numpy; a step takes about a millisecond with 50,000 candidates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DOUBTFUL = "doubtful"
BIGGEST = "biggest"
PLACE = "place"
ORDERS = (DOUBTFUL, BIGGEST, PLACE)

CURVE_BITS = 16

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """Columns of a run's candidates, all of shape (n,): shares and confidence 0-1, the centre in map units."""

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

    def __len__(self) -> int:
        return len(self.candidate_id)


class Queue:
    """Candidates in every order, worked out once, so that a change of order or filter is a selection only."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._orders = {name: key(candidates).argsort(kind="stable") for name, key in KEYS.items()}

    def rows(
        self,
        order: str = DOUBTFUL,
        *,
        class_id: int | None = None,
        wanted: npt.NDArray[np.bool_] | None = None,
        minimum_ha: float = 0.0,
    ) -> npt.NDArray[np.intp]:
        """Return the rows (0-based) of `candidates` to look at, first one first.

        `wanted` (n,) marks the rows whose status is asked for. Raises KeyError for an order that is not in ORDERS.
        """
        kept = self._candidates.area_ha >= minimum_ha
        if class_id is not None:
            kept &= self._candidates.class_id == class_id
        if wanted is not None:
            kept &= wanted
        ordered = self._orders[order]
        return ordered[kept[ordered]]


def doubt(candidates: Candidates) -> Real:
    """Score how much a candidate needs a person, 0-1: equal parts of lacking confidence, disagreement of the text
    prior, share of hard pixels, and size (its rank, so that one lake does not outweigh everything)."""
    size = np.searchsorted(np.sort(candidates.area_ha), candidates.area_ha) / max(len(candidates), 1)
    return (1 - candidates.confidence_mean + candidates.disagreement + candidates.hard_share + size) / 4


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
