"""Connected components of a raster that streams by in windows of rows; memory depends on their width only."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..scene.tiling import Window
from .label_file import reach

Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


# Bits by which areas are cut for sums in floating point, which then are exact.
HALF = 26


class Sides(NamedTuple):
    """At which sides of a block another one lies, to which a component may go on."""

    top: bool = False
    bottom: bool = False
    left: bool = False
    right: bool = False


NO_SIDES = Sides()


class Labels(NamedTuple):
    """Final labels: `final` maps provisional ids to 1, 2, ... or 0; the rest is of the labels 1, 2, ...

    `areas` are in the units of what was added, `firsts` the positions of the first pixels, `open` says which may go on
    in another block.
    """

    final: Ids
    areas: Longs
    firsts: Longs
    open: Flags


class _Open(NamedTuple):
    """The components that touch the row above `row`, by their ids, and that row itself: values and ids of its pixels,
    in all columns of the raster.
    """

    row: int
    values: Bytes
    pixels: Ids
    ids: Ids
    areas: Longs
    firsts: Longs
    touch: Flags


class Components:
    """Labels the connected pixels of equal value, value 0 apart, whose area reaches `minimum_area`, a whole number.

    Those that touch a side of the block (`height` rows of `width` pixels) beyond which another one lies are kept
    whatever their size.

    Windows come in through `add`, which gives each pixel a provisional id; a component that later proves to be
    joined to another, or too small, is known only at the end, to `labels`.
    """

    def __init__(
        self, width: int, connectivity: int, minimum_area: int, height: int = 0, sides: Sides = NO_SIDES
    ) -> None:
        self._width, self._height = width, height
        self._sides = sides
        self._shifts = (0,) if connectivity == 4 else (-1, 0, 1)
        self._minimum = minimum_area
        self._next = 1
        self._merged: list[tuple[Ids, Ids]] = []
        self._kept: list[tuple[Ids, Longs, Longs, Flags]] = []
        self._open = self._nothing(0)

    def _nothing(self, row: int) -> _Open:
        empty, line = np.zeros(0, np.int64), np.zeros(self._width, np.int32)
        return _Open(row, line.astype(np.uint8), line, empty.astype(np.int32), empty, empty, empty.astype(bool))

    def add(self, window: Window, values: Bytes, areas: Longs) -> Ids:
        """Take the values (h, w) and the pixels' areas (h, w) of a window below the earlier ones.

        What is in no window is 0. Returns provisional ids, int32 (h, w), 0 where there is nothing or where a component
        is known to be too small.
        """
        if window.row != self._open.row:
            self._close(window.row)
        if not len(self._open.ids) and not values.any():
            self._open = self._nothing(window.bottom)
            return np.zeros(values.shape, np.int32)
        left, right = reach(window, self._open.pixels)
        groups = _grouped(self._open, window, values, areas, slice(left, right), self._shifts)
        size = groups.areas.copy()
        np.add.at(size, groups.of_open, self._open.areas)
        # Positions in the whole raster.
        row, column = np.divmod(groups.firsts, right - left)
        first = (row + window.row - 1) * self._width + column + left
        np.minimum.at(first, groups.of_open, self._open.firsts)
        touch = self._touching(groups, window, left, right)

        is_open = np.zeros(len(size), bool)
        bottom = slice(int(np.searchsorted(groups.starts, window.height * (right - left))), None)
        is_open[groups.of_runs[bottom][groups.filled[bottom]]] = True
        big = (size >= self._minimum) | touch
        ids = self._named(groups, is_open | big)
        ended = big & ~is_open
        self._kept.append((ids[ended], first[ended], size[ended], touch[ended]))

        pixels = groups.pixels(ids, (1 + window.height, right - left))[1:, window.column - left : window.right - left]
        opened = np.flatnonzero(is_open)
        opened = opened[np.argsort(ids[opened])]
        line = self._nothing(window.bottom)
        self._open = line._replace(ids=ids[opened], areas=size[opened], firsts=first[opened], touch=touch[opened])
        self._open.values[window.column : window.right] = values[-1]
        self._open.pixels[window.column : window.right] = pixels[-1]
        return pixels

    def _touching(self, groups: "_Groups", window: Window, left: int, right: int) -> Flags:
        """Say which groups touch a side beyond which another block lies."""
        touch = np.zeros(len(groups.areas), bool)
        touch[groups.of_open[self._open.touch]] = True
        if any(self._sides):
            rows, columns = np.divmod(groups.starts, right - left)
            ends = columns + np.diff(groups.starts, append=(1 + window.height) * (right - left)) + left
            at_side = np.zeros(len(columns), bool)
            if self._sides.left:
                at_side |= columns + left == 0
            if self._sides.right:
                at_side |= ends == self._width
            if self._sides.top and window.row == 0:
                at_side |= rows == 1
            touch[groups.of_runs[at_side & groups.filled]] = True
        return touch

    def _named(self, groups: "_Groups", worth: npt.NDArray[np.bool_]) -> Ids:
        """Return an id for each group: the lowest of those from above, else a new one where it is `worth` one."""
        before, of_open = self._open.ids, groups.of_open
        ids = np.zeros(len(worth), np.int32)
        descending = slice(None, None, -1)
        ids[of_open[descending]] = before[descending]
        other = before != ids[of_open]
        self._merged.append((before[other], ids[of_open][other]))
        new = worth & (ids == 0)
        ids[new] = np.arange(self._next, self._next + new.sum())
        self._next += int(new.sum())
        return ids

    def _close(self, row: int) -> None:
        """Go on at a row far below: no component that is open goes on."""
        _, _, _, ids, areas, firsts, touch = self._open
        if self._sides.bottom and self._open.row == self._height:
            touch = np.ones(len(ids), bool)
        big = (areas >= self._minimum) | touch
        self._kept.append((ids[big], firsts[big], areas[big], touch[big]))
        self._open = self._nothing(row)

    def labels(self) -> Labels:
        """Number the components that are large enough by their first pixels, from the top left; nothing can follow."""
        self._close(0)
        target = np.arange(self._next, dtype=np.int32)
        for child, parent in self._merged:
            target[child] = parent
        nothing = np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool)
        ids, firsts, areas, touch = (np.concatenate(part) for part in zip(nothing, *self._kept, strict=True))
        order = np.argsort(firsts)
        final = np.zeros(self._next, np.int32)
        final[ids[order]] = np.arange(1, len(ids) + 1)
        return Labels(final[_resolved(target)], areas[order], firsts[order], touch[order])


class _Groups(NamedTuple):
    """The components of a window and the row above it, of runs: stretches of equal value within a row.

    Of each run: where it starts in the flattened rows, whether its value is not 0, its group (unless it is 0). Of each
    group: area and first position, both without what is further above. Of each component that was open: its group.
    """

    starts: Longs
    filled: npt.NDArray[np.bool_]
    of_runs: Ids
    areas: Longs
    firsts: Longs
    of_open: Ids

    def pixels(self, ids: Ids, shape: tuple[int, int]) -> Ids:
        """Give every pixel the id of its group, 0 where the value is 0."""
        run_ids = np.zeros(len(self.starts), np.int32)
        run_ids[self.filled] = ids[self.of_runs[self.filled]]
        return np.repeat(run_ids, np.diff(self.starts, append=shape[0] * shape[1])).reshape(shape)


def _grouped(
    before: _Open, window: Window, values: Bytes, areas: Longs, columns: slice, shifts: tuple[int, ...]
) -> _Groups:
    """Group what touches in a window and in the row above it, within the `columns` that both take."""
    width = columns.stop - columns.start
    inside = slice(window.column - columns.start, window.right - columns.start)
    rows = _framed(before.values[columns], inside, values)
    weights = _framed(np.zeros(width, np.int64), inside, areas)
    begins = np.ones(rows.shape, bool)
    np.not_equal(rows[:, 1:], rows[:, :-1], out=begins[:, 1:])
    starts = np.flatnonzero(begins)
    filled = rows.ravel()[starts] > 0
    # Two runs side by side in the first row may have one id, and one run never has two.
    above = before.pixels[columns]
    old_runs = np.flatnonzero(above[starts[: np.searchsorted(starts, width)]])
    old_ids = above[starts[old_runs]]

    runs = np.cumsum(begins.ravel(), dtype=np.int32).reshape(rows.shape) - 1
    one, other = _touching(rows, runs, shifts)
    order = np.argsort(old_ids, kind="stable")
    same = old_ids[order][1:] == old_ids[order][:-1]
    one = np.concatenate([one, old_runs[order][:-1][same].astype(np.int32)])
    other = np.concatenate([other, old_runs[order][1:][same].astype(np.int32)])
    root = roots(len(starts), one, other)

    is_root = (root == np.arange(len(starts))) & filled
    of_runs = (np.cumsum(is_root, dtype=np.int32) - 1)[root]
    count = int(is_root.sum())
    run_areas = np.add.reduceat(weights.ravel(), starts)
    size = summed(of_runs[filled], run_areas[filled], count)
    of_open = np.zeros(len(before.ids), np.int32)
    of_open[np.searchsorted(before.ids, old_ids)] = of_runs[old_runs]
    return _Groups(starts, filled, of_runs, size, starts[is_root].astype(np.int64), of_open)


def _framed(above: npt.NDArray[Any], inside: slice, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Put a row above others, which take only some of its columns."""
    framed = np.zeros((1 + len(values), len(above)), above.dtype)
    framed[0] = above
    framed[1:, inside] = values
    return framed


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


def summed(groups: npt.NDArray[Any], values: Longs, count: int) -> Longs:
    """Sum up whole numbers (n,) of a window by their groups (n,), exactly: (count,)."""
    high, low = values >> HALF, values & ((1 << HALF) - 1)
    sums = (np.bincount(groups, part, minlength=count).astype(np.int64) for part in (high, low))
    return (next(sums) << HALF) + next(sums)


def roots(count: int, one: Ids, other: Ids) -> Ids:
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
