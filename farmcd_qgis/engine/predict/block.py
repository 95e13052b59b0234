"""The tiles of a block: read, predicted, blended into rows."""

import time
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..run.journal import Journal, Step
from ..scene.looking import Looking
from ..scene.mask import Mask
from ..scene.pair import Pair
from ..scene.tiling import Lattice, TileRow, Window
from ..seam import Bytes, Floats
from .blending import Blender, padded
from .screening import is_skipped


class Batch(NamedTuple):
    """Tiles of the lattice, read and padded, from left to right and then from row to row.

    `images` holds before and after, uint8 (2, B, 3, T, T); `keep` says per tile which of its pixels get a result
    (h, w); `passed` counts the tiles done with when these are; `ends` are the ends of lattice rows: how many of
    the tiles come before, and the grid row above which all is finished then.
    """

    windows: list[Window]
    images: Bytes
    keep: list[npt.NDArray[np.bool_]]
    passed: int
    ends: list[tuple[int, int]]


class Rest:
    """What is left to do of a block: `window` of the grid, and the tiles that may hold a pixel to look at, by row."""

    def __init__(self, whole: Window, mask: Mask, lattice: Lattice, looking: Looking, journal: Journal) -> None:
        self.begin = whole.column - mask.bounds.column
        reached = max(whole.row, mask.bounds.row + journal.reached(self.begin))
        self.window = Window(whole.column, reached, whole.width, max(0, whole.bottom - reached))
        # Tiles that reach into unfinished rows from above are predicted again: a band is blended as if never stopped.
        self.rows: list[TileRow] = []
        if self.window.height:
            for row in lattice.rows(self.window):
                self.rows.append(row._replace(windows=[tile for tile in row.windows if mask.any(tile)]))
        self.looking = looking

    @property
    def tiles(self) -> int:
        """How many tiles are to be looked at."""
        return sum(len(row.windows) for row in self.rows)


class RowWriter:
    """Blends the tiles of a block and gives finished rows to the journal; runs in the writing thread."""

    def __init__(self, rest: Rest, journal: Journal, bounds: Window) -> None:
        self._rest = rest
        self._journal = journal
        self._bounds = bounds
        self._blender = Blender(rest.window, rest.looking.side)
        self._tiles = self._skipped = 0
        self._begun = time.monotonic()

    def add(self, batch: Batch, probabilities: Floats | None = None, arbitration: Floats | None = None) -> None:
        """Blend in the tiles of a batch, and hand on the rows that are finished by them; one may hold no tile."""
        begin = 0
        for end, until in [*batch.ends, (len(batch.windows), 0)]:
            for place in range(begin, end):
                keep = batch.keep[place]
                on_grid = partial(self._rest.looking.result, shape=keep.shape)
                shares = None if arbitration is None else on_grid(arbitration[place])
                if probabilities is not None:
                    self._skipped += is_skipped(probabilities[place])
                    self._blender.add(batch.windows[place], on_grid(probabilities[place]), shares, keep)
            self._tiles += end - begin
            begin = end
            if until:
                self._finish(until)

    def _finish(self, until: int) -> None:
        """Hand on the rows above grid row `until`."""
        if until > self._blender.top:
            rows = self._blender.finish(until)
            column, row = rows.column - self._bounds.column, rows.first - self._bounds.row
            seconds = round(time.monotonic() - self._begun, 3)
            step = Step(self._rest.begin, until - self._bounds.row, self._tiles, seconds, column=column, row=row)
            self._journal.add(step._replace(skipped=self._skipped), rows)
        # Tiles of rows that an earlier process has finished are in its count.
        self._tiles, self._skipped, self._begun = 0, 0, time.monotonic()


def batches(pair: Pair, mask: Mask, rest: Rest, size: int) -> Iterator[Batch]:
    """Read the tiles that have a valid, unmasked pixel, `size` at a time, or fewer before rows without any."""
    tile = rest.looking.tile
    batch = _empty_batch(tile, size)
    for row in rest.rows:
        for window in row.windows:
            batch = batch._replace(passed=batch.passed + 1)
            keep = mask.read(window)
            if not keep.any():
                continue
            before, after, valid = pair.read(window)
            keep &= valid
            if not keep.any():
                continue
            for date, image in enumerate(rest.looking.images(before, after, valid)):
                batch.images[date, len(batch.windows)] = padded(image, tile)
            batch.windows.append(window)
            batch.keep.append(keep)
            if len(batch.windows) == size:
                yield batch
                batch = _empty_batch(tile, size)
        nothing_new = len(batch.windows) == (batch.ends[-1][0] if batch.ends else 0)
        batch.ends.append((len(batch.windows), row.finished))
        if nothing_new:
            yield _cut(batch)
            batch = _empty_batch(tile, size)
    if batch.ends:
        yield _cut(batch)


def _cut(batch: Batch) -> Batch:
    return batch._replace(images=batch.images[:, : len(batch.windows)])


def _empty_batch(tile: int, size: int) -> Batch:
    return Batch([], np.empty((2, size, 3, tile, tile), np.uint8), [], 0, [])
