"""Run folders with rasters that a test paints."""

from pathlib import Path

import numpy as np
from osgeo import gdal, osr

from farmcd_qgis.core.classes import NODATA
from farmcd_qgis.core.run_files import ARBITRATION_TIF, CHANGE_TIF, CONFIDENCE_TIF

METRES = (640000.0, 10.0, 0.0, 5200000.0, 0.0, -10.0)


def write_run(
    folder: Path, change, confidence=None, second=None, arbitration=None, *, crs="EPSG:32614", place=METRES, blocks=()
):
    """Write the three rasters of a run folder; bands that are left out hold 90, 0 and 10; `blocks` are GDAL's."""
    change = np.asarray(change, np.uint8)
    filled = [np.full_like(change, value) if band is None else np.asarray(band, np.uint8) for band, value in
              ((confidence, 90), (second, 0), (arbitration, 10))]  # fmt: skip
    filled = [np.where(change == NODATA, NODATA, band) for band in filled]
    folder.mkdir(parents=True, exist_ok=True)
    reference = osr.SpatialReference()
    reference.SetFromUserInput(crs)
    for name, bands in ((CHANGE_TIF, [change]), (CONFIDENCE_TIF, filled[:2]), (ARBITRATION_TIF, filled[2:])):
        height, width = change.shape
        file = gdal.GetDriverByName("GTiff").Create(
            str(folder / name), width, height, len(bands), gdal.GDT_Byte, [*blocks]
        )
        file.SetGeoTransform(place)
        file.SetProjection(reference.ExportToWkt())
        for number, band in enumerate(bands, start=1):
            file.GetRasterBand(number).SetNoDataValue(NODATA)
            file.GetRasterBand(number).WriteArray(band)
    return folder


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
