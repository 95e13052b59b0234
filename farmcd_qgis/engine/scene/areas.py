"""Areas on the ellipsoid, for polygons and for pixels, in any coordinate reference system.

Everything is measured in a cylindrical equal-area projection on the datum of the data: areas in it are those of
the ellipsoid, and meridians and parallels, the edges of pixels in degrees, are straight lines in it.
"""

import numpy as np
import numpy.typing as npt
from osgeo import ogr, osr

from ...core.classes import MU_PER_HECTARE
from ...core.errors import InputError

M2_PER_HECTARE = 10_000.0
# Edges and grids are cut into pieces of this length; what bends less than that is taken as straight (error 1e-7).
PIECE_M = 2_000.0
PIECE_DEGREES = 0.02
# Units in the area of a pixel in the middle of a raster.
UNITS = 1 << 30

Floats = npt.NDArray[np.float64]


def hectares(area_m2: float) -> float:
    """Turn square metres into hectares."""
    return area_m2 / M2_PER_HECTARE


def mu(area_m2: float) -> float:
    """Turn square metres into mu, the Chinese unit of land area (15 mu are a hectare)."""
    return area_m2 / M2_PER_HECTARE * MU_PER_HECTARE


def geometry_area_m2(geometry: ogr.Geometry, crs_wkt: str) -> float:
    """Measure a polygon whose edges are straight lines in its own CRS, in square metres on the ellipsoid.

    Raises InputError if the CRS is missing or has no place on the Earth.
    """
    xmin, xmax, ymin, ymax = geometry.GetEnvelope()
    crs = _read_crs(crs_wkt)
    projected = geometry.Clone()
    projected.Segmentize(PIECE_DEGREES if crs.IsGeographic() else PIECE_M / crs.GetLinearUnits())
    projected.Transform(_equal_area(crs, (xmin + xmax) / 2, (ymin + ymax) / 2))
    return projected.GetArea()


class PixelAreas:
    """The area of every pixel of a raster, in square metres on the ellipsoid.

    The sum over the pixels of a polygon is its area; in whole numbers of `unit` (square metres) it is the same
    in any order. Pixel areas vary slowly, so they are computed on a
    coarse grid and interpolated. `geotransform` is GDAL's. Raises InputError if the CRS is missing or has no place
    on the Earth, or the raster lies where it does not hold.
    """

    def __init__(self, geotransform: tuple[float, ...], crs_wkt: str, width: int, height: int) -> None:
        self._geotransform = geotransform
        self._width = width
        centre = self._place(np.array([width / 2]), np.array([height / 2]))[0]
        self._transformation = _equal_area(_read_crs(crs_wkt), *centre)
        middle = self._at(np.array([width / 2]), np.array([height / 2]))[0]
        self.unit = float(middle) / UNITS
        step = max(1, int(PIECE_M / np.sqrt(middle)))
        # Of the whole raster, so that a pixel's area does not depend on what it is read with.
        self._node_rows, self._node_columns = _nodes(height, step), _nodes(width, step)

    def rows(self, row: int, count: int, columns: slice = slice(None)) -> Floats:
        """Return the areas of `count` rows from `row` on, of all or some columns, float64 (count, columns)."""
        first = int(np.searchsorted(self._node_rows, row, side="right")) - 1
        at_rows = self._node_rows[first : int(np.searchsorted(self._node_rows, row + count - 1)) + 1]
        at_columns = self._node_columns
        node_columns, node_rows = np.meshgrid(at_columns, at_rows)
        known = self._at(node_columns.ravel(), node_rows.ravel()).reshape(node_rows.shape)
        wanted_columns = np.arange(self._width)[columns]
        across = np.stack([np.interp(wanted_columns, at_columns, line) for line in known])
        if len(at_rows) == 1:
            return across
        wanted = np.arange(row, row + count)
        above = np.clip(np.searchsorted(at_rows, wanted, side="right") - 1, 0, len(at_rows) - 2)
        share = ((wanted - at_rows[above]) / (at_rows[above + 1] - at_rows[above]))[:, None]
        return across[above] * (1 - share) + across[above + 1] * share

    def units(self, row: int, count: int, columns: slice = slice(None)) -> npt.NDArray[np.int64]:
        """Return the areas that `rows` does as whole numbers of `unit`, int64."""
        return np.rint(self.rows(row, count, columns) / self.unit).astype(np.int64)

    def _at(self, columns: Floats, rows: Floats) -> Floats:
        """Measure single pixels, given by their upper left corner: (n,)."""
        corners = [self._place(columns + x, rows + y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]
        moved = np.array(self._transformation.TransformPoints(np.concatenate(corners)))[:, :2]
        a, b, c, d = moved.reshape(4, -1, 2)
        one, other = c - a, d - b
        areas = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
        if not np.isfinite(areas).all() or not (areas > 0).all():
            raise _off_the_earth()
        return areas

    def _place(self, columns: Floats, rows: Floats) -> Floats:
        x, dx, rx, y, ry, dy = self._geotransform
        return np.stack([x + columns * dx + rows * rx, y + columns * ry + rows * dy], axis=1)


def _nodes(count: int, step: int) -> Floats:
    nodes = np.arange(0, count, step, dtype=np.float64)
    return nodes if nodes[-1] == count - 1 else np.append(nodes, count - 1)


def _read_crs(crs_wkt: str) -> osr.SpatialReference:
    crs = osr.SpatialReference()
    if not crs_wkt:
        raise InputError("areas_no_crs")
    crs.SetFromUserInput(crs_wkt)
    crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    if not (crs.IsGeographic() or crs.IsProjected()):
        raise InputError("local_crs", crs=crs.GetName())
    return crs


def _equal_area(crs: osr.SpatialReference, x: float, y: float) -> osr.CoordinateTransformation:
    """Return the way from a CRS to the equal-area projection on its datum whose central meridian runs through x, y."""
    geographic = crs.CloneGeogCS()
    geographic.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    try:
        longitude = osr.CoordinateTransformation(crs, geographic).TransformPoint(x, y)[0]
    except RuntimeError as error:
        raise _off_the_earth() from error
    flat = osr.SpatialReference()
    flat.CopyGeogCSFrom(crs)
    flat.SetCEA(0.0, longitude * geographic.GetAngularUnits() / np.radians(1.0), 0.0, 0.0)
    flat.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return osr.CoordinateTransformation(crs, flat)


def _off_the_earth() -> InputError:
    return InputError("no_area")
