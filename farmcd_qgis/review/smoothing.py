"""Outlines without the stairs of their pixels, in a way that candidates which touch go on touching."""

from collections.abc import Sequence
from itertools import combinations, pairwise

from qgis.core import Qgis, QgsGeometry

# Half as far each time, where an outline would run into another one.
TRIES = 4


def stair(outline: QgsGeometry) -> float:
    """Return the length that an outline's short edges have: a pixel, also where a line has been drawn across it."""
    rings = [ring for polygon in outline.asGeometryCollection() for ring in polygon.asPolygon()]
    lengths = sorted(first.distance(second) for ring in rings for first, second in pairwise(ring) if first != second)
    return lengths[len(lengths) // 5]


def smoothed(
    outline: QgsGeometry, neighbours: Sequence[QgsGeometry], tolerance: float
) -> tuple[QgsGeometry, list[QgsGeometry]] | None:
    """Simplify an outline, and the edges of its neighbours that it shares, by at most `tolerance` (map units).

    Nobody else's edges move, and no two polygons overlap afterwards. Returns the outline and the neighbours in their
    order, None where that cannot be had. After Douglas and Peucker, by the arcs between the places where neighbours
    begin and end.
    """
    for step in range(TRIES):
        made = _simplified(outline, neighbours, tolerance / 2**step)
        if made is not None:
            return made[0], made[1:]
    return None


def _simplified(outline: QgsGeometry, neighbours: Sequence[QgsGeometry], tolerance: float) -> list[QgsGeometry] | None:
    own = _boundary(outline)
    edges = [_boundary(neighbour) for neighbour in neighbours]
    shared = [_arcs(own.intersection(edge), tolerance) for edge in edges]
    alone = own
    for edge in edges:
        alone = alone.difference(edge)
    made = [_face([*_arcs(alone, tolerance), *(arc for arcs in shared for arc in arcs)], outline)]
    for neighbour, edge, arcs in zip(neighbours, edges, shared, strict=True):
        # Who only touches at a corner stays as he is.
        made.append(_face([*_lines(edge.difference(own)), *arcs], neighbour) if arcs else QgsGeometry(neighbour))
    sound = all(not one.isEmpty() and one.isGeosValid() for one in made)
    return made if sound and not any(_overlap(one, other) for one, other in combinations(made, 2)) else None


def _boundary(polygons: QgsGeometry) -> QgsGeometry:
    return QgsGeometry(polygons.constGet().boundary())


def _lines(geometry: QgsGeometry) -> list[QgsGeometry]:
    """Return the lines of what two boundaries have in common or not; where they touch in points does not count."""
    parts = geometry.asGeometryCollection() if not geometry.isEmpty() else []
    return [part for part in parts if part.type() == Qgis.GeometryType.Line]


def _arcs(geometry: QgsGeometry, tolerance: float) -> list[QgsGeometry]:
    lines = _lines(geometry)
    if not lines:
        return []
    return [arc.simplify(tolerance) for arc in _lines(QgsGeometry.collectGeometry(lines).mergeLines())]


def _face(lines: Sequence[QgsGeometry], like: QgsGeometry) -> QgsGeometry:
    """Make the polygons again that lines enclose, those that lie in the polygon from which the lines are."""
    faces = QgsGeometry.polygonize(list(lines)).asGeometryCollection()
    inside = [face for face in faces if 2 * face.intersection(like).area() > face.area()]
    made = QgsGeometry.unaryUnion(inside) if inside else QgsGeometry()
    made.convertToMultiType()
    return made


def _overlap(one: QgsGeometry, other: QgsGeometry) -> bool:
    if not one.boundingBox().intersects(other.boundingBox()):
        return False
    # What is left over of the sixteenth digit is none.
    return one.intersection(other).area() > 1e-9 * min(one.area(), other.area())
