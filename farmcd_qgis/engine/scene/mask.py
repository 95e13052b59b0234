"""Where to look: the area of interest, an extent and the farmland polygons, on the pair's grid."""

import hashlib
import math
from uuid import uuid4

import numpy as np
from osgeo import gdal, ogr, osr

from ...core.errors import InputError
from ...core.protocol import RunRequest
from .pair import Pair
from .raster import Flags, x_first
from .tiling import Window

# Pixels of the side of the squares that are either touched by a polygon or need no look.
BLOCK = 32
SURFACES = (ogr.wkbPolygon, ogr.wkbMultiPolygon, ogr.wkbCurvePolygon, ogr.wkbMultiSurface, ogr.wkbUnknown)


class Mask:
    """Says which pixels are to be looked at; `bounds` is the window of the grid that holds them all.

    A Mask belongs to one thread at a time.
    """

    def __init__(self, bounds: Window, layers: "list[PolygonMask]") -> None:
        self.bounds = bounds
        self._layers = layers

    @classmethod
    def open(cls, pair: Pair, request: RunRequest) -> "Mask":
        """Open what a request says of where to look; without a word of it the whole grid is taken.

        Raises InputError for a layer that cannot be read or has no polygon on the grid, or an extent outside it.
        """
        bounds = Window(0, 0, pair.width, pair.height)
        layers = []
        if request.extent is not None:
            box = _extent_on_grid(pair, request.extent, request.extent_crs)
            bounds = _narrowed(bounds, _window_of(pair, *box), "extent", str(request.extent))
        if request.aoi:
            area = PolygonMask(request.aoi, pair, "aoi")
            bounds = _narrowed(bounds, area.window, "aoi", request.aoi)
            layers.append(area)
        if request.farmland:
            layers.append(PolygonMask(request.farmland, pair, "farmland"))
        return cls(bounds, layers)

    @property
    def digests(self) -> list[str]:
        """Say by a hash each what polygons there are to look at, whatever file they came in."""
        return [layer.digest() for layer in self._layers]

    def read(self, window: Window) -> Flags:
        """Say for each pixel of a window whether it is to be looked at, bool (h, w): its centre decides."""
        inside = np.zeros((window.height, window.width), bool)
        common = window.intersection(self.bounds)
        top, left = common.row - window.row, common.column - window.column
        inside[top : top + common.height, left : left + common.width] = True
        for layer in self._layers:
            inside &= layer.read(window)
        return inside

    def any(self, window: Window) -> bool:
        """Say cheaply whether a window may hold a pixel to look at."""
        common = window.intersection(self.bounds)
        return common.width > 0 and common.height > 0 and all(layer.touches(common) for layer in self._layers)


