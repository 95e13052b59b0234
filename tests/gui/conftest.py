"""Fixtures of this room."""

import gc
import shutil

import pytest

from farmcd_qgis.gui.review.page import ReviewPage
from tests.helpers.docked import docked
from tests.helpers.painted_run import finished
from tests.helpers.red_run import unreviewed
from tests.helpers.web_tiles import server, web


@pytest.fixture(autouse=True)
def _named(monkeypatch):
    """Whoever is asked who reviews says a name."""
    monkeypatch.setattr("farmcd_qgis.gui.judging.reviewer.QInputDialog.getText", lambda *_: ("Ann", True))


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def dock(qgis_iface, qgis_new_project):
    with docked(qgis_iface, ReviewPage(qgis_iface)) as page:
        yield page
    gc.collect()
