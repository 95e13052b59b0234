"""Polygons on a grid: read from any layer, repaired, linear, in the grid's CRS, and burnt window by window.

The only place that copies and burns polygons: the mask, the evaluation, training samples and the referee use it.
"""

import hashlib
import re
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from osgeo import gdal, ogr, osr

from ...core.errors import InputError
from ...core.messages import why
from ...core.shapes import is_good_text
from .grid import Box, Grid
from .ground import Way, is_nowhere
from .raster import x_first
from .surfaces import SURFACES, surfaces_of
from .tiling import Window

VALUE = "value"
# Of a source as QGIS writes it, such as FILE|layername=NAME|geometrytype=Polygon. Any other | is part of a name.
PART = re.compile(r"\|(layername|layerid|geometrytype|subset|uniqueGeometryType|option:[^=|]*)=", re.IGNORECASE)
# QGIS takes a whole query for a filter, too.
WHOLE_QUERY = re.compile(r"\s*select\s", re.IGNORECASE)
# Kinds of a layer that may hold polygons among others.
MIXED = {ogr.wkbUnknown, ogr.wkbGeometryCollection}

Bytes = npt.NDArray[np.uint8]
ValueOf = Callable[[ogr.Feature], int]


class PolygonLayer:
    """Polygons in a grid's CRS, each with a value of 0 to 255. In memory, and gone with the object.

    `crs` is the one that they came in; `passed_over` are the names of the layer and of others beside it in its file,
    where nobody has named one. Belongs to one thread at a time.
    """

    def __init__(
        self, grid: Grid, dataset: gdal.Dataset, path: str = "", crs: osr.SpatialReference | None = None
    ) -> None:
        self.grid = grid
        self.crs = crs.Clone() if crs else grid.crs
        self.passed_over: list[str] = []
        self._layer = dataset.GetLayer(0)
        # GDAL forgets what is in memory only when it is told to.
        self._free = weakref.finalize(self, _free, [dataset, self._layer], path)

    @classmethod
    def of(cls, polygons: Iterable[tuple[ogr.Geometry, int]], grid: Grid) -> "PolygonLayer":
        """Hold a few geometries that are in the grid's CRS already, each with its value."""
        dataset = ogr.GetDriverByName("Memory").CreateDataSource("")
        layer = _make_layer(dataset)
        for geometry, value in polygons:
            _add(layer, surfaces_of(geometry), value)
        return cls(grid, dataset)

    @classmethod
    def read(
        cls, source: str, grid: Grid, role: str, crs: str | None = None, value_of: ValueOf | None = None
    ) -> "PolygonLayer":
        """Read the polygons of a layer that reach onto a grid; `value_of` gives their values (default: 1).

        `source` is a file, or FILE|layername=NAME; lines and points beside polygons are left out. `role` says in
        errors what it is for: "aoi", "farmland" or "reference". `crs` is the CRS that a person has set, which wins
        over the file's. Raises InputError for what cannot be read, has no CRS
        or no polygons.
        """
        path = f"/vsimem/farmcd_{uuid4().hex}.gpkg"
        try:
            with _quiet():
                # The layer is only there while its file is.
                file, layer = open_layer(source, role, crs)
                own = _crs(crs, role) if crs else layer.GetSpatialRef()
                dataset = ogr.GetDriverByName("GPKG").CreateDataSource(path)
                _make_layer(dataset)
                made = cls(grid, dataset, path, own)
                made.passed_over = _passed_over(file, layer, source)
                made._fill(layer, Way(own, grid), source, role, value_of)
                del layer, file
        except RuntimeError as error:
            raise InputError("polygons_unreadable", role=role, path=source, reason=error) from error
        return made

    def _fill(self, layer: ogr.Layer, way: Way, source: str, role: str, value_of: ValueOf | None) -> None:
        target = self._layer
        others = set()
        target.StartTransaction()
        for shift, box in way.passes():
            layer.SetSpatialFilterRect(*box) if box else layer.SetSpatialFilter(None)
            for feature in layer:
                geometry = feature.GetGeometryRef()
                if geometry is None:
                    continue
                surfaces = surfaces_of(geometry)
                if surfaces.IsEmpty():
                    others.add(geometry.GetGeometryType())
                elif (placed := way.bring(surfaces, shift)) is not None:
                    _add(target, placed, 1 if value_of is None else value_of(feature))
        target.CommitTransaction()
        if not target.GetFeatureCount() and others:
            names = ", ".join(sorted(ogr.GeometryTypeToName(ogr.GT_Flatten(kind)) for kind in others))
            raise InputError("not_polygons", role=role, path=source, type=names)

    @property
    def box(self) -> Box | None:
        """The box around all polygons; None where there are none."""
        if not self._layer.GetFeatureCount():
            return None
        xmin, xmax, ymin, ymax = self._layer.GetExtent()
        return xmin, ymin, xmax, ymax

    def burn(self, window: Window, outside: int = 0) -> Bytes:
        """Give each pixel of a window the value of the polygon that its centre lies in, uint8 (h, w)."""
        x, dx, _, y, _, dy = self.grid.geotransform
        place = (x + window.column * dx, dx, 0, y + window.row * dy, 0, dy)
        xmin, ymin, xmax, ymax = self.grid.box_of(window)
        self._layer.SetSpatialFilterRect(xmin, ymin, xmax, ymax)
        return self._burnt(window.width, window.height, place, outside, [])

    def touched(self, window: Window, side: int) -> npt.NDArray[np.bool_]:
        """Find the blocks of a window, so many pixels a side, that polygons touch, bool (rows, columns of blocks)."""
        x, dx, _, y, _, dy = self.grid.geotransform
        columns, rows = -(-window.width // side), -(-window.height // side)
        self._layer.SetSpatialFilter(None)
        place = (x + window.column * dx, dx * side, 0, y + window.row * dy, 0, dy * side)
        return self._burnt(columns, rows, place, 0, ["ALL_TOUCHED=TRUE"]) > 0

    def digest(self) -> str:
        """Return a hash of the polygons."""
        digest = hashlib.sha256()
        self._layer.SetSpatialFilter(None)
        for feature in self._layer:
            digest.update(feature.GetGeometryRef().ExportToWkb())
        return digest.hexdigest()

    def _burnt(self, width: int, height: int, place: tuple[float, ...], outside: int, options: list[str]) -> Bytes:
        target = gdal.GetDriverByName("MEM").Create("", width, height, 1, gdal.GDT_Byte)
        target.SetGeoTransform(place)
        if outside:
            target.GetRasterBand(1).Fill(outside)
        # Neither has a CRS: a GeoPackage may guess one for a CRS without a code, and GDAL would then move polygons.
        with _quiet():
            gdal.RasterizeLayer(target, [1], self._layer, options=[f"ATTRIBUTE={VALUE}", *options])
        return target.ReadAsArray()


def split_source(source: str) -> tuple[str, dict[str, str]]:
    """Cut a layer's source as QGIS writes it into the file's name and its parts (lower-case names)."""
    found = list(PART.finditer(source))
    if not found:
        return source, {}
    ends = [*(match.start() for match in found[1:]), len(source)]
    parts = {match[1].lower(): source[match.end() : end] for match, end in zip(found, ends, strict=True)}
    return source[: found[0].start()], parts


def open_layer(source: str, role: str, crs: str | None = None) -> tuple[gdal.Dataset, ogr.Layer]:
    """Open a vector layer that may hold polygons; the dataset must be kept as long as the layer is used.

    Raises InputError where there is no such layer, no CRS, or no kind of polygon, and RuntimeError as GDAL does.
    """
    path, parts = split_source(source)
    if not is_good_text(source):
        raise InputError("name_not_text", name=ascii(source))
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR)
    name, number, subset = parts.get("layername"), parts.get("layerid", "0"), parts.get("subset", "")
    layer = dataset.GetLayerByName(name) if name else dataset.GetLayer(int(number)) if number.isdecimal() else None
    if layer is not None and WHOLE_QUERY.match(subset):
        layer = dataset.ExecuteSQL(subset)
    elif layer is not None and subset:
        layer.SetAttributeFilter(subset)
    if layer is None:
        raise InputError("polygons_no_layer", role=role, path=source)
    kind = ogr.GT_Flatten(layer.GetGeomType())
    if kind not in SURFACES | MIXED:
        raise InputError("not_polygons", role=role, path=source, type=ogr.GeometryTypeToName(kind))
    if crs is None and is_nowhere(layer.GetSpatialRef()):
        raise InputError("polygons_no_crs", role=role, path=source)
    return dataset, layer


