"""Overlapping tiles become one image: a weighted mean, kept only for a band of rows that moves down."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...core.classes import NO_CHANGE, NODATA
from ..scene.tiling import Window

# Probabilities that add up to less are of a pixel that counts less in some tiles.
_WHOLE = 1 - 1e-4

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


class Rows(NamedTuple):
    """Finished rows of a run, each array uint8 (rows, columns), 255 where there is no result.

    `first` is the grid row of the first, `column` the grid column of the first; rows and columns may be left out at
    the sides where there is no result. `confidence` and `arbitration` are in percent, rounded down; networks without
    text priors have no arbitration.
    """

    first: int
    column: int
    change: Bytes
    confidence: Bytes
    second: Bytes
    arbitration: Bytes | None = None


class Means(NamedTuple):
    """Blended values of finished rows: `probabilities` (K, n) and `arbitration` (1, n), or (0, n) where there is none.

    They are those of the pixels that `keep` (rows, columns) says, row by row; `first` and `column` as in `Rows`.
    """

    first: int
    column: int
    probabilities: Floats
    arbitration: Floats
    keep: Flags


def tile_weights(tile: int) -> Floats:
    """Weigh a tile's pixels (tile, tile): a Hann window, sampled between its zeros so that every weight is positive."""
    ramp = np.sin(np.pi * (np.arange(tile) + 0.5) / tile) ** 2
    return np.outer(ramp, ramp).astype(np.float32)


class Blender:
    """Sum up the probabilities of overlapping tiles and hand out the rows that no later tile can change.

    Holds a band of at most `tile` rows over the width of `bounds`, so memory does not grow with the height; it is made
    by the first tile, which tells how many classes there are and whether there is an arbitration.
    The sums of a pixel are made in the order of the calls to `add`, so equal input gives equal bytes.
    """

    def __init__(self, bounds: Window, tile: int) -> None:
        self.bounds = bounds
        self.top = bounds.row
        height = min(tile, bounds.height)
        self._weights = tile_weights(tile)
        self._sums = np.zeros((0, height, bounds.width), np.float32)  # classes, then arbitration
        self._classes = 0
        self._weight = np.zeros((height, bounds.width), np.float32)
        self._keep = np.zeros((height, bounds.width), np.bool_)
        self._used = Window(bounds.column, self.top, 0, 0)

    @property
    def band_shape(self) -> tuple[int, ...]:
        """Shape of the largest array held."""
        return self._sums.shape

    def add(self, window: Window, probabilities: Floats, arbitration: Floats | None, keep: Flags) -> None:
        """Add one tile: probabilities (K, h, w), arbitration (h, w), and which pixels shall have a result (h, w).

        A pixel whose probabilities add up to less than 1 counts the less beside other tiles, as its arbitration does.
        Where they add up to nothing in all tiles, nobody looked, since no change is to be expected: it is unchanged.
        """
        if not self._classes:
            self._classes = len(probabilities)
            layers = self._classes + (arbitration is not None)
            self._sums = np.zeros((layers, *self._weight.shape), np.float32)
        band = Window(self.bounds.column, self.top, self.bounds.width, self._weight.shape[0])
        part = window.intersection(band)
        if not (part.width and part.height):
            return
        source = _slices(part, window)
        target = _slices(part, band)
        weights = self._weights[source]
        self._sums[(slice(0, self._classes), *target)] += weights * probabilities[(slice(None), *source)]
        if arbitration is not None:
            self._sums[(-1, *target)] += weights * arbitration[source]
        self._weight[target] += weights
        self._keep[target] |= keep[source]
        self._used = _around(self._used, part)

    def finish(self, until: int) -> Rows:
        """Return the rows above grid row `until` that were not handed out yet, and move the band down to there.

        `until` is a `TileRow.finished`, hence never more than a tile further down. Only the columns that tiles were
        added to are worked on: rows without any cost nothing.
        """
        return _decide(self.means(until))

    def means(self, until: int, shares: bool = True) -> Means:
        """Return the blended values of the rows that `finish` would return, and move on as it does.

        Unless they are `shares` of 1, every pixel counts the same.
        """
        count = until - self.top
        used = self._used
        columns = slice(used.column - self.bounds.column, used.right - self.bounds.column)
        keep = self._keep[:count, columns].copy()
        # Only pixels that get a result are worked on: a sparse mask costs little.
        values = self._sums[:, :count, columns][:, keep] / self._weight[:count, columns][keep]
        probabilities = values[: self._classes]
        if shares and (less := (counted := probabilities.sum(axis=0)) < _WHOLE).any():
            unseen = counted == 0
            less &= ~unseen
            values[:, less] /= counted[less]
            values[NO_CHANGE, unseen] = values[self._classes :, unseen] = 1
        means = Means(self.top, used.column, probabilities, values[self._classes :], keep)
        for array in (self._sums, self._weight, self._keep):
            _move_up(array[..., columns], count)
        self.top += count
        if used.bottom <= self.top:
            self._used = Window(self.bounds.column, self.top, 0, 0)
        return means


def _around(one: Window, other: Window) -> Window:
    """Return the smallest window that holds both; an empty one counts for nothing."""
    if not one.width:
        return other
    column, row = min(one.column, other.column), min(one.row, other.row)
    return Window(column, row, max(one.right, other.right) - column, max(one.bottom, other.bottom) - row)


def padded(image: Bytes, tile: int) -> Bytes:
    """Mirror an image (3, h, w) of a grid that is smaller than a tile, at its right and lower edge."""
    _, height, width = image.shape
    if (height, width) == (tile, tile):
        return image
    return np.pad(image, ((0, 0), (0, tile - height), (0, tile - width)), mode="symmetric")


def _slices(part: Window, whole: Window) -> tuple[slice, slice]:
    row, column = part.row - whole.row, part.column - whole.column
    return slice(row, row + part.height), slice(column, column + part.width)


def _move_up(array: npt.NDArray[np.generic], count: int) -> None:
    """Shift (..., rows, columns) up by `count` rows in place and clear what comes free."""
    kept = array.shape[-2] - count
    array[..., :kept, :] = array[..., count:, :]
    array[..., kept:, :] = 0


def _decide(means: Means) -> Rows:
    first, column, probabilities, shares, keep = means
    if not keep.any():
        return Rows(first, column, *(np.empty((0, 0), np.uint8) for _ in range(4)))
    change, confidence, second, arbitration = (np.full(keep.shape, NODATA, np.uint8) for _ in range(4))
    best = probabilities.argmax(axis=0)
    change[keep] = best
    confidence[keep] = _percent(probabilities.max(axis=0))
    np.put_along_axis(probabilities, best[np.newaxis], -1.0, axis=0)
    second[keep] = probabilities.argmax(axis=0)
    if not len(shares):
        return Rows(first, column, change, confidence, second)
    arbitration[keep] = _percent(shares[0])
    return Rows(first, column, change, confidence, second, arbitration)


def _percent(shares: Floats) -> Bytes:
    # The mean of shares may end a rounding step above 1.
    return np.clip(np.floor(shares * 100), 0, 100).astype(np.uint8)
