"""Fixtures of this room."""

import sys

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsApplication

from farmcd_qgis import tasks
from farmcd_qgis.processing.provider import FarmCDProvider
from tests.helpers.painted_run import finished
from tests.helpers.stand_in import use_stand_in
from tests.helpers.web_tiles import server, web


@pytest.fixture
def fake_worker(tmp_path, monkeypatch, qgis_app):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("FARMCD_PYTHON", sys.executable)
    use_stand_in(monkeypatch)
    yield
    tasks.end_all()


@pytest.fixture
def provider(qgis_processing):
    registry = QgsApplication.processingRegistry()
    one = FarmCDProvider()
    registry.addProvider(one)
    yield one
    registry.removeProvider(one)


@pytest.fixture
def pair(tmp_path) -> dict[str, str]:
    """Paths of two small images, as parameters."""
    made = {}
    for name in ("before", "after"):
        made[name.upper()] = str(tmp_path / f"{name}.tif")
        image = gdal.GetDriverByName("GTiff").Create(made[name.upper()], 32, 32, 4)
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(32614)
        image.SetProjection(reference.ExportToWkt())
        image.SetGeoTransform((600000, 1, 0, 5200000, 0, -1))
        image.WriteArray(np.full((4, 32, 32), 7, np.uint8))
        image = None
    return made
