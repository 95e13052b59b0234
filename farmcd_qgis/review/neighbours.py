"""Which candidates lie near one: a field that changed rarely changed alone. Pure numpy."""

import numpy as np
import numpy.typing as npt

from .queue import Candidates


def within(candidates: Candidates, row: int, reach: tuple[float, float]) -> npt.NDArray[np.intp]:
    """Return the rows of the other candidates whose centre lies near that of `row`, nearest first.

    `reach` is the distance in map units along x and y; the two differ where map units are degrees.
    """
    away = np.hypot((candidates.x - candidates.x[row]) / reach[0], (candidates.y - candidates.y[row]) / reach[1])
    near = np.flatnonzero(away <= 1)
    near = near[near != row]
    return near[away[near].argsort(kind="stable")]
