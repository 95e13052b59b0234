"""A predictor that tells classes by colour."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr

from farmcd_qgis.core.protocol import RunRequest

TILE, OVERLAP = 32, 8
LEFT, TOP, PIXEL = 500000.0, 5200000.0, 0.5
RASTERS = ("change.tif", "confidence.tif", "arbitration.tif")


class ColourPredictor:
    """Takes differences of colour for change; remembers what it was asked."""

    tile = TILE
    device = "cpu"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert before.dtype == after.dtype == np.uint8
        assert before.shape == after.shape == (len(before), 3, self.tile, self.tile)
        self.batches.append(len(before))
        results = [self._one(*dates) for dates in zip(before, after, strict=True)]
        return np.stack([classes for classes, _ in results]), np.stack([share for _, share in results])

    def describe(self) -> dict:
        return {"name": "colour", "sha256": "0" * 64}

    @staticmethod
    def _one(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        red, green, blue = (after.astype(np.float32) - before) / 64
        centre = (red + green + blue).mean()
        scores = np.stack([np.full_like(red, 0.5 + centre), red, green, blue, -red, -green])
        shares = np.exp(scores - scores.max(axis=0))
        return shares / shares.sum(axis=0), 1 / (1 + np.exp(red - blue))


def write_raster(path: Path, pixels: np.ndarray) -> str:
    _, height, width = pixels.shape
    file = gdal.GetDriverByName("GTiff").Create(str(path), width, height, 3, gdal.GDT_Byte)
    file.SetGeoTransform((LEFT, PIXEL, 0, TOP, 0, -PIXEL))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32614)
    file.SetProjection(crs.ExportToWkt())
    for number, band in enumerate(pixels, start=1):
        file.GetRasterBand(number).SetNoDataValue(0)
        file.GetRasterBand(number).WriteArray(band)
    file.FlushCache()
    return str(path)


def pixels_of(height: int, width: int, seed: int) -> np.ndarray:
    """Draw blotches of about eight pixels, so that polygons come out and not salt and pepper."""
    coarse = np.random.default_rng(seed).integers(1, 255, (3, height // 8 + 1, width // 8 + 1), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]


@pytest.fixture
def make_request(tmp_path: Path) -> Callable[..., RunRequest]:
    def make(height: int = 100, width: int = 90, empty: tuple[slice, slice] | None = None, **options) -> RunRequest:
        before, after = pixels_of(height, width, 1), pixels_of(height, width, 2)
        if empty:
            after[(slice(None), *empty)] = 0
        checkpoint = tmp_path / "net.pth"
        checkpoint.touch()
        return RunRequest(
            before=write_raster(tmp_path / "before.tif", before),
            after=write_raster(tmp_path / "after.tif", after),
            out_dir=str(tmp_path / "run"),
            checkpoint=str(checkpoint),
            tile=TILE,
            overlap=OVERLAP,
            minimum_mapping_unit_m2=4.0,
            before_date="2009-08-18",
            **options,
        )

    return make
