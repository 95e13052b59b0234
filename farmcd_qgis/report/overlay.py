"""Candidates against other polygons: which unit or parcel they lie in, and how much of them is farmland."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qgis.core import (
    NULL,
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsSpatialIndex,
    QgsVectorLayer,
)

from ..core.classes import MU_PER_HECTARE
from ..core.errors import InputError
from ..core.feedback import SILENT, Feedback
from .candidates import M2_PER_HECTARE, Candidate, measure
from .rounding import DIGITS, FINE_DIGITS, add_up

# A part smaller than this is no part but a border drawn twice.
SLIVER_M2 = 1.0
# The row of what lies in no unit.
OUTSIDE = ""


@dataclass(frozen=True)
class Part:
    """What of a candidate lies in a unit; `unit` is its name, OUTSIDE in none."""

    unit: str
    candidate: Candidate
    area_ha: float
    geometry: QgsGeometry


@dataclass(frozen=True)
class Units:
    """The candidates by administrative unit or parcel.

    `parts` cover every candidate exactly once: where units overlap, the first one counts. `cut`: candidates with parts
    in several units; `overlap_ha`: what lies in more than one.
    """

    layer: str
    parts: tuple[Part, ...]
    cut: int
    overlap_ha: float

    @property
    def sizes(self) -> list[tuple[float, float]]:
        """The hectares and mu of each part as they are printed."""
        areas = [part.area_ha for part in self.parts]
        hectares = add_up(areas, FINE_DIGITS)
        return list(zip(hectares, add_up([area * MU_PER_HECTARE for area in areas], DIGITS), strict=True))

    def of(self, candidate: Candidate) -> list[str]:
        """Name the units that a candidate lies in, the largest part first."""
        return self._names.get(candidate.number, [])

    @cached_property
    def _names(self) -> dict[int, list[str]]:
        names: dict[int, list[str]] = defaultdict(list)
        for part in sorted(self.parts, key=lambda part: -part.area_ha):
            if part.unit != OUTSIDE:
                names[part.candidate.number].append(part.unit)
        return dict(names)


@dataclass(frozen=True)
class Farmland:
    """The farmland within the run's extent, and the hectares of each candidate, by number, that lie on it."""

    layer: str
    area_ha: float
    by_candidate: dict[int, float]


def split_by_units(
    candidates: Sequence[Candidate], source: str, field: str, crs: QgsCoordinateReferenceSystem, feedback: Feedback
) -> Units:
    """Cut candidates at the borders of units; raises InputError for a layer or field that is none, and Cancelled."""
    layer = open_polygons(source)
    if layer.fields().lookupField(field) < 0:
        names = ", ".join(item.name() for item in layer.fields())
        raise InputError("no_field", path=source, field=field, known=names)
    hits: dict[int, list[tuple[str, QgsGeometry]]] = defaultdict(list)
    index = _index(candidates)
    for name, geometry in _polygons(layer, crs, _extent(candidates), feedback, field):
        for place in index.intersects(geometry.boundingBox()):
            hits[place].append((name, geometry))
    parts: list[Part] = []
    cut, overlap = 0, 0.0
    for place, candidate in enumerate(candidates):
        found, twice = _cut(candidate, hits[place])
        parts += found
        cut += len(found) > 1
        overlap += twice
    return Units(layer.name(), tuple(parts), cut, overlap)


def measure_farmland(
    candidates: Sequence[Candidate],
    source: str,
    region: QgsGeometry,
    crs: QgsCoordinateReferenceSystem,
    feedback: Feedback,
) -> Farmland:
    """Measure the farmland within `region` and on the candidates; raises InputError for a bad layer, and Cancelled."""
    layer = open_polygons(source)
    index = _index(candidates)
    hits: dict[int, list[QgsGeometry]] = defaultdict(list)
    inside = []
    for _, geometry in _polygons(layer, crs, region.boundingBox(), feedback):
        clipped = geometry.intersection(region)
        if not clipped.isEmpty():
            inside.append(clipped)
        for place in index.intersects(geometry.boundingBox()):
            hits[place].append(geometry)
    whole = measure(crs).measureArea(QgsGeometry.unaryUnion(inside)) / M2_PER_HECTARE if inside else 0.0
    shares = {
        one.number: one.area_ha * _share(one.geometry, QgsGeometry.unaryUnion(hits[place])) if hits[place] else 0.0
        for place, one in enumerate(candidates)
    }
    return Farmland(layer.name(), whole, shares)


