"""The review dock's fold-outs: filters, administrative units, verdicts on many candidates; and other programs' rows."""

import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtTest import QTest

from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.gui.review import page as review_page
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM
from tests.helpers.review_files import mirrored
from tests.helpers.review_keys import Key, left, number, press, verdicts
from tests.helpers.waiting import wait_for

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def opened(dock, run):
    assert dock.open_run(run)
    return dock


def test_filters_of_the_fold_out(opened, run):
    box = opened.filter
    opened.panel.folds.buttons[0].click()
    assert box.isVisible()
    confidences = opened.session.candidates.confidence_mean.tolist()
    assert confidences == sorted(confidences)
    box.confidence[0].setValue(100 * confidences[2] - 1)
    wait_for(lambda: left(opened) == [3, 4, 5])
    assert opened.panel.folds.buttons[0].text() == "Filter (1)"
    box.confidence[1].setValue(100 * confidences[3] + 1)
    wait_for(lambda: left(opened) == [3, 4])
    box.reset.click()
    assert left(opened) == [1, 2, 3, 4, 5]
    box.area[0].setValue(1000)
    wait_for(lambda: left(opened) == [])
    box.reset.click()
    assert opened.panel.folds.buttons[0].text() == "Filter"
    other = ReviewStore(run / RUN_GPKG, "bo")
    other.give(4, "confirmed")
    press(opened, Key.Key_Y)
    opened.panel.status.setCurrentIndex(opened.panel.status.findData("any"))
    for button in opened.panel.folds.buttons[:1] * 2:
        button.click()
    box.reviewer.setCurrentIndex(box.reviewer.findData("bo"))
    assert left(opened) == [4]


def test_only_what_the_map_showed_when_it_was_chosen(opened, qgis_iface):
    canvas = qgis_iface.mapCanvas()
    QCoreApplication.processEvents()
    canvas.resize(200, 200)
    canvas.setExtent(QgsRectangle(LEFT + 8 * PIXEL, TOP - 32 * PIXEL, LEFT + 29 * PIXEL, TOP - 11 * PIXEL))
    opened.filter.extent.setChecked(True)
    assert left(opened) == [1, 2]
    canvas.zoomToFullExtent()
    press(opened, Key.Key_Y)
    opened.panel.order.setCurrentIndex(1)
    assert left(opened) == [2]
    opened.filter.extent.setChecked(False)
    assert left(opened) == [2, 3, 4, 5]


def units_layer(names) -> QgsVectorLayer:
    """Make stripes from west to east, each of which holds one of the first candidates."""
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:{UTM}&field=code:string&field=name:string", "Villages", "memory")
    for place, name in enumerate(names, 1):
        west = LEFT + (10 * place - 1) * PIXEL
        stripe = QgsFeature(layer.fields())
        stripe.setAttributes(["x", name])
        corners = f"{west} {TOP - 999}, {west + 10 * PIXEL} {TOP - 999}, {west + 10 * PIXEL} {TOP}, {west} {TOP}"
        stripe.setGeometry(QgsGeometry.fromWkt(f"Polygon (({corners}, {west} {TOP - 999}))"))
        layer.dataProvider().addFeatures([stripe])
    return layer


def test_candidates_of_one_administrative_unit(opened):
    box = opened.filter
    layer = units_layer(["Xinhua", "Dongfeng", "Xinhua"])
    QgsProject.instance().addMapLayer(layer)
    box.layer.setLayer(layer)
    box.field.setField("name")
    wait_for(lambda: box.unit.count() == 3 and box.unit.isEnabled())
    assert [box.unit.itemText(index) for index in range(3)] == ["All units", "Dongfeng", "Xinhua"]
    box.unit.setCurrentIndex(2)
    assert left(opened) == [1, 3]
    box.unit.setCurrentIndex(1)
    assert left(opened) == [2]
    box.layer.setLayer(None)
    assert left(opened) == [1, 2, 3, 4, 5]
    assert not box.unit.isEnabled()


