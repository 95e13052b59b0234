"""The report dock with jobs that answer as the test wants."""

import threading
from pathlib import Path

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsProject, QgsSettings, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtWidgets import QDialog, QPushButton

from farmcd_qgis import tasks
from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Progress
from farmcd_qgis.gui.report.page import ReportPage
from farmcd_qgis.report import CONFIRMED_ONES, NOT_REJECTED
from farmcd_qgis.review.store import ReviewStore
from farmcd_qgis.runtime import pool as jobs
from tests.helpers.docked import docked
from tests.helpers.report_run import AREAS, give_verdicts, make_run


class Answers:
    """What the jobs give back; an export waits for `go` and ends when cancelled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, dict]] = []
        self.error: FarmCDError | None = None
        self.go = threading.Event()

    def __call__(self, command, arguments, feedback):
        self.asked.append((command, arguments["settings"]))
        if self.error:
            raise self.error
        if command == "preview":
            pictures = []
            for number in (1, 6):
                picture = QImage(90, 127, QImage.Format.Format_RGB32)
                picture.fill(QColor("white" if number == 1 else "grey"))
                pictures.append(str(self.folder / f"{number}.png"))
                picture.save(pictures[-1])
            return {"pictures": pictures, "pages": 11, "candidates": 6, "fell_back": True}
        feedback.on_progress(Progress("report", 0.25, None, 90.0))
        while not self.go.wait(0.01):
            if feedback.is_cancelled():
                raise Cancelled()
        return {
            "files": {"pdf": str(self.folder / "out" / "report.pdf")},
            "findings": [{"severity": "warning", "code": "report_fell_back", "values": {}}],
        }

    def count(self, command: str) -> int:
        return [name for name, _ in self.asked].count(command)


@pytest.fixture
def answers(tmp_path, monkeypatch, qgis_app):
    QgsSettings().remove("plugins/farmcd")
    made = Answers(tmp_path)
    monkeypatch.setattr(jobs, "run_job", made)
    yield made
    made.go.set()
    tasks.end_all()


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    return make_run(tmp_path, AREAS)


@pytest.fixture
def dock(answers, qgis_iface, qgis_new_project):
    with docked(qgis_iface, ReportPage(qgis_iface)) as page:
        page.enter(None)
        yield page


def test_without_a_run_it_says_what_to_do(dock, qtbot):
    qtbot.waitUntil(lambda: bool(dock.findings.findings))
    assert dock.findings.findings[0].severity == "info"
    assert not dock.export_button.isEnabled()
    with pytest.raises(InputError, match="Choose a run"):
        dock.form.settings()


def test_choices_become_settings(dock, run_dir, qtbot):
    dock.enter(run_dir)
    form = dock.form
    assert form.settings().statuses == CONFIRMED_ONES
    assert form.settings().out_dir == str(run_dir / "report")
    form.filter.setCurrentIndex(form.filter.findData("not_rejected"))
    form.language.setCurrentIndex(form.language.findData("zh"))
    form.office.setText("  自然资源局 ")
    form.smallest.setValue(1200)
    form.pages.setValue(7)
    form.classes.setItemCheckState(0, Qt.CheckState.Unchecked)
    csv = form.outputs.findData("csv")
    form.outputs.setItemCheckState(csv, Qt.CheckState.Unchecked)
    assert (form.settings().crs, form.settings().templates) == (None, None)
    form.crs.setCrs(QgsCoordinateReferenceSystem("EPSG:4490"))
    form.templates.setFilePath(str(run_dir))
    made = form.settings()
    assert (made.crs, made.templates) == ("EPSG:4490", str(run_dir))
    assert (made.statuses, made.language, made.office) == (NOT_REJECTED, "zh", "自然资源局")
    assert (made.minimum_m2, made.candidate_pages, made.classes) == (1200, 7, (2, 3, 4, 5))
    assert "csv" not in made.outputs
    assert "pdf" in made.outputs
    for index in range(form.outputs.count()):
        form.outputs.setItemCheckState(index, Qt.CheckState.Unchecked)
    with pytest.raises(InputError, match="at least one output"):
        form.settings()


def test_units_need_a_name_and_are_handed_on_as_a_file(dock, run_dir):
    layer = QgsVectorLayer("Polygon?crs=EPSG:32614&field=code:string&field=XZQMC:string", "districts", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromWkt("POLYGON((0 0,1 0,1 1,0 0))"))
    layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    dock.enter(run_dir)
    assert dock.form.settings().units is None
    dock.form.units.setLayer(layer)
    made = dock.form.settings()
    assert made.unit_field == "XZQMC"
    assert Path(made.units.split("|")[0]).is_file()


def test_preview_is_drawn_anew_when_the_review_has_gone_on(dock, run_dir, answers, qtbot):
    dock.enter(run_dir)
    qtbot.waitUntil(lambda: dock.preview.pages[1].isVisible())
    qtbot.wait(2500)
    assert answers.count("preview") == 1
    give_verdicts(run_dir, c1="confirmed")
    qtbot.waitUntil(lambda: answers.count("preview") == 2)


def test_preview_follows_the_choices_and_opens_large(dock, run_dir, answers, qtbot):
    dock.enter(run_dir)
    qtbot.waitUntil(lambda: dock.preview.pages[1].isVisible())
    assert "11 pages, 6 candidates" in dock.preview.caption.text()
    assert "Nothing is reviewed yet" in dock.preview.caption.text()
    assert answers.count("preview") == 1
    dock.form.outputs.setItemCheckState(0, Qt.CheckState.Unchecked)
    qtbot.wait(700)
    assert answers.count("preview") == 1, "what is exported changes no page"
    dock.form.office.setText("Land office")
    qtbot.waitUntil(lambda: answers.count("preview") == 2)
    dock.preview.pages[1].click()
    large = dock.window().findChild(QDialog, "previewDialog")
    assert large.isVisible()
    assert not large.isModal()
    large.close()


def test_preview_is_drawn_anew_after_a_verdict(dock, run_dir, answers, qtbot):
    dock.enter(run_dir)
    qtbot.waitUntil(lambda: answers.count("preview") == 1)
    dock.leave()
    dock.enter(run_dir)
    qtbot.wait(700)
    assert answers.count("preview") == 1, "nothing has changed"
    dock.leave()
    ReviewStore(run_dir / "farmcd.gpkg", "ann").give(1, "confirmed")
    dock.enter(run_dir)
    qtbot.waitUntil(lambda: answers.count("preview") == 2)


def test_export_shows_progress_and_ends_with_the_files(dock, run_dir, answers, qtbot, qgis_iface):
    dock.enter(run_dir)
    dock.form.author.setText("A. Surveyor")
    dock.export()
    qtbot.waitUntil(lambda: "25%" in dock.status.text())
    assert "2 min left" in dock.status.text()
    assert dock.cancel_button.isEnabled()
    assert not dock.form.isEnabled()
    answers.go.set()
    qtbot.waitUntil(lambda: dock.export_button.isEnabled())
    assert [finding.code for finding in dock.findings.findings] == ["report_fell_back"]
    words = [button.text() for button in qgis_iface.messageBar().findChildren(QPushButton)]
    assert "Open the report" in words
    assert "Open the folder" in words
    again = ReportPage(qgis_iface)
    assert again.form.author.text() == "A. Surveyor"
    again.unload()


def test_cancel_ends_the_export(dock, run_dir, qtbot):
    dock.enter(run_dir)
    dock.export()
    qtbot.waitUntil(lambda: "25%" in dock.status.text())
    dock.cancel()
    qtbot.waitUntil(lambda: dock.export_button.isEnabled())
    assert "Stopped" in dock.status.text()


def test_errors_are_shown_as_they_come(dock, run_dir, answers, qtbot):
    dock.enter(run_dir)
    qtbot.waitUntil(lambda: answers.count("preview") == 1)
    answers.error = FarmCDError("preview_not_written", path="report.pdf")
    dock.export()
    qtbot.waitUntil(lambda: dock.export_button.isEnabled() and bool(dock.findings.findings))
    assert dock.findings.findings[0].message == "report.pdf cannot be written. Is the disk full?"


def test_without_a_process_the_report_is_written_here(dock, run_dir, answers, qtbot):
    dock.enter(run_dir)
    answers.error = FarmCDError("worker_start", python="/nowhere", reason="gone")
    dock.form.pages.setValue(2)
    dock.export()
    qtbot.waitUntil(lambda: (run_dir / "report" / "report.pdf").is_file())
    qtbot.waitUntil(lambda: dock.export_button.isEnabled())
    assert "written" in dock.status.text()
