"""The tiles of a strip: read, predicted, blended into rows."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..run.journal import Journal, Step
from ..scene.mask import Mask
from ..scene.pair import Pair
from ..scene.tiling import Lattice, TileRow, Window
from ..seam import Bytes, Floats
from .blending import Blender, padded


class Batch(NamedTuple):
    """Tiles of one row of the lattice, read and padded.

    `images` holds before and after, uint8 (2, B, 3, T, T); `keep` says per tile which of its pixels get a result
    (h, w); `passed` counts the tiles done with when these are; `finished` is set at the end of a lattice row.
    """

    windows: list[Window]
    images: Bytes
    keep: list[npt.NDArray[np.bool_]]
    passed: int
    finished: int | None


class _Strip:
    """What is left to do of a strip: `window` of the grid, and the tiles that may hold a pixel to look at, by row."""

    def __init__(self, whole: Window, mask: Mask, lattice: Lattice, journal: Journal) -> None:
        self.begin = whole.column - mask.bounds.column
        reached = mask.bounds.row + journal.reached(self.begin)
        self.window = Window(whole.column, reached, whole.width, whole.bottom - reached)
        # Tiles that reach into unfinished rows from above are predicted again: a band is blended as if never stopped.
        self.rows: list[TileRow] = []
        if self.window.height:
            for row in lattice.rows(self.window):
                self.rows.append(row._replace(windows=[tile for tile in row.windows if mask.any(tile)]))
        self.tile = lattice.tile

    @property
    def tiles(self) -> int:
        """How many tiles are to be looked at."""
        return sum(len(row.windows) for row in self.rows)


class _Rows:
    """Blends the tiles of a strip and gives finished rows to the journal; runs in the writing thread."""

    def __init__(self, strip: _Strip, journal: Journal, bounds: Window) -> None:
        self._strip = strip
        self._journal = journal
        self._bounds = bounds
        self._blender = Blender(strip.window, strip.tile)
        self._tiles = 0
        self._begun = time.monotonic()

    def add(self, batch: Batch, probabilities: Floats, arbitration: Floats | None) -> None:
        """Blend in the tiles of a batch."""
        self._tiles += len(batch.windows)
        for place, (window, keep) in enumerate(zip(batch.windows, batch.keep, strict=True)):
            shares = None if arbitration is None else arbitration[place]
            self._blender.add(window, probabilities[place], shares, keep)

    def finish(self, until: int) -> None:
        """Hand on the rows above grid row `until`."""
        if until > self._blender.top:
            rows = self._blender.finish(until)
            column, row = rows.column - self._bounds.column, rows.first - self._bounds.row
            seconds = round(time.monotonic() - self._begun, 3)
            step = Step(self._strip.begin, until - self._bounds.row, self._tiles, seconds, column=column, row=row)
            self._journal.add(step, rows)
        # Tiles of rows that an earlier process has finished are in its count.
        self._tiles, self._begun = 0, time.monotonic()


def _batches(pair: Pair, mask: Mask, strip: _Strip, size: int) -> Iterator[Batch]:
    """Read the tiles of each lattice row that have a valid, unmasked pixel, `size` at a time."""
    for row in strip.rows:
        batch = _empty_batch(strip.tile, size)
        for window in row.windows:
            batch = batch._replace(passed=batch.passed + 1)
            keep = mask.read(window)
            if not keep.any():
                continue
            before, after, valid = pair.read(window)
            keep &= valid
            if not keep.any():
                continue
            batch.images[0, len(batch.windows)] = padded(before, strip.tile)
            batch.images[1, len(batch.windows)] = padded(after, strip.tile)
            batch.windows.append(window)
            batch.keep.append(keep)
            if len(batch.windows) == size:
                yield batch
                batch = _empty_batch(strip.tile, size)
        yield batch._replace(images=batch.images[:, : len(batch.windows)], finished=row.finished)


def _empty_batch(tile: int, size: int) -> Batch:
    return Batch([], np.empty((2, size, 3, tile, tile), np.uint8), [], 0, None)
