"""The rasters of a run, read in bands of rows, and what is counted of the labels on them."""

from collections.abc import Iterator
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

Bytes = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


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
    """The rasters of a run folder, read in bands of rows; they hold ids below `classes`."""

    def __init__(self, run_dir: Path, classes: int) -> None:
        self.classes = classes
        change, confidence = (_open(run_dir, name) for name in (CHANGE_TIF, CONFIDENCE_TIF))
        self._files = [change, confidence]
        self.arbitrated = (run_dir / ARBITRATION_TIF).exists()
        if self.arbitrated:
            self._files.append(_open(run_dir, ARBITRATION_TIF))
        self.width, self.height = change.RasterXSize, change.RasterYSize
        for file in self._files:
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

    def spans(self) -> Iterator[Window]:
        """Yield the bands of rows that may hold a result, from top to bottom, with the columns that may.

        What is passed over is of blocks without a result, which take no room in the file: this is cheap. No band goes
        over from one row of blocks to the next.
        """
        most = max(1, BAND_PIXELS // self.width)
        step = max(self._block_rows, most - most % self._block_rows)
        for top in range(0, self.height, step):
            rows = min(step, self.height - top)
            count = -(-rows // most)
            for begin, end in pairwise(top + rows * number // count for number in range(count + 1)):
                span = _filled(self._bands[0], begin, end - begin)
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
    """What is known of each label, by position (label 1 comes first); grows with `add`. `area` is in square metres.

    `arbitrated` is False where the run has no arbitration.
    """

    def __init__(self, area: Floats, classes: int) -> None:
        count = len(area)
        self.area = area
        self.pixels = np.zeros(count)
        self.classes = np.zeros((count, classes))
        self.seconds = np.zeros((count, classes))
        self.confidence = np.zeros(count)
        self.confidence_min = np.full(count, 100, np.uint8)
        self.hard = np.zeros(count)
        self.arbitrated = False
        self.arbitration = np.zeros(count)
        self.disagreement = np.zeros(count)

    def add(self, ids: Ids, bands: Bands, hard: npt.NDArray[np.bool_]) -> None:
        """Count the pixels of a band; `ids` are final labels, 0 for none."""
        there = ids > 0
        if not there.any():
            return
        labels = ids[there] - 1
        first = int(labels.min())
        labels -= first
        count = int(labels.max()) + 1
        touched = slice(first, first + count)

        def total(weights: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
            return np.bincount(labels, weights, minlength=count)

        def by_class(values: Bytes) -> npt.NDArray[Any]:
            keys = labels * bands.classes + values[there]
            return np.bincount(keys, minlength=count * bands.classes).reshape(count, -1)

        confidence = bands.confidence[there]
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


def _filled(band: gdal.Band, row: int, count: int) -> Window:
    """Return the part of rows that is left without the blocks at both sides that a file leaves out."""
    step, _ = band.GetBlockSize()
    filled = [
        column
        for column in range(0, band.XSize, step)
        if band.GetDataCoverageStatus(column, row, min(step, band.XSize - column), count)[0]
        != gdal.GDAL_DATA_COVERAGE_STATUS_EMPTY
    ]
    if not filled:
        return Window(0, row, 0, count)
    return Window(filled[0], row, min(filled[-1] + step, band.XSize) - filled[0], count)


def _open(run_dir: Path, name: str) -> gdal.Dataset:
    try:
        return gdal.Open(str(run_dir / name))
    except RuntimeError as error:
        raise InputError("no_raster_of_run", folder=run_dir, file=name, reason=error) from error
