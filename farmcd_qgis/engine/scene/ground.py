"""From one CRS onto a grid in another: across the antimeridian, and from polygons larger than a projection holds."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from osgeo import ogr, osr

from .grid import Box, Grid
from .surfaces import repaired, surfaces_of

# Points on a side of the grid by which its place in another CRS is found.
POINTS = 21
# Polygons that reach further than this from the grid are cut: projections give nonsense far from where they hold.
FAR_M = 1_000_000.0
FAR_RADIANS = math.radians(10)
NEAR_POLE_RADIANS = math.radians(89.9)


def is_nowhere(crs: osr.SpatialReference | None) -> bool:
    """Tell whether a CRS says nothing; GeoPackages name one in any case, "Undefined ..." where there is none."""
    return crs is None or crs.GetName() is None or crs.GetName().startswith("Undefined")


def circle_of(crs: osr.SpatialReference) -> float:
    """Return 360 degrees in the units of a geographic CRS."""
    return 2 * math.pi / crs.GetAngularUnits()


def footprint(box: Box, crs: osr.SpatialReference, other: osr.SpatialReference) -> Box:
    """Return the box around a box of `crs` in another CRS; of a geographic one, it may reach beyond 180 degrees.

    Raises RuntimeError where no point of it has a place there.
    """
    xmin, ymin, xmax, ymax = box
    xs, ys = np.meshgrid(np.linspace(xmin, xmax, POINTS), np.linspace(ymin, ymax, POINTS))
    way = osr.CoordinateTransformation(crs, other)
    found = [point for x, y in zip(xs.ravel(), ys.ravel(), strict=True) if (point := _place(way, x, y)) is not None]
    if not found:
        raise RuntimeError(f"{crs.GetName()} and {other.GetName()} have no place in common")
    places = np.array(found)
    if other.IsGeographic():
        places = _unwrapped(places, circle_of(other))
    left, bottom = places.min(axis=0)
    right, top = places.max(axis=0)
    return float(left), float(bottom), float(right), float(top)


def _unwrapped(places: np.ndarray, circle: float) -> np.ndarray:
    """Lay longitudes side by side around the middle one of them."""
    angles = places[:, 0] / circle * 2 * np.pi
    middle = math.atan2(np.sin(angles).mean(), np.cos(angles).mean()) / (2 * np.pi) * circle
    turns = np.round((places[:, 0] - middle) / circle)
    # As many as possible stay where they are.
    turns -= np.median(turns)
    return np.stack([places[:, 0] - turns * circle, places[:, 1]], axis=1)


def _place(way: osr.CoordinateTransformation, x: float, y: float) -> tuple[float, float] | None:
    try:
        x, y, _ = way.TransformPoint(float(x), float(y))
    except RuntimeError:
        return None
    return (x, y) if math.isfinite(x) and math.isfinite(y) else None


class Way:
    """Brings polygons from the CRS of a layer onto a grid.

    A layer in degrees is looked through three times, as it is and turned by 360 degrees either way. Raises
    RuntimeError where both CRSs have nothing in common.
    """

    def __init__(self, source: osr.SpatialReference, grid: Grid) -> None:
        self._grid_crs = grid.crs
        self._first: osr.CoordinateTransformation | None = None
        grid_box = grid.box_of(grid.whole)
        if not source.IsGeographic() and not source.IsSame(self._grid_crs):
            degrees = source.CloneGeogCS()
            degrees.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
            around = footprint(grid_box, self._grid_crs, degrees)
            if _reaches_around(around, degrees):
                # The layer's own coordinates are torn at 180 degrees: only those of the sphere can be turned.
                self._first = osr.CoordinateTransformation(source, degrees)
                source = degrees
        self._source = source
        self._way = osr.CoordinateTransformation(source, self._grid_crs)
        same = bool(source.IsSame(self._grid_crs))
        self._box = grid_box if same else _widened(footprint(grid_box, self._grid_crs, source))
        self._middle = (grid_box[0] + grid_box[2]) / 2

    def passes(self) -> Iterator[tuple[float, Box | None]]:
        """Yield how far a layer is turned, and the box of its features that then may lie on the grid (None: any)."""
        if not self._source.IsGeographic():
            yield 0.0, self._box
            return
        left, bottom, right, top = self._box
        for turns in (-1, 0, 1):
            shift = turns * circle_of(self._source)
            yield shift, None if self._first else (left - shift, bottom, right - shift, top)

    def bring(self, polygons: ogr.Geometry, shift: float) -> ogr.Geometry | None:
        """Bring a MultiPolygon onto the grid, repaired; None where nothing of it comes near."""
        if self._first is not None:
            polygons = _segmentized(polygons)
            polygons.Transform(self._first)
        if shift:
            polygons = _moved(polygons, lambda x: x + shift)
        if not _overlap(polygons, self._box):
            return None
        placed = None if self._is_far(polygons) else self._placed(polygons)
        if placed is None:
            near = surfaces_of(repaired(polygons).Intersection(_rectangle(self._around())))
            placed = None if near.IsEmpty() else self._placed(near)
        if placed is None:
            return None
        whole = repaired(placed)
        return None if whole.IsEmpty() else whole

    def _placed(self, polygons: ogr.Geometry) -> ogr.Geometry | None:
        placed = polygons.Clone()
        try:
            placed.Transform(self._way)
        except RuntimeError:
            return None
        if self._grid_crs.IsGeographic():
            circle = circle_of(self._grid_crs)
            if any(abs(edge - self._middle) > circle / 2 for edge in placed.GetEnvelope()[:2]):
                placed = _moved(placed, lambda x: x - circle * round((x - self._middle) / circle))
        return placed if all(map(math.isfinite, placed.GetEnvelope())) else None

    def _is_far(self, polygons: ogr.Geometry) -> bool:
        xmin, xmax, ymin, ymax = polygons.GetEnvelope()
        left, bottom, right, top = self._box
        far = self._far()
        return xmin < left - far or ymin < bottom - far or xmax > right + far or ymax > top + far

    def _far(self) -> float:
        if self._source.IsGeographic():
            return FAR_RADIANS / self._source.GetAngularUnits()
        return FAR_M / self._source.GetLinearUnits()

    def _around(self) -> Box:
        """The box that far polygons are cut to: the grid and as much again around it."""
        left, bottom, right, top = self._box
        more = min(self._far(), max(right - left, top - bottom))
        left, bottom, right, top = left - more, bottom - more, right + more, top + more
        if self._source.IsGeographic():
            pole = NEAR_POLE_RADIANS / self._source.GetAngularUnits()
            bottom, top = max(bottom, -pole), min(top, pole)
        return left, bottom, right, top


def _widened(box: Box) -> Box:
    """Return a box a little larger, since edges bend between the points by which it was found."""
    left, bottom, right, top = box
    x_more, y_more = (right - left) / POINTS, (top - bottom) / POINTS
    return left - x_more, bottom - y_more, right + x_more, top + y_more


def box_on_grid(box: Box, crs: osr.SpatialReference, grid: Grid) -> Box:
    """Return the box on a grid around a box in another CRS; what reaches far beyond the grid is cut before.

    Not a number where both are far apart. Raises RuntimeError where it has no place there.
    """
    same = bool(crs.IsSame(grid.crs))
    near = grid.box_of(grid.whole) if same else _widened(footprint(grid.box_of(grid.whole), grid.crs, crs))
    turns = 0.0
    if crs.IsGeographic():
        circle = circle_of(crs)
        turns = circle * max((0, 1, -1), key=lambda turn: (_common(box, near, turn * circle), -abs(turn)))
    xmin, ymin, xmax, ymax = box[0] + turns, box[1], box[2] + turns, box[3]
    if same:
        return xmin, ymin, xmax, ymax
    far = (FAR_RADIANS / crs.GetAngularUnits()) if crs.IsGeographic() else FAR_M / crs.GetLinearUnits()
    left, bottom, right, top = near
    if xmin < left - far or ymin < bottom - far or xmax > right + far or ymax > top + far:
        more = max(right - left, top - bottom)
        xmin, ymin = max(xmin, left - more), max(ymin, bottom - more)
        xmax, ymax = min(xmax, right + more), min(ymax, top + more)
        if xmin >= xmax or ymin >= ymax:
            return math.nan, math.nan, math.nan, math.nan
    found = osr.CoordinateTransformation(crs, grid.crs).TransformBounds(xmin, ymin, xmax, ymax, POINTS)
    if grid.crs.IsGeographic():
        circle = circle_of(grid.crs)
        if found[0] > found[2]:  # Across the antimeridian the box comes back torn.
            found = footprint((xmin, ymin, xmax, ymax), crs, grid.crs)
        middle = sum(grid.box_of(grid.whole)[::2]) / 2
        more = circle * round((middle - (found[0] + found[2]) / 2) / circle)
        found = (found[0] + more, found[1], found[2] + more, found[3]) if more else found
    return found


def _common(box: Box, other: Box, shift: float) -> float:
    return max(0.0, min(box[2] + shift, other[2]) - max(box[0] + shift, other[0]))


def _reaches_around(box: Box, crs: osr.SpatialReference) -> bool:
    half = circle_of(crs) / 2
    return box[0] < -half or box[2] > half


def _overlap(polygons: ogr.Geometry, box: Box) -> bool:
    xmin, xmax, ymin, ymax = polygons.GetEnvelope()
    return xmin <= box[2] and xmax >= box[0] and ymin <= box[3] and ymax >= box[1]


def _rectangle(box: Box) -> ogr.Geometry:
    left, bottom, right, top = box
    # Of many points, since its edges are not straight on the grid.
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for share in np.linspace(0, 1, POINTS):
        ring.AddPoint_2D(left + share * (right - left), bottom)
    for share in np.linspace(0, 1, POINTS):
        ring.AddPoint_2D(right, bottom + share * (top - bottom))
    for share in np.linspace(1, 0, POINTS):
        ring.AddPoint_2D(left + share * (right - left), top)
    for share in np.linspace(1, 0, POINTS):
        ring.AddPoint_2D(left, bottom + share * (top - bottom))
    polygon = ogr.Geometry(ogr.wkbPolygon)
    polygon.AddGeometry(ring)
    return polygon


def _segmentized(polygons: ogr.Geometry) -> ogr.Geometry:
    made = polygons.Clone()
    xmin, xmax, ymin, ymax = made.GetEnvelope()
    made.Segmentize(max(xmax - xmin, ymax - ymin) / POINTS or 1.0)
    return made


def _moved(polygons: ogr.Geometry, move: Callable[[float], float]) -> ogr.Geometry:
    """Return polygons whose x coordinates `move` has changed."""
    made = polygons.Clone()
    for part in range(made.GetGeometryCount()):
        polygon = made.GetGeometryRef(part)
        for number in range(polygon.GetGeometryCount()):
            ring = polygon.GetGeometryRef(number)
            for place in range(ring.GetPointCount()):
                ring.SetPoint_2D(place, move(ring.GetX(place)), ring.GetY(place))
    return made
