"""The rasters of a run, read in bands of rows, and what is counted of the labels on them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from osgeo import gdal

from ...core.errors import InputError
from ...core.run_files import ARBITRATION_TIF, CHANGE_TIF, CONFIDENCE_TIF
from ..scene.areas import PixelAreas
from ..scene.tiling import Window

# Pixels that are in memory at a time.
BAND_PIXELS = 1 << 20
# The share of no change from which on the text priors contradict a detected change, in percent.
DISAGREEMENT_PERCENT = 50

# Arrays of a tally of which parts that are joined keep the least, where others are added up.
LEAST = ("confidence_min", "value")

Bytes = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


class Bands(NamedTuple):
    """Rows of the run's rasters, uint8 (h, w) each; a network without text priors leaves no arbitration.

    `classes` is how many ids there are; what is above them is no result.
    """

    change: Bytes
    confidence: Bytes
    second: Bytes
    classes: int
    arbitration: Bytes | None = None

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Where there is a result, bool (h, w)."""
        return (self.change < self.classes) & (self.second < self.classes)


class Rasters:
    """The rasters of a run: change, confidence and perhaps arbitration; they hold ids below `classes`."""

    def __init__(self, files: list[gdal.Dataset], classes: int) -> None:
        self.classes = classes
        self._files = files
        self.arbitrated = len(files) > 2
        change, confidence = files[:2]
        self.width, self.height = change.RasterXSize, change.RasterYSize
        for file in files:
            if (file.RasterXSize, file.RasterYSize) != (self.width, self.height):
                raise InputError(
                    "run_mixed",
                    path=file.GetDescription(),
                    width=file.RasterXSize,
                    height=file.RasterYSize,
                    other=CHANGE_TIF,
                    other_width=self.width,
                    other_height=self.height,
                )
        self.geotransform = change.GetGeoTransform()
        self.crs_wkt = change.GetProjection()
        self.areas = PixelAreas(self.geotransform, self.crs_wkt, self.width, self.height)
        self._bands = [change.GetRasterBand(1), *(confidence.GetRasterBand(n) for n in (1, 2))]
        self._bands += [arbitration.GetRasterBand(1) for arbitration in self._files[2:]]
        self._block_rows, self._block_row = change.GetRasterBand(1).GetBlockSize()[1], 0

    @classmethod
    def of_run(cls, run_dir: Path, classes: int) -> "Rasters":
        """Open the rasters of a run folder; raises InputError where one is missing."""
        names = [CHANGE_TIF, CONFIDENCE_TIF]
        if (run_dir / ARBITRATION_TIF).exists():
            names.append(ARBITRATION_TIF)
        return cls([_open(run_dir, name) for name in names], classes)

    def spans(self, within: Window) -> Iterator[Window]:
        """Yield the bands of rows of a window that may hold a result, from top to bottom, with the columns that may.

        What is passed over is of blocks without a result, which take no room in the file: this is cheap. No band goes
        over from one row of blocks to the next.
        """
        most = max(1, BAND_PIXELS // within.width)
        step = max(self._block_rows, most - most % self._block_rows)
        for first in range(within.row - within.row % step, within.bottom, step):
            top = max(first, within.row)
            rows = min(first + step, within.bottom) - top
            count = -(-rows // most)
            for begin, end in pairwise(top + rows * number // count for number in range(count + 1)):
                span = _filled(self._bands[0], begin, end - begin, within)
                if span.width:
                    yield span

    def read(self, window: Window) -> Bands:
        """Read a window; quickest from top to bottom."""
        if window.row // self._block_rows != self._block_row:
            self._block_row = window.row // self._block_rows
            # GDAL would keep the blocks above until its cache is full.
            for band in self._bands:
                band.FlushCache()
        change, confidence, second, *rest = (band.ReadAsArray(*window) for band in self._bands)
        return Bands(change, confidence, second, self.classes, *rest)


class Tally:
    """What is known of each label, by position (label 1 comes first), in whole numbers; grows with `add`.

    `area` is in units of `unit` square metres, `value` what was connected. `arbitrated` is False where the run has no
    arbitration.
    """

    ARRAYS = (
        *("area", "value", "pixels", "classes", "seconds", "confidence", "confidence_min", "hard"),
        *("arbitration", "disagreement"),
    )

    def __init__(self, area: Longs, unit: float, classes: int) -> None:
        count = len(area)
        self.area = area
        self.unit = unit
        self.value = np.zeros(count, np.uint8)
        self.pixels, self.confidence, self.hard = (np.zeros(count, np.int64) for _ in range(3))
        self.classes, self.seconds = (np.zeros((count, classes), np.int64) for _ in range(2))
        self.confidence_min = np.full(count, 100, np.uint8)
        self.arbitrated = False
        self.arbitration, self.disagreement = (np.zeros(count, np.int64) for _ in range(2))

    @classmethod
    def joined(cls, parts: Sequence["Tally"]) -> "Tally":
        """Return the labels of several tallies one behind the other."""
        made = cls(np.zeros(0, np.int64), parts[0].unit, parts[0].classes.shape[1])
        for name in cls.ARRAYS:
            setattr(made, name, np.concatenate([getattr(part, name) for part in parts]))
        made.arbitrated = any(part.arbitrated for part in parts)
        return made

    def of(self, which: npt.NDArray[Any]) -> "Tally":
        """Return the labels at some positions alone."""
        made = Tally.joined([self])
        for name in self.ARRAYS:
            setattr(made, name, getattr(self, name)[which])
        return made

    def summed(self) -> "Tally":
        """Return all labels as one."""
        made = Tally.joined([self])
        for name in self.ARRAYS:
            whole = getattr(self, name)
            setattr(made, name, whole.min(axis=0, keepdims=True) if name in LEAST else whole.sum(axis=0, keepdims=True))
        return made

    def area_m2(self, at: int) -> float:
        """Return the area of the label at a position, in square metres."""
        return int(self.area[at]) * self.unit

    def add(self, ids: Ids, bands: Bands, hard: npt.NDArray[np.bool_], values: Bytes) -> None:
        """Count the pixels of a band; `ids` are final labels, 0 for none, `values` what was connected."""
        there = ids > 0
        if not there.any():
            return
        labels = ids[there] - 1
        first = int(labels.min())
        labels -= first
        count = int(labels.max()) + 1
        touched = slice(first, first + count)

        def total(weights: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
            # Sums of bytes of a band are exact in floating point.
            return np.bincount(labels, weights, minlength=count).astype(np.int64)

        def by_class(values: Bytes) -> npt.NDArray[Any]:
            keys = labels * bands.classes + values[there]
            return np.bincount(keys, minlength=count * bands.classes).reshape(count, -1)

        confidence = bands.confidence[there]
        self.value[touched][labels] = values[there]
        self.pixels[touched] += total()
        self.classes[touched] += by_class(bands.change)
        self.seconds[touched] += by_class(bands.second)
        self.confidence[touched] += total(confidence)
        self.hard[touched] += total(hard[there])
        if bands.arbitration is not None:
            self.arbitrated = True
            arbitration = bands.arbitration[there]
            self.arbitration[touched] += total(arbitration)
            self.disagreement[touched] += total(arbitration > DISAGREEMENT_PERCENT)
        # Written from high to low, so that the lowest stays; sorting bytes is quick.
        order = np.argsort(255 - confidence, kind="stable")
        lowest = np.full(count, 100, np.uint8)
        lowest[labels[order]] = confidence[order]
        self.confidence_min[touched] = np.minimum(self.confidence_min[touched], lowest)


def _filled(band: gdal.Band, row: int, count: int, within: Window) -> Window:
    """Return the part of rows of a window that is left without the blocks at both sides that a file leaves out."""
    step, _ = band.GetBlockSize()
    filled = [
        column
        for column in range(within.column - within.column % step, within.right, step)
        if band.GetDataCoverageStatus(column, row, min(step, band.XSize - column), count)[0]
        != gdal.GDAL_DATA_COVERAGE_STATUS_EMPTY
    ]
    if not filled:
        return Window(within.column, row, 0, count)
    return Window(filled[0], row, filled[-1] + step - filled[0], count).intersection(within)


def _open(run_dir: Path, name: str) -> gdal.Dataset:
    try:
        return gdal.Open(str(run_dir / name))
    except RuntimeError as error:
        raise InputError("no_raster_of_run", folder=run_dir, file=name, reason=error) from error
