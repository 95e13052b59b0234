"""Fixtures of this room."""

import gc
import shutil

import pytest
from qgis.PyQt.QtCore import Qt

from farmcd_qgis.gui.review.dock import ReviewDock
from tests.helpers.painted_run import finished
from tests.helpers.red_run import unreviewed
from tests.helpers.web_tiles import server, web


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def dock(qgis_iface, qgis_new_project):
    made = ReviewDock(qgis_iface)
    window = qgis_iface.mainWindow()
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    window.show()
    made.show()
    yield made
    made.unload()
    window.removeDockWidget(made)
    made.deleteLater()
    gc.collect()
