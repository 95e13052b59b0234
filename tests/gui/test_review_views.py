"""Looking at a candidate: side by side, swipe, one stretch, the other dates, neighbours; and that nothing stays."""

import gc

import numpy as np
import pytest
from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsPointXY,
    QgsProject,
)
from qgis.gui import QgsDockWidget, QgsRendererRasterPropertiesWidget
from qgis.PyQt.QtCore import QEvent, QPoint, Qt
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QWidget

from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.gui.judging.place import map_units
from farmcd_qgis.gui.review.words import neighbours
from farmcd_qgis.review.neighbours import within
from farmcd_qgis.settings import settings
from tests.helpers.dated_layers import contrast, dated, raster, style
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM
from tests.helpers.review_files import columns
from tests.helpers.review_keys import evidence, press

Key = Qt.Key


@pytest.fixture(autouse=True)
def side_by_side():
    settings().side_by_side.remove()
    yield
    settings().side_by_side.remove()


# One stretch


@pytest.fixture
def dates(dock, run, tmp_path):
    """Open the review of a run with two more dates: one of the place, one from far away."""
    layers = [dated(raster(tmp_path, "third", 200), "2014-06-03"), raster(tmp_path, "far", at=(LEFT + 9000, TOP))]
    dated(layers[1], "2015-06-03")
    QgsProject.instance().addMapLayers(layers)
    dock.open_run(run)
    return dock


def texts(strip) -> list[str]:
    return [strip.item(row).text() for row in range(strip.count())]


def picture(strip, row: int):
    return strip.item(row).icon().pixmap(strip.iconSize()).toImage()


def test_both_canvases_follow_the_candidate_and_its_outline_can_be_hidden(dock, run):
    dock.open_run(run)
    canvases = dock._views.dock.canvases
    layer = QgsProject.instance().mapLayersByName("Candidates")[0]
    assert [canvas.layers()[0].name() for canvas in canvases.canvases] == ["Before", "After"]
    for feature in list(layer.getFeatures()):
        box = feature.geometry().boundingBox()
        for canvas, band in zip(canvases.canvases, canvases._bands, strict=True):
            assert canvas.extent().contains(box)
            assert canvas.center().distance(box.center()) < PIXEL
            assert band.asGeometry().isGeosEqual(feature.geometry())
        press(dock, Key.Key_H)
        assert not any(band.isVisible() for band in canvases._bands)
        press(dock, Key.Key_H)
        assert all(band.isVisible() for band in canvases._bands)
        press(dock, Key.Key_H, Key.Key_S)
    assert all(band.asGeometry().isEmpty() for band in canvases._bands)


def test_side_by_side_is_switched_with_a_key_or_its_cross_and_remembered(dock, run):
    dock.open_run(run)
    shown = dock._views.dock
    assert shown.isVisible()
    press(dock, Key.Key_V)
    assert not shown.isVisible()
    assert not dock.actions_by_name["pair"].isChecked()
    assert settings().side_by_side.value() is False
    press(dock, Key.Key_V)
    assert shown.isVisible()
    shown.close()
    assert settings().side_by_side.value() is False
    assert not dock.actions_by_name["pair"].isChecked()
    press(dock, Key.Key_V)
    dock.leave()
    assert not shown.isVisible()
    assert settings().side_by_side.value() is True
    dock.enter(None)
    assert shown.isVisible()


def test_keys_in_a_floating_window_of_the_pair_are_verdicts(dock, run):
    dock.open_run(run)
    dock._views.dock.setFloating(True)
    QTest.keyClick(dock._views.dock, Key.Key_Y)
    assert dock.session.store.statuses() == {1: "confirmed"}


