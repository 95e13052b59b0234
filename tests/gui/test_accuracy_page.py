"""The accuracy dock as an analyst uses it: plan, draw, judge blind by keys, undo, result, and what closing leaves."""

import gc
import json
import shutil
import sys
from pathlib import Path

import pytest
from qgis.core import QgsProject
from qgis.gui import QgsGui, QgsRubberBand
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QFileDialog

from farmcd_qgis import tasks
from farmcd_qgis.accuracy.judgements import assessment, read_strata
from farmcd_qgis.core.run_files import ACCURACY_SAMPLE, RUN_GPKG
from farmcd_qgis.engine.assess.sample import draw_sample
from farmcd_qgis.gui.accuracy.page import AccuracyPage
from farmcd_qgis.gui.accuracy.panel import JUDGE, PLAN, RESULT
from farmcd_qgis.gui.review.page import ReviewPage
from farmcd_qgis.layers import add_run
from tests.helpers.accuracy_log import log
from tests.helpers.docked import docked

Key = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier
POINTS = {0: 6, 1: 2, 2: 2, 3: 2, 4: 2, 5: 2}
RESULTS = ("Candidates", "Hard regions", "Accuracy sample")


@pytest.fixture(autouse=True)
def project(qgis_new_project):
    """Begin with an empty project and leave none of its layers to other tests."""
    yield
    QgsProject.instance().clear()


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def drawn(run):
    draw_sample(run, POINTS, 5)
    return run


@pytest.fixture
def dock(qgis_iface, project, monkeypatch):
    monkeypatch.setenv("FARMCD_PYTHON", sys.executable)
    with docked(qgis_iface, AccuracyPage(qgis_iface)) as page:
        yield page
    tasks.end_all()
    gc.collect()


def press(dock, *keys, modifier=Qt.KeyboardModifier.NoModifier):
    for key in keys:
        QTest.keyClick(dock.panel, key, modifier)


def number(dock) -> int:
    return dock.session.points[dock.session.row].sample_id


def given(run) -> list[tuple]:
    """Read (point, judgement, class) of the log."""
    return [row[1:4] for row in log(run)]


def shown(name: str) -> bool:
    layer = QgsProject.instance().mapLayersByName(name)[0]
    return QgsProject.instance().layerTreeRoot().findLayer(layer.id()).isVisible()


def bands(qgis_iface) -> list:
    return [item for item in qgis_iface.mapCanvas().scene().items() if isinstance(item, QgsRubberBand)]


def test_keys_give_judgements_which_are_in_the_file_at_once(dock, drawn):
    assert dock.open_run(drawn)
    assert dock.panel.tabs.currentIndex() == JUDGE
    press(dock, Key.Key_0, Key.Key_N, Key.Key_3, Key.Key_U, Key.Key_S)
    wanted = [(1, "class", 0), (2, "class", 0), (3, "class", 3), (4, "unsure", None), (5, "skipped", None)]
    assert given(drawn) == wanted
    assert (number(dock), dock.panel.judge.progress.value(), dock.panel.judge.progress.maximum()) == (6, 4, 16)
    press(dock, Key.Key_Z, Key.Key_Z, modifier=CONTROL)
    assert number(dock) == 4
    assert dock.panel.judge.state.text() == "Not judged"
    press(dock, Key.Key_Y, modifier=CONTROL)
    assert dock.panel.judge.state.text().startswith("Cannot tell, ")
    press(dock, Key.Key_Backspace)
    assert number(dock) == 3
    assert dock.panel.judge.state.text().startswith("Road, ")
    press(dock, Key.Key_4)
    assert number(dock) == 5
    assert given(drawn)[-1] == (3, "class", 4)
    press(dock, Key.Key_Backspace, Key.Key_S)
    assert given(drawn)[-1] == (3, "class", 4), "a judged point is only passed over"


def test_letters_in_the_note_are_letters_and_go_with_the_judgement(dock, drawn):
    dock.open_run(drawn)
    QTest.keyClicks(dock.panel.judge.note, "5 sheds, N")
    assert given(drawn) == []
    press(dock, Key.Key_2)
    assert log(drawn)[0][4] == "5 sheds, N"
    assert dock.panel.judge.note.text() == ""