def open_polygons(source: str) -> QgsVectorLayer:
    """Open a polygon layer by the name that OGR knows it by; raises InputError if it is none or has no CRS."""
    path, _, name = source.partition("|layername=")
    layer = QgsVectorLayer(source, name or Path(path).stem, "ogr")
    if not layer.isValid():
        raise InputError("no_layer", path=source)
    if layer.geometryType() != Qgis.GeometryType.Polygon:
        raise InputError("no_polygons", path=source)
    if not layer.crs().isValid():
        raise InputError("layer_no_crs", path=source)
    return layer


def read_region(source: str, crs: QgsCoordinateReferenceSystem, extent: QgsRectangle) -> QgsGeometry:
    """Read the polygons of a layer that meet an extent as one geometry in a CRS."""
    layer = open_polygons(source)
    return QgsGeometry.unaryUnion([geometry for _, geometry in _polygons(layer, crs, extent, SILENT)])


def _polygons(
    layer: QgsVectorLayer,
    crs: QgsCoordinateReferenceSystem,
    extent: QgsRectangle,
    feedback: Feedback,
    field: str | None = None,
) -> Iterator[tuple[str, QgsGeometry]]:
    """Yield the name and the valid geometry, in `crs`, of each polygon that may meet an extent."""
    request = QgsFeatureRequest().setDestinationCrs(crs, QgsProject().transformContext()).setFilterRect(extent)
    # In the file's order, which a spatial index does not keep.
    for feature in sorted(layer.getFeatures(request), key=lambda feature: feature.id()):
        feedback.check()
        value = feature[field] if field else NULL
        geometry = feature.geometry()
        yield (
            OUTSIDE if value == NULL else str(value).strip(),
            geometry if geometry.isGeosValid() else geometry.makeValid(),
        )


def _cut(candidate: Candidate, hits: Iterable[tuple[str, QgsGeometry]]) -> tuple[list[Part], float]:
    """Return the parts of a candidate, whose hectares sum up to its own, and the hectares in several units."""
    whole, rest, covered = candidate.geometry.area(), QgsGeometry(candidate.geometry), 0.0
    pieces: dict[str, list[QgsGeometry]] = defaultdict(list)
    for name, unit in hits:
        covered += candidate.geometry.intersection(unit).area()
        pieces[name].append(rest.intersection(unit))
        rest = rest.difference(unit)
    overlap = max(covered - (whole - rest.area()), 0.0)
    pieces[OUTSIDE].append(rest)
    merged = {name: _polygonal(QgsGeometry.unaryUnion(found)) for name, found in pieces.items()}
    # Parts are small enough for the CRS's scale to be the same in all of them.
    least = min(SLIVER_M2 / M2_PER_HECTARE / candidate.area_ha * whole, max(part.area() for part in merged.values()))
    kept = {name: part for name, part in merged.items() if part.area() >= least}
    scale = candidate.area_ha / math.fsum(part.area() for part in kept.values())
    parts = [Part(name, candidate, part.area() * scale, part) for name, part in kept.items()]
    return parts, overlap * scale if overlap >= least else 0.0


def _polygonal(geometry: QgsGeometry) -> QgsGeometry:
    """Keep the polygons of a geometry, since borders that touch leave points and lines as well."""
    polygons = QgsGeometry(geometry)
    if polygons.isEmpty():
        return polygons
    polygons.convertGeometryCollectionToSubclass(Qgis.GeometryType.Polygon)
    polygons.convertToMultiType()
    return polygons


def _share(geometry: QgsGeometry, other: QgsGeometry) -> float:
    return min(geometry.intersection(other).area() / geometry.area(), 1.0)


def _index(candidates: Sequence[Candidate]) -> QgsSpatialIndex:
    index = QgsSpatialIndex()
    for place, candidate in enumerate(candidates):
        index.addFeature(place, candidate.geometry.boundingBox())
    return index


def _extent(candidates: Sequence[Candidate]) -> QgsRectangle:
    extent = QgsRectangle()
    for candidate in candidates:
        extent.combineExtentWith(candidate.geometry.boundingBox())
    return extent
