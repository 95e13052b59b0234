"""Every key of the review, pressed in the map, in the panel and in the canvases of before and after."""

import pytest
from qgis.core import QgsProject
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtTest import QTest

from farmcd_qgis.gui.judging import page as judging_page
from farmcd_qgis.gui.review import edits as review_edits
from tests.helpers.rasters import PIXEL
from tests.helpers.review_keys import Key, number, verdicts
from tests.helpers.waiting import wait_for

CONTROL, NONE = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier
PLACES = ["map", "panel", "before", "after"]


@pytest.fixture
def opened(dock, run):
    assert dock.open_run(run)
    QCoreApplication.processEvents()
    yield dock
    (layer,) = QgsProject.instance().mapLayersByName("Candidates")
    if layer.isEditable():
        layer.rollBack()


@pytest.fixture
def layer(opened):
    (found,) = QgsProject.instance().mapLayersByName("Candidates")
    return found


def widget(dock, iface, place: str):
    canvases = dock._views.dock.canvases
    return {"map": iface.mapCanvas(), "panel": dock.panel, "before": canvases.before, "after": canvases.after}[place]


@pytest.mark.parametrize("place", PLACES)
def test_all_keys_work_everywhere(opened, qgis_iface, run, place):
    def press(*keys, modifier=NONE):
        for key in keys:
            QTest.keyClick(widget(opened, qgis_iface, place), key, modifier)

    press(Key.Key_Y, Key.Key_5, Key.Key_N, Key.Key_E, Key.Key_U)
    assert [row[1] for row in verdicts(run)] == ["confirmed", "other_class", "pseudo_change", "unsure"]
    press(Key.Key_Z, modifier=CONTROL)
    assert verdicts(run)[-1][1] == "undo"
    press(Key.Key_Y, modifier=CONTROL)
    assert verdicts(run)[-1][1] == "redo"
    shown = number(opened)
    press(Key.Key_Backspace)
    assert number(opened) != shown
    press(Key.Key_Space)
    assert opened.actions_by_name["flicker"].iconText() == "After"
    press(Key.Key_H)
    assert opened.actions_by_name["outline"].iconText() == "Outline on"
    press(Key.Key_G)
    assert verdicts(run)[-1][1] == "outline"
    press(Key.Key_N, Key.Key_Escape)
    assert opened.panel.pages.currentIndex() == 0


@pytest.mark.parametrize("place", PLACES)
def test_outlines_are_saved_and_edits_taken_back_everywhere(opened, layer, qgis_iface, run, place):
    geometry = layer.getFeature(1).geometry()
    moved = layer.getFeature(1).geometry()
    moved.translate(3 * PIXEL, 0)
    assert layer.startEditing()
    layer.changeGeometry(1, moved)
    given = len(verdicts(run))
    target = widget(opened, qgis_iface, place)
    QTest.keyClick(target, Key.Key_Z, CONTROL)
    assert layer.getFeature(1).geometry().equals(geometry), "what is drawn and not saved is taken back first"
    QTest.keyClick(target, Key.Key_Y, CONTROL)
    assert layer.getFeature(1).geometry().equals(moved)
    QTest.keyClick(target, Key.Key_Return, CONTROL)
    assert not layer.isEditable()
    wait_for(lambda: len(verdicts(run)) > given)
    assert verdicts(run)[-1] == (1, "outline", None, None)


def test_a_line_in_the_making_keeps_its_own_keys_and_all_others_work(opened, layer, qgis_iface, run, monkeypatch):
    canvas = qgis_iface.mapCanvas()
    tool = QgsMapToolPan(canvas)
    canvas.setMapTool(tool)
    ended = []
    for module in (judging_page, review_edits):
        monkeypatch.setattr(module, "drawing", lambda _: True)
    monkeypatch.setattr(opened._edits, "_right_click", lambda: ended.append(True))
    canvas.setFocus()
    QTest.keyClick(canvas, Key.Key_Y)
    canvas.setFocus()
    QTest.keyClick(canvas, Key.Key_Z, CONTROL)
    QTest.keyClick(canvas, Key.Key_Backspace)
    assert [row[1] for row in verdicts(run)] == ["confirmed"]
    assert layer.startEditing()
    QTest.keyClick(canvas, Key.Key_Return, CONTROL)
    assert ended == [True], "saving ends the line first"
    assert not layer.isEditable()
    canvas.unsetMapTool(tool)


def test_a_click_into_a_canvas_takes_the_keyboard_there(opened, qgis_iface, run):
    opened.panel.note.setFocus()
    canvas = widget(opened, qgis_iface, "before")
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton)
    assert canvas.window().focusWidget() is canvas


def test_a_button_that_is_reached_with_tab_is_pressed_and_judges_nothing(opened, run, qtbot):
    fold = opened.panel.folds.buttons[0]
    for key, out in ((Key.Key_Space, True), (Key.Key_Return, False)):
        fold.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(fold, key)
        assert fold.isChecked() is out
    assert verdicts(run) == []
    assert opened._after_shown
    # Who clicks goes on with the keys of the page.
    assert fold.focusPolicy() == Qt.FocusPolicy.TabFocus
    opened.panel.note.setFocus()
    qtbot.mouseClick(fold, Qt.MouseButton.LeftButton)
    assert not opened.panel.note.hasFocus()