def test_nothing_of_the_model_is_seen_while_points_are_judged(dock, drawn, qgis_iface):
    add_run(drawn)
    assert [shown(name) for name in RESULTS[:2]] == [True] * 2
    dock.open_run(drawn)
    assert [shown(name) for name in RESULTS] == [False] * 3
    words = [dock.panel.judge.title.text(), dock.panel.judge.hint.text(), dock.panel.judge.state.text()]
    mapped = ("Bareland", "Building", "Road", "Vegetation", "Water", "change")
    for _ in range(len(dock.session)):
        words += [dock.panel.judge.title.text(), dock.panel.judge.hint.text(), dock.panel.judge.state.text()]
        press(dock, Key.Key_S)
    assert not [word for word in words for name in mapped if name in word]
    # What a person shows meanwhile is hidden again with the next point.
    QgsProject.instance().layerTreeRoot().findLayer(
        QgsProject.instance().mapLayersByName("Hard regions")[0].id()
    ).setItemVisibilityChecked(True)
    press(dock, Key.Key_Backspace)
    assert not shown("Hard regions")
    dock.leave()
    assert [shown(name) for name in RESULTS] == [True] * 3
    assert not shown("Confidence")
    dock.enter(None)
    assert not shown("Candidates")


def test_the_map_goes_to_the_pixel_and_marks_it(dock, drawn, qgis_iface):
    dock.open_run(drawn)
    canvas = qgis_iface.mapCanvas()
    for point in dock.session.points:
        assert number(dock) == point.sample_id
        (band,) = bands(qgis_iface)
        box = band.asGeometry().boundingBox()
        assert (box.center().x(), box.center().y()) == pytest.approx((point.x, point.y))
        assert (box.width(), box.height()) == pytest.approx((6.0, 6.0))
        assert canvas.extent().contains(box)
        assert canvas.extent().width() < 2000
        press(dock, Key.Key_S)
    assert bands(qgis_iface)[0].asGeometry().isEmpty()


def test_flicker_and_mark_hide_and_come_back(dock, drawn, qgis_iface):
    dock.open_run(drawn)
    press(dock, Key.Key_Space)
    assert (shown("After"), shown("Before")) == (False, True)
    press(dock, Key.Key_H)
    assert not bands(qgis_iface)[0].isVisible()
    press(dock, Key.Key_1)
    assert shown("After")
    assert bands(qgis_iface)[0].isVisible()


def test_side_by_side_shows_the_point_in_both_dates(dock, drawn):
    dock.open_run(drawn)
    views = dock._views
    assert views.actions["pair"].isChecked()
    for point in dock.session.points[:3]:
        for canvas in views.dock.canvases.canvases:
            assert canvas.extent().contains(point.x, point.y)
            assert [layer.name()[:6] for layer in canvas.layers()] in (["Before"], ["After"])
        press(dock, Key.Key_0)
    press(dock, Key.Key_V)
    assert not views.dock.isVisible()
    press(dock, Key.Key_V)
    assert views.dock.isVisible()
    dock.close_run()
    assert not views.dock.isVisible()


def test_keys_in_the_map_count_while_the_dock_is_seen(dock, drawn, qgis_iface):
    dock.open_run(drawn)
    canvas = qgis_iface.mapCanvas()
    dock.panel.clearFocus()
    QTest.keyClick(canvas, Key.Key_0)
    QTest.keyClick(canvas, Key.Key_Z, CONTROL)
    assert given(drawn) == [(1, "class", 0), (1, "undo", None)]
    dock.leave()
    QTest.keyClick(canvas, Key.Key_0)
    assert len(given(drawn)) == 2


def test_the_result_says_what_limits_it(dock, drawn):
    dock.open_run(drawn)
    press(dock, Key.Key_0)
    dock.panel.tabs.setCurrentIndex(RESULT)
    text = dock.panel.result.text.toPlainText()
    assert "1 of 16 points have been judged" in text
    assert "Fewer than the 50 judged points" in text
    dock.panel.tabs.setCurrentIndex(JUDGE)
    for point in dock.session.points[1:]:
        press(dock, Key.Key_0 + point.map_class_id)
    assert dock.session.row is None
    assert "See the result" in dock.panel.judge.hint.text()
    dock.panel.tabs.setCurrentIndex(RESULT)
    text = dock.panel.result.text.toPlainText()
    assert "Overall accuracy" in text
    assert "±" in text
    assert "have been judged" not in text
    # Keys are no judgements here.
    press(dock, Key.Key_1)
    assert len(given(drawn)) == 16


