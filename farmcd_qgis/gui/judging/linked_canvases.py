"""Before and after side by side: two map canvases that always show the same place at the same scale."""

from functools import partial

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsGeometry,
    QgsMapLayer,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsReferencedRectangle,
)
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool
from qgis.PyQt.QtCore import QEvent, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QResizeEvent
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QToolButton, QWidget

from ...layers.timeline import period_words
from ..widgets.words import tr
from .canvas_marks import Crosshair, outline_band

SMALLEST = QSize(120, 100)


class LinkedCanvases(QWidget):
    """Two canvases, `before` on the left and `after` on the right; QGIS renders both outside the interface thread.

    Panning or zooming one moves the other, a crosshair shows in both where the mouse is. `bands_wanted` carries a layer
    whose bands shall be chosen.
    """

    bands_wanted = pyqtSignal(QgsMapLayer)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.before, self.after = self.canvases = (_Canvas(self), _Canvas(self))
        self._tools = [_Pan(canvas) for canvas in self.canvases]
        self._bands = [outline_band(canvas) for canvas in self.canvases]
        self._crosshairs = [Crosshair(canvas) for canvas in self.canvases]
        self.titles = [QLabel(), QLabel()]
        self._pair: list[QgsMapLayer | None] = [None, None]
        # What was asked for last, until a person moves the map.
        self._wanted: QgsReferencedRectangle | None = None
        self._moving = False
        self._lay_out()
        for canvas, tool in zip(self.canvases, self._tools, strict=True):
            canvas.setMapTool(tool)
            canvas.extentsChanged.connect(partial(self._follow, canvas))
            canvas.xyCoordinates.connect(self._cross)
            canvas.left.connect(self._uncross)
            canvas.resized.connect(self._fit)
        QgsProject.instance().layersWillBeRemoved["QStringList"].connect(self._on_removal)

    # For whoever shows something

    def set_pair(self, before: QgsMapLayer | None, after: QgsMapLayer | None) -> None:
        """Show two layers, in the coordinate system of the after layer; None leaves a canvas empty."""
        main = after or before
        for canvas, band in zip(self.canvases, self._bands, strict=True):
            if main is not None and main.crs().isValid():
                canvas.setDestinationCrs(main.crs())
            band.reset()
        self._pair = [before, after]
        self._put(0, before, tr("Before"))
        self._put(1, after, tr("After"))

    def show_instead(self, layer: QgsMapLayer | None) -> None:
        """Show a layer of another date in the place of before; None shows before again."""
        before = self._pair[0]
        if layer is None or layer is before:
            self._put(0, before, tr("Before"))
        else:
            self._put(0, layer, tr("Instead of before"))

    def show_extent(self, extent: QgsRectangle, crs: QgsCoordinateReferenceSystem | None = None) -> None:
        """Go to an extent, in `crs` or else in the canvases' own coordinates; it stays whole when the size changes."""
        self._wanted = QgsReferencedRectangle(extent, crs or self.after.mapSettings().destinationCrs())
        self._fit()

    def show_outline(self, geometry: QgsGeometry | None, crs: QgsCoordinateReferenceSystem | None = None) -> None:
        """Draw one outline in both canvases, instead of the one before; None or an empty geometry draws none."""
        for canvas, band in zip(self.canvases, self._bands, strict=True):
            band.reset()
            if geometry is not None and not geometry.isEmpty():
                band.setToGeometry(geometry, crs or canvas.mapSettings().destinationCrs())

    def set_outline_visible(self, visible: bool) -> None:
        """Hide the outline for a look beneath it, or show it again."""
        for band in self._bands:
            band.setVisible(visible)

    def unload(self) -> None:
        """Stop rendering, forget the layers and take everything off the canvases; the widget is of no use then."""
        QgsProject.instance().layersWillBeRemoved["QStringList"].disconnect(self._on_removal)
        for canvas, tool, band, cross in zip(self.canvases, self._tools, self._bands, self._crosshairs, strict=True):
            canvas.stopRendering()
            canvas.setLayers([])
            canvas.unsetMapTool(tool)
            for item in (band, *cross.marks):
                canvas.scene().removeItem(item)
        self._pair, self._bands, self._crosshairs, self._wanted = [None, None], [], [], None

    # Inside

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        for column, (canvas, title) in enumerate(zip(self.canvases, self.titles, strict=True)):
            bands = QToolButton()
            bands.setIcon(QgsApplication.getThemeIcon("/propertyicons/symbology.svg"))
            bands.setAutoRaise(True)
            bands.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            bands.setToolTip(tr("Bands and stretch of this date"))
            bands.clicked.connect(partial(self._ask_for_bands, column))
            grid.addWidget(title, 0, 2 * column)
            grid.addWidget(bands, 0, 2 * column + 1)
            grid.addWidget(canvas, 1, 2 * column, 1, 2)
            grid.setColumnStretch(2 * column, 1)
        grid.setRowStretch(1, 1)

    def _put(self, side: int, layer: QgsMapLayer | None, role: str) -> None:
        canvas = self.canvases[side]
        canvas.setLayers([layer] if layer is not None else [])
        canvas.refresh()
        self.titles[side].setText(f"<b>{role}</b> {period_words(layer) or layer.name()}" if layer is not None else role)
        self.titles[side].setToolTip(layer.name() if layer is not None else "")

    def _ask_for_bands(self, side: int) -> None:
        shown = self.canvases[side].layers()
        if shown:
            self.bands_wanted.emit(shown[0])

    def _fit(self) -> None:
        if self._wanted is None:
            self._follow(self.after)
            return
        try:
            self._moving = True
            self.after.setReferencedExtent(self._wanted)
        except QgsCsException:
            # The place cannot be shown in these coordinates: stay where we are.
            return
        finally:
            self._moving = False
        wanted = self._wanted
        self._follow(self.after)
        self._wanted = wanted
        self.after.refresh()

    def _follow(self, leader: QgsMapCanvas) -> None:
        """Let the other canvas show what `leader` shows: the same centre, the same map units per pixel."""
        if self._moving or leader.resizing:
            return
        self._moving = True
        self._wanted = None
        follower = self.before if leader is self.after else self.after
        size = follower.mapSettings().outputSize()
        unit = leader.mapUnitsPerPixel()
        follower.setExtent(QgsRectangle.fromCenterAndSize(leader.center(), size.width() * unit, size.height() * unit))
        follower.refresh()
        self._moving = False

    def _cross(self, point: QgsPointXY) -> None:
        for cross in self._crosshairs:
            cross.move(point)

    def _uncross(self) -> None:
        for cross in self._crosshairs:
            cross.hide()

    def _on_removal(self, layer_ids: list[str]) -> None:
        self._pair = [None if layer is None or layer.id() in layer_ids else layer for layer in self._pair]
        for side, canvas in enumerate(self.canvases):
            if any(layer.id() in layer_ids for layer in canvas.layers()):
                canvas.stopRendering()
                self._put(side, self._pair[side], (tr("Before"), tr("After"))[side])


class _Canvas(QgsMapCanvas):
    """A canvas that tells a new size and a mouse that has left from a move."""

    left = pyqtSignal()
    resized = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.resizing = False
        # A click takes the keyboard from the layer tree, say; the keys go to the judgements from here as well.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumSize(SMALLEST)
        # A cancelled job still writes into the cache of a canvas that is gone, and QGIS crashes.
        self.setCachingEnabled(False)
        self.setParallelRenderingEnabled(True)
        self.setCanvasColor(QgsProject.instance().backgroundColor())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.resizing = True
        super().resizeEvent(event)
        self.resizing = False
        self.resized.emit()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self.left.emit()
        return bool(super().viewportEvent(event))


class _Pan(QgsMapTool):
    """Drags the map. QGIS's own tool tells of the move at its end only, when the other canvas would jump."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._held: QgsPointXY | None = None

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = self.toMapCoordinates(event.pos())

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        if self._held is not None:
            canvas, here = self.canvas(), self.toMapCoordinates(event.pos())
            canvas.setCenter(canvas.center() + (self._held - here))
            canvas.refresh()

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = None
