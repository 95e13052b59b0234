"""Outlines of labels: a raster of labels becomes MultiPolygons along the edges of its pixels.

The raster streams by in bands of rows. Only the corners of outlines are kept, and those of a label only until its
last row has passed, so memory depends on what is open and not on the area; nothing has to be joined afterwards.

Corners are linked by sorting: along a line of the grid the corners of one label pair up, the first with the second and
so on. Where two pixels of a label meet at a corner only, they are taken apart first; if it proves that they are
of one piece (4-connected), the outline crosses there after all, as a ring that touches itself is not valid.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from osgeo import ogr

from .label_file import Labelled, reach

Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Corners(NamedTuple):
    """Corners of outlines, arrays of one length.

    At grid point (`row`, `column`) an outline of `label` runs to the `right` (else to the left) and `down` (else
    up). `convex` ones turn around a pixel of the label, others around one that is not. `start` is, where an outline
    turns right and down around a pixel that is not, the first column of the label's run of pixels above.
    """

    label: Ids
    row: Ids
    column: Ids
    right: Flags
    down: Flags
    convex: Flags
    start: Ids

    def where(self, which: npt.NDArray[np.generic]) -> "Corners":
        """Return those that are chosen by flags or positions."""
        return Corners(*(array[which] for array in self))


def outlines(
    labelled: Iterable[Labelled], width: int, last_rows: Longs, place: tuple[float, ...]
) -> Iterator[tuple[int, bytes]]:
    """Yield each label of a raster with its MultiPolygon as WKB, those that end first first.

    `labelled` holds the raster from top to bottom, `width` is that of the whole, `place` its geotransform, `last_rows`
    the last row of label 1, 2, ... Polygons are 4-connected.
    """
    opened = _corners(np.zeros((1, 2), np.int32), 0, 0)
    for row, column, band in _bands(labelled, width):
        found = Corners(*(np.concatenate(pair) for pair in zip(opened, _corners(band, row, column), strict=True)))
        closed = last_rows[found.label - 1] < row + len(band) - 2
        opened = found.where(~closed)
        yield from _polygons(found.where(closed), place)


def _bands(labelled: Iterable[Labelled], width: int) -> Iterator[tuple[int, int, Ids]]:
    """Yield the windows with the row above them and a column of 0 at either side, and a row of 0 where they end.

    With each come the row and column of the grid's lines that its pixels begin at.
    """
    reached, above = 0, np.zeros(width, np.int32)

    def framed(left: int, right: int, count: int) -> Ids:
        band = np.zeros((1 + count, right - left + 2), np.int32)
        band[0, 1:-1] = above[left:right]
        return band

    for window, ids in labelled:
        if window.row != reached and above.any():
            yield reached, 0, framed(0, width, 1)
            above[:] = 0
        left, right = reach(window, above)
        band = framed(left, right, window.height)
        band[1:, 1 + window.column - left : 1 + window.right - left] = ids
        reached = window.bottom
        above[:] = 0
        above[window.column : window.right] = ids[-1]
        yield window.row, left, band
    yield reached, 0, framed(0, width, 1)


def _corners(band: Ids, row: int, column: int) -> Corners:
    """Find the corners on the lines between the rows of a band, of which the first is line `row` of the grid; the
    first between its columns is line `column`.
    """
    above, below = band[:-1], band[1:]
    changes = above[:, 1:] != above[:, :-1]
    edges = above != below
    at = np.flatnonzero((changes | (below[:, 1:] != below[:, :-1])) & (edges[:, 1:] | edges[:, :-1]))
    rows, columns = np.divmod(at, changes.shape[1])
    quarters = {(right, down): (below if down else above)[rows, columns + right] for right in (0, 1) for down in (0, 1)}
    starts = np.maximum.accumulate(np.where(changes, np.arange(changes.shape[1], dtype=np.int32), 0), axis=1)
    parts = []
    for (right, down), own in quarters.items():
        beside, over, across = quarters[1 - right, down], quarters[right, 1 - down], quarters[1 - right, 1 - down]
        convex = (own > 0) & (own != beside) & (own != over)
        concave = (beside > 0) & (beside == over) & (beside == across) & (own != beside)
        for chosen, label in ((convex, own), (concave, beside)):
            at_rows, at_columns = rows[chosen], columns[chosen]
            size = len(at_rows)
            parts.append(
                Corners(
                    label[chosen],
                    (at_rows + row).astype(np.int32),
                    (at_columns + column).astype(np.int32),
                    np.full(size, bool(right)),
                    np.full(size, bool(down)),
                    np.full(size, chosen is convex),
                    starts[at_rows, at_columns] + np.int32(column),
                )
            )
    return Corners(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _polygons(corners: Corners, place: tuple[float, ...]) -> Iterator[tuple[int, bytes]]:
    """Yield the labels of whole sets of corners, ascending, with their MultiPolygons."""
    if not len(corners.label):
        return
    labels, group = np.unique(corners.label, return_inverse=True)
    lines = _Lines(corners, group)
    rings = _Rings(lines)
    piece = rings.pieces(corners, group, lines)
    if len(crossed := lines.crossings(rings.of_corner)):
        lines.cross(crossed)
        whole, rings = rings, _Rings(lines)
        piece = piece[whole.of_corner[rings.first_corner]]
    # Rings come by the place of their first corner: the outer one of a piece before its holes.
    order = np.argsort(piece, kind="stable")
    words, ends = _coordinates(corners, rings, order, place)
    begins_piece = np.ones(len(order), bool)
    begins_piece[1:] = piece[order][1:] != piece[order][:-1]
    pieces = np.flatnonzero(begins_piece)
    ring_counts = np.diff(pieces, append=len(order))
    byte_begins = np.concatenate([[0], ends])[pieces] * 4
    byte_ends = ends[pieces + ring_counts - 1] * 4
    content = words.tobytes()
    owner = group[rings.first_corner[order[pieces]]]
    # Pieces of one label need not lie side by side.
    by_label = np.argsort(owner, kind="stable")
    bounds = np.searchsorted(owner[by_label], np.arange(len(labels) + 1))
    for number, label in enumerate(labels.tolist()):
        own = by_label[bounds[number] : bounds[number + 1]].tolist()
        parts = [struct.pack("<BII", 1, ogr.wkbMultiPolygon, len(own))]
        for at in own:
            parts.append(struct.pack("<BII", 1, ogr.wkbPolygon, int(ring_counts[at])))
            parts.append(content[byte_begins[at] : byte_ends[at]])
        yield label, b"".join(parts)


class _Lines:
    """How corners are linked: `across` and `along` give the corner at the other end of the line left or right, and
    up or down. `starts` are the corners from which, going across, the label lies to the right hand.
    """

    def __init__(self, corners: Corners, group: Longs) -> None:
        self._by_row = np.argsort(_key(group, corners.row, corners.column, corners.right))
        self.keys = _key(group, corners.column, corners.row, corners.down)
        self.by_column = np.argsort(self.keys)
        self.across, self.along = _paired(self._by_row), _paired(self.by_column)
        is_start = corners.convex == (corners.right == corners.down)
        self.starts = self._by_row[is_start[self._by_row]]
        self._is_start = is_start
        place = _key(group, corners.row, corners.column, np.zeros(1, bool))[self._by_row]
        self._twice = np.flatnonzero(place[1:] == place[:-1])

    def crossings(self, ring: Longs) -> Longs:
        """Return the pairs (n, 2) of corners at one point that are of one ring."""
        pairs = np.stack([self._by_row[self._twice], self._by_row[self._twice + 1]], axis=1)
        return pairs[ring[pairs[:, 0]] == ring[pairs[:, 1]]]

    def cross(self, pairs: Longs) -> None:
        """Let rings that meet themselves at a point cross there, which makes two of one."""
        starts = self._is_start[pairs[:, 0]]
        for lines, chosen in ((self.across, pairs[starts]), (self.along, pairs[~starts])):
            lines[chosen] = lines[chosen[:, ::-1]]


class _Rings:
    """Closed rings of corners, numbered by the first corner of each, from the top left.

    `first_corner` is that corner by ring, `of_corner` the ring by corner, `sequence` the starts of lines across in the
    order of the rings, `lengths` their number by ring.
    """

    def __init__(self, lines: _Lines) -> None:
        starts = lines.starts
        count = len(lines.across)
        position = np.empty(count, np.int64)
        position[starts] = np.arange(len(starts))
        arrivals = lines.across[starts]
        following = position[lines.along[arrivals]]
        first = _lowest_of_cycle(following)
        is_first = first == np.arange(len(starts))
        ring = (np.cumsum(is_first) - 1)[first]
        self.lengths = np.bincount(ring)
        left = _steps_to_the_end(following, first)
        place = np.cumsum(self.lengths)[ring] - 1 - left
        self.sequence = np.empty(len(starts), np.int64)
        self.sequence[place] = starts
        self.arrivals = np.empty(len(starts), np.int64)
        self.arrivals[place] = arrivals
        self.first_corner = starts[is_first]
        self.of_corner = np.empty(count, np.int64)
        self.of_corner[starts] = self.of_corner[arrivals] = ring

    def pieces(self, corners: Corners, group: Longs, lines: _Lines) -> Longs:
        """Return for each ring the outer ring of its piece.

        What is left of a hole's upper left corner, at the beginning of the run of pixels above it, is of the ring
        outside it.
        """
        outer = np.arange(len(self.lengths))
        holes = np.flatnonzero(~corners.convex[self.first_corner])
        if not len(holes):
            return outer
        at = lines.across[self.first_corner[holes]]
        wanted = _key(group[at], corners.start[at], corners.row[at] - 1, np.ones(1, bool))
        found = np.searchsorted(lines.keys[lines.by_column], wanted, side="right") - 1
        outer[holes] = self.of_corner[lines.by_column[found]]
        while not np.array_equal(outer, further := outer[outer]):
            outer = further
        return outer


def _key(group: Longs, major: Ids, minor: Ids, last: Flags) -> Longs:
    """Pack what corners are sorted by: 22 bits for the label among those at hand, 20 for each coordinate, 1."""
    return (((group.astype(np.int64) << 20) | major) << 21) | (minor.astype(np.int64) << 1) | last


def _paired(order: Longs) -> Longs:
    partner = np.empty(len(order), np.int64)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    return partner


def _lowest_of_cycle(following: Longs) -> Longs:
    """Return for each element of a permutation the lowest one of its cycle, in as many steps as its length has bits."""
    lowest = np.minimum(np.arange(len(following)), following)
    jump = following[following]
    while not np.array_equal(lowest, further := np.minimum(lowest, lowest[jump])):
        lowest, jump = further, jump[jump]
    return lowest


def _steps_to_the_end(following: Longs, first: Longs) -> Longs:
    """Return how many elements of a cycle follow each, the cycle beginning with `first`."""
    is_last = following == first
    steps = np.where(is_last, 0, 1)
    jump = np.where(is_last, np.arange(len(following)), following)
    while True:
        further = steps + steps[jump]
        if np.array_equal(further, steps):
            return steps
        steps, jump = further, jump[jump]


def _coordinates(
    corners: Corners, rings: _Rings, order: Longs, place: tuple[float, ...]
) -> tuple[npt.NDArray[np.uint32], Longs]:
    """Write rings in an order as the rings of WKB polygons: their words, and where each ends."""
    points = 2 * rings.lengths[order] + 1
    ends = np.cumsum(1 + 4 * points)
    begins = ends - 1 - 4 * points
    words = np.zeros(int(ends[-1]), np.uint32)
    words[begins] = points
    target = np.empty(len(order), np.int64)
    target[order] = begins + 1
    ring = np.repeat(np.arange(len(order)), rings.lengths)
    within = np.arange(len(ring)) - np.repeat(np.cumsum(rings.lengths) - rings.lengths, rings.lengths)
    x, dx, rx, y, ry, dy = place
    for later, corner in ((0, rings.sequence), (1, rings.arrivals)):
        column, row = corners.column[corner].astype(float), corners.row[corner].astype(float)
        numbers = np.stack([x + column * dx + row * rx, y + column * ry + row * dy], axis=1)
        at = target[ring] + 8 * within + 4 * later
        words[at[:, None] + np.arange(4)] = numbers.view(np.uint32)
    for word in range(4):
        words[target + 8 * rings.lengths + word] = words[target + word]
    return words, ends
