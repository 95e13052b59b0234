"""Connected areas of equal pixels, with numpy alone: the networks' Python has neither GDAL nor scipy."""

import numpy as np


def connected_areas(values: np.ndarray, without: int) -> tuple[np.ndarray, int]:
    """Number the 4-connected areas of equal value in `values` (H, W), integer; `without` belongs to none.

    Returns int32 (H, W), 0 where `without`, and the number of areas, which are counted from 1 in the order of their
    first pixel, row by row. Runs of a row are joined to those above (union and find).
    """
    height, width = values.shape
    if not values.size:
        return np.zeros((height, width), np.int32), 0
    starts = np.ones((height, width), bool)
    starts[:, 1:] = values[:, 1:] != values[:, :-1]
    runs = np.cumsum(starts.ravel()).reshape(height, width) - 1
    joined = (values[1:] == values[:-1]) & (values[1:] != without)
    pairs = np.unique(np.stack((runs[:-1][joined], runs[1:][joined]), 1), axis=0)
    roots = np.arange(int(runs[-1, -1]) + 1)
    for upper, lower in pairs.tolist():
        a, b = _root(roots, upper), _root(roots, lower)
        roots[max(a, b)] = min(a, b)
    # A run's root never comes after it, so that one pass in order settles all.
    for run in range(len(roots)):
        roots[run] = roots[roots[run]]
    used = np.unique(roots[runs[values != without]])
    numbers = np.zeros(len(roots), np.int32)
    numbers[used] = np.arange(1, len(used) + 1)
    return np.where(values == without, 0, numbers[roots[runs]]).astype(np.int32), len(used)


def _root(roots: np.ndarray, run: int) -> int:
    while roots[run] != run:
        roots[run] = roots[roots[run]]
        run = int(roots[run])
    return run