class PolygonMask:
    """The polygons of one layer that lie on the grid: repaired, in the grid's CRS, behind a spatial index.

    `window` holds their pixels. `role` says in errors what they are for: "aoi" or "farmland".
    """

    def __init__(self, source: str, pair: Pair, role: str) -> None:
        self._geotransform = pair.geotransform
        self._crs = x_first(osr.SpatialReference(pair.crs_wkt))
        self._path = f"/vsimem/farmcd_{uuid4().hex}.gpkg"
        try:
            self._dataset = self._copy_in(source, pair, role)
        except RuntimeError as error:
            raise InputError("polygons_unreadable", role=role, path=source, reason=error) from error
        self._layer = self._dataset.GetLayer(0)
        window = None
        if self._layer.GetFeatureCount():
            xmin, xmax, ymin, ymax = self._layer.GetExtent()
            window = _window_of(pair, xmin, ymin, xmax, ymax)
        if window is None:
            raise InputError("polygons_outside", role=role, path=source)
        self.window = window
        self._blocks = self._touched_blocks(pair.width, pair.height)

    def __del__(self) -> None:
        self._layer = self._dataset = None
        if gdal.VSIStatL(self._path) is not None:
            gdal.Unlink(self._path)

    def touches(self, window: Window) -> bool:
        """Say whether a window may hold a pixel of a polygon, in microseconds: whether a block of it is touched."""
        rows = slice(window.row // BLOCK, -(-window.bottom // BLOCK))
        return bool(self._blocks[rows, window.column // BLOCK : -(-window.right // BLOCK)].any())

    def digest(self) -> str:
        """Return a hash of the polygons."""
        digest = hashlib.sha256()
        self._layer.SetSpatialFilter(None)
        for feature in self._layer:
            digest.update(feature.GetGeometryRef().ExportToWkb())
        return digest.hexdigest()

    def _touched_blocks(self, width: int, height: int) -> Flags:
        """Find the blocks of the grid that polygons touch, bool (rows, columns of blocks)."""
        x, dx, _, y, _, dy = self._geotransform
        columns, rows = -(-width // BLOCK), -(-height // BLOCK)
        blocks = gdal.GetDriverByName("MEM").Create("", columns, rows, 1, gdal.GDT_Byte)
        blocks.SetGeoTransform((x, dx * BLOCK, 0, y, 0, dy * BLOCK))
        blocks.SetSpatialRef(self._crs)
        gdal.RasterizeLayer(blocks, [1], self._layer, burn_values=[1], options=["ALL_TOUCHED=TRUE"])
        return blocks.ReadAsArray().astype(bool)

    def read(self, window: Window) -> Flags:
        """Say for each pixel of a window whether its centre lies in a polygon, bool (h, w)."""
        left, bottom, right, top = _box_of(self._geotransform, window)
        target = gdal.GetDriverByName("MEM").Create("", window.width, window.height, 1, gdal.GDT_Byte)
        target.SetGeoTransform((left, self._geotransform[1], 0, top, 0, self._geotransform[5]))
        target.SetSpatialRef(self._crs)
        self._layer.SetSpatialFilterRect(left, bottom, right, top)
        gdal.RasterizeLayer(target, [1], self._layer, burn_values=[1])
        return target.ReadAsArray().astype(bool)

    def _copy_in(self, source: str, pair: Pair, role: str) -> gdal.Dataset:
        path, _, layer_name = source.partition("|layername=")
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR)
        layer = dataset.GetLayerByName(layer_name) if layer_name else dataset.GetLayer(0)
        if layer is None:
            raise InputError("polygons_no_layer", role=role, path=source)
        kind = ogr.GT_Flatten(layer.GetGeomType())
        if kind not in SURFACES:
            raise InputError("not_polygons", role=role, path=source, type=ogr.GeometryTypeToName(kind))
        # GeoPackages name a CRS in any case: "Undefined Cartesian SRS" is one of two that mean none.
        if layer.GetSpatialRef() is None or layer.GetSpatialRef().GetName().startswith("Undefined"):
            raise InputError("polygons_no_crs", role=role, path=source)
        return gdal.VectorTranslate(
            self._path,
            dataset,
            layers=[layer.GetName()],
            layerName="polygons",
            format="GPKG",
            dstSRS=pair.crs_wkt,
            reproject=True,
            spatFilter=_box_of(pair.geotransform, Window(0, 0, pair.width, pair.height)),
            spatSRS=pair.crs_wkt,
            geometryType="PROMOTE_TO_MULTI",
            makeValid=True,
            selectFields=[],
            dim="XY",
        )


def _extent_on_grid(
    pair: Pair, extent: tuple[float, float, float, float], crs: str | None
) -> tuple[float, float, float, float]:
    """Bring an extent into the grid's CRS, where it becomes the box around it."""
    xmin, ymin, xmax, ymax = extent
    if not (xmin < xmax and ymin < ymax):
        raise InputError("extent_empty", extent=extent)
    if not crs:
        return extent
    own = osr.SpatialReference()
    try:
        own.SetFromUserInput(crs)
        grid = x_first(osr.SpatialReference(pair.crs_wkt))
        return osr.CoordinateTransformation(x_first(own), grid).TransformBounds(*extent, 21)
    except RuntimeError as error:
        raise InputError("extent_outside", extent=extent, crs=crs, reason=error) from error


def _window_of(pair: Pair, xmin: float, ymin: float, xmax: float, ymax: float) -> Window | None:
    """Return the pixels of the grid whose centres lie in a box; None where there are none."""
    if not all(map(math.isfinite, (xmin, ymin, xmax, ymax))):
        return None
    x, dx, _, y, _, dy = pair.geotransform
    left, top = max(0, math.ceil((xmin - x) / dx - 0.5)), max(0, math.ceil((ymax - y) / dy - 0.5))
    right = min(pair.width, math.ceil((xmax - x) / dx - 0.5))
    bottom = min(pair.height, math.ceil((ymin - y) / dy - 0.5))
    return Window(left, top, right - left, bottom - top) if right > left and bottom > top else None


def _box_of(geotransform: tuple[float, ...], window: Window) -> tuple[float, float, float, float]:
    x, dx, _, y, _, dy = geotransform
    return x + window.column * dx, y + window.bottom * dy, x + window.right * dx, y + window.row * dy


def _narrowed(bounds: Window, window: Window | None, role: str, place: str) -> Window:
    common = bounds.intersection(window) if window else None
    if common is None or not (common.width and common.height):
        raise InputError("place_outside", role=role, place=place)
    return common
