"""How much of a candidate's area has the class that comes second, from the raster that holds it for every pixel."""

import math
from pathlib import Path

import numpy as np
from qgis.core import QgsGeometry, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QPointF, Qt
from qgis.PyQt.QtGui import QImage, QPainter, QPainterPath, QPolygonF

# The band of confidence.tif with the second class.
BAND = 2
# A side of the picture that is looked at, in pixels: of larger candidates every n-th pixel counts.
LARGEST = 256


def share_of_class(raster: Path, outline: QgsGeometry, class_id: int) -> float | None:
    """Return the share (0-1) of the pixels in an outline whose second class is `class_id`.

    The outline is in the raster's coordinates. None where the raster cannot be read or has no such band, or the outline
    holds no pixel.
    """
    layer = QgsRasterLayer(str(raster), "second", "gdal", QgsRasterLayer.LayerOptions(False))
    if not layer.isValid() or layer.bandCount() < BAND:
        return None
    box = outline.boundingBox()
    sides = box.width() / layer.rasterUnitsPerPixelX(), box.height() / layer.rasterUnitsPerPixelY()
    width, height = (min(max(1, math.ceil(side - 1e-6)), LARGEST) for side in sides)
    block = layer.dataProvider().block(BAND, box, width, height)
    if block is None or not block.isValid() or len(block.data()) != width * height:
        return None
    classes = np.frombuffer(bytes(block.data()), np.uint8).reshape(height, width)
    inside = classes[_mask(outline, box, width, height)]
    return float((inside == class_id).mean()) if inside.size else None


def _mask(outline: QgsGeometry, box: QgsRectangle, width: int, height: int) -> np.ndarray:
    """Mark the pixels (height, width) whose centre an outline covers."""
    across, along = box.width() / width, box.height() / height
    path = QPainterPath()
    for polygon in outline.asGeometryCollection():
        for ring in polygon.asPolygon():
            corners = [QPointF((p.x() - box.xMinimum()) / across, (box.yMaximum() - p.y()) / along) for p in ring]
            path.addPolygon(QPolygonF(corners))
    image = QImage(width, height, QImage.Format.Format_Grayscale8)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    painter.fillPath(path, Qt.GlobalColor.white)
    painter.end()
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return np.frombuffer(bytes(bits), np.uint8).reshape(height, image.bytesPerLine())[:, :width] > 0