def test_the_result_can_be_saved(dock, drawn, tmp_path, monkeypatch):
    dock.open_run(drawn)
    for point in dock.session.points:
        press(dock, Key.Key_0 + point.map_class_id)
    dock.panel.tabs.setCurrentIndex(RESULT)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    dock.panel.result.save.click()
    record = json.loads((tmp_path / "out" / "accuracy.json").read_text())
    assert record["overall"]["value"] == assessment(drawn).overall.value


def test_plan_and_draw_and_draw_more(dock, run, qtbot):
    dock.open_run(run)
    assert dock.panel.tabs.currentIndex() == PLAN
    plan = dock.panel.plan
    qtbot.waitUntil(lambda: bool(plan.points))
    plan.minimum.setValue(10)
    plan.error.setValue(5.0)
    few = sum(plan.points.values())
    assert f"{few} points in all" in plan.summary.text()
    plan.error.setValue(3.0)
    assert sum(plan.points.values()) > few
    plan.draw.click()
    qtbot.waitUntil(lambda: dock.session is not None)
    assert dock.panel.tabs.currentIndex() == JUDGE
    assert len(dock.session) == sum(plan.points.values())
    assert len(QgsProject.instance().mapLayersByName("Accuracy sample")) == 1
    assert "without judgements" in plan.existing.text()
    press(dock, Key.Key_0)
    assert "adds 0 points" in plan.existing.text()
    assert not plan.draw.isEnabled()
    before, points = len(dock.session), [(point.x, point.y) for point in dock.session.points]
    plan.minimum.setValue(12)
    plan.error.setValue(2.0)
    plan.draw.click()
    qtbot.waitUntil(lambda: dock.session is not None and len(dock.session.points) > before)
    assert [(point.x, point.y) for point in dock.session.points][:before] == points
    assert given(run) == [(1, "class", 0)]
    assert sum(row.drawn for row in read_strata(run / RUN_GPKG)[0]) == len(dock.session.points)


def test_a_class_with_fewer_pixels_than_the_minimum_is_taken_whole(dock, run, qtbot):
    dock.open_run(run)
    plan = dock.panel.plan
    qtbot.waitUntil(lambda: bool(plan.points))
    plan.minimum.setValue(1000)
    assert plan.points == {0: 1000, 1: 160, 2: 160, 3: 160, 4: 160, 5: 160}
    assert "minimum of each class takes more" in plan.summary.text()


def test_removing_the_layers_in_mid_judgement_is_survived(dock, drawn, qgis_iface):
    dock.open_run(drawn)
    QgsProject.instance().removeMapLayer(QgsProject.instance().mapLayersByName("After")[0].id())
    press(dock, Key.Key_0, Key.Key_Space)
    QgsProject.instance().clear()
    assert dock.session is None
    press(dock, Key.Key_0)
    assert len(given(drawn)) == 1
    assert bands(qgis_iface) == []


def test_unload_takes_everything_back(qgis_iface, drawn):
    registered = len(QgsGui.shortcutsManager().listActions())
    dock = AccuracyPage(qgis_iface)
    assert len(QgsGui.shortcutsManager().listActions()) > registered
    dock.open_run(drawn)
    dock.unload()
    assert bands(qgis_iface) == []
    assert len(QgsGui.shortcutsManager().listActions()) == registered
    assert shown("Hard regions")
    dock.deleteLater()


def test_both_docks_have_keys_of_their_own(dock, qgis_iface):
    review = ReviewPage(qgis_iface)
    names = {action.objectName() for action in (*review.actions_by_name.values(), *dock.actions_by_name.values())}
    assert len(names) == len(review.actions_by_name) + len(dock.actions_by_name)
    review.unload()
    review.deleteLater()


def test_the_sample_is_a_styled_layer(drawn):
    from farmcd_qgis.layers import add_sample

    layer = add_sample(drawn)
    assert layer.renderer().type() == "categorizedSymbol"
    assert "map_class_id" not in layer.renderer().classAttribute()
    assert layer.featureCount() == 16
    assert add_sample(drawn) is layer
    assert f"layername={ACCURACY_SAMPLE}" in layer.source()


def test_what_stands_in_the_way_is_said(dock, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(dock, "_say", lambda message, *_: said.append(str(message)))
    assert not dock.open_run(Path(tmp_path))
    assert "finished run" in said[-1]
    assert dock.session is None
