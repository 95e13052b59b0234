"""Before and after side by side: what moves one moves the other, and what is drawn on one is drawn on both."""

import gc

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVector,
)
from qgis.gui import QgsRubberBand, QgsVertexMarker
from qgis.PyQt.QtCore import QEvent, QPoint, Qt
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from farmcd_qgis.gui.judging.linked_canvases import LinkedCanvases
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM, write_raster

SIZE = 64
PLACE = QgsRectangle(LEFT + 40, TOP - 80, LEFT + 80, TOP - 50)
SQUARE = QgsGeometry.fromRect(PLACE)


@pytest.fixture
def pair(qgis_new_project, tmp_path):
    made = []
    for name, value in (("before", 40), ("after", 200)):
        path = write_raster(tmp_path / f"{name}.tif", np.full((3, SIZE, SIZE), value, np.uint8))
        made.append(QgsRasterLayer(path, name))
    QgsProject.instance().addMapLayers(made)
    return made


@pytest.fixture
def linked(pair):
    window = QWidget()
    window.setLayout(QVBoxLayout())
    made = LinkedCanvases()
    window.layout().addWidget(QLineEdit())
    window.layout().addWidget(made)
    # An odd width, so that one canvas is a pixel wider.
    window.resize(801, 400)
    window.show()
    made.set_pair(*pair)
    QApplication.processEvents()
    yield made
    made.unload()
    window.close()
    window.deleteLater()
    gc.collect()


def same_view(linked) -> bool:
    first, second = linked.canvases
    apart = first.center().distance(second.center()) / first.mapUnitsPerPixel()
    return apart < 0.01 and first.mapUnitsPerPixel() == pytest.approx(second.mapUnitsPerPixel())


def drawn(canvas, kind) -> list:
    return [item for item in canvas.scene().items() if isinstance(item, kind)]


def mouse(canvas, kind, point: QPoint, button=Qt.MouseButton.NoButton, held=Qt.MouseButton.NoButton) -> None:
    spot = canvas.viewport().mapToGlobal(point)
    event = QMouseEvent(kind, point, spot, button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas.viewport(), event)


def test_each_canvas_shows_its_date_at_the_same_place(linked, pair, qtbot):
    linked.show_extent(PLACE)
    assert same_view(linked)
    for canvas, layer, value in zip(linked.canvases, pair, (40, 200), strict=True):
        assert canvas.layers() == [layer]
        assert canvas.extent().contains(PLACE)
        canvas.waitWhileRendering()
        image = canvas.grab().toImage()
        assert image.pixelColor(image.rect().center()).red() == pytest.approx(value, abs=3)


@pytest.mark.parametrize("leader", [0, 1])
def test_zooming_and_panning_one_moves_the_other(linked, leader):
    linked.show_extent(PLACE)
    canvas = linked.canvases[leader]
    canvas.zoomByFactor(3)
    assert same_view(linked)
    canvas.setCenter(PLACE.center() + QgsVector(4, -2))
    assert same_view(linked)
    assert linked.canvases[1 - leader].center().distance(canvas.center()) < 0.01


def test_dragging_moves_both_while_the_button_is_held(linked):
    linked.show_extent(PLACE)
    canvas, start = linked.after, linked.before.center()
    unit = canvas.mapUnitsPerPixel()
    left = Qt.MouseButton.LeftButton
    mouse(canvas, QEvent.Type.MouseButtonPress, QPoint(100, 100), left, left)
    mouse(canvas, QEvent.Type.MouseMove, QPoint(130, 80), held=left)
    assert linked.before.center().x() == pytest.approx(start.x() - 30 * unit)
    assert linked.before.center().y() == pytest.approx(start.y() - 20 * unit)
    mouse(canvas, QEvent.Type.MouseButtonRelease, QPoint(130, 80), left)
    mouse(canvas, QEvent.Type.MouseMove, QPoint(160, 80))
    assert linked.before.center().x() == pytest.approx(start.x() - 30 * unit)


