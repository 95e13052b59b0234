"""Fixtures of this room."""

import gc
import json
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qgis.core import (
    Qgis,
    QgsDateTimeRange,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsLayerTreeLayer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QDateTime, QSize, Qt
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtSvg import QSvgRenderer

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.paths import resources
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_files import CANDIDATES, HARD_REGIONS, RUN_GPKG
from farmcd_qgis.engine.polygons.geopackage import FIELDS
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.layers import RUN_DIR_PROPERTY, add_run
from farmcd_qgis.layers.legend import name_classes
from farmcd_qgis.layers.runs import runs_in_project
from farmcd_qgis.translation import Translator
from tests.helpers.rasters import write_raster
from tests.helpers.web_services import services
from tests.helpers.web_tiles import server, web

TILE, SIZE, STEP = 32, 64, 40


class PaintedPredictor:
    """Reads the class off the red of the after image, and how sure it is off the green."""

    tile = TILE
    device = "cpu"

    def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        classes = after[:, 0] // STEP
        sure = np.where(after[:, 1] > 100, 0.95, 0.55)
        here = np.arange(len(FIVE))[None, :, None, None] == classes[:, None]
        shares = np.where(here, sure[:, None], (1 - sure[:, None]) / (len(FIVE) - 1))
        return shares.astype(np.float32), np.full(classes.shape, 0.25, np.float32)

    def describe(self) -> dict:
        card = {"name": "painted", "licence": "CC0-1.0", "limits": "Knows painted fields only."}
        return {"card": card, "sha256": "5ead" * 16, "device": {"name": "CPU, 1 thread"}}


@pytest.fixture(autouse=True)
def _collected():
    """Let go of the layers in the tracebacks of caught errors before QGIS ends."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Detect on a painted pair: a square of every class, one of them doubtful."""
    folder = tmp_path_factory.mktemp("painted")
    before = np.full((3, SIZE, SIZE), 120, np.uint8)
    after = np.zeros((3, SIZE, SIZE), np.uint8)
    after[1] = 200
    for row in FIVE.changes:
        after[0, 10:30, 10 * row.id : 10 * row.id + 8] = STEP * row.id
    after[1, 5:40, 0:19] = 50
    checkpoint = folder / "painted.pth"
    checkpoint.touch()
    request = RunRequest(
        before=write_raster(folder / "before.tif", before),
        after=write_raster(folder / "after.tif", after),
        out_dir=str(folder / "run"),
        checkpoint=str(checkpoint),
        before_date="2009-08-18",
        after_date="2020-08-31",
        tile=TILE,
        overlap=8,
        minimum_mapping_unit_m2=4.0,
    )
    detect(request, predictor=PaintedPredictor())
    detect(replace(request, out_dir=str(folder / "other run")), predictor=PaintedPredictor())
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of the run folder, to be spoilt."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def project(qgis_new_project) -> QgsProject:
    return QgsProject.instance()
