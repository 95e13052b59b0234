"""The dock as a whole: steps, the run that they share, and what moves from one to the other."""

import gc
import re
import shutil
from types import SimpleNamespace

import pytest
from qgis.core import QgsLayerTreeModel, QgsProject, QgsSettings, QgsVectorLayer
from qgis.gui import QgsGui, QgsLayerTreeView, QgsMapMouseEvent
from qgis.PyQt.QtCore import QEvent, QPoint, Qt
from qgis.PyQt.QtGui import QHelpEvent
from qgis.PyQt.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QLineEdit, QMenu, QToolTip

from farmcd_qgis import tasks
from farmcd_qgis.core.paths import resources
from farmcd_qgis.core.run_files import RUN_JSON
from farmcd_qgis.engine.assess.sample import draw_sample
from farmcd_qgis.gui import help as help_module
from farmcd_qgis.gui.dock import FarmCDDock
from farmcd_qgis.gui.help import Manual
from farmcd_qgis.gui.run_menu import RunMenu
from farmcd_qgis.layers import add_run
from farmcd_qgis.layers.known_runs import recent_runs
from farmcd_qgis.runtime import pool as jobs


@pytest.fixture
def whole(qgis_iface, qgis_new_project, monkeypatch):
    QgsSettings().remove("plugins/farmcd")

    def nothing(command, arguments, feedback):
        return {"devices": [], "findings": [], "pictures": [], "pages": 0, "candidates": 0, "fell_back": False}

    monkeypatch.setattr(jobs, "run_job", nothing)
    made = FarmCDDock(qgis_iface)
    window = qgis_iface.mainWindow()
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    window.show()
    made.show()
    yield made
    made.unload()
    window.removeDockWidget(made)
    made.deleteLater()
    tasks.end_all()
    QgsSettings().remove("plugins/farmcd")
    gc.collect()


def step(dock, name, qtbot):
    qtbot.mouseClick(dock.buttons[name], Qt.MouseButton.LeftButton)


def shown(name: str) -> bool:
    layer = QgsProject.instance().mapLayersByName(name)[0]
    return QgsProject.instance().layerTreeRoot().findLayer(layer.id()).isVisible()


def test_the_projects_run_is_the_current_one_by_itself(whole, run, qtbot):
    assert whole.run.current is None
    add_run(run)
    qtbot.waitUntil(lambda: whole.run.current == run.resolve())
    assert whole.review.session is None, "nobody has asked for it"
    words = whole.run.combo.currentText()
    assert "→" in words or run.name in words
    step(whole, "review", qtbot)
    assert whole.review.session is not None
    step(whole, "report", qtbot)
    assert whole.report.form.run_dir == run.resolve()
    step(whole, "learn", qtbot)
    qtbot.waitUntil(lambda: whole.learn._session is not None)
    QgsProject.instance().clear()
    qtbot.waitUntil(lambda: whole.run.current is None)
    assert whole.review.session is None


def test_the_map_is_given_back_between_the_steps(whole, run, qtbot):
    add_run(run)
    qtbot.waitUntil(lambda: whole.run.current is not None)
    step(whole, "review", qtbot)
    assert not shown("Hard regions")
    step(whole, "report", qtbot)
    assert shown("Hard regions")
    step(whole, "review", qtbot)
    assert not shown("Hard regions")
    whole.close()
    assert shown("Hard regions")
    whole.show_step("review")
    assert not shown("Hard regions")