def test_many_at_once_are_shown_first_and_undone_as_one_step(opened, run):
    bulk = opened.bulk
    opened.panel.folds.buttons[1].click()
    confidences = opened.session.candidates.confidence_mean
    assert int(bulk.histogram.counts.sum()) == 5
    bulk.threshold.setValue(round(100 * confidences[2]) - 1)
    assert bulk.about.text().startswith("3 of the 5 candidates in this queue, ")
    assert not bulk.go.isEnabled()
    bulk.preview.click()
    layer = QgsProject.instance().mapLayersByName("Candidates")[0]
    assert sorted(layer.selectedFeatureIds()) == [3, 4, 5]
    bulk.verdict.setCurrentIndex(bulk.verdict.findText("Pseudo-change: season"))
    assert layer.selectedFeatureIds() == []
    assert not bulk.go.isEnabled()
    bulk.preview.click()
    bulk.go.click()
    assert verdicts(run) == [(n, "pseudo_change", 0, "season") for n in (3, 4, 5)]
    assert layer.selectedFeatureIds() == []
    assert left(opened) == [1, 2]
    assert bulk.about.text().startswith("0 of the 2 ")
    bulk.side.setCurrentIndex(1)
    assert bulk.about.text().startswith("2 of the 2 ")
    press(opened, Key.Key_Z, modifier=CONTROL)
    assert {status for status, _ in mirrored(run / RUN_GPKG).values()} == {"unreviewed"}
    assert len(verdicts(run)) == 4
    assert left(opened) == [1, 2, 3, 4, 5]


def test_the_threshold_is_dragged_in_the_histogram(opened):
    bulk = opened.bulk
    opened.panel.folds.buttons[1].click()
    middle = bulk.histogram.rect().center()
    QTest.mousePress(bulk.histogram, Qt.MouseButton.LeftButton, pos=middle)
    assert bulk.threshold.value() == pytest.approx(50, abs=1)


def test_long_steps_leave_the_interface_alone_and_end_well(dock, run, monkeypatch):
    monkeypatch.setattr(review_page, "AT_ONCE", 1)
    assert dock.open_run(run)
    assert dock.session is None
    wait_for(lambda: dock.session is not None)
    assert number(dock) == 1
    dock.panel.folds.buttons[1].click()
    dock.bulk.threshold.setValue(0)
    dock.bulk.preview.click()
    dock.bulk.go.click()
    press(dock, Key.Key_U)
    wait_for(lambda: dock._task is None)
    assert left(dock) == []
    assert [row[1] for row in verdicts(run)] == ["confirmed"] * 5
    assert dock.panel.title.text() == "End of the queue"
    press(dock, Key.Key_Z, modifier=CONTROL)
    wait_for(lambda: left(dock) == [1, 2, 3, 4, 5])


def test_closing_the_run_in_the_midst_of_opening_it(dock, run, monkeypatch):
    monkeypatch.setattr(review_page, "AT_ONCE", 1)
    dock.open_run(run)
    task = dock._task
    dock.close_run()
    wait_for(lambda: task.result is not None)
    QCoreApplication.processEvents()
    assert dock.session is None
    assert dock.panel.title.text() == ""


def test_what_another_program_adds_is_said_and_a_conflict_shown(opened, run, monkeypatch):
    said = []
    monkeypatch.setattr(opened, "_say", lambda message, level=None: said.append(message))
    other = ReviewStore(run / RUN_GPKG, "bo")
    other.give(1, "pseudo_change", reason="cloud")
    other.give(2, "confirmed")
    press(opened, Key.Key_Y)
    assert said == ["Another program has added verdicts to this run: bo (2)."]
    assert number(opened) == 3
    opened.panel.status.setCurrentIndex(opened.panel.status.findData("conflict"))
    assert number(opened) == 1
    assert [line.split(",")[0] for line in opened.panel.state.text().splitlines()] == [
        "Pseudo-change (cloud)",
        "Confirmed (bareland)",
    ]
    press(opened, Key.Key_3)
    assert opened.session.row is None
    assert mirrored(run / RUN_GPKG)[1] == ("other_class", 3)


def test_the_pace_and_what_remains(opened):
    assert opened.panel.pace.text() == "5 left"
    press(opened, Key.Key_Y, Key.Key_Y, Key.Key_Y, Key.Key_Y)
    assert opened.panel.pace.text() == "1 left · 0 s each · about 1 min"