def test_the_other_dates_of_the_place_in_order_of_time(dates, qtbot):
    strip = dates._views.dock.dates
    assert texts(strip) == ["Before", "2014-06-03", "After"]
    assert strip.isVisible()
    qtbot.waitUntil(lambda: len(strip._images) == 3)
    beside = QPoint(60, 60)
    assert picture(strip, 0).pixelColor(beside).red() == pytest.approx(120, abs=2)
    assert picture(strip, 1).pixelColor(beside).red() == pytest.approx(200, abs=2)
    outlined = picture(strip, 1)
    press(dates, Key.Key_H)
    assert picture(strip, 1) != outlined
    press(dates, Key.Key_H)
    assert picture(strip, 1) == outlined


def test_a_clicked_date_takes_the_place_of_before_until_the_next_candidate(dates):
    views = dates._views.dock
    spot = views.dates.visualItemRect(views.dates.item(1)).center()
    QTest.mouseClick(views.dates.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert [canvas.layers()[0].name() for canvas in views.canvases.canvases] == ["third", "After"]
    press(dates, Key.Key_S)
    assert [canvas.layers()[0].name() for canvas in views.canvases.canvases] == ["Before", "After"]


def test_without_other_dates_there_is_no_strip(dock, run):
    dock.open_run(run)
    assert not dock._views.dock.dates.isVisible()


def test_swipe_draws_before_left_of_the_mouse_only(dock, run, qgis_iface, qtbot):
    dock.open_run(run)
    canvas = qgis_iface.mapCanvas()
    for name, value in (("Before", 40), ("After", 220)):
        layer = QgsProject.instance().mapLayersByName(name)[0]
        layer.brightnessFilter().setBrightness(value - 120)
    canvas.setLayers([layer for name in ("After", "Before") for layer in QgsProject.instance().mapLayersByName(name)])
    press(dock, Key.Key_W)
    curtain = dock._views.swipe.curtain
    qtbot.waitUntil(lambda: curtain.image is not None)
    move = QPoint(canvas.viewport().width() * 2 // 3, 40)
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, move, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas.viewport(), event)
    assert curtain.line == move.x()
    canvas.waitWhileRendering()
    qtbot.waitUntil(lambda: dock._views.swipe._pictures._job is None)
    image = canvas.grab().toImage()
    row = image.height() // 2
    left, right = (image.pixelColor(move.x() + step, row).red() for step in (-20, 20))
    assert left < 80 < 180 < right
    press(dock, Key.Key_W)
    assert dock._views.swipe.curtain is None
    assert curtain not in canvas.scene().items()


def test_one_stretch_on_a_key_is_taken_back_when_the_run_is_left(dock, run):
    dock.open_run(run)
    before, after = (QgsProject.instance().mapLayersByName(name)[0] for name in ("Before", "After"))
    after.renderer().setRedContrastEnhancement(contrast(7, 77))
    own = style(before)
    press(dock, Key.Key_T)
    assert before.renderer().redContrastEnhancement().maximumValue() == 77
    press(dock, Key.Key_S)
    assert before.renderer().redContrastEnhancement().maximumValue() == 77
    press(dock, Key.Key_T)
    assert style(before) == own
    press(dock, Key.Key_T)
    dock.close_run()
    assert style(before) == own


def test_removing_a_raster_of_the_pair_in_mid_look_is_survived(dates):
    press(dates, Key.Key_W, Key.Key_T)
    QgsProject.instance().removeMapLayer(QgsProject.instance().mapLayersByName("Before")[0].id())
    press(dates, Key.Key_S, Key.Key_V, Key.Key_W, Key.Key_T)
    QgsProject.instance().clear()
    QApplication.processEvents()
    assert dates.session is None


def test_closing_leaves_nothing_in_the_window_or_on_the_canvas(dates, qgis_iface):
    press(dates, Key.Key_W)
    items = len(qgis_iface.mapCanvas().scene().items())
    dates._views.unload()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert dates._views.dock is None
    assert len(qgis_iface.mapCanvas().scene().items()) < items
    assert not qgis_iface.mainWindow().findChildren(QgsDockWidget, "FarmCDReviewPairDock")


def test_the_referee_is_heard_where_it_was_asked(dock, run):
    dock.open_run(run)
    assert "Referee" not in evidence(dock)
    dock.close_run()
    QgsProject.instance().clear()
    file = gdal.OpenEx(str(run / RUN_GPKG), gdal.OF_VECTOR | gdal.OF_UPDATE)
    layer = file.GetLayerByName("candidates")
    layer.CreateField(ogr.FieldDefn("referee_verdict", ogr.OFTString))
    for number, verdict in ((1, "pseudo_change"), (2, "real"), (3, "withheld")):
        feature = layer.GetFeature(number)
        feature["referee_verdict"] = verdict
        layer.SetFeature(feature)
    feature = layer = file = None
    dock.open_run(run)
    words = []
    for _ in range(4):
        words.append(evidence(dock).get("Referee", ""))
        press(dock, Key.Key_S)
    assert words == ["Pseudo-change", "Real change", "", ""]


def test_of_a_raster_that_is_there_twice_the_upper_one_is_compared(dock, run):
    dock.open_run(run)
    first = QgsProject.instance().mapLayersByName("After")[0]
    dock.close_run()
    upper = first.clone()
    upper.setName("upper")
    QgsProject.instance().addMapLayer(upper, False)
    QgsProject.instance().layerTreeRoot().insertLayer(0, upper)
    dock.open_run(run)
    assert dock._views.dock.canvases.after.layers() == [upper]


def test_the_bands_of_one_date_can_be_chosen_and_are_seen_at_once(dock, run):
    dock.open_run(run)
    pair = dock._views.dock
    pair.canvases.bands_wanted.emit(pair.canvases.before.layers()[0])
    choice = pair.findChild(QgsRendererRasterPropertiesWidget)
    green = choice.findChild(QWidget, "mGreenBandComboBox")
    green.setBand(3)
    before, after = (canvas.layers()[0].renderer() for canvas in pair.canvases.canvases)
    assert (before.greenBand(), after.greenBand()) == (3, 2)
    dock.close_run()
    QgsProject.instance().clear()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not pair.findChildren(QgsRendererRasterPropertiesWidget)


def test_in_a_flat_dock_the_dates_stand_beside_the_canvases(dates):
    pair = dates._views.dock
    pair.setFloating(True)
    for size, beside in (((1000, 260), True), ((500, 500), False)):
        pair.resize(*size)
        QApplication.processEvents()
        strip, canvases = pair.dates.geometry(), pair.canvases.geometry()
        assert (strip.left() >= canvases.right()) == beside
        assert (strip.top() >= canvases.bottom()) != beside
        assert canvases.height() > 130


# Neighbours


def test_neighbours_nearest_first_in_metres_on_the_ground():
    made = columns(4, x=np.array([0.0, 60, -30, 101]), y=np.array([0.0, 60, 0, 0]))
    assert within(made, 0, (100, 100)).tolist() == [2, 1]
    assert within(made, 0, (200, 50)).tolist() == [2, 3]
    assert within(made, 3, (10, 10)).tolist() == []


def test_a_hundred_metres_in_map_units():
    across, along = map_units(100, QgsPointXY(LEFT, TOP), QgsCoordinateReferenceSystem(f"EPSG:{UTM}"))
    assert (across, along) == pytest.approx((100, 100), rel=1e-3)
    across, along = map_units(100, QgsPointXY(10, 60), QgsCoordinateReferenceSystem("EPSG:4326"))
    assert along == pytest.approx(100 / 111_412, rel=1e-3)
    assert across == pytest.approx(2 * along, rel=1e-2)


def test_neighbours_in_words_with_what_was_said_of_them(dock, run):
    dock.open_run(run)
    assert " within 100 m (" in evidence(dock)["Nearby"]
    crs = QgsProject.instance().mapLayersByName("Candidates")[0].crs()
    press(dock, Key.Key_Y)
    assert neighbours(dock.session, 1, crs) == (
        "1 bareland, 1 road, 1 vegetation, 1 water within 100 m (3 not reviewed, 1 confirmed)"
    )
    dock.session.candidates.x[:] *= 1000
    assert neighbours(dock.session, 1, crs) == "none within 100 m"
