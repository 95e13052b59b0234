"""The review dock as an analyst uses it: keys, words, queue, outline, restarts, and what closing leaves behind."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgsGui, QgsRubberBand
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QPushButton

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.gui.review.page import ReviewPage
from farmcd_qgis.gui.review.words import evidence
from farmcd_qgis.layers import add_run
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.review_files import columns, log, mirrored
from tests.helpers.review_keys import Key, number, press, verdicts
from tests.helpers.review_keys import evidence as evidence_of


def bands(qgis_iface) -> list:
    return [item for item in qgis_iface.mapCanvas().scene().items() if isinstance(item, QgsRubberBand)]


def test_keys_give_verdicts_which_are_in_the_file_at_once(dock, run):
    assert dock.open_run(run)
    assert [number(dock)] == [1]
    press(dock, Key.Key_Y)
    assert verdicts(run) == [(1, "confirmed", 1, None)]
    press(dock, Key.Key_5)
    assert verdicts(run)[1:] == [(2, "other_class", 5, None)]
    press(dock, Key.Key_N)
    assert len(verdicts(run)) == 2
    press(dock, Key.Key_E)
    assert verdicts(run)[2:] == [(3, "pseudo_change", 0, "season")]
    press(dock, Key.Key_U, Key.Key_S)
    assert verdicts(run)[3:] == [(4, "unsure", None, None), (5, "skipped", None, None)]
    assert dock.session.row is None
    assert "skipped: 1" in dock.panel.opinion.text()
    assert "unsure: 1" in dock.panel.opinion.text()
    assert (dock.panel.progress.value(), dock.panel.progress.maximum()) == (4, 5)
    assert mirrored(run / RUN_GPKG)[3] == ("pseudo_change", 0)
    layer = QgsProject.instance().mapLayersByName("Candidates")[0]
    assert [feature["status"] for feature in layer.getFeatures()][:2] == ["confirmed", "other_class"]
    assert [feature["reviewed_class_id"] for feature in layer.getFeatures()][:2] == [1, 5]


def test_a_file_that_another_program_writes_to_is_waited_for_in_the_background(dock, run, qtbot, monkeypatch):
    monkeypatch.setattr("farmcd_qgis.review.log.WAIT_SECONDS", 60.0)
    dock.open_run(run)
    with closing(sqlite3.connect(run / RUN_GPKG, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        press(dock, Key.Key_Y)
        assert not dock.actions_by_name["confirm"].isEnabled(), "one verdict after the other"
        assert number(dock) == 1
        other.execute("ROLLBACK")
    qtbot.waitUntil(lambda: dock.actions_by_name["confirm"].isEnabled())
    assert verdicts(run) == [(1, "confirmed", 1, None)]
    assert number(dock) == 2


def test_undo_redo_and_back_show_what_they_change(dock, run):
    dock.open_run(run)
    press(dock, Key.Key_Return, Key.Key_Y)
    assert number(dock) == 3
    press(dock, Key.Key_Z, modifier=Qt.KeyboardModifier.ControlModifier)
    assert number(dock) == 2
    assert dock.panel.state.text() == "Not reviewed"
    press(dock, Key.Key_Y, modifier=Qt.KeyboardModifier.ControlModifier)
    assert number(dock) == 2
    assert dock.panel.state.text().startswith("Confirmed (building)")
    press(dock, Key.Key_Backspace)
    assert number(dock) == 1
    press(dock, Key.Key_3)
    assert number(dock) == 3
    assert dock.session.store.statuses() == {1: "other_class", 2: "confirmed"}
    press(dock, Key.Key_Backspace, Key.Key_S)
    assert dock.session.store.statuses() == {1: "other_class", 2: "confirmed"}
    assert number(dock) == 3


def test_a_later_session_goes_on_where_the_first_ended(dock, run):
    dock.open_run(run)
    press(dock, Key.Key_Y, Key.Key_U)
    dock.close_run()
    assert dock.panel.title.text() == ""
    dock.open_run(run)
    assert number(dock) == 3
    press(dock, Key.Key_Z, modifier=Qt.KeyboardModifier.ControlModifier)
    assert number(dock) == 2
    assert dock.panel.place.text() == "1 of 4" or dock.panel.place.text() == "not in this queue"


def test_the_reason_can_be_left_out_or_thought_better_of(dock, run):
    dock.open_run(run)
    press(dock, Key.Key_N, Key.Key_Escape)
    assert dock.panel.pages.currentIndex() == 0
    press(dock, Key.Key_N, Key.Key_Y)
    assert verdicts(run) == []
    press(dock, Key.Key_N)
    assert verdicts(run) == [(1, "pseudo_change", 0, None)]


def test_a_held_key_gives_one_verdict(dock, run):
    dock.open_run(run)
    none = Qt.KeyboardModifier.NoModifier
    for repeats in (False, True, True):
        dock._keys.eventFilter(dock.panel, QKeyEvent(QEvent.Type.KeyPress, Key.Key_Y, none, "y", repeats))
    assert len(verdicts(run)) == 1


def test_keys_work_beside_qgis_actions_of_the_same_key_and_in_combo_boxes(dock, run, qgis_iface):
    dock.open_run(run)
    snapping = QAction(qgis_iface.mainWindow())
    snapping.setShortcut("S")
    qgis_iface.mainWindow().addAction(snapping)
    QTest.keyClick(dock.panel.order, Key.Key_S)
    QTest.keyClick(dock.panel.order, Key.Key_Y)
    assert [row[1] for row in verdicts(run)] == ["skipped", "confirmed"]
    assert dock.panel.order.currentIndex() == 0


def test_letters_in_the_note_are_letters(dock, run):
    dock.open_run(run)
    QTest.keyClicks(dock.panel.note, "Yes, 2 sheds")
    assert verdicts(run) == []
    assert dock.panel.note.text() == "Yes, 2 sheds"
    press(dock, Key.Key_Y)
    assert log(run / RUN_GPKG)[0][5] == "Yes, 2 sheds"
    assert dock.panel.note.text() == ""


def test_keys_in_the_map_count_while_the_dock_is_seen(dock, run, qgis_iface):
    dock.open_run(run)
    canvas = qgis_iface.mapCanvas()
    dock.panel.clearFocus()
    QTest.keyClick(canvas, Key.Key_Y)
    dock.panel.clearFocus()
    assert len(verdicts(run)) == 1
    dock.leave()
    QTest.keyClick(canvas, Key.Key_Y)
    assert len(verdicts(run)) == 1


def test_filters_and_orders(dock, run):
    dock.open_run(run)
    dock.panel.class_filter.setCurrentIndex(dock.panel.class_filter.findData(4))
    assert number(dock) == 4
    press(dock, Key.Key_Y)
    assert dock.session.row is None
    dock.panel.class_filter.setCurrentIndex(0)
    dock.panel.status.setCurrentIndex(dock.panel.status.findData("confirmed"))
    assert number(dock) == 4
    assert "(1)" in dock.panel.status.currentText()
    dock.panel.status.setCurrentIndex(dock.panel.status.findData("any"))
    assert len(dock.session) == 5
    dock.panel.order.setCurrentIndex(dock.panel.order.findData("place"))
    assert len(dock.session) == 5


def test_the_map_goes_to_the_candidate_and_outlines_it(dock, run, qgis_iface):
    dock.open_run(run)
    canvas = qgis_iface.mapCanvas()
    layer = QgsProject.instance().mapLayersByName("Candidates")[0]
    for feature in list(layer.getFeatures()):
        assert number(dock) == feature["candidate_id"]
        assert canvas.extent().contains(feature.geometry().boundingBox())
        (band,) = bands(qgis_iface)
        assert band.asGeometry().equals(feature.geometry())
        press(dock, Key.Key_S)


def shown(name: str) -> bool:
    layer = QgsProject.instance().mapLayersByName(name)[0]
    return QgsProject.instance().layerTreeRoot().findLayer(layer.id()).isVisible()


def test_flicker_and_outline_hide_and_come_back(dock, run, qgis_iface):
    dock.open_run(run)
    (band,) = bands(qgis_iface)
    assert not shown("Hard regions")
    press(dock, Key.Key_Space)
    assert (shown("After"), shown("Before")) == (False, True)
    press(dock, Key.Key_F)
    assert shown("After")
    press(dock, Key.Key_H)
    assert (band.isVisible(), shown("Candidates"), shown("After")) == (False, False, True)
    press(dock, Key.Key_Space, Key.Key_Y)
    assert (band.isVisible(), shown("Candidates"), shown("After")) == (True, True, True)
    press(dock, Key.Key_Space, Key.Key_H)
    dock.leave()
    assert [shown(name) for name in ("Candidates", "After", "Hard regions")] == [True] * 3
    assert not shown("Confidence")
    assert band.asGeometry().isEmpty()
    dock.enter(None)
    assert not shown("Hard regions")
    assert not band.asGeometry().isEmpty()


def test_opening_takes_the_layer_of_the_project_or_adds_the_run(dock, run):
    add_run(run)
    dock.open_run(run)
    assert len(QgsProject.instance().mapLayersByName("Candidates")) == 1
    QgsProject.instance().removeAllMapLayers()
    assert dock.session is None
    dock.open_run(run)
    assert len(QgsProject.instance().mapLayersByName("Candidates")) == 1


def test_removing_layers_or_the_project_in_mid_review_is_survived(dock, run, qgis_iface):
    dock.open_run(run)
    QgsProject.instance().removeMapLayer(QgsProject.instance().mapLayersByName("After")[0].id())
    press(dock, Key.Key_Y, Key.Key_Space)
    QgsProject.instance().removeMapLayer(QgsProject.instance().mapLayersByName("Candidates")[0].id())
    assert dock.session is None
    press(dock, Key.Key_Y, Key.Key_Space, Key.Key_H, Key.Key_N)
    assert bands(qgis_iface) == []
    assert len(verdicts(run)) == 1
    dock.open_run(run)
    QgsProject.instance().clear()
    assert dock.session is None
    assert not list(run.glob("*-wal"))


def test_unload_takes_everything_back(qgis_iface, qgis_new_project, run):
    registered = len(QgsGui.shortcutsManager().listActions())
    dock = ReviewPage(qgis_iface)
    assert len(QgsGui.shortcutsManager().listActions()) > registered
    dock.open_run(run)
    assert len(bands(qgis_iface)) == 1
    dock.unload()
    assert bands(qgis_iface) == []
    assert len(QgsGui.shortcutsManager().listActions()) == registered
    QTest.keyClick(qgis_iface.mapCanvas(), Key.Key_Y)
    assert verdicts(run) == []
    dock.deleteLater()


def test_a_key_changed_in_qgis_is_shown_and_heard(dock, run):
    dock.open_run(run)
    action = dock.actions_by_name["unsure"]
    QgsGui.shortcutsManager().setKeySequence(action, "Q")
    try:
        assert dock.findChild(QPushButton, "FarmCDReview_unsureButton").toolTip() == "Q"
        press(dock, Key.Key_U)
        assert verdicts(run) == []
        press(dock, Key.Key_Q)
        assert [row[1] for row in verdicts(run)] == ["unsure"]
    finally:
        QgsGui.shortcutsManager().setKeySequence(action, "U")


def test_what_stands_in_the_way_is_said(dock, run, tmp_path, qgis_iface, monkeypatch):
    said = []
    monkeypatch.setattr(dock, "_say", lambda message: said.append(str(message)))
    assert not dock.open_run(tmp_path)
    assert "finished run" in said[-1]
    (run / "run.json").unlink()
    assert not dock.open_run(run)
    assert "run.json" in said[-1]
    assert dock.session is None


def test_the_evidence_in_three_small_rows(dock, run):
    made = columns(
        2,
        class_id=[1, 2],
        second_class_id=[2, 0],
        confidence_mean=[0.62, 0.9],
        arbitration=[0.71, np.nan],
        hard_share=[1.0, 0.0],
    )
    assert evidence(FIVE, made, 0) == [("Confidence", "62 %, else building"), ("Text prior", "71 % for no change")]
    assert evidence(FIVE, made, 1, "real") == [("Confidence", "90 %, else no change"), ("Referee", "Real change")]
    dock.open_run(run)
    assert dock.panel.title.text() == "Bareland"
    assert dock.panel.swatch.pixmap().toImage().pixelColor(8, 8).name() == FIVE[1].colour
    assert dock.panel.number.text().startswith("No. 1 · ")
    rows = [dock.panel.evidence.itemAtPosition(line, 0).widget().text() for line in range(3)]
    assert rows[0] == "Confidence"
    assert "% of the area)" in evidence_of(dock)["Confidence"]
    assert "Nearby" in rows


def test_missing_images_are_mentioned_until_they_are_there(dock, run, finished):
    record = json.loads((run / "run.json").read_text())
    after = Path(record["inputs"]["after"]["path"])
    record["inputs"]["after"]["path"] = f"/nowhere/{after.name}"
    (run / "run.json").write_text(json.dumps(record))
    dock.open_run(run)
    assert dock.panel.notice.isVisibleTo(dock)
    assert f"After: {after.name}" in dock.panel.notice.text()
    assert not dock.actions_by_name["pair"].isEnabled()
    # Under another name in the layer tree, in another folder than the record says.
    QgsProject.instance().addMapLayer(QgsRasterLayer(str(after), "mine"))
    press(dock, Key.Key_S)
    assert not dock.panel.notice.isVisibleTo(dock)
    assert dock.actions_by_name["pair"].isEnabled()


def test_images_that_moved_along_with_the_run_are_found(dock, run, finished):
    for name in ("before", "after"):
        record = json.loads((run / "run.json").read_text())
        file = Path(record["inputs"][name]["path"])
        shutil.copy(file, run / file.name)
        record["inputs"][name]["path"] = f"somewhere/{file.name}"
        (run / "run.json").write_text(json.dumps(record))
    dock.open_run(run)
    assert not dock.panel.notice.isVisibleTo(dock)
    assert {layer.source() for layer in dock._pair()} == {str(run / "before.tif"), str(run / "after.tif")}


def test_another_reviewers_verdicts_are_met_on_the_next_choice(dock, run):
    dock.open_run(run)
    other = ReviewStore(run / RUN_GPKG, "bo")
    other.give(2, "unsure")
    press(dock, Key.Key_Y)
    dock.panel.status.setCurrentIndex(dock.panel.status.findData("unsure"))
    assert number(dock) == 2
    assert "bo" in dock.panel.state.text()


def test_verdicts_and_edits_of_the_layer_go_together(dock, run):
    dock.open_run(run)
    layer = QgsProject.instance().mapLayersByName("Candidates")[0]
    assert layer.startEditing()
    piece = layer.getFeature(5)
    assert layer.changeAttributeValue(4, layer.fields().indexOf("class_name"), "Shed")
    press(dock, Key.Key_Y)
    assert mirrored(run / RUN_GPKG)[1] == ("confirmed", 1)
    assert layer.commitChanges()
    press(dock, Key.Key_U)
    assert [row[1] for row in verdicts(run)] == ["confirmed", "unsure"]
    assert layer.startEditing()
    piece.setId(-1)
    piece["fid"] = None
    assert layer.addFeature(piece)
    assert layer.commitChanges(), layer.commitErrors()
    QCoreApplication.processEvents()
    press(dock, Key.Key_S, Key.Key_S, Key.Key_Y)
    statuses = [feature["status"] for feature in layer.getFeatures()]
    # The piece is a candidate of its own, and shown first.
    assert statuses == ["confirmed", "unsure", "skipped", "confirmed", "unreviewed", "skipped"]
    assert len({feature["candidate_id"] for feature in layer.getFeatures()}) == 6
    assert layer.getFeature(4)["class_name"] == "Shed"
