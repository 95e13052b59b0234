"""Rasters of several dates in a project."""

import numpy as np
from qgis.core import Qgis, QgsContrastEnhancement, QgsDateTimeRange, QgsRasterLayer, QgsReadWriteContext
from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QTime
from qgis.PyQt.QtXml import QDomDocument

from tests.helpers.rasters import LEFT, PIXEL, TOP, write_raster

SIZE = 64


def raster(folder, name: str, value: int = 100, dtype=np.uint8, bands: int = 3, at=(LEFT, TOP)) -> QgsRasterLayer:
    place = (at[0], PIXEL, 0, at[1], 0, -PIXEL)
    path = write_raster(folder / f"{name}.tif", np.full((bands, SIZE, SIZE), value, dtype), geotransform=place)
    return QgsRasterLayer(path, name)


def dated(layer: QgsRasterLayer, first: str, last: str | None = None) -> QgsRasterLayer:
    begin, end = (QDate.fromString(day, "yyyy-MM-dd") for day in (first, last or first))
    properties = layer.temporalProperties()
    properties.setMode(Qgis.RasterTemporalMode.FixedTemporalRange)
    moments = QDateTime(begin, QTime(0, 0), Qt.TimeSpec.UTC), QDateTime(end, QTime(23, 59, 59), Qt.TimeSpec.UTC)
    properties.setFixedTemporalRange(QgsDateTimeRange(*moments))
    properties.setIsActive(True)
    return layer


def style(layer: QgsRasterLayer) -> str:
    document = QDomDocument()
    element = document.createElement("style")
    document.appendChild(element)
    assert layer.writeStyle(element, document, "", QgsReadWriteContext())
    return document.toString()


def contrast(low: float, high: float) -> QgsContrastEnhancement:
    made = QgsContrastEnhancement(Qgis.DataType.Byte)
    made.setMinimumValue(low)
    made.setMaximumValue(high)
    made.setContrastEnhancementAlgorithm(QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum)
    return made
