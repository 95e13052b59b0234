"""Matrix products of rows of channels, in pieces of 4 rows by 16 columns that stay in registers."""

import numpy as np
import torch
from llvmlite import ir
from numba import njit
from numba.core import cgutils
from torch import Tensor

from .lanes import LANES, Places, Sum, kernel, padded, whole

# Eight are a twentieth faster with AVX-512, but three times slower with AVX2, which has too few registers for them.
ROWS = 4


def pack(weight: Tensor) -> np.ndarray:
    """Lay a (P, C) weight out as the product reads it: (P / 16, C, 16), zeros where P is no multiple of 16."""
    columns, depth = weight.shape
    wide = torch.zeros(padded(columns), depth)
    wide[:columns] = weight
    return wide.unflatten(0, (-1, LANES)).transpose(1, 2).contiguous().numpy()


def _piece(rows: int) -> object:
    """Make the kernel of so many rows of x (`stride` apart from `at` on) by one panel (depth, 16) of the weight."""

    def write(b: ir.IRBuilder, places: Places, x, at, stride, depth, panels, panel, out, to, far) -> None:  # type: ignore[no-untyped-def]
        sums = [Sum(b) for _ in range(rows)]
        starts = [b.add(at, b.mul(stride, whole(row))) for row in range(rows)]
        with cgutils.for_range(b, depth) as loop:
            weights = places.load(4, b.add(panel, b.mul(loop.index, whole(LANES))))
            for start, total in zip(starts, sums, strict=True):
                total.set(total.get().plus(places.spread(0, b.add(start, loop.index)), weights))
        for row, total in enumerate(sums):
            places.store(total.get(), 6, b.add(to, b.mul(far, whole(row))))

    return kernel(write)


_pieces, _single = _piece(ROWS), _piece(1)


@njit(nogil=True, cache=True)
def multiply(x, at, stride, count, panels, first, last, out, to, far):  # type: ignore[no-untyped-def]
    """Rows of x times panels first..last of a packed weight (panels, depth, 16): row r into out from to + r * far on.

    Row r of x lies at the flat index at + r * stride; only `depth` of its channels are read.
    """
    depth = panels.shape[1]
    for panel in range(first, last):
        start, column = panel * depth * LANES, to + (panel - first) * LANES
        whole_rows = count - count % ROWS
        for r in range(0, whole_rows, ROWS):
            _pieces(x, at + r * stride, stride, depth, panels, start, out, column + r * far, far)
        for r in range(whole_rows, count):
            _single(x, at + r * stride, stride, depth, panels, start, out, column + r * far, far)
