"""A 3 x 3 convolution by Winograd's F(2 x 2, 3 x 3): 16 products for four pixels instead of 36.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016, section 4.1.
"""

from typing import NamedTuple

import numpy as np
import torch
from llvmlite import ir
from numba import njit
from torch import nn

from .lanes import LANES, Lanes, Places, cut, kernel, padded, whole
from .matrix import multiply, pack
from .threads import share

PLACES = 16
# Tiles of 2 x 2 pixels whose products are made together.
TILES = 64
SPREAD = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=torch.float64)


class Kernel3(NamedTuple):
    """A convolution's weight, transformed and packed (16, P / 16, C, 16), and its bias, as wide as a row."""

    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(cls, conv: nn.Conv2d) -> "Kernel3":
        """Transform a 3 x 3 convolution with bias."""
        g = torch.einsum("ui,vj,ocij->uvoc", SPREAD, SPREAD, conv.weight.double()).flatten(0, 1).float()
        bias = np.zeros(padded(conv.out_channels), np.float32)
        bias[: conv.out_channels] = conv.bias
        return cls(np.stack([pack(place) for place in g]), bias)


def convolve(x: np.ndarray, conv: Kernel3, smooth: bool) -> np.ndarray:
    """Convolve x (B, H, W, C), zero beyond its edges, into (B, H, W, P), with SiLU if `smooth`.

    Rows of channels are as wide as a multiple of 16.
    """
    batch, height, width, _ = x.shape
    down, across = (height + 1) // 2, (width + 1) // 2
    out = np.empty((batch, 2 * down, 2 * across, len(conv.bias)), np.float32)

    def convolve_rows(*part: int) -> None:
        _convolve(x, *conv, out, smooth, *part)

    share(convolve_rows, cut(batch, down, max(1, TILES // across)))
    return np.ascontiguousarray(out[:, :height, :width])


@kernel
def _down(b: ir.IRBuilder, places: Places, d0, d1, d2, d3, at, strip, to, far) -> None:  # type: ignore[no-untyped-def]
    """B' d of 16 channels of a column: four pixels below each other, at `at` of four rows, into four rows of strip."""
    d = [places.load(k, at) for k in range(4)]
    for k, lanes in enumerate(_input(*d)):
        places.store(lanes, 5, b.add(to, b.mul(far, whole(k))))


@kernel
def _across(b: ir.IRBuilder, places: Places, strip, at, step, row, v, to, far) -> None:  # type: ignore[no-untyped-def]
    """(B' d) B of 16 channels of a tile: four columns `step` apart of strip's four rows into the 16 places of v."""
    for k in range(4):
        first = b.add(at, b.mul(row, whole(k)))
        d = [places.load(0, b.add(first, b.mul(step, whole(j)))) for j in range(4)]
        for j, lanes in enumerate(_input(*d)):
            places.store(lanes, 4, b.add(to, b.mul(far, whole(4 * k + j))))


def _output(smooth: bool) -> object:
    """Make the kernel of A' m A + bias of 16 channels of a tile: m's 16 places into 2 x 2 pixels of out."""

    def write(b: ir.IRBuilder, places: Places, m, at, far, bias, lane, out, to, right, down) -> None:  # type: ignore[no-untyped-def]
        tile = [places.load(0, b.add(at, b.mul(far, whole(k)))) for k in range(PLACES)]
        columns = [_sums(*(tile[4 * k + j] for k in range(4))) for j in range(4)]
        for y in range(2):
            for x, lanes in enumerate(_sums(*(columns[j][y] for j in range(4)))):
                total = lanes + places.load(3, lane)
                place = b.add(to, b.add(b.mul(down, whole(y)), b.mul(right, whole(x))))
                places.store(total.silu() if smooth else total, 5, place)

    return kernel(write)


def _input(a: Lanes, b: Lanes, c: Lanes, d: Lanes) -> tuple[Lanes, Lanes, Lanes, Lanes]:
    return a - c, b + c, c - b, b - d


def _sums(a: Lanes, b: Lanes, c: Lanes, d: Lanes) -> tuple[Lanes, Lanes]:
    return a + b + c, b - c - d


_plain, _smooth = _output(False), _output(True)


@njit(nogil=True, cache=True)
def _convolve(x, panels, bias, out, smooth, item, first, last):  # type: ignore[no-untyped-def]
    """Rows of tiles first..last of one item."""
    width, channels = x.shape[2:]
    outputs = out.shape[3]
    across = out.shape[2] // 2
    together = max(1, TILES // across)
    tiles = together * across
    strip = np.zeros((4, 2 * across + 2, channels), np.float32)
    nothing = np.zeros((width, channels), np.float32)
    v = np.empty((PLACES, tiles, channels), np.float32)
    m = np.empty((PLACES, tiles, outputs), np.float32)
    for begin in range(first, last, together):
        rows = min(together, last - begin)
        for r in range(rows):
            _read(x[item], 2 * (begin + r), nothing, strip, v, r * across, across)
        for k in range(PLACES):
            multiply(v[k], 0, channels, rows * across, panels[k], 0, panels.shape[1], m[k], 0, outputs)
        for tile in range(rows * across):
            y, left = 2 * (begin + tile // across), 2 * (tile % across)
            for lane in range(0, outputs, LANES):
                at, to = tile * outputs + lane, (y * 2 * across + left) * outputs + lane
                if smooth:
                    _smooth(m, at, tiles * outputs, bias, lane, out[item], to, outputs, 2 * across * outputs)
                else:
                    _plain(m, at, tiles * outputs, bias, lane, out[item], to, outputs, 2 * across * outputs)


@njit(nogil=True, cache=True)
def _read(x, y, nothing, strip, v, first, across):  # type: ignore[no-untyped-def]
    """Transform the row of tiles at pixel row y, from its tile `first` in v on."""
    height, width, channels = x.shape
    row, far = strip.shape[1] * channels, v.shape[1] * channels
    above = x[y - 1] if y else nothing
    third = x[y + 1] if y + 1 < height else nothing
    below = x[y + 2] if y + 2 < height else nothing
    for at in range(0, width * channels, LANES):
        _down(above, x[y], third, below, at, strip, channels + at, row)
    for tile in range(across):
        for lane in range(0, channels, LANES):
            at, to = 2 * tile * channels + lane, (first + tile) * channels + lane
            _across(strip, at, channels, row, v, to, far)
