"""The shift between the dates, measured by phase correlation on windows of the pair that share no pixel.

One window alone says little: between two dates, crops change, and chance makes peaks. Only what several independent
windows agree on to a pixel is taken for a shift of the whole.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .pair import Pair
from .raster import Bytes
from .tiling import Window

LARGEST_SIDE = 256
LEAST_SIDE = 128
PER_SIDE = 4
# A peak this many times as high as the surface's standard deviation is one that chance seldom makes.
CLEAR_PEAK = 8.0
# Windows agree on a shift within so many pixels; so many must, and so large a share of those with a clear peak.
SAME = 1.0
LEAST_AGREEING = 4
LEAST_SHARE = 1 / 3
# The finest detail is noise between two dates; cycles per pixel.
BLUR = 0.25
# Peaks are found to this part of a pixel.
STEPS = 20
LEAST_VALID = 0.9

Complex = npt.NDArray[np.complex128]
Floats = npt.NDArray[np.float64]


class Shift(NamedTuple):
    """How far the after raster's content lies right of and below the before raster's, in pixels of the grid.

    `windows` counts the windows that agree on it.
    """

    columns: float
    rows: float
    windows: int

    @property
    def pixels(self) -> float:
        """Its length."""
        return float(np.hypot(self.columns, self.rows))


def measure_shift(pair: Pair) -> Shift | None:
    """Measure the shift on up to 16 windows, to a few tenths of a pixel.

    None where it cannot be told: too few windows show a clear shift, or they contradict each other.
    """
    found = []
    for window in windows_of(pair.width, pair.height):
        before, after, valid = pair.read(window)
        if valid.mean() > LEAST_VALID and (peak := _peak(before, after)) is not None:
            found.append(peak)
    if not found:
        return None
    peaks = np.array(found)
    agree = (np.abs(peaks[:, None] - peaks[None]) <= SAME).all(axis=2)
    best = peaks[agree[agree.sum(axis=1).argmax()]]
    if len(best) < max(LEAST_AGREEING, LEAST_SHARE * len(peaks)):
        return None
    columns, rows = np.round(best.mean(axis=0), 2)
    return Shift(float(columns), float(rows), len(best))


def windows_of(width: int, height: int) -> list[Window]:
    """Spread square windows over a grid, which share no pixel; fewer than 16 where it is small."""
    across, down = (min(PER_SIDE, max(1, length // LEAST_SIDE)) for length in (width, height))
    size = min(LARGEST_SIDE, width // across, height // down)
    return [
        Window(_start(width, size, column, across), _start(height, size, row, down), size, size)
        for row in range(down)
        for column in range(across)
    ]


def _start(length: int, size: int, number: int, count: int) -> int:
    return (length - size) // 2 if count == 1 else number * (length - size) // (count - 1)


def _peak(before: Bytes, after: Bytes) -> tuple[float, float] | None:
    spectra = [np.fft.fft2(_prepared(image)) for image in (before, after)]
    cross = spectra[1] * spectra[0].conj()
    size = len(cross)
    frequencies: Floats = np.fft.fftfreq(size, 1.0)
    blur = np.exp(-0.5 * (frequencies / BLUR) ** 2)
    cross *= np.outer(blur, blur) / np.maximum(np.abs(cross), 1e-9)
    surface = np.fft.ifft2(cross).real
    if surface.max() < CLEAR_PEAK * surface.std():
        return None
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    place = int((column + size // 2) % size - size // 2), int((row + size // 2) % size - size // 2)
    return _refined(cross, frequencies, *place)


def _refined(cross: Complex, frequencies: Floats, column: int, row: int) -> tuple[float, float]:
    """Find the top of a peak between the pixels, by the transform around it in small steps."""
    around = np.arange(-STEPS, STEPS + 1) / STEPS
    down = np.exp(2j * np.pi * np.outer(row + around, frequencies))
    across = np.exp(2j * np.pi * np.outer(frequencies, column + around))
    surface = (down @ cross @ across).real
    at_row, at_column = np.unravel_index(int(surface.argmax()), surface.shape)
    return column + float(around[at_column]), row + float(around[at_row])


def _prepared(image: Bytes) -> Floats:
    # The taper keeps the image's border, which does not shift, from making a peak at zero.
    grey = image.mean(axis=0)
    return (grey - grey.mean()) * np.outer(np.hanning(len(grey)), np.hanning(len(grey)))
