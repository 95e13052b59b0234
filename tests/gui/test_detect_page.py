"""The dock with every widget, and jobs that answer as the test wants."""

import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsSettings, QgsTask, QgsVectorLayer
from qgis.gui import QgsDoubleSpinBox
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QAction,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QToolBar,
    QToolButton,
    QWidget,
)

from farmcd_qgis import tasks
from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback, Progress
from farmcd_qgis.core.messages import part
from farmcd_qgis.core.polygons import TAU_RANGE
from farmcd_qgis.core.protocol import Finding, RunResult
from farmcd_qgis.gui.detect import page as detect_page
from farmcd_qgis.gui.detect import unfinished
from farmcd_qgis.gui.detect.page import DetectPage
from farmcd_qgis.gui.detect.pair_form import PairForm
from farmcd_qgis.gui.options_page import OptionsFactory
from farmcd_qgis.plugin import FarmCDPlugin
from farmcd_qgis.runtime import pool as jobs
from farmcd_qgis.settings import settings
from tests.helpers.rasters import rectangle, scene, write_polygons, write_raster

WIDGETS = """beforeCombo afterCombo swapButton extentWidget aoiCombo farmlandCombo checkpointCombo cardLabel deviceCombo
outputWidget advancedBox findingsList progressBar statusLabel runButton cancelButton""".split()  # noqa: SIM905
CARD = {"name": "small", "resolution_m": [1, 8], "metrics": {"binary F1": 0.61}, "measured_on": "40 pairs, half"}


