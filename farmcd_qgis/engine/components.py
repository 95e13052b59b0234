"""Connected components of a raster that streams by in bands of rows; memory depends on its width only."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]


class Labels(NamedTuple):
    """Final labels: `final` maps provisional ids to 1, 2, ... or 0, `areas` holds those of 1, 2, ..."""

    final: Ids
    areas: Floats


class _Open(NamedTuple):
    """The components that touch the last row seen, and that row itself (values and ids of its pixels)."""

    values: Bytes
    pixels: Ids
    ids: Ids
    areas: Floats
    firsts: Longs


class Components:
    """Labels the connected pixels of equal value, value 0 apart, whose area reaches `minimum_area`.

    Bands come in through `add`, which gives each pixel a provisional id; a component that later proves to be
    joined to another, or too small, is known only at the end, to `labels`.
    """

    def __init__(self, width: int, connectivity: int, minimum_area: float) -> None:
        nothing = np.zeros(0)
        self._open = _Open(
            np.zeros(width, np.uint8),
            np.zeros(width, np.int32),
            nothing.astype(np.int32),
            nothing,
            nothing.astype(np.int64),
        )
        self._shifts = (0,) if connectivity == 4 else (-1, 0, 1)
        self._minimum = minimum_area
        self._rows = 0
        self._next = 1
        self._merged: list[tuple[Ids, Ids]] = []
        self._kept: list[tuple[Ids, Longs, Floats]] = []

    def add(self, values: Bytes, areas: Floats, last: bool) -> Ids:
        """Take the next rows (h, w), their pixels' areas (h, w), and whether the raster ends with them.

        Returns provisional ids, int32 (h, w), 0 where there is nothing or where a component is known to be too
        small.
        """
        before = self._open
        if not len(before.ids) and not values.any():
            self._rows += len(values)
            return np.zeros(values.shape, np.int32)
        rows = np.concatenate([before.values[None], values])
        width = rows.shape[1]
        # Runs: stretches of equal value within a row. The first row is the last of the band before.
        begins = np.ones(rows.shape, bool)
        np.not_equal(rows[:, 1:], rows[:, :-1], out=begins[:, 1:])
        starts = np.flatnonzero(begins)
        run_values = rows.ravel()[starts]
        # Two runs side by side in the first row may have one id, and one run never has two.
        old_runs = np.flatnonzero(before.pixels[starts[: np.searchsorted(starts, width)]])
        old_ids = before.pixels[starts[old_runs]]
        run_areas = np.add.reduceat(np.concatenate([np.zeros((1, width)), areas]).ravel(), starts)

        runs = np.cumsum(begins.ravel(), dtype=np.int32).reshape(rows.shape) - 1
        one, other = _touching(rows, runs, self._shifts)
        order = np.argsort(old_ids, kind="stable")
        same = old_ids[order][1:] == old_ids[order][:-1]
        one = np.concatenate([one, old_runs[order][:-1][same].astype(np.int32)])
        other = np.concatenate([other, old_runs[order][1:][same].astype(np.int32)])
        root = _roots(len(starts), one, other)

        is_root = (root == np.arange(len(starts))) & (run_values > 0)
        component = (np.cumsum(is_root, dtype=np.int32) - 1)[root]
        filled = run_values > 0
        count = int(is_root.sum())
        size = np.bincount(component[filled], run_areas[filled], minlength=count).astype(np.float64)
        # Positions in the whole raster; the first row of `rows` is one row above this band.
        first = starts[is_root].astype(np.int64) + (self._rows - 1) * width

        # What came in from above keeps the lowest of its ids.
        position = np.searchsorted(before.ids, old_ids)
        joined = np.zeros(len(before.ids), np.int32)
        joined[position] = component[old_runs]
        np.add.at(size, joined, before.areas)
        np.minimum.at(first, joined, before.firsts)
        ids = np.zeros(count, np.int32)
        descending = slice(None, None, -1)
        ids[joined[descending]] = before.ids[descending]
        self._merged.append((before.ids[before.ids != ids[joined]], ids[joined][before.ids != ids[joined]]))

        is_open = np.zeros(count, bool)
        if not last:
            bottom = slice(int(np.searchsorted(starts, (len(rows) - 1) * width)), None)
            is_open[component[bottom][filled[bottom]]] = True
        big = size >= self._minimum
        new = (is_open | big) & (ids == 0)
        ids[new] = np.arange(self._next, self._next + new.sum())
        self._next += int(new.sum())
        kept = big & ~is_open
        self._kept.append((ids[kept], first[kept], size[kept]))

        run_ids = np.where(filled, ids[component] if count else 0, 0).astype(np.int32)
        pixels = np.repeat(run_ids, np.diff(starts, append=rows.size)).reshape(rows.shape)[1:]
        opened = np.flatnonzero(is_open)
        opened = opened[np.argsort(ids[opened])]
        self._open = _Open(values[-1].copy(), pixels[-1].copy(), ids[opened], size[opened], first[opened])
        self._rows += len(values)
        return pixels

    def labels(self) -> Labels:
        """Number the components that are large enough by their first pixels, from the top left."""
        target = np.arange(self._next, dtype=np.int32)
        for child, parent in self._merged:
            target[child] = parent
        nothing = np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0)
        ids, firsts, areas = (np.concatenate(part) for part in zip(nothing, *self._kept, strict=True))
        order = np.argsort(firsts)
        final = np.zeros(self._next, np.int32)
        final[ids[order]] = np.arange(1, len(ids) + 1)
        return Labels(final[_resolved(target)], areas[order])


def _touching(rows: Bytes, runs: Ids, shifts: tuple[int, ...]) -> tuple[Ids, Ids]:
    """List pairs of runs of equal value that touch across rows, upper and lower, without most repetitions."""
    width = rows.shape[1]
    pairs = []
    for shift in shifts:
        above, below = slice(max(0, -shift), width - max(0, shift)), slice(max(0, shift), width - max(0, -shift))
        upper = rows[:-1, above]
        same = (upper == rows[1:, below]) & (upper > 0)
        one, other = runs[:-1, above][same], runs[1:, below][same]
        fresh = np.ones(len(one), bool)
        fresh[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
        pairs.append((one[fresh], other[fresh]))
    return np.concatenate([one for one, _ in pairs]), np.concatenate([other for _, other in pairs])


def _roots(count: int, one: Ids, other: Ids) -> Ids:
    """Return for each of `count` nodes the lowest node that the edges (one, other) join it to.

    Each round hangs roots under lower ones that they have an edge to, until no edge joins two roots.
    """
    root = np.arange(count, dtype=np.int32)
    while len(one):
        root[np.maximum(one, other)] = np.minimum(one, other)
        root = _resolved(root)
        one, other = root[one], root[other]
        apart = one != other
        one, other = one[apart], other[apart]
    return root


def _resolved(parent: Ids) -> Ids:
    """Follow parents up to those that are their own."""
    while not np.array_equal(parent, grand := parent[parent]):
        parent = grand
    return parent
