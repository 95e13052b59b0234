"""Outlines changed in the review dock with QGIS's own editing, merged on a key, and taken back."""

import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsProject
from qgis.PyQt.QtCore import QCoreApplication, Qt

from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.layers import add_run
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.rasters import LEFT, PIXEL, TOP
from tests.helpers.review_files import measured, outlines
from tests.helpers.review_keys import Key, left, number, press, verdicts
from tests.helpers.waiting import wait_for

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def opened(dock, run):
    assert dock.open_run(run)
    QCoreApplication.processEvents()
    return dock


@pytest.fixture
def layer(opened):
    return QgsProject.instance().mapLayersByName("Candidates")[0]


def save(dock, layer, run):
    """Save the edits and let them be logged; returns the rows of the log that this added."""
    before = len(verdicts(run))
    assert layer.commitChanges(), layer.commitErrors()
    wait_for(lambda: len(verdicts(run)) > before)
    return verdicts(run)[before:]


def undo(dock):
    press(dock, Key.Key_Z, modifier=CONTROL)


def test_a_moved_outline_is_logged_measured_shown_and_taken_back(opened, layer, run):
    before = outlines(run / RUN_GPKG)
    geometry = layer.getFeature(1).geometry()
    geometry.translate(3 * PIXEL, 0)
    assert layer.startEditing()
    layer.changeGeometry(1, geometry)
    assert save(opened, layer, run) == [(1, "outline", None, None)]
    now = outlines(run / RUN_GPKG)
    assert now[1][1] == pytest.approx(measured(run / RUN_GPKG, bytes(geometry.asWkb())), rel=1e-6, abs=5.1e-7)
    assert now[1][0] != before[1][0]
    assert opened.session.candidates.x[0] == pytest.approx(geometry.boundingBox().center().x(), abs=0.1)
    ((_, edit),) = ReviewStore(run / RUN_GPKG, "bo").edits().items()
    assert (QgsGeometry.fromWkt(before[1][0]).asWkb(), geometry.asWkb()) == (edit.before, edit.after)
    undo(opened)
    assert outlines(run / RUN_GPKG)[1][0] == before[1][0]
    assert layer.getFeature(1).geometry().equals(QgsGeometry.fromWkt(before[1][0]))
    press(opened, Key.Key_Y, modifier=CONTROL)
    assert outlines(run / RUN_GPKG) == now


def test_a_split_makes_two_candidates_that_can_be_judged_apart(opened, layer, run):
    box = layer.getFeature(2).geometry().boundingBox()
    assert layer.startEditing()
    middle = box.center().x()
    layer.selectByIds([2])
    layer.splitFeatures([QgsPointXY(middle, box.yMinimum() - 1), QgsPointXY(middle, box.yMaximum() + 1)])
    rows = save(opened, layer, run)
    assert [row[1] for row in rows] == ["outline", "outline"]
    piece = max(row[0] for row in rows)
    assert left(opened) == [1, 2, 3, 4, 5, piece]
    areas = {n: area for n, (_, area) in outlines(run / RUN_GPKG).items()}
    assert areas[2] == pytest.approx(areas[piece], rel=1e-6, abs=5.1e-7)
    opened.session.show(piece)
    press(opened, Key.Key_N, Key.Key_E)
    assert verdicts(run)[-1] == (piece, "pseudo_change", 0, "season")
    undo(opened)
    undo(opened)
    assert left(opened) == [1, 2, 3, 4, 5]
    assert layer.featureCount() == 5


def test_what_the_model_missed_is_drawn_and_named(opened, layer, run):
    drawn = QgsFeature(layer.fields())
    ring = [(0, -1), (6, -1), (6, -7), (0, -7), (0, -1)]
    corners = ", ".join(f"{LEFT + x * PIXEL} {TOP + y * PIXEL}" for x, y in ring)
    drawn.setGeometry(QgsGeometry.fromWkt(f"MultiPolygon ((({corners})))"))
    assert layer.startEditing()
    assert layer.addFeature(drawn)
    ((added, *_),) = save(opened, layer, run)
    assert number(opened) == added
    press(opened, Key.Key_Y)
    assert len(verdicts(run)) == 1
    press(opened, Key.Key_2)
    assert verdicts(run)[-1] == (added, "other_class", 2, None)


def test_a_candidate_is_merged_with_its_neighbour_on_a_key(opened, layer, run):
    before = outlines(run / RUN_GPKG)
    assert number(opened) == 1
    press(opened, Key.Key_G)
    assert verdicts(run) == [(1, "outline", None, None), (2, "outline", None, None)]
    now = outlines(run / RUN_GPKG)
    assert sorted(now) == [1, 3, 4, 5]
    assert now[1][1] == pytest.approx(before[1][1] + before[2][1], abs=1e-6)
    assert number(opened) == 1
    undo(opened)
    assert {n: wkt for n, (wkt, _) in outlines(run / RUN_GPKG).items()} == {n: wkt for n, (wkt, _) in before.items()}
    assert left(opened) == [1, 2, 3, 4, 5]


def test_an_outline_is_smoothed_on_a_key_and_taken_back(opened, layer, run):
    box = layer.getFeature(1).geometry().boundingBox()
    x, y = box.xMinimum(), box.yMinimum()
    corners = [(x, y), (x + 8 * PIXEL, y)]
    corners += [(x + (8 - (at + 1) // 2) * PIXEL, y + (at // 2 + 1) * PIXEL) for at in range(16)]
    stairs = QgsGeometry.fromMultiPolygonXY([[[QgsPointXY(*corner) for corner in [*corners, corners[0]]]]])
    assert layer.startEditing()
    layer.changeGeometry(1, stairs)
    save(opened, layer, run)
    before = outlines(run / RUN_GPKG)
    press(opened, Key.Key_O)
    assert verdicts(run)[-1] == (1, "outline", None, None)
    now = outlines(run / RUN_GPKG)
    assert now[1][1] == pytest.approx(before[1][1], rel=0.2)
    assert QgsGeometry.fromWkt(now[1][0]).constGet().nCoordinates() < stairs.constGet().nCoordinates()
    undo(opened)
    assert outlines(run / RUN_GPKG)[1][0] == before[1][0]


def test_an_outline_that_is_edited_while_nobody_reviews_is_logged_and_measured(dock, run, qgis_iface):
    add_run(run)
    (layer,) = QgsProject.instance().mapLayersByName("Candidates")
    assert dock.session is None
    before = outlines(run / RUN_GPKG)
    geometry = layer.getFeature(1).geometry()
    geometry.translate(3 * PIXEL, 0)
    assert layer.startEditing()
    layer.changeGeometry(1, geometry)
    layer.deleteFeature(2)
    assert layer.commitChanges()
    # The log is made by then, which the run has not had.
    wait_for(lambda: len(ReviewStore(run / RUN_GPKG, "bo").rows()) == 2)
    assert verdicts(run) == [(1, "outline", None, None), (2, "outline", None, None)]
    now = outlines(run / RUN_GPKG)
    assert now[1][1] == pytest.approx(measured(run / RUN_GPKG, bytes(geometry.asWkb())), rel=1e-6, abs=5.1e-7)
    assert dock.open_run(run)
    undo(dock)
    assert outlines(run / RUN_GPKG)[1][0] == before[1][0]
    assert sorted(outlines(run / RUN_GPKG)) == sorted(before)
