"""Outlines without the stairs of their pixels, in a way that candidates which touch go on touching."""

from collections.abc import Sequence
from itertools import combinations, pairwise

from qgis.core import Qgis, QgsGeometry, QgsPointXY

# Half as far each time, where an outline would run into another one.
TRIES = 4
# Of the tolerance's square: what is left over of the sixteenth digit is no overlap.
SMALLEST = 1e-6


def stair(outline: QgsGeometry) -> float:
    """Return the length that an outline's short edges have: a pixel, also where a line has been drawn across it."""
    rings = [ring for polygon in outline.asGeometryCollection() for ring in polygon.asPolygon()]
    lengths = sorted(first.distance(second) for ring in rings for first, second in pairwise(ring) if first != second)
    return lengths[len(lengths) // 5]


def smoothed(
    outline: QgsGeometry, neighbours: Sequence[QgsGeometry], tolerance: float
) -> tuple[QgsGeometry, list[QgsGeometry]] | None:
    """Simplify an outline, and the edges of its neighbours that it shares, by at most `tolerance` (map units).

    Nobody else's edges move, places where corners touch stay, and no two polygons overlap that did not before. Returns
    the outline and the neighbours in their order, None where that cannot be had. After Douglas and Peucker, by the arcs
    between the places where neighbours begin, end, or touch.
    """
    for step in range(TRIES):
        made = _simplified(outline, neighbours, tolerance / 2**step)
        if made is not None:
            return made[0], made[1:]
    return None


def _simplified(outline: QgsGeometry, neighbours: Sequence[QgsGeometry], tolerance: float) -> list[QgsGeometry] | None:
    own = _boundary(outline)
    edges = [_boundary(neighbour) for neighbour in neighbours]
    common = [own.intersection(edge) for edge in edges]
    held = {(point.x(), point.y()) for one in common for point in _points(one)}
    shared = [_arcs(one, tolerance, held) for one in common]
    alone = own
    for edge in edges:
        alone = alone.difference(edge)
    made = [_face([*_arcs(alone, tolerance, held), *(arc for arcs in shared for arc in arcs)], outline)]
    for neighbour, edge, arcs in zip(neighbours, edges, shared, strict=True):
        # Who only touches at a corner stays as he is.
        made.append(_face([*_lines(edge.difference(own)), *arcs], neighbour) if arcs else QgsGeometry(neighbour))
    if any(one.isEmpty() or not one.isGeosValid() for one in made):
        return None
    old = [outline, *neighbours]
    for first, second in combinations(range(len(made)), 2):
        if _overlap(made[first], made[second]) > max(_overlap(old[first], old[second]), SMALLEST * tolerance**2):
            return None
    return made


def _boundary(polygons: QgsGeometry) -> QgsGeometry:
    return QgsGeometry(polygons.constGet().boundary())


def _lines(geometry: QgsGeometry) -> list[QgsGeometry]:
    """Return the lines of what two boundaries have in common or not; where they touch in points does not count."""
    parts = geometry.asGeometryCollection() if not geometry.isEmpty() else []
    return [part for part in parts if part.type() == Qgis.GeometryType.Line]


def _points(geometry: QgsGeometry) -> list[QgsPointXY]:
    """Return where two boundaries only touch."""
    parts = geometry.asGeometryCollection() if not geometry.isEmpty() else []
    return [part.asPoint() for part in parts if part.type() == Qgis.GeometryType.Point]


def _arcs(geometry: QgsGeometry, tolerance: float, held: set[tuple[float, float]]) -> list[QgsGeometry]:
    """Simplify lines piece by piece, the ends of the pieces and the points `held` stay."""
    lines = _lines(geometry)
    if not lines:
        return []
    pieces: list[list[QgsPointXY]] = []
    for arc in _lines(QgsGeometry.collectGeometry(lines).mergeLines()):
        line = arc.asPolyline()
        ends = [at for at, point in enumerate(line) if (point.x(), point.y()) in held or at in (0, len(line) - 1)]
        pieces += [line[first : last + 1] for first, last in pairwise(ends)]
    return [QgsGeometry.fromPolylineXY(piece).simplify(tolerance) for piece in pieces]


def _face(lines: Sequence[QgsGeometry], like: QgsGeometry) -> QgsGeometry:
    """Make the polygons again that lines enclose, those that lie in the polygon from which the lines are."""
    faces = QgsGeometry.polygonize(list(lines)).asGeometryCollection()
    inside = [face for face in faces if 2 * face.intersection(like).area() > face.area()]
    made = QgsGeometry.unaryUnion(inside) if inside else QgsGeometry()
    made.convertToMultiType()
    return made


def _overlap(one: QgsGeometry, other: QgsGeometry) -> float:
    return one.intersection(other).area() if one.boundingBox().intersects(other.boundingBox()) else 0.0
