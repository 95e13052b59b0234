"""The place in the map that a candidate takes up, and how much of it is looked at."""

from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
)

# The candidate takes up two fifths of the view, and small ones no more than their surroundings allow.
MARGIN = 2.5
SMALLEST_PIXELS = 80


@dataclass(frozen=True)
class Place:
    """A candidate's outline, and the part of the map to look at, in the coordinates of `crs`."""

    outline: QgsGeometry
    view: QgsRectangle
    crs: QgsCoordinateReferenceSystem


def place_of(outline: QgsGeometry, crs: QgsCoordinateReferenceSystem, pixel: float = 0.0) -> Place:
    """Return the place of an outline; `pixel` is the ground resolution of the rasters in map units, 0 if unknown."""
    view = outline.boundingBox()
    view.scale(MARGIN)
    lacking = SMALLEST_PIXELS * pixel - max(view.width(), view.height())
    if lacking > 0:
        view.grow(lacking / 2)
    return Place(outline, view, crs)


def map_units(metres: float, at: QgsPointXY, crs: QgsCoordinateReferenceSystem) -> tuple[float, float]:
    """Return how many map units along x and y are so many metres on the ground at a point."""
    ruler = QgsDistanceArea()
    ruler.setSourceCrs(crs, QgsProject.instance().transformContext())
    ruler.setEllipsoid(crs.ellipsoidAcronym())
    # A step that is short in either kind of unit.
    step = 1e-3 if crs.isGeographic() else 100.0
    try:
        across = ruler.measureLine(at, QgsPointXY(at.x() + step, at.y()))
        along = ruler.measureLine(at, QgsPointXY(at.x(), at.y() + step))
    except QgsCsException:
        # No place on the ground belongs to these coordinates: take the map's own measure.
        return metres, metres
    return metres * step / across, metres * step / along
