"""Windows on the reference grid and the lattice of overlapping tiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ...core.errors import InputError

# No network takes less; one that wants more says so in its card (see the preflight).
TILE_MULTIPLE = 8
# Of the sides of blocks, unless they are smaller.
BLOCK_MULTIPLE = 512


class Window(NamedTuple):
    """A rectangle of pixels on the reference grid; `column` and `row` are of its upper left pixel."""

    column: int
    row: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column after the window."""
        return self.column + self.width

    @property
    def bottom(self) -> int:
        """First row after the window."""
        return self.row + self.height

    def intersection(self, other: "Window") -> "Window":
        """Return the part both windows share; its width or height is 0 where they share none."""
        column, row = max(self.column, other.column), max(self.row, other.row)
        width = max(0, min(self.right, other.right) - column)
        height = max(0, min(self.bottom, other.bottom) - row)
        return Window(column, row, width, height)


@dataclass(frozen=True)
class Blocks:
    """The rectangles that a raster is cut into, by the columns and rows of its cuts, the ends among them.

    They are numbered row by row; their windows count from the raster's upper left pixel.
    """

    columns: tuple[int, ...]
    rows: tuple[int, ...]

    @classmethod
    def cut(cls, width: int, height: int, side: int) -> "Blocks":
        """Cut a raster into blocks of about equal size, whose sides are at most `side`."""
        return cls(_cuts(width, side), _cuts(height, side))

    @property
    def across(self) -> int:
        """How many lie side by side."""
        return len(self.columns) - 1

    def __len__(self) -> int:
        return self.across * (len(self.rows) - 1)

    def window(self, index: int) -> Window:
        """Return the rectangle of a block."""
        row, column = divmod(index, self.across)
        left, top = self.columns[column], self.rows[row]
        return Window(left, top, self.columns[column + 1] - left, self.rows[row + 1] - top)


def _cuts(length: int, side: int) -> tuple[int, ...]:
    count = -(-length // side)
    step = -(-length // count)
    if side >= BLOCK_MULTIPLE:
        # So that blocks are cut where the blocks of the result's files and the squares of hard regions are.
        step = min(side, -(-step // BLOCK_MULTIPLE) * BLOCK_MULTIPLE)
    return (*range(0, length, step), length)


class TileRow(NamedTuple):
    """The tiles of one row of the lattice; no tile of a later row touches a grid row above `finished`."""

    windows: list[Window]
    finished: int


@dataclass(frozen=True)
class Lattice:
    """Overlapping tiles over a grid of `width` x `height` pixels, anchored at the grid's (0, 0).

    The anchor does not move with an area of interest, so that a tile sees the same pixels in every run.
    Tiles stand `tile - overlap` pixels apart; the last of a row or column is shifted inwards to end at the
    grid's edge; a grid smaller than a tile has one tile, cut to the grid. Raises InputError for a tile or
    overlap that cannot work.
    """

    width: int
    height: int
    tile: int
    overlap: int

    def __post_init__(self) -> None:
        if self.tile < 2 * TILE_MULTIPLE or self.tile % TILE_MULTIPLE:
            raise InputError("bad_tile", tile=self.tile, multiple=TILE_MULTIPLE, least=2 * TILE_MULTIPLE)
        if not 0 <= self.overlap < self.tile:
            raise InputError("bad_overlap", overlap=self.overlap, most=self.tile - 1)

    @property
    def stride(self) -> int:
        """Pixels from one tile to the next."""
        return self.tile - self.overlap

    def rows(self, bounds: Window) -> Iterator[TileRow]:
        """Yield, from top to bottom, the tiles that touch `bounds`; within a row from left to right."""
        columns = [
            (column, width)
            for column, width in self._spans(self.width)
            if column < bounds.right and column + width > bounds.column
        ]
        spans = [(row, h) for row, h in self._spans(self.height) if row < bounds.bottom and row + h > bounds.row]
        for index, (row, height) in enumerate(spans):
            last = index + 1 == len(spans)
            finished = bounds.bottom if last else max(bounds.row, spans[index + 1][0])
            yield TileRow([Window(column, row, width, height) for column, width in columns], finished)

    def _spans(self, length: int) -> list[tuple[int, int]]:
        """Return (start, size) of the tiles along one axis of `length` pixels."""
        if length <= self.tile:
            return [(0, length)]
        starts = [*range(0, length - self.tile, self.stride), length - self.tile]
        return [(start, self.tile) for start in starts]
