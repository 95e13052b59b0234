"""The page in QGIS's options: what it shows is what is kept, and what it keeps is what the plugin uses."""

import os
import sys
from pathlib import Path

import pytest
from qgis.core import QgsSettings

from farmcd_qgis.core.feedback import SILENT
from farmcd_qgis.gui.options_page import OptionsFactory
from farmcd_qgis.gui.report.form import ReportForm
from farmcd_qgis.review.reviewer import reviewer_name
from farmcd_qgis.runtime import pool as jobs
from farmcd_qgis.runtime import pythons as interpreter


@pytest.fixture
def factory(qgis_app):
    QgsSettings().remove("plugins/farmcd")
    yield OptionsFactory()
    QgsSettings().remove("plugins/farmcd")


def test_names_are_kept_and_used(factory, qgis_new_project):
    page = factory.createWidget()
    assert page.reviewer.text() == page.office.text() == ""
    page.reviewer.setText(" 李明 ")
    page.office.setText("自然资源局")
    assert reviewer_name() != "李明", "only what is applied counts"
    page.apply()
    assert reviewer_name() == "李明"
    assert ReportForm().office.text() == "自然资源局"
    assert factory.createWidget().office.text() == "自然资源局"


def test_python_is_handed_to_the_search(factory, monkeypatch):
    page = factory.createWidget()
    page.python.setFilePath(sys.executable)
    page.apply()
    asked = []

    def find(setting, is_cancelled):
        asked.append(setting)
        raise LookupError

    monkeypatch.setattr(interpreter, "find", find)
    with pytest.raises(LookupError):
        jobs.run_job("devices", {}, SILENT)
    assert asked == [sys.executable]


def test_a_missing_python_is_said_at_once(factory, tmp_path):
    page = factory.createWidget()
    assert page.found.text() == ""
    page.python.setFilePath(str(tmp_path / "python3"))
    assert "no such file" in page.found.text()
    page.python.setFilePath(str(Path(sys.executable)))
    assert page.found.text() == ""


def test_check_says_the_versions_that_were_found_or_what_is_missing(factory, qtbot, tmp_path):
    page = factory.createWidget()
    qtbot.addWidget(page)
    page.python.setFilePath(os.environ.get("FARMCD_PYTHON") or sys.executable)
    page.check.click()
    qtbot.waitUntil(lambda: "Ready" in page.found.text())
    assert "PyTorch 2" in page.found.text()
    page.python.setFilePath(str(tmp_path / "python3"))
    page.check.click()
    qtbot.waitUntil(lambda: "There is no Python at" in page.found.text())


def test_the_folder_for_runs_is_kept_and_whoever_waits_hears_of_what_is_applied(factory, tmp_path):
    heard = []
    page = OptionsFactory(lambda: heard.append(1)).createWidget()
    page.folder.setFilePath(str(tmp_path))
    page.apply()
    assert heard == [1]
    assert factory.createWidget().folder.filePath() == str(tmp_path)
