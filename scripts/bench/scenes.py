"""Pairs, masks and class maps of any size to run on, and a stand-in for the network where the pipeline is measured."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal, ogr, osr

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.paths import bundled_checkpoints, sample_pair
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_files import ARBITRATION_TIF, CHANGE_TIF, CONFIDENCE_TIF
from farmcd_qgis.networks.predictor import Bytes, Floats, Predictor

LEFT, TOP, PIXEL = 500000.0, 5200000.0, 1.0
EPSG = 32614


def scene(folder: Path, width: int, height: int, **options: Any) -> RunRequest:
    """Stretch the bundled pair over a larger grid, without a byte on the disk, and ask for a run of it."""
    paths = []
    for name, source in zip(("before", "after"), sample_pair(), strict=True):
        paths.append(str(folder / f"{name}.vrt"))
        box = [LEFT, TOP, LEFT + width * PIXEL, TOP - height * PIXEL]
        shape = {"width": width, "height": height, "outputBounds": box, "outputSRS": f"EPSG:{EPSG}"}
        gdal.Translate(paths[-1], str(source), format="VRT", **shape).FlushCache()
    asked = {"checkpoint": str(bundled_checkpoints()[0]), "device": "cpu", "out_dir": str(folder / "run"), **options}
    return RunRequest(*paths, **asked)


def farmland(folder: Path, width: int, height: int, share: float) -> str:
    """Write a polygon layer with one square block of fields that covers `share` of the grid."""
    side = round((width * height * share) ** 0.5)
    x, y = LEFT + (width - side) // 2 * PIXEL, TOP - (height - side) // 2 * PIXEL
    far_x, far_y = x + side * PIXEL, y - side * PIXEL
    path = folder / "farmland.gpkg"
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(EPSG)
    file = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = file.CreateLayer("farmland", crs, ogr.wkbPolygon)
    feature = ogr.Feature(layer.GetLayerDefn())
    ring = f"{x} {y},{far_x} {y},{far_x} {far_y},{x} {far_y},{x} {y}"
    feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POLYGON(({ring}))"))
    layer.CreateFeature(feature)
    del feature, layer, file
    return str(path)


def noisy_run(folder: Path, width: int, height: int) -> Path:
    """Write the rasters of a run as a poor network gives them: blotches of five classes, a pixel in fifty astray."""
    make = np.random.default_rng(0)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(EPSG)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, count in ((CHANGE_TIF, 1), (CONFIDENCE_TIF, 2), (ARBITRATION_TIF, 1)):
        how = ["TILED=YES", "COMPRESS=DEFLATE"]
        file = gdal.GetDriverByName("GTiff").Create(str(folder / name), width, height, count, gdal.GDT_Byte, how)
        file.SetGeoTransform((LEFT, PIXEL, 0, TOP, 0, -PIXEL))
        file.SetProjection(crs.ExportToWkt())
        files.append(file)
    for top in range(0, height, 256):
        rows = min(256, height - top)
        blotches = make.choice([0, 0, 0, 0, 1, 2, 3, 4, 5], (rows // 16 + 1, width // 16 + 1)).astype(np.uint8)
        change = blotches.repeat(16, 0).repeat(16, 1)[:rows, :width]
        astray = make.random((rows, width)) < 0.02
        change = np.where(astray, make.integers(0, len(FIVE), (rows, width)), change).astype(np.uint8)
        confidence = make.integers(75, 100, (rows, width)).astype(np.uint8)
        bands = [(0, 1, change), (1, 1, confidence), (1, 2, (change + 1) % len(FIVE)), (2, 1, 100 - confidence)]
        for file, band, pixels in bands:
            files[file].GetRasterBand(band).WriteArray(pixels.astype(np.uint8), 0, top)
    for file in files:
        file.FlushCache()
    return folder


class StandIn:
    """Takes the place of the network where what is around it is measured: change is what became brighter.

    Simple arithmetic on the real pixels, so quick that reading, blending and writing are what counts.
    """

    device = "cpu"

    def __init__(self, tile: int = 256) -> None:
        self.tile = tile

    def predict(self, before: Bytes, after: Bytes) -> tuple[Floats, Floats]:
        """As Predictor.predict."""
        shift = (after[:, 1].astype(np.float32) - before[:, 1]) / 255
        shares = np.full((len(before), len(FIVE), self.tile, self.tile), 0.02, np.float32)
        shares[:, 1] = np.clip(shift + 0.3, 0.02, 0.9)
        shares[:, 0] = 0.92 - shares[:, 1]
        return shares, shares[:, 0].copy()

    def describe(self) -> dict[str, Any]:
        """As Predictor.describe."""
        return {"checkpoint": "stand-in of the benchmark", "sha256": "0" * 64}


class Timed:
    """A predictor that adds up the time it takes."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor, self.tile, self.device, self.taken = predictor, predictor.tile, predictor.device, 0.0
        self.at_once, self.tiles = predictor.at_once, 0

    def predict(self, before: Bytes, after: Bytes) -> tuple[Floats, Floats]:
        """As Predictor.predict."""
        begun = time.perf_counter()
        result = self.predictor.predict(before, after)
        self.taken += time.perf_counter() - begun
        self.tiles += len(before)
        return result

    def describe(self) -> dict[str, Any]:
        """As Predictor.describe."""
        return self.predictor.describe()
