"""The shift between the dates, measured by what survives between them: the directions of edges.

Crops, seasons and light change the values of both sides of a field's edge, and often which side is the brighter; the
edge stays where it is. So both dates become the squares of their gradients as complex numbers, which are equal for an
edge and its reverse, at nearly equal lengths, and are correlated (orientation correlation after Fitch et al., 2002,
doi 10.5244/C.16.11, with squares). Windows that share no pixel are correlated one by one. Their sum shows the shift,
and each of them is a witness: only what most of them support is taken for a shift of the whole.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .pair import Pair
from .raster import Bytes
from .tiling import Window

LARGEST_SIDE = 512
LEAST_SIDE = 128
PER_SIDE = 4
# A peak of the sum so many times as high as the surface's standard deviation, and so much higher than the next one, is
# no chance: on 350 clips of the sample, moved or not, no peak above this was wrong.
CLEAR_PEAK, CLEAR_MARGIN = 9.0, 1.15
# So high a value in a window, within a pixel of the shift, supports it.
SUPPORTS = 3.0
LEAST_SUPPORT = 0.6
# Peaks nearer than this are one.
ONE_PEAK = 4
# The finest detail is noise between two dates; cycles per pixel.
BLUR = 0.25
# Large fields would outweigh small ones: amplitudes count by this power less (1: phases alone).
WHITENED = 0.3
# Peaks are found to this part of a pixel.
STEPS = 20
LEAST_VALID = 0.75

Complex = npt.NDArray[np.complex128]
Floats = npt.NDArray[np.float64]


class Shift(NamedTuple):
    """How far the after raster's content lies right of and below the before raster's, in pixels of the grid.

    `windows` counts the windows that support it.
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

    None where it cannot be told: nothing stands out of chance, or the windows contradict each other.
    """
    spectra = []
    for window in windows_of(pair.width, pair.height):
        before, after, valid = pair.read(window)
        if valid.mean() > LEAST_VALID and (spectrum := _cross(before, after, valid)) is not None:
            spectra.append(spectrum)
    if not spectra:
        return None
    together: Complex = np.sum(spectra, axis=0)
    surface = np.fft.ifft2(together).real
    place = _clear_peak(surface)
    if place is None:
        return None
    support = sum(_supports(spectrum, place) for spectrum in spectra)
    if support < LEAST_SUPPORT * len(spectra):
        return None
    columns, rows = _refined(together, *place)
    return Shift(round(columns, 2), round(rows, 2), support)


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


def _cross(before: Bytes, after: Bytes, valid: npt.NDArray[np.bool_]) -> Complex | None:
    """Return the cross spectrum of a window's edges at unit energy; None where one date has no edges."""
    edges = [_edges(image, valid) for image in (before, after)]
    energies = [float((np.abs(each) ** 2).sum()) for each in edges]
    if min(energies) <= 0:
        return None
    first, second = (np.fft.fft2(each) for each in edges)
    frequencies: Floats = np.fft.fftfreq(len(first), 1.0)
    blur = np.exp(-0.5 * (frequencies / BLUR) ** 2)
    spectrum: Complex = second * first.conj() * np.outer(blur, blur) / np.sqrt(energies[0] * energies[1])
    return spectrum / np.maximum(np.abs(spectrum), 1e-12) ** WHITENED


def _edges(image: Bytes, valid: npt.NDArray[np.bool_]) -> Complex:
    """Return the squared gradients of a window, (h, w): their doubled directions, at lengths that hardly differ."""
    smooth = image.astype(np.float64)
    for axis in (1, 2):
        smooth = _smoothed(smooth, axis)
    squares = (np.gradient(smooth, axis=2) + 1j * np.gradient(smooth, axis=1)) ** 2
    lengths = np.sqrt(np.abs(squares))
    joined = (squares / np.maximum(lengths, 1e-9)).mean(axis=0)
    size = np.abs(joined)
    edges = joined / (size + np.median(size) + 1e-9)
    # No edge of the image, nor of what is not valid, shifts with the ground.
    still = valid.copy()
    for axis in (0, 1):
        for step in (-2, -1, 1, 2):
            still &= np.roll(valid, step, axis)
    mean = edges[still].mean() if still.any() else 0.0
    edges = (edges - mean) * still
    tapered: Complex = edges * np.outer(np.hanning(len(edges)), np.hanning(len(edges)))
    return tapered


def _smoothed(values: Floats, axis: int) -> Floats:
    pads = [(2, 2) if number == axis else (0, 0) for number in range(values.ndim)]
    padded = np.pad(values, pads, mode="edge")
    length = values.shape[axis]
    parts = [weight * padded.take(range(at, at + length), axis) for at, weight in enumerate((1, 4, 6, 4, 1))]
    return np.sum(parts, axis=0) / 16


def _clear_peak(surface: Floats) -> tuple[int, int] | None:
    """Return the column and row of a surface's highest value, where it stands out of chance."""
    row, column = (int(place) for place in np.unravel_index(int(surface.argmax()), surface.shape))
    others = np.roll(surface, (ONE_PEAK - row, ONE_PEAK - column), (0, 1)).copy()
    others[: 2 * ONE_PEAK + 1, : 2 * ONE_PEAK + 1] = -np.inf
    highest = float(surface.max())
    if highest < CLEAR_PEAK * surface.std() or highest < CLEAR_MARGIN * float(others.max()):
        return None
    size = len(surface)
    return (column + size // 2) % size - size // 2, (row + size // 2) % size - size // 2


def _supports(spectrum: Complex, place: tuple[int, int]) -> bool:
    surface = np.fft.ifft2(spectrum).real
    around = np.roll(surface, (1 - place[1], 1 - place[0]), (0, 1))[:3, :3]
    return bool(around.max() >= SUPPORTS * surface.std())


def _refined(spectrum: Complex, column: int, row: int) -> tuple[float, float]:
    """Find the top of a peak between the pixels, by the transform around it in small steps."""
    frequencies: Floats = np.fft.fftfreq(len(spectrum), 1.0)
    around = np.arange(-STEPS, STEPS + 1) / STEPS
    down = np.exp(2j * np.pi * np.outer(row + around, frequencies))
    across = np.exp(2j * np.pi * np.outer(frequencies, column + around))
    surface = (down @ spectrum @ across).real
    at_row, at_column = np.unravel_index(int(surface.argmax()), surface.shape)
    return column + float(around[at_column]), row + float(around[at_row])
