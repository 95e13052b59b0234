"""The shift between the dates, measured by phase correlation on a few windows of the pair."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .pair import Pair
from .raster import Bytes
from .tiling import Window

SIDE = 256
PER_SIDE = 3
# A peak this many times as high as the surface's standard deviation is one that chance does not make.
CLEAR_PEAK = 8.0
LEAST_AGREEING = 3


class Shift(NamedTuple):
    """How far the after raster's content lies right of and below the before raster's, in pixels of the grid.

    `windows` counts the windows that agree on it within two pixels.
    """

    columns: float
    rows: float
    windows: int


def measure_shift(pair: Pair) -> Shift | None:
    """Measure the shift on up to nine windows, to whole pixels; None where too few show a clear one that agrees."""
    size = min(SIDE, pair.width, pair.height)
    found = []
    for y in range(PER_SIDE):
        for x in range(PER_SIDE):
            column = (pair.width - size) * (2 * x + 1) // (2 * PER_SIDE)
            row = (pair.height - size) * (2 * y + 1) // (2 * PER_SIDE)
            before, after, valid = pair.read(Window(column, row, size, size))
            if valid.mean() > 0.9 and (peak := _phase_peak(before, after)) is not None:
                found.append(peak)
    if not found:
        return None
    middle = np.median(found, axis=0)
    agreeing = [peak for peak in found if np.abs(np.subtract(peak, middle)).max() <= 2]
    if len(agreeing) < min(LEAST_AGREEING, len({*map(tuple, found)}) + 1):
        return None
    columns, rows = np.mean(agreeing, axis=0)
    return Shift(float(columns), float(rows), len(agreeing))


def _phase_peak(before: Bytes, after: Bytes) -> tuple[int, int] | None:
    spectra = [np.fft.rfft2(_prepared(image)) for image in (before, after)]
    cross = spectra[1] * spectra[0].conj()
    surface = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=before.shape[1:])
    if surface.max() < CLEAR_PEAK * surface.std():
        return None
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    height, width = surface.shape
    return int((column + width // 2) % width - width // 2), int((row + height // 2) % height - height // 2)


def _prepared(image: Bytes) -> npt.NDArray[np.float64]:
    # The taper keeps the image's border, which does not shift, from making a peak at zero.
    grey = image.mean(axis=0)
    return (grey - grey.mean()) * np.outer(np.hanning(len(grey)), np.hanning(len(grey)))
