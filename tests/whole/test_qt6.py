"""Readiness for QGIS 4, as far as it can be checked without one: see tests/helpers/qt6.py and docs/compatibility.md."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.qt6 import lacking

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict:
    if importlib.util.find_spec("PyQt6") is None:
        pytest.skip("there is no PyQt6, which scripts/setup installs")
    # In a process of its own: this one has QGIS's Qt 5.
    home = str(tmp_path_factory.mktemp("home"))
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.qt6"],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_DATA_HOME": home, "HOME": home},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stdout.strip(), done.stderr[-2000:]
    return json.loads(done.stdout[done.stdout.index("{") :])


def test_every_module_is_imported_and_every_panel_and_dialog_is_built(told):
    assert told["failed"] == {}
    assert told["modules"] > 150
    built = {name.rpartition(".")[2] for name in told["built"]}
    assert built >= {"FarmCDDock", "DetectPage", "ReviewPage", "AccuracyPage", "ReportPage", "LearnPage", "OptionsPage"}
    assert built >= {"EnvironmentDialog", "CompareDialog", "Manual", "LinkedCanvases", "ReportPreview"}


def test_every_name_and_enum_taken_of_qt_is_in_pyqt6(told):
    assert told["missing"] == []
    assert told["names"] > 300


def test_every_name_and_enum_taken_of_qgis_is_in_this_qgis():
    for part in ("qgis.core", "qgis.gui"):
        count, missing = lacking(part)
        assert missing == []
        assert count > 20
