"""What is drawn over a map canvas: the outline of a candidate, and a crosshair where the mouse is in another canvas."""

from qgis.core import Qgis, QgsPointXY
from qgis.gui import QgsMapCanvas, QgsRubberBand, QgsVertexMarker
from qgis.PyQt.QtGui import QColor

LIGHT, DARK = QColor("#ffffff"), QColor("#1a1a1a")
# The light cross shows around the dark one, so that it is seen on any ground.
CROSSHAIR = ((LIGHT, 19, 4), (DARK, 17, 2))


def outline_band(canvas: QgsMapCanvas) -> QgsRubberBand:
    """Make the empty outline of a candidate, dark within light: it is seen on any ground and hides nothing of it."""
    band = QgsRubberBand(canvas, Qgis.GeometryType.Polygon)
    band.setStrokeColor(LIGHT)
    band.setSecondaryStrokeColor(DARK)
    band.setFillColor(QColor(0, 0, 0, 0))
    band.setWidth(2)
    return band


class Crosshair:
    """A small cross at a place in the map, hidden until it is given one."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self.marks = [_cross(canvas, *look) for look in CROSSHAIR]
        self.hide()

    def move(self, point: QgsPointXY) -> None:
        """Show the cross at `point`, in map units of the canvas."""
        for mark in self.marks:
            mark.setCenter(point)
            mark.show()

    def hide(self) -> None:
        for mark in self.marks:
            mark.hide()


def _cross(canvas: QgsMapCanvas, colour: QColor, size: int, width: int) -> QgsVertexMarker:
    mark = QgsVertexMarker(canvas)
    mark.setIconType(QgsVertexMarker.IconType.ICON_CROSS)
    mark.setColor(colour)
    mark.setIconSize(size)
    mark.setPenWidth(width)
    return mark
