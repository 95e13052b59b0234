"""How finely a network looks: tiles of the grid are brought to its pixels, and what it says of them back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .tiling import TILE_MULTIPLE

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

# What both dates hold where one of them is invalid: equal, so that no change is seen there.
FILL = 128
# A tile of more pixels of the grid takes much memory to blend: the network's tile is made smaller then, but not less.
LARGEST_SIDE = 2048
LEAST_TILE = 64


def fitting_tile(tile: int, factor: float) -> int:
    """Return the side of the network's tiles, at most `tile`, where each of its pixels takes `factor` of the grid's."""
    fitting = int(LARGEST_SIDE / factor) // TILE_MULTIPLE * TILE_MULTIPLE
    return min(tile, max(fitting, LEAST_TILE))


@dataclass(frozen=True)
class Looking:
    """A network's tile of `tile` pixels takes `side` pixels of the grid, and overlaps the next by `overlap` of them."""

    tile: int
    side: int
    overlap: int

    @classmethod
    def of(cls, tile: int, overlap: int, factor: float = 1.0) -> "Looking":
        """Look at `factor` pixels of the grid as one, as near to it as tiles allow; `overlap` is in the network's."""
        if factor == 1:
            return cls(tile, tile, overlap)
        side = max(2, round(tile * factor / TILE_MULTIPLE)) * TILE_MULTIPLE
        return cls(tile, side, round(min(overlap, tile / 2) * side / tile))

    @property
    def factor(self) -> float:
        """How many pixels of the grid the side of one of the network's takes."""
        # A tile of none is refused elsewhere.
        return self.side / self.tile if self.tile else 1.0

    def images(self, before: Bytes, after: Bytes, valid: Flags) -> tuple[Bytes, Bytes]:
        """Bring both dates (3, h, w) to the network's pixels: the mean of what is valid (h, w) in each."""
        if self.side == self.tile:
            return before, after
        size = self._size(*valid.shape)
        if valid.all():
            return _rounded(resized(before, size)), _rounded(resized(after, size))
        share = resized(valid.astype(np.float32), size)
        known = share > 0
        share = np.where(known, share, 1)
        means = (resized(image * valid, size) / share for image in (before, after))
        one, other = (_rounded(np.where(known, mean, FILL)) for mean in means)
        return one, other

    def result(self, values: Floats, shape: Sequence[int]) -> Floats:
        """Bring what a network says of a tile (..., T, T) to a window of the grid (..., h, w), linearly."""
        if self.side == self.tile:
            return values
        height, width = shape
        rows, columns = self._size(height, width)
        return resized(values[..., :rows, :columns], (height, width))

    def _size(self, height: int, width: int) -> tuple[int, int]:
        """Return the size of a window of the grid in the network's pixels."""
        rows, columns = (max(1, round(side * self.tile / self.side)) for side in (height, width))
        return rows, columns


def resized(values: npt.NDArray[np.generic], size: tuple[int, int]) -> Floats:
    """Bring (..., h, w) to another size: means over the new pixels' areas where they are larger, linearly elsewhere."""
    out = values.astype(np.float32, copy=False)
    # What makes it smaller first.
    for axis in sorted((-2, -1), key=lambda axis: size[axis] / values.shape[axis]):
        count, length = size[axis], out.shape[axis]
        if count < length:
            out = _averaged(out, count, axis)
        elif count > length:
            out = _interpolated(out, count, axis)
    return out


def _averaged(values: Floats, count: int, axis: int) -> Floats:
    values = np.moveaxis(values, axis, 0)
    length = len(values)
    sums = np.zeros((length + 1, *values.shape[1:]))
    np.cumsum(values, axis=0, out=sums[1:])
    edges = np.arange(count + 1) * (length / count)
    whole = np.minimum(edges.astype(int), length - 1)
    part = (edges - whole).reshape(-1, *[1] * (values.ndim - 1))
    means = np.diff(sums[whole] + part * values[whole], axis=0) * (count / length)
    return np.moveaxis(means, 0, axis).astype(np.float32)


def _interpolated(values: Floats, count: int, axis: int) -> Floats:
    length = values.shape[axis]
    places = np.clip((np.arange(count) + 0.5) * (length / count) - 0.5, 0, length - 1)
    low = places.astype(int)
    part = (places - low).astype(np.float32)
    if axis == -2:
        part = part[:, None]
    lower = values.take(low, axis)
    return lower + part * (values.take(np.minimum(low + 1, length - 1), axis) - lower)


def _rounded(values: Floats) -> Bytes:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
