"""Whether what a run writes can carry its CRS: tried with empty files in memory, before anything is computed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import numpy as np
from osgeo import gdal, ogr, osr

from ...core.errors import InputError
from ...core.messages import why
from ..polygons.geopackage import create_layer
from .grid import Grid

# A place may move by so much of a pixel when a CRS is written and read again.
SAME_PLACE = 0.05
# The semi-major axis of the ellipsoids of WGS 84, CGCS2000, NAD83, ETRS89 and their like.
OF_THE_EARTH_M = 6_378_137.0
AXES = ["IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES"]


def check_proj() -> None:
    """Raise InputError where PROJ's database cannot be used, as when another program's is found."""
    try:
        crs = osr.SpatialReference()
        crs.ImportFromEPSG(4326)
        crs.ImportFromEPSG(3857)
    except RuntimeError as error:
        where = next((f"{name}={os.environ[name]}" for name in ("PROJ_DATA", "PROJ_LIB") if name in os.environ), "")
        raise InputError("proj_unusable", where=where, reason=why(error)) from error


def is_rough(source: osr.SpatialReference, grid: Grid) -> bool:
    """Tell whether no way between the datums of a CRS and of a grid is known, so that places are taken as they are.

    They may then be off by hundreds of metres (Beijing 1954 or Xian 1980 on CGCS2000); datums about the centre of the
    Earth, which differ by a metre or two (CGCS2000 and WGS 84), and spheres, which are none, are not meant.
    """
    both = (source, grid.crs)
    if source.IsSameGeogCS(grid.crs) or any(crs.GetInvFlattening() == 0 for crs in both):
        return False
    if all(abs(crs.GetSemiMajor() - OF_THE_EARTH_M) < 1 for crs in both):
        return False
    known = osr.CoordinateTransformationOptions()
    known.SetBallparkAllowed(False)
    xmin, ymin, xmax, ymax = grid.box_of(grid.whole)
    try:
        place = osr.CoordinateTransformation(grid.crs, source, known).TransformPoint(
            (xmin + xmax) / 2, (ymin + ymax) / 2
        )
    except RuntimeError:
        return True
    return not np.isfinite(place[:2]).all()


def check_kept(grid: Grid) -> None:
    """Raise InputError where a GeoTIFF or a GeoPackage does not give the CRS of a grid back as it was."""
    crs = grid.crs
    try:
        for kept in (_through_raster(crs), _through_geopackage(crs)):
            if kept is None or not (kept.IsSame(crs, AXES) or _moves_nothing(crs, kept, grid)):
                raise InputError("crs_not_kept", crs=crs.GetName(), reason=kept.GetName() if kept else "-")
    except RuntimeError as error:
        raise InputError("crs_not_kept", crs=crs.GetName(), reason=error) from error


def _through_raster(crs: osr.SpatialReference) -> osr.SpatialReference | None:
    with _file("tif") as path:
        dataset = gdal.GetDriverByName("GTiff").Create(path, 1, 1)
        dataset.SetSpatialRef(crs)
        dataset.SetGeoTransform((0, 1, 0, 0, 0, -1))
        dataset = None
        dataset = gdal.Open(path)
        found = dataset.GetSpatialRef()
        return found.Clone() if found is not None else None


def _through_geopackage(crs: osr.SpatialReference) -> osr.SpatialReference | None:
    with _file("gpkg") as path:
        dataset = ogr.GetDriverByName("GPKG").CreateDataSource(path)
        create_layer(dataset, "empty", crs, ogr.wkbPolygon)
        dataset = None
        # The layer is only there while its file is.
        dataset = ogr.Open(path)
        found = dataset.GetLayer(0).GetSpatialRef()
        return found.Clone() if found is not None else None


@contextmanager
def _file(suffix: str) -> Iterator[str]:
    path = f"/vsimem/farmcd_{uuid4().hex}.{suffix}"
    try:
        yield path
    finally:
        for name in (path, f"{path}.aux.xml"):
            if gdal.VSIStatL(name) is not None:
                gdal.Unlink(name)


def _moves_nothing(crs: osr.SpatialReference, kept: osr.SpatialReference, grid: Grid) -> bool:
    """Tell whether places of a grid are the same in two CRSs, though these are not called equal."""
    kept.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    way = osr.CoordinateTransformation(crs, kept)
    xmin, ymin, xmax, ymax = grid.box_of(grid.whole)
    places = np.array([(x, y) for x in (xmin, (xmin + xmax) / 2, xmax) for y in (ymin, (ymin + ymax) / 2, ymax)])
    moved = np.array(way.TransformPoints(places))[:, :2]
    return bool((np.abs(moved - places) < SAME_PLACE * np.abs([grid.geotransform[1], grid.geotransform[5]])).all())
