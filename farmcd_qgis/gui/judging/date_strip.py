"""The same place at all dates of the project, as a strip of small pictures in order of time."""

from collections.abc import Sequence

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsGeometry, QgsMapSettings, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QPointF, QSize, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QFontMetrics, QIcon, QImage, QPainter, QPen, QPixmap, QPolygonF
from qgis.PyQt.QtWidgets import QFrame, QListView, QListWidget, QListWidgetItem, QWidget

from ...layers.timeline import period_words, timeline
from ...tasks.pictures import Pictures
from .canvas_marks import DARK, LIGHT
from .place import Place

SIDE = 72
# Whoever runs through the queue waits for no pictures, and none are begun for him.
PAUSE_MS = 150
LAYER = Qt.ItemDataRole.UserRole


class DateStrip(QListWidget):
    """Small pictures around a place, one per date, the pair among them; `picked` tells the layer of a clicked one.

    The dates of the pair are bold. The pictures are drawn in the background; those of a place are cancelled when the
    next one comes. With no date beside the pair there is nothing to see and the strip hides itself.
    """

    picked = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place: Place | None = None
        self._outline_shown = True
        self._images: dict[str, tuple[QImage, QgsMapSettings]] = {}
        self._pictures = Pictures(self)
        self._pictures.drawn.connect(self._take)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._draw)
        self._set_looks()
        self.itemClicked.connect(lambda item: self.picked.emit(item.data(LAYER)))
        self.hide()

    def show_place(self, place: Place | None, pair: Sequence[QgsRasterLayer]) -> None:
        """Begin the pictures of a place; without a place, or without both rasters of the pair, the strip is empty."""
        self._pictures.cancel()
        self._pause.stop()
        self._place, self._images = place, {}
        layers = timeline(*pair) if place is not None and len(pair) == 2 else []
        layers = [layer for layer in layers if layer in pair or _covers(layer, place)]
        self._list(layers, [layer.id() for layer in pair])
        self.setVisible(len(layers) > len(pair))
        if self.isVisibleTo(self.parentWidget()):
            self._pause.start(PAUSE_MS)

    def set_upright(self, upright: bool) -> None:
        """Lay the pictures below each other, or beside each other."""
        self.setFlow(QListView.Flow.TopToBottom if upright else QListView.Flow.LeftToRight)
        room = self.gridSize() + QSize(2, 2)
        bar = self.verticalScrollBar().sizeHint().width()
        self.setMinimumSize(0, 0)
        self.setMaximumSize(room.width() + bar if upright else 16777215, 16777215 if upright else room.height() + bar)
        off, auto = Qt.ScrollBarPolicy.ScrollBarAlwaysOff, Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.setHorizontalScrollBarPolicy(off if upright else auto)
        self.setVerticalScrollBarPolicy(auto if upright else off)

    def set_outline_visible(self, visible: bool) -> None:
        """Draw the outline into the pictures, or leave it out."""
        self._outline_shown = visible
        for layer_id in self._images:
            self._paint(layer_id)

    def unload(self) -> None:
        """Stop drawing and wait for the threads to let go of the layers."""
        self._pause.stop()
        self._pictures.end()
        self.clear()

    def _set_looks(self) -> None:
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        # Qt would leave the words no more room than the picture.
        self.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setIconSize(QSize(SIDE, SIDE))
        bold = self.font()
        bold.setBold(True)
        words = QFontMetrics(bold)
        self.setGridSize(QSize(max(SIDE, words.horizontalAdvance("2000-00-00")) + 24, SIDE + words.height() + 10))
        self.set_upright(False)

    def _list(self, layers: Sequence[QgsRasterLayer], pair: Sequence[str]) -> None:
        self.clear()
        blank = QPixmap(SIDE, SIDE)
        blank.fill(self.palette().mid().color())
        for layer in layers:
            item = QListWidgetItem(QIcon(blank), "", self)
            item.setData(LAYER, layer.id())
            item.setToolTip(layer.name())
            font = item.font()
            font.setBold(layer.id() in pair)
            item.setFont(font)
            words = period_words(layer) or layer.name()
            room = self.gridSize().width() - 8
            item.setText(QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideRight, room))

    def _draw(self) -> None:
        if self._place is None:
            return
        wanted = []
        for row in range(self.count()):
            layer = QgsProject.instance().mapLayer(self.item(row).data(LAYER))
            if layer is not None:
                wanted.append((layer.id(), self._settings(layer, self._place)))
        self._pictures.draw(wanted)

    def _settings(self, layer: QgsRasterLayer, place: Place) -> QgsMapSettings:
        ratio = self.devicePixelRatioF()
        settings = QgsMapSettings()
        settings.setLayers([layer])
        settings.setDestinationCrs(place.crs)
        settings.setTransformContext(QgsProject.instance().transformContext())
        settings.setOutputSize(QSize(round(SIDE * ratio), round(SIDE * ratio)))
        settings.setExtent(place.view)
        settings.setBackgroundColor(self.palette().mid().color())
        return settings

    def _take(self, layer_id: str, image: QImage, settings: QgsMapSettings) -> None:
        self._images[layer_id] = image, settings
        self._paint(layer_id)

    def _paint(self, layer_id: str) -> None:
        image, settings = self._images[layer_id]
        picture = QPixmap.fromImage(image)
        if self._outline_shown and self._place is not None:
            _outline(picture, self._place.outline, settings)
        picture.setDevicePixelRatio(self.devicePixelRatioF())
        for row in range(self.count()):
            if self.item(row).data(LAYER) == layer_id:
                self.item(row).setIcon(QIcon(picture))


def _outline(picture: QPixmap, outline: QgsGeometry, settings: QgsMapSettings) -> None:
    pixels = settings.mapToPixel()
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for colour, width in ((DARK, 3.0), (LIGHT, 1.5)):
        painter.setPen(QPen(colour, width * picture.width() / SIDE))
        for part in outline.asGeometryCollection():
            for ring in part.asPolygon():
                points = (pixels.transform(point) for point in ring)
                painter.drawPolygon(QPolygonF([QPointF(point.x(), point.y()) for point in points]))
    painter.end()


def _covers(layer: QgsRasterLayer, place: Place | None) -> bool:
    """Whether a raster shows something of the place."""
    if place is None:
        return False
    way = QgsCoordinateTransform(place.crs, layer.crs(), QgsProject.instance())
    try:
        return bool(layer.extent().intersects(way.transformBoundingBox(place.view)))
    except QgsCsException:
        return False
