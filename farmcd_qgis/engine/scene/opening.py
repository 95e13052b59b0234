"""A raster of a request is opened, with what a person has set on its layer, and checked: what is wrong is said."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal, osr

from ...core.bands import NATURAL
from ...core.errors import InputError
from ...core.protocol import NodataRange, RunRequest
from ...core.shapes import is_good_text
from ...core.value_range import ValueRange, parse_range
from .bands import bands_read, natural_bands, said_bands
from .fill import without_fills
from .ground import is_nowhere
from .parts import files_of, join
from .raster import Raster
from .signed import with_signs
from .validity import validity_of

COMPLEX = {gdal.GDT_CInt16, gdal.GDT_CInt32, gdal.GDT_CFloat32, gdal.GDT_CFloat64}
NAMED_IMAGES = 3


@dataclass(frozen=True)
class Source:
    """One date of a request: its file, and what a person has set, which wins over the file (see RunRequest).

    `reads` are the names of what the network reads.
    """

    path: str
    role: str
    bands: Sequence[int] | None = None
    crs: str | None = None
    nodata: tuple[NodataRange, ...] = ()
    own_nodata: bool = True
    treat_fill: bool = False
    reads: tuple[str, ...] = NATURAL
    value_range: ValueRange | None = None
    parts: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: RunRequest, role: str) -> "Source":
        """Take one date, "before" or "after", out of a request."""
        return cls(
            getattr(request, role),
            role,
            getattr(request, f"{role}_bands"),
            getattr(request, f"{role}_crs"),
            getattr(request, f"{role}_nodata"),
            getattr(request, f"{role}_own_nodata"),
            request.treat_fill_as_nodata,
            bands_read(request.checkpoint),
            parse_range(getattr(request, f"{role}_range"), role),
            getattr(request, f"{role}_parts"),
        )


def open_raster(source: Source) -> Raster:
    """Open a raster and check that it can be used.

    Raises InputError where it is missing, damaged, not a raster, without a place on the ground, or of a kind that
    cannot be used.
    """
    role, path = source.role, source.path
    dataset = _joined(source) or _open(role, path)
    try:
        dataset = with_signs(dataset)
        crs_wkt = _crs_of(dataset, source)
        bands = _chosen_bands(dataset, source)
        validity = validity_of(dataset, bands, own_nodata=source.own_nodata, ranges=source.nodata)
        raster = Raster(path, role, dataset, bands, crs_wkt, validity, validity.open(), value_range=source.value_range)
        # Virtual rasters only now miss the files that they are of.
        _ = raster.is_quick_to_shrink
        if source.treat_fill:
            raster = without_fills(raster, source.own_nodata, source.nodata)
    except RuntimeError as error:
        raise InputError("not_a_raster", role=role, path=path, reason=error) from error
    return raster


def _joined(source: Source) -> gdal.Dataset | None:
    """Open a date of several files as one; None where it is one file, or a folder that GDAL takes for an image."""
    for name in (source.path, *source.parts):
        if not is_good_text(name):
            raise InputError("name_not_text", name=ascii(name))
    if not source.parts:
        if not source.path or not Path(source.path).is_dir():
            return None
        with suppress(RuntimeError):
            return gdal.OpenEx(source.path, gdal.OF_RASTER)
    # Whoever names each file may do so in the order of colours.
    return gdal.Open(join(files_of(source.path, source.parts), source.role, in_order=not Path(source.path).is_dir()))


def _open(role: str, path: str) -> gdal.Dataset:
    if not path:
        raise InputError("no_raster", role=role)
    if not is_good_text(path):
        raise InputError("name_not_text", name=ascii(path))
    status = gdal.VSIStatL(path)
    if status is not None and not status.IsDirectory() and status.size == 0:
        raise InputError("empty_file", role=role, path=path)
    try:
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR)
        # Here GDAL may first meet tags that make no sense.
        images = dataset.GetMetadata("SUBDATASETS") or {}
    except RuntimeError as error:
        if status is None and ":" not in path.removeprefix(Path(path).drive):
            raise InputError("missing_file", role=role, path=path) from error
        raise InputError("not_a_raster", role=role, path=path, reason=error) from error
    if not dataset.RasterCount and images:
        names = [value for key, value in images.items() if key.endswith("_NAME")]
        named = names[:NAMED_IMAGES]
        if _may_be_whole(named):
            raise InputError("several_images", role=role, path=path, count=len(names), names=named)
        raise InputError("several_bands", role=role, path=path, count=len(names), names=named)
    return dataset


def _may_be_whole(names: list[str]) -> bool:
    """Tell whether one of a container's images may have red, green and blue."""
    for name in names:
        with suppress(RuntimeError):
            if gdal.Open(name).RasterCount > 1:
                return True
    return False


def _crs_of(dataset: gdal.Dataset, source: Source) -> str:
    """Return the CRS that holds; raises InputError where the raster has no place on the ground."""
    role, path = source.role, source.path
    place = dataset.GetGeoTransform(can_return_null=True)
    if place is None:
        if dataset.GetGCPCount():
            raise InputError("placed_by_points", role=role, path=path)
        if dataset.GetMetadata("RPC"):
            raise InputError("placed_by_rpc", role=role, path=path)
        if dataset.GetMetadata("GEOLOCATION"):
            raise InputError("placed_by_arrays", role=role, path=path)
        raise InputError("no_geotransform", role=role, path=path)
    _, dx, rx, _, ry, dy = place
    if not (np.isfinite(place).all() and dx * dy - rx * ry):
        raise InputError("bad_geotransform", role=role, path=path, found=list(place))
    if source.crs:
        crs = osr.SpatialReference()
        try:
            crs.SetFromUserInput(source.crs)
        except RuntimeError as error:
            raise InputError("crs_unknown", role=role, crs=source.crs, reason=error) from error
        wkt = crs.ExportToWkt()
    else:
        crs, wkt = dataset.GetSpatialRef(), dataset.GetProjection()
    if crs is None or is_nowhere(crs):
        raise InputError("no_crs", role=role, path=path)
    if crs.IsLocal() or not (crs.IsGeographic() or crs.IsProjected()):
        raise InputError("local_crs", crs=crs.GetName())
    return wkt


def _chosen_bands(dataset: gdal.Dataset, source: Source) -> tuple[int, int, int]:
    role, path, count = source.role, source.path, dataset.RasterCount
    if count < 3:
        if count and dataset.GetRasterBand(1).GetColorTable() is not None:
            raise InputError("palette_raster", role=role, path=path)
        raise InputError("too_few_bands", role=role, path=path, count=count)
    red, green, blue = chosen = tuple(source.bands or said_bands(dataset, source.reads) or natural_bands(dataset))
    if not all(1 <= band <= count for band in chosen):
        raise InputError("bad_bands", role=role, path=path, count=count, bands=chosen)
    for band in chosen:
        kind = dataset.GetRasterBand(band).DataType
        if kind in COMPLEX:
            raise InputError("complex_type", role=role, path=path, band=band, type=gdal.GetDataTypeName(kind))
    return red, green, blue