def test_a_run_that_is_opened_is_shown_remembered_and_offered_again(whole, run, qtbot, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    for folder in (run, other):
        whole.set_run(str(folder))
        assert whole.run.current == folder.resolve()
    assert len(QgsProject.instance().mapLayersByName("Candidates")) == 2
    assert [known.folder for known in recent_runs()] == [str(other.resolve()), str(run.resolve())]
    QgsProject.instance().clear()
    qtbot.waitUntil(lambda: whole.run.combo.findData(str(other.resolve())) > 0)
    place = whole.run.combo.findData(str(other.resolve()))
    assert whole.run.combo.itemText(place).startswith("Recent: ")
    whole.run.combo.setCurrentIndex(place)
    whole.run.combo.activated.emit(place)
    assert whole.run.current == other.resolve()
    assert len(QgsProject.instance().mapLayersByName("Candidates")) == 1


def test_a_folder_without_a_run_leaves_the_current_one(whole, run, qgis_iface, tmp_path):
    whole.set_run(str(run))
    (tmp_path / "empty").mkdir()
    whole.set_run(str(tmp_path / "empty"))
    assert whole.run.current == run.resolve()
    assert [known.folder for known in recent_runs()] == [str(run.resolve())]


def test_a_run_without_its_record_is_named_by_its_folder(whole, run, qtbot):
    add_run(run)
    (run / RUN_JSON).unlink()
    qtbot.waitUntil(lambda: whole.run.current is not None)
    assert whole.run.combo.currentText() == run.name


@pytest.mark.parametrize("name", ["review", "accuracy"])
def test_a_project_that_is_saved_meanwhile_shows_what_was_hidden_for_a_look_beneath(whole, run, qtbot, tmp_path, name):
    draw_sample(run, {0: 6, 1: 2, 2: 2, 3: 2, 4: 2, 5: 2}, 5)
    add_run(run)
    qtbot.waitUntil(lambda: whole.run.current is not None)
    before = {layer.name(): shown(layer.name()) for layer in QgsProject.instance().mapLayers().values()}
    assert before["Hard regions"]
    step(whole, name, qtbot)
    assert not shown("Hard regions")
    assert QgsProject.instance().write(str(tmp_path / "saved.qgz"))
    assert not shown("Hard regions"), "the person goes on judging"
    again = QgsProject()
    assert again.read(str(tmp_path / "saved.qgz"))
    root = again.layerTreeRoot()
    after = {node.name(): node.itemVisibilityChecked() for node in root.findLayers() if node.name() in before}
    assert after == before


def test_keys_belong_to_the_step_that_is_seen(whole, run, qtbot, qgis_iface):
    add_run(run)
    qtbot.waitUntil(lambda: whole.run.current is not None)
    step(whole, "review", qtbot)
    step(whole, "report", qtbot)
    qtbot.keyClick(qgis_iface.mapCanvas(), Qt.Key.Key_Y)
    assert whole.review.session.counts()["confirmed"] == 0
    step(whole, "review", qtbot)
    qtbot.keyClick(qgis_iface.mapCanvas(), Qt.Key.Key_Y)
    assert whole.review.session.counts()["confirmed"] == 1


def test_unload_takes_the_keys_back(qgis_iface, qgis_new_project):
    registered = len(QgsGui.shortcutsManager().listActions())
    made = FarmCDDock(qgis_iface)
    assert len(QgsGui.shortcutsManager().listActions()) > registered
    made.unload()
    assert len(QgsGui.shortcutsManager().listActions()) == registered
    made.deleteLater()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_f1_and_the_help_button_lead_to_the_chapter_of_the_step(whole, qtbot, monkeypatch, language):
    monkeypatch.setattr(help_module, "language", lambda: f"{language}_XX")
    step(whole, "report", qtbot)
    whole.report.form.office.setFocus()
    qtbot.keyClick(whole.report.form.office, Qt.Key.Key_F1)
    manual = whole.window().findChild(Manual)
    assert manual.isVisible()
    assert manual.text.source().toLocalFile().endswith(f"{language}.html")
    step(whole, "detect", qtbot)
    whole.help.click()
    assert len(whole.window().findChildren(Manual)) == 1, "the window that is open goes to the chapter"
    manual.close()


def test_every_chapter_that_is_asked_for_is_in_both_manuals(whole):
    chapters = {*(one.name for one in whole.steps), "begin", "install", "compare"}
    for language in ("en", "zh"):
        text = (resources() / "manual" / f"{language}.html").read_text(encoding="utf-8")
        assert {name for name in chapters if f'<a name="{name}"></a>' not in text} == set()
        for link in re.findall(r'href="#(\w+)"', text):
            assert f'<a name="{link}"></a>' in text


def entries(menu: QMenu) -> dict:
    return {action.text(): action for action in menu.actions() if not action.isSeparator()}


@pytest.mark.parametrize("of", ["group", "Candidates"])
def test_the_layer_trees_menu_reviews_and_removes_a_run(whole, run, qtbot, qgis_iface, monkeypatch, of):
    mine = QgsVectorLayer("Polygon?crs=EPSG:4326", "mine", "memory")
    QgsProject.instance().addMapLayer(mine)
    group = add_run(run)
    # That of pytest-qgis shows no project.
    tree, root = QgsLayerTreeView(), QgsProject.instance().layerTreeRoot()
    model = QgsLayerTreeModel(root)
    tree.setModel(model)
    iface = SimpleNamespace(layerTreeView=lambda: tree, mapCanvas=qgis_iface.mapCanvas)
    compared = []
    added = RunMenu(iface, whole.review_run, compared.append)
    own = root.findLayer(mine.id())
    tree.setCurrentNode(own)
    menu = QMenu()
    tree.contextMenuAboutToShow.emit(menu)
    assert entries(menu) == {}
    candidates = QgsProject.instance().mapLayersByName("Candidates")[0]
    node = group if of == "group" else root.findLayer(candidates.id())
    tree.setCurrentNode(node)
    tree.contextMenuAboutToShow.emit(menu)
    words = ["Review this", "Compare with another run…", "Open folder", "Remove run from project"]
    assert list(entries(menu)) == words
    told = []
    monkeypatch.setattr(QToolTip, "showText", lambda at, text, widget: told.append(text))
    tree.resize(300, 300)
    tree.expandAll()
    middle = tree.visualRect(tree.node2index(node)).center()
    QApplication.sendEvent(tree.viewport(), QHelpEvent(QEvent.Type.ToolTip, middle, middle))
    assert [text.split("\n")[-1] for text in told] == ([str(run)] if of == "group" else [])
    entries(menu)[words[1]].trigger()
    assert compared == [str(run)]
    entries(menu)["Review this"].trigger()
    assert whole.page is whole.review
    assert whole.review.session is not None
    entries(menu)["Remove run from project"].trigger()
    assert QgsProject.instance().mapLayersByName("Candidates") == []
    assert root.findGroups() == []
    assert [layer.name() for layer in QgsProject.instance().mapLayers().values()] == ["mine"]
    assert (run / RUN_JSON).is_file()
    qtbot.waitUntil(lambda: whole.run.current is None)
    added.unload()


def test_a_candidate_that_is_pointed_at_in_the_map_is_reviewed(whole, run, qgis_iface):
    add_run(run)
    layer = QgsProject.instance().mapLayersByName("Candidates")[0]
    feature = next(one for one in layer.getFeatures() if one["candidate_id"] == 3)
    canvas = qgis_iface.mapCanvas()
    canvas.setDestinationCrs(layer.crs())
    canvas.setLayers([layer])
    canvas.setExtent(layer.extent())
    place = canvas.getCoordinateTransform().transform(feature.geometry().pointOnSurface().asPoint())
    event = QgsMapMouseEvent(canvas, QEvent.Type.MouseButtonPress, QPoint(round(place.x()), round(place.y())))
    menu = QMenu()
    canvas.contextMenuAboutToShow.emit(menu, event)
    entries(menu)["Review candidate 3"].trigger()
    assert whole.review.session.number == 3


def test_a_run_that_ends_while_another_is_reviewed_leaves_the_person_there(whole, run, qtbot, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    whole.set_run(str(run))
    step(whole, "review", qtbot)
    add_run(other)
    whole.detect.finished.emit(str(other))
    assert whole.run.current == run.resolve()
    assert whole.review.session is not None
    step(whole, "detect", qtbot)
    whole.detect.finished.emit(str(other))
    assert whole.run.current == other.resolve()


def test_the_step_takes_the_focus_and_no_field_does(whole, qtbot):
    for name in whole.buttons:
        whole.show_step(name)
        focused = whole.window().focusWidget()
        assert not isinstance(focused, QLineEdit | QAbstractSpinBox | QComboBox), name