class Answers:
    """What the jobs of a test give back; a detection waits for `go`, and ends when cancelled."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.error: FarmCDError | None = None
        self.requests: list[dict[str, Any]] = []
        self.no_engine: FarmCDError | None = None
        self.size: dict[str, Any] | None = None
        self.seconds = 3.2
        self.go = threading.Event()

    def __call__(self, command: str, arguments: dict[str, Any], feedback: Feedback):
        if self.no_engine and command in ("devices", "info"):
            raise self.no_engine
        if command == "devices":
            row = {"usable": True, "message": ""}
            return {"devices": [{"id": "cpu", "name": "2 threads", **row}, {"id": "cuda:0", "name": "GPU", **row}]}
        if command == "info":
            return CARD
        if command == "preflight":
            if self.size:
                feedback.progress("preflight", 1.0, message=part("scene_ready", **self.size))
            return {"findings": [asdict(finding) for finding in self.findings]}
        self.requests.append(arguments["request"])
        feedback.on_progress(Progress("predicting", 0.43, 0.05, 12.0))
        while not self.go.wait(0.01):
            if feedback.is_cancelled():
                raise Cancelled()
        if self.error:
            raise self.error
        return asdict(RunResult(arguments["request"]["out_dir"], "cpu", self.seconds, 5, 7, {"road": 1.25}))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, qgis_app: QgsApplication) -> Iterator[Answers]:
    QgsSettings().remove("plugins/farmcd")
    made = Answers()
    monkeypatch.setattr(jobs, "run_job", made)
    yield made
    made.go.set()
    tasks.end_all()


@pytest.fixture
def pair(tmp_path: Path, qgis_new_project: None) -> list[QgsRasterLayer]:
    layers = []
    for name in ("field 2020-08-31", "field 2009"):
        path = write_raster(tmp_path / f"{name}.tif", scene(seed=len(layers)))
        layers.append(QgsRasterLayer(path, name))
    QgsProject.instance().addMapLayers(layers)
    return layers


@pytest.fixture
def dock(qtbot, qgis_iface, answers: Answers, pair) -> Iterator[DetectPage]:
    made = DetectPage(qgis_iface)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.model.device.count() > 1)
    yield made
    made.unload()


def test_every_widget_is_there(dock):
    assert [name for name in WIDGETS if dock.findChild(QWidget, name) is None] == []
    assert dock.advanced.isCollapsed()


def test_pair_checkpoint_device_and_folder_are_proposed(dock, qtbot):
    assert dock.pair.before.currentLayer().name() == "field 2009"
    assert dock.pair.after.currentLayer().name() == "field 2020-08-31"
    assert dock.model.checkpoint.currentData().endswith(".safetensors")
    assert [dock.model.device.itemData(place) for place in range(3)] == ["auto", "cpu", "cuda:0"]
    assert "farmcd_field_2020-08-31_" in dock.model.output.filePath()
    qtbot.waitUntil(lambda: "1 to 8 m" in dock.model.card.text())
    qtbot.waitUntil(dock.run_button.isEnabled)


def test_context_is_asked_for_where_the_checkpoint_knows_it(dock, qtbot):
    qtbot.waitUntil(lambda: bool(dock.model.card.text()))
    assert not dock.model.scene.isVisible()
    dock.model.scene.setCurrentIndex(dock.model.scene.findData("rural"))
    assert dock.model.values()["context"] == ()
    dock.model._fill_card({**CARD, "contexts": ["Satellite image of rural area. Clear conditions."]})
    assert dock.model.scene.isVisible()
    assert dock.model.nuisances.isVisible()
    dock.model.nuisances.setItemCheckState(2, Qt.CheckState.Checked)
    dock.model.nuisances.setItemCheckState(0, Qt.CheckState.Checked)
    assert dock.model.values()["context"] == ("Satellite image of rural area. Ignore shadow, season.",)


def test_swap(dock, qtbot):
    qtbot.mouseClick(dock.pair.swap, Qt.MouseButton.LeftButton)
    assert dock.pair.before.currentLayer().name() == "field 2020-08-31"
    assert dock.pair.after.currentLayer().name() == "field 2009"


def test_a_choice_of_the_person_is_left_alone(dock, qtbot, tmp_path):
    older = QgsRasterLayer(write_raster(tmp_path / "older.tif", scene()), "field 1999")
    QgsProject.instance().addMapLayer(older)
    assert dock.pair.before.currentLayer() is older
    qtbot.mouseClick(dock.pair.swap, Qt.MouseButton.LeftButton)
    dock.model.output.setFilePath(str(tmp_path / "mine"))
    oldest = QgsRasterLayer(write_raster(tmp_path / "oldest.tif", scene()), "field 1989")
    QgsProject.instance().addMapLayer(oldest)
    assert dock.pair.after.currentLayer() is older
    assert dock.model.output.filePath() == str(tmp_path / "mine")


def test_findings_are_shown_whole(dock, answers, qtbot):
    answers.findings = [
        Finding("warning", "said", {"sentence": f"{number} " + "A sentence that needs several lines. " * 4})
        for number in range(6)
    ]
    dock.advanced.tau.setValue(0.6)
    qtbot.waitUntil(lambda: len(dock.findings.findings) == 6)
    texts = [label.text() for label in dock.findings.findChildren(QLabel) if label.text()]
    assert texts[-1] == "and 2 more"
    first = next(label for label in dock.findings.findChildren(QLabel) if label.text())
    qtbot.waitUntil(lambda: first.height() >= first.heightForWidth(first.width()))


def test_run_shows_progress_and_the_layers(dock, answers, qtbot, monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr(detect_page, "add_run", shown.append)
    dock.model.output.setFilePath(str(tmp_path / "run"))
    qtbot.waitUntil(dock.run_button.isEnabled)
    qtbot.mouseClick(dock.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "43%" in dock.status.text())
    assert "12 s left" in dock.status.text()
    assert dock.cancel_button.isEnabled()
    assert not dock.run_button.isEnabled()
    assert not dock.pair.isEnabled()
    answers.go.set()
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == [str(tmp_path / "run")]
    (button,) = dock._iface.messageBar().currentItem().findChildren(QPushButton)
    with qtbot.waitSignal(dock.review_wanted) as wanted:
        button.click()
    assert wanted.args == [str(tmp_path / "run")]
    assert "5 candidates" in dock.status.text()
    assert dock.pair.isEnabled()
    assert dock.model.output.filePath() != str(tmp_path / "run")


def test_request_holds_what_is_chosen(dock, answers, qtbot, tmp_path):
    fields = QgsVectorLayer(write_polygons(tmp_path / "fields.gpkg", [rectangle(0, 0, 30, 30)]), "fields")
    memory = QgsVectorLayer("Polygon?crs=EPSG:32614", "drawn", "memory")
    QgsProject.instance().addMapLayers([fields, memory])
    dock.pair.farmland.setLayer(fields)
    dock.pair.aoi.setLayer(memory)
    dock.advanced.tau.setValue(0.7)
    dock.advanced.unit.setValue(900)
    dock.advanced.before_date.setText("2009-08-18")
    dock.model.device.setCurrentIndex(2)
    assert dock.request().before_bands is dock.request().after_bands is None
    dock.advanced.bands.setCurrentIndex(dock.advanced.bands.findText("infrared as green", Qt.MatchFlag.MatchContains))
    request = dock.request()
    assert request.before_bands == request.after_bands == (1, 4, 3)
    combo = dock.advanced.after_bands
    combo.setCurrentIndex(combo.findText("3, 2, 1", Qt.MatchFlag.MatchStartsWith))
    assert (dock.request().before_bands, dock.request().after_bands) == ((1, 4, 3), (3, 2, 1))
    assert request.farmland.split("|")[0] == str(tmp_path / "fields.gpkg")
    assert Path(request.aoi.split("|")[0]).is_file()
    assert (request.tau, request.minimum_mapping_unit_m2, request.device) == (0.7, 900, "cuda:0")
    assert (request.before_date, request.after_date, request.extent) == ("2009-08-18", None, None)
    assert request.before.endswith("field 2009.tif")


def test_near_infrared_is_read_for_a_checkpoint_that_was_trained_so(dock):
    reads = {**CARD, "bands": ["red", "near infrared", "blue"]}
    dock.model._fill_card(dict(reads))
    assert "Reads red, near infrared, blue." in dock.model.card.text()
    assert dock.request().before_bands == dock.request().after_bands == (1, 4, 3)
    dock.model._fill_card(dict(CARD))
    assert dock.request().before_bands is None
    dock.advanced.bands.setCurrentIndex(dock.advanced.bands.findText("3, 2, 1", Qt.MatchFlag.MatchStartsWith))
    for card in (reads, CARD):
        dock.model._fill_card(dict(card))
        assert dock.request().before_bands == (3, 2, 1)


def test_resolution_is_the_checkpoints_until_a_person_says(dock):
    assert dock.request().resolution_m is None
    dock.findChild(QgsDoubleSpinBox, "resolutionSpin").setValue(1.25)
    assert dock.request().resolution_m == 1.25


def test_findings_bring_their_remedy(dock):
    dock.show()
    fill = Finding("warning", "undeclared_fill", {"role": "after", "found": ["0"], "percent": 7.0})
    shifted = Finding("warning", "shifted", {"pixels": 3.0, "metres": 6.0})
    dock._show_findings([fill, shifted, Finding("info", "no_date", {"role": "after"})])
    assert not dock.request().treat_fill_as_nodata
    assert not dock.request().correct_shift
    for code in ("undeclared_fill", "shifted"):
        dock.findings.findChild(QToolButton, f"{code}Remedy").click()
    assert dock.request().treat_fill_as_nodata
    assert dock.request().correct_shift
    assert dock.findings.findChild(QToolButton, "no_dateRemedy") is None


@pytest.mark.parametrize(
    ("bands", "places"),
    [
        (["NIR", "red", "green"], (4, 1, 2)),
        (["red", "green", "blue"], None),
        (["short-wave infrared", "red", "green"], None),
        (["red edge", "near infrared", "blue"], None),
    ],
)
def test_bands_of_a_card_are_what_they_say(dock, bands, places):
    dock.model._fill_card({**CARD, "bands": bands})
    assert dock.request().before_bands == dock.request().after_bands == places
    dock.model._fill_card(dict(CARD))
    assert dock.request().before_bands is None


def test_extent_of_the_widget_is_used(dock, pair):
    dock.pair.extent.setOutputExtentFromUser(pair[0].extent(), pair[0].crs())
    request = dock.request()
    assert request.extent == pytest.approx((500000, 5199872, 500128, 5200000))
    assert request.extent_crs == "EPSG:32614"


def test_cancel(dock, answers, qtbot, tmp_path):
    dock.model.output.setFilePath(str(tmp_path / "run"))
    dock.run()
    qtbot.waitUntil(lambda: "43%" in dock.status.text())
    qtbot.mouseClick(dock.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.status.text().startswith("Stopped"))
    assert dock.run_button.isEnabled()


def test_failure_is_said_and_another_try_is_possible(dock, answers, qtbot):
    answers.error = InputError("no_common_ground")
    answers.go.set()
    dock.run()
    qtbot.waitUntil(lambda: len(dock.findings.findings) == 1)
    assert dock.findings.findings[0].code == "no_common_ground"
    assert dock.run_button.isEnabled()


def test_errors_of_the_preflight_stop_a_run_and_warnings_do_not(dock, answers, qtbot):
    answers.findings = [Finding("error", "no_area"), Finding("warning", "same_pair", {"path": "a.tif"})]
    dock.advanced.tau.setValue(0.6)
    qtbot.waitUntil(lambda: len(dock.findings.findings) == 2)
    assert not dock.run_button.isEnabled()
    assert dock.run_button.toolTip() == Finding("error", "no_area").message
    answers.findings = answers.findings[1:]
    dock.advanced.tau.setValue(0.5)
    qtbot.waitUntil(lambda: len(dock.findings.findings) == 1)
    assert dock.run_button.isEnabled()


def test_layers_that_go_away(dock, answers, qtbot):
    QgsProject.instance().removeAllMapLayers()
    qtbot.waitUntil(lambda: len(dock.findings.findings) == 1)
    assert not dock.run_button.isEnabled()
    assert "before and an after image" in dock.findings.findings[0].message
    dock.run()
    assert answers.requests == []


def test_layers_that_go_away_during_a_run(dock, answers, qtbot, monkeypatch):
    shown = []
    monkeypatch.setattr(detect_page, "add_run", shown.append)
    dock.run()
    qtbot.waitUntil(lambda: "43%" in dock.status.text())
    QgsProject.instance().removeAllMapLayers()
    answers.go.set()
    qtbot.waitUntil(lambda: bool(shown))


def test_both_orders_are_offered_where_the_checkpoint_learned_from_both(dock):
    dock.model._fill_card(dict(CARD))
    assert dock.advanced.symmetric.isHidden()
    dock.model._fill_card({**CARD, "order_free": True})
    assert not dock.advanced.symmetric.isHidden()
    dock.advanced.symmetric.setChecked(True)
    assert dock.request().symmetric
    dock.model._fill_card(dict(CARD))
    assert not dock.request().symmetric


def test_settings_are_kept(dock, qtbot, qgis_iface):
    dock.advanced.tile.setValue(512)
    dock.advanced.symmetric.setChecked(True)
    other = DetectPage(qgis_iface)
    qtbot.addWidget(other)
    assert other.advanced.tile.value() == 512
    assert not other.advanced.symmetric.isChecked(), "it empties the next run of who forgot it"
    other.unload()


def test_answers_that_come_after_the_dock_has_gone(qgis_iface, answers, pair, qtbot, capsys):
    dock = DetectPage(qgis_iface)
    dock.show()
    qtbot.waitUntil(lambda: dock.model.device.count() > 1)
    dock.run()
    qtbot.waitUntil(lambda: "43%" in dock.status.text())
    task = dock._task
    info = tasks.WorkerTask("info", {"checkpoint": "x"}, "info")
    info.succeeded.connect(dock.model._fill_card)
    dock.unload()
    sip.delete(dock)
    info.succeeded.emit(CARD)
    task.stopped.emit()
    task.progressed.emit(Progress("predicting", 0.5))
    assert "Traceback" not in capsys.readouterr().err


def test_nothing_is_started_before_the_dock_is_seen(qtbot, qgis_iface, answers, pair, monkeypatch):
    started = []
    monkeypatch.setattr(tasks, "start", started.append)
    hidden = DetectPage(qgis_iface)
    qtbot.addWidget(hidden)
    qtbot.wait(600)
    assert started == []
    hidden.unload()


def test_plugin_comes_and_goes(qtbot, qgis_iface, answers, monkeypatch):
    window = QMainWindow()
    qtbot.addWidget(window)
    help_menu = window.menuBar().addMenu("Help")
    monkeypatch.setattr(qgis_iface, "mainWindow", lambda: window, raising=False)
    monkeypatch.setattr(qgis_iface, "firstRightStandardMenu", lambda: help_menu, raising=False)
    monkeypatch.setattr(qgis_iface, "addDockWidget", window.addDockWidget, raising=False)
    monkeypatch.setattr(qgis_iface, "removeDockWidget", window.removeDockWidget, raising=False)
    leave = QAction("Exit", window)
    monkeypatch.setattr(qgis_iface, "actionExit", lambda: leave, raising=False)
    pages = []
    for name in ("registerOptionsWidgetFactory", "unregisterOptionsWidgetFactory"):
        monkeypatch.setattr(qgis_iface, name, pages.append, raising=False)
    plugin = FarmCDPlugin(qgis_iface)
    plugin.initGui()
    registry = QgsApplication.processingRegistry()
    assert registry.algorithmById("farmcd:detect") is not None
    assert not plugin.dock.isVisible()
    assert [action.text() for action in window.menuBar().actions()] == ["FarmCD", "Help"]
    actions = plugin.menu.actions()
    assert len(actions) >= 5
    assert not [action.text() for action in actions if not action.isSeparator() and action.icon().isNull()]
    assert len(window.findChildren(QToolBar)) == 1
    plugin.unload()
    assert registry.providerById("farmcd") is None
    assert plugin.dock is None
    assert len(pages) == 2
    assert pages[0] is pages[1]
    assert [action.text() for action in window.menuBar().actions()] == ["Help"]
    assert window.findChildren(QToolBar) == []


def test_the_limit_of_confidence_is_that_of_the_settings(dock):
    assert (dock.advanced.tau.minimum(), dock.advanced.tau.maximum()) == TAU_RANGE


def test_without_an_engine_one_sentence_says_so_and_options_that_are_applied_are_heard(dock, answers, qtbot):
    answers.no_engine = FarmCDError("no_python", tried=["a", "b"], variable="FARMCD_PYTHON")
    dock.look_for_engine()
    qtbot.waitUntil(dock.engine.isVisible)
    assert dock.engine.words.text() == "The engine is not installed yet."
    assert dock.model.card.text() == ""
    dock.advanced.tau.setValue(0.6)
    qtbot.wait(600)
    assert dock.findings.findings == []
    assert not dock.run_button.isEnabled()
    dock.engine.buttons["details"].click()
    assert "FARMCD_PYTHON" in QgsApplication.clipboard().text()
    answers.no_engine = None
    OptionsFactory(dock.look_for_engine).createWidget().apply()
    qtbot.waitUntil(lambda: not dock.engine.isVisible())
    qtbot.waitUntil(dock.run_button.isEnabled)
    assert dock.model.device.count() == 3


def test_an_engine_that_is_chosen_is_looked_for_at_once(dock, answers, qtbot, monkeypatch):
    answers.no_engine = FarmCDError("named_python", fault="It lacks PyTorch.", origin="the settings")
    dock.look_for_engine()
    qtbot.waitUntil(dock.engine.isVisible)
    assert "chosen Python" in dock.engine.words.text()
    answers.no_engine = None
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/opt/python3", ""))
    dock.engine.buttons["choose"].click()
    qtbot.waitUntil(lambda: not dock.engine.isVisible())
    assert QgsSettings().value("plugins/farmcd/python") == "/opt/python3"


def test_an_engine_that_fails_a_run_is_said_once(dock, answers, qtbot):
    answers.error = FarmCDError("no_python", tried=[], variable="FARMCD_PYTHON")
    answers.go.set()
    dock.run()
    qtbot.waitUntil(dock.engine.isVisible)
    assert dock.findings.findings == []


def test_one_raster_is_no_pair(dock, pair, qtbot):
    QgsProject.instance().removeMapLayer(pair[0].id())
    assert [dock.pair.before.currentLayer(), dock.pair.after.currentLayer()].count(None) == 1
    qtbot.waitUntil(lambda: bool(dock.findings.findings))
    assert not dock.run_button.isEnabled()
    for combo in (dock.pair.before, dock.pair.after):
        combo.setLayer(pair[1])
    qtbot.waitUntil(lambda: dock.findings.findings[0].code == "same_pair")
    assert not dock.run_button.isEnabled()


def test_long_names_show_beginning_and_end_and_the_dates_stand_beside(dock, tmp_path, qtbot):
    path = write_raster(tmp_path / "m_4709963_se_14_1_20200831_with_a_long_name.tif", scene())
    layer = QgsRasterLayer(path, "m_4709963_se_14_1_a_very_long_name_of_a_tile_of_the_survey_20200831")
    QgsProject.instance().addMapLayer(layer)
    dock.pair.after.setLayer(layer)
    assert dock.pair.after_date.text() == "2020-08-31"
    assert dock.pair.before_date.text() == "2009"
    assert layer.name() in dock.pair.after.toolTip()
    assert path in dock.pair.after.toolTip()


def test_what_is_looked_at_is_said_and_at_the_end_how_much_there_is_to_do(dock, answers, qtbot):
    answers.size = {"width": 934, "height": 723, "resolution_m": 5.0, "area_ha": 1688.2}
    dock.advanced.tau.setValue(0.6)
    qtbot.waitUntil(lambda: dock.page.hint.text().startswith("Ready"))
    assert dock.page.hint.text() == "Ready: 934 x 723 pixels at 5 m, 1,688 ha; about 5 s", "the device list has a GPU"
    dock.model.device.setCurrentIndex(1)
    qtbot.waitUntil(lambda: dock.page.hint.text().endswith("about 20 s"))
    dock.run()
    qtbot.waitUntil(lambda: "43%" in dock.status.text())
    assert "726 of 1,688 ha" in dock.status.text()
    assert "megapixel" not in dock.status.text()


def test_the_pace_of_a_run_is_the_guess_for_the_next(dock, answers, qtbot, monkeypatch):
    monkeypatch.setattr(detect_page, "add_run", lambda _: None)
    answers.size = {"width": 1000, "height": 1000, "resolution_m": 1.0, "area_ha": 100.0}
    answers.seconds = 63.0
    dock.advanced.tau.setValue(0.6)
    qtbot.waitUntil(lambda: "Ready" in dock.page.hint.text())
    answers.go.set()
    dock.run()
    qtbot.waitUntil(lambda: "5 candidates" in dock.status.text())
    qtbot.waitUntil(lambda: "about 1 min" in dock.page.hint.text())


def test_a_long_path_does_not_widen_the_page(dock):
    before = dock.minimumSizeHint().width()
    path = "/home/somebody" + "/a_folder-with.a.long.name" * 12
    dock.status.setText(f"Stopped. What is finished stays in {path}; press Run to go on from there.")
    dock._show_findings([Finding("info", "unfinished_run", {"folder": path})])
    dock.page.layout().activate()
    assert dock.minimumSizeHint().width() <= before
    assert path in dock.status.text()


def test_the_layers_of_a_run_are_not_forced_on_another_project(dock, answers, qtbot, monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr(detect_page, "add_run", shown.append)
    dock.model.output.setFilePath(str(tmp_path / "run"))
    dock.run()
    qtbot.waitUntil(lambda: "43%" in dock.status.text())
    QgsProject.instance().clear()
    answers.go.set()
    qtbot.waitUntil(lambda: "5 candidates" in dock.status.text())
    assert shown == []
    message = dock._iface.messageBar().currentItem()
    assert "project before" in message.text()
    with qtbot.waitSignal(dock.run_wanted) as wanted:
        message.findChild(QPushButton).click()
    assert wanted.args == [str(tmp_path / "run")]


def test_a_run_that_qgis_was_left_in_is_offered_and_goes_on(dock, answers, qtbot, qgis_iface, tmp_path, monkeypatch):
    monkeypatch.setattr(detect_page, "add_run", lambda _: None)
    folder = tmp_path / "run"
    dock.model.output.setFilePath(str(folder))
    dock.advanced.tau.setValue(0.55)
    dock.run()
    qtbot.waitUntil(lambda: "43%" in dock.status.text())
    monkeypatch.setattr(unfinished, "is_resumable", lambda path: path == str(folder))
    other = DetectPage(qgis_iface)
    qtbot.addWidget(other)
    other.show()
    assert other.unfinished.words.text() == "The run run was not finished."
    assert other.unfinished.toolTip() == str(folder)
    assert other.unfinished.isVisible()
    answers.go.set()
    other.unfinished.buttons["goOn"].click()
    qtbot.waitUntil(lambda: len(answers.requests) == 2)
    assert answers.requests[1] == answers.requests[0]
    qtbot.waitUntil(lambda: "5 candidates" in other.status.text())
    assert QgsSettings().value("plugins/farmcd/unfinished_run") == ""
    other.unload()


def test_qgis_asks_before_it_closes_in_the_midst_of_a_run(dock, qtbot):
    dock.run()
    qtbot.waitUntil(lambda: "43%" in dock.status.text())
    assert not dock._task.flags() & QgsTask.Flag.CancelWithoutPrompt
    check = tasks.PreflightTask(dock.request(), "check")
    assert check.flags() & QgsTask.Flag.CancelWithoutPrompt


def test_runs_go_beside_the_project_else_into_the_folder_of_the_options_and_never_loose_into_home(dock, tmp_path):
    assert Path(dock.model.output.filePath()).parent != Path.home()
    settings().folder.setValue(str(tmp_path / "runs"))
    dock._guess()
    assert Path(dock.model.output.filePath()).parent == tmp_path / "runs"
    (tmp_path / "here").mkdir()
    QgsProject.instance().write(str(tmp_path / "here" / "project.qgz"))
    dock._guess()
    assert Path(dock.model.output.filePath()).parent == tmp_path / "here"


def test_no_extent_is_not_shown_as_if_it_were_about_to_be_typed_over(qgis_app):
    form = PairForm(None)
    (edit,) = (one for one in form.extent.findChildren(QLineEdit) if one.text())
    assert not edit.hasSelectedText()
