"""Windows on the reference grid and the lattice of overlapping tiles."""

from typing import NamedTuple


class Window(NamedTuple):
    """A rectangle of pixels on the reference grid; `column` and `row` are of its upper left pixel."""

    column: int
    row: int
    width: int
    height: int