def _passed_over(file: gdal.Dataset, layer: ogr.Layer, source: str) -> list[str]:
    """Name the layer that is read and others that may hold polygons, too, where it is not said which is meant."""
    if {"layername", "layerid"} & split_source(source)[1].keys():
        return []
    layers = [file.GetLayer(number) for number in range(file.GetLayerCount())]
    others = [
        each.GetName()
        for each in layers
        if each.GetName() != layer.GetName() and ogr.GT_Flatten(each.GetGeomType()) in SURFACES | MIXED
    ]
    return [layer.GetName(), *others] if others else []


def _crs(text: str, role: str) -> osr.SpatialReference:
    try:
        own = osr.SpatialReference()
        own.SetFromUserInput(text)
    except RuntimeError as error:
        raise InputError("crs_unknown", role=role, crs=text, reason=why(error)) from error
    return x_first(own)


def _make_layer(dataset: gdal.Dataset) -> ogr.Layer:
    layer = dataset.CreateLayer("polygons", None, ogr.wkbMultiPolygon)
    layer.CreateField(ogr.FieldDefn(VALUE, ogr.OFTInteger))
    return layer


def _add(layer: ogr.Layer, geometry: ogr.Geometry, value: int) -> None:
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetField(0, value)
    feature.SetGeometryDirectly(geometry)
    layer.CreateFeature(feature)


def _free(held: list[Any], path: str) -> None:
    held.clear()
    if path and gdal.VSIStatL(path) is not None:
        gdal.Unlink(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep GDAL's warnings (a polygon that crosses itself, a layer without CRS) from the terminal; errors stay."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        yield
    finally:
        gdal.PopErrorHandler()