def test_the_place_stays_whole_when_the_size_changes_unless_a_person_moved(linked):
    linked.show_extent(PLACE)
    linked.window().resize(500, 700)
    QApplication.processEvents()
    assert same_view(linked)
    assert all(canvas.extent().contains(PLACE) for canvas in linked.canvases)
    linked.before.zoomByFactor(0.2)
    linked.window().resize(900, 300)
    QApplication.processEvents()
    assert same_view(linked)
    assert not linked.before.extent().contains(PLACE)


def test_the_crosshair_is_where_the_mouse_is_in_both(linked):
    linked.show_extent(PLACE)
    marks = [mark for canvas in linked.canvases for mark in drawn(canvas, QgsVertexMarker)]
    assert not any(mark.isVisible() for mark in marks)
    mouse(linked.before, QEvent.Type.MouseMove, QPoint(50, 60))
    there = linked.before.getCoordinateTransform().toMapCoordinates(50, 60)
    assert len(marks) == 4
    for mark in marks:
        assert mark.isVisible()
        assert mark.center().distance(there) < 0.01
    QApplication.sendEvent(linked.before.viewport(), QEvent(QEvent.Type.Leave))
    assert not any(mark.isVisible() for mark in marks)


def test_one_outline_in_both_that_can_be_hidden(linked):
    linked.show_outline(SQUARE)
    (first,), (second,) = (drawn(canvas, QgsRubberBand) for canvas in linked.canvases)
    assert first.asGeometry().isGeosEqual(SQUARE)
    assert second.asGeometry().isGeosEqual(SQUARE)
    linked.set_outline_visible(False)
    assert (first.isVisible(), second.isVisible()) == (False, False)
    linked.set_outline_visible(True)
    linked.show_outline(None)
    assert first.asGeometry().isEmpty()


def test_extent_and_outline_of_another_coordinate_system(linked):
    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    away = QgsCoordinateTransform(QgsCoordinateReferenceSystem(f"EPSG:{UTM}"), degrees, QgsProject.instance())
    turned = QgsGeometry(SQUARE)
    turned.transform(away)
    linked.show_extent(turned.boundingBox(), degrees)
    linked.show_outline(turned, degrees)
    assert linked.before.extent().contains(PLACE)
    (band,) = drawn(linked.after, QgsRubberBand)
    assert band.asGeometry().boundingBox().center().distance(PLACE.center()) < PIXEL


def test_another_date_takes_the_place_of_before_and_gives_it_back(linked, pair):
    third = pair[0].clone()
    QgsProject.instance().addMapLayer(third)
    linked.show_instead(third)
    assert [canvas.layers()[0] for canvas in linked.canvases] == [third, pair[1]]
    QgsProject.instance().removeMapLayer(third.id())
    assert linked.before.layers() == [pair[0]]
    linked.show_instead(pair[1])
    linked.show_instead(None)
    assert linked.before.layers() == [pair[0]]


def test_a_click_takes_the_keyboard(linked):
    edit = linked.window().findChild(QLineEdit)
    edit.setFocus()
    QTest.mouseClick(linked.before.viewport(), Qt.MouseButton.LeftButton)
    assert linked.window().focusWidget() is linked.before


def test_removed_layers_and_unload_leave_nothing(linked, pair):
    linked.show_extent(PLACE)
    linked.show_outline(SQUARE)
    QgsProject.instance().removeMapLayer(pair[0].id())
    assert linked.before.layers() == []
    linked.set_pair(None, pair[1])
    other = LinkedCanvases()
    other.set_pair(None, pair[1])
    other.unload()
    assert other.after.layers() == []
    assert other.after.mapTool() is None
    assert not drawn(other.after, (QgsRubberBand, QgsVertexMarker))
    other.deleteLater()
    QgsProject.instance().removeAllMapLayers()
