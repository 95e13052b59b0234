"""Swipe: the before image on the main map, left of a line that follows the mouse."""

from qgis.core import QgsMapLayer, QgsMapSettings, QgsPointXY, QgsProject
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QImage, QMouseEvent, QPainter, QPen
from qgis.PyQt.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ...tasks.pictures import Pictures
from ..widgets.words import tr
from .canvas_marks import DARK, LIGHT

# Above the map, below outlines and whatever else is drawn over it.
LEVEL = -5
GAP = 6


class Swipe(QObject):
    """While it is on, the map without the after image is drawn left of the mouse; `unload` takes it off the canvas.

    It is no map tool: panning, zooming and identifying go on. The picture is drawn in the background whenever the
    canvas draws; until a new one is there, the last one is shown at its place.
    """

    def __init__(self, canvas: QgsMapCanvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._before = self._after = ""
        self.curtain: _Curtain | None = None
        self._pictures = Pictures(self)
        self._pictures.drawn.connect(self._take)

    @property
    def on(self) -> bool:
        return self.curtain is not None

    def start(self, before: QgsMapLayer, after: QgsMapLayer) -> None:
        """Begin, or go on with another pair."""
        self._before, self._after = before.id(), after.id()
        if self.curtain is None:
            self.curtain = _Curtain(self._canvas)
            self._canvas.viewport().installEventFilter(self)
            self._canvas.renderStarting.connect(self._draw)
        self._draw()

    def stop(self) -> None:
        """Show the map as it is again; does nothing when swipe is off."""
        if self.curtain is None:
            return
        self._pictures.cancel()
        self._canvas.renderStarting.disconnect(self._draw)
        self._canvas.viewport().removeEventFilter(self)
        self._canvas.scene().removeItem(self.curtain)
        self.curtain = None

    def unload(self) -> None:
        """Stop and wait for what is being drawn."""
        self.stop()
        self._pictures.end()

    def _draw(self) -> None:
        """Draw what the canvas shows, with before in the place of after."""
        before = QgsProject.instance().mapLayer(self._before)
        settings = QgsMapSettings(self._canvas.mapSettings())
        layers = [layer for layer in settings.layers() if layer.id() != self._after]
        if before is not None and before not in layers:
            layers.append(before)
        settings.setLayers(layers)
        self._pictures.draw([("before", settings)])

    def _take(self, _: str, image: QImage, settings: QgsMapSettings) -> None:
        if self.curtain is not None:
            self.curtain.take(image, settings)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent) and self.curtain is not None:
            self.curtain.move(event.pos().x())
        return False


class _Curtain(QgsMapCanvasItem):
    """The picture left of the line at the pixel column `line`."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.line = canvas.width() // 2
        self.image: QImage | None = None
        self._corners: tuple[QgsPointXY, QgsPointXY] | None = None
        self.setZValue(LEVEL)

    def take(self, image: QImage, settings: QgsMapSettings) -> None:
        """Show a picture at the place in the map that it was drawn for."""
        size, pixels = settings.outputSize(), settings.mapToPixel()
        self._corners = pixels.toMapCoordinates(0, 0), pixels.toMapCoordinates(size.width(), size.height())
        self.image = image
        self.update()

    def move(self, column: int) -> None:
        self.line = column
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(self._canvas.viewport().rect())

    def updatePosition(self) -> None:
        # The place in the map is looked up when it is painted.
        self.prepareGeometryChange()
        self.update()

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem | None = None, widget: QWidget | None = None
    ) -> None:
        if self.image is None or self._corners is None:
            return
        everything = self.boundingRect()
        left = QRectF(0, 0, self.line, everything.height())
        painter.save()
        painter.setClipRect(left)
        painter.fillRect(left, self._canvas.canvasColor())
        painter.drawImage(QRectF(*map(self.toCanvasCoordinates, self._corners)), self.image)
        painter.restore()
        for colour, width in ((DARK, 4), (LIGHT, 2)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(QPointF(self.line, 0), QPointF(self.line, everything.height()))
        self._label(painter, tr("Before"), left=True)
        self._label(painter, tr("After"), left=False)

    def _label(self, painter: QPainter, words: str, left: bool) -> None:
        metrics = painter.fontMetrics()
        box = QRectF(0, GAP, metrics.horizontalAdvance(words) + 2 * GAP, metrics.height() + GAP)
        if left:
            box.moveRight(self.line - GAP)
        else:
            box.moveLeft(self.line + GAP)
        painter.fillRect(box, DARK)
        painter.setPen(LIGHT)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
