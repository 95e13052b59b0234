"""The dock offers to save a web map as a file, and goes on with that."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qgis.core import QgsProject, QgsRasterLayer, QgsSettings
from qgis.PyQt.QtWidgets import QToolButton

from farmcd_qgis import tasks
from farmcd_qgis.gui.detect.page import DetectPage
from farmcd_qgis.runtime import pool as jobs
from tests.helpers.rasters import scene, write_raster


@pytest.fixture
def dock(qtbot, qgis_iface, qgis_new_project, monkeypatch, tmp_path) -> Iterator[DetectPage]:
    QgsSettings().remove("plugins/farmcd")
    answers: dict[str, Any] = {"devices": {"devices": []}, "info": {"name": "small"}, "preflight": {"findings": []}}
    monkeypatch.setattr(jobs, "run_job", lambda command, arguments, feedback: answers[command])
    made = DetectPage(qgis_iface)
    qtbot.addWidget(made)
    made.show()
    made.model.output.setFilePath(str(tmp_path / "runs" / "run"))
    yield made
    made.unload()
    tasks.end_all()


def test_a_web_map_is_saved_and_used(dock, qtbot, web, tmp_path):
    field = QgsRasterLayer(write_raster(tmp_path / "field_2009.tif", scene(60, 80)), "field")
    QgsProject.instance().addMapLayers([field, web])
    dock.pair.before.setLayer(field)
    dock.pair.after.setLayer(web)
    qtbot.waitUntil(lambda: [finding.code for finding in dock.findings.findings] == ["web_layer"])
    assert dock.findings.findings[0].values["width"] == 80
    assert not dock.run_button.isEnabled()
    dock.findings.findChild(QToolButton, "web_layerRemedy").click()
    qtbot.waitUntil(lambda: dock.pair.after.currentLayer() is not web)
    saved = dock.pair.after.currentLayer()
    assert saved.providerType() == "gdal"
    assert Path(saved.source()).parent == tmp_path / "runs"
    assert (saved.width(), saved.height()) == (80, 60)
    assert np.isclose(saved.extent().xMinimum(), field.extent().xMinimum())
    qtbot.waitUntil(dock.run_button.isEnabled)
    assert dock.request().after == saved.source()


def test_it_is_saved_as_finely_as_the_network_shall_look(dock, qtbot, web, tmp_path):
    field = QgsRasterLayer(write_raster(tmp_path / "field_2009.tif", scene(60, 80)), "field")
    QgsProject.instance().addMapLayers([field, web])
    dock.pair.before.setLayer(field)
    dock.pair.after.setLayer(web)
    dock.advanced.resolution.setValue(2.0 * field.rasterUnitsPerPixelX())
    qtbot.waitUntil(lambda: [finding.values.get("width") for finding in dock.findings.findings] == [40])
