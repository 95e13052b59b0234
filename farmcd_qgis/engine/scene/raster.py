"""One raster: opened and checked, which of its pixels are valid, its way to 8 bits, its date."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from osgeo import gdal, osr

from ...core.dates import date_in, day_in
from ...core.errors import InputError
from .areas import PixelAreas

# What becomes black and what white where a raster is not of 8 bits.
STRETCH_PERCENT = (2.0, 98.0)
SAMPLE_SIDE = 1024
# Larger rasters without overviews are sampled in windows, since a decimated read would pass over all their rows.
LARGEST_DECIMATED = 64_000_000
WINDOWS_PER_SIDE = 4
COMPLEX = {gdal.GDT_CInt16, gdal.GDT_CInt32, gdal.GDT_CFloat32, gdal.GDT_CFloat64}

Pixels = npt.NDArray[np.generic]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Limits = list[tuple[float, float]]


@dataclass(frozen=True)
class Raster:
    """An opened raster; `role` ("before" or "after") is for sentences, `bands` are red, green, blue, from 1 on.

    `alpha` is the band that says where the raster covers the ground, if it was warped.
    """

    path: str
    role: str
    dataset: gdal.Dataset
    bands: tuple[int, int, int]
    alpha: int | None = None

    @property
    def data_type(self) -> int:
        """GDAL's number of the widest data type among the bands."""
        types = [self.dataset.GetRasterBand(band).DataType for band in self.bands]
        return gdal.DataTypeUnion(types[0], gdal.DataTypeUnion(types[1], types[2]))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.dataset.RasterXSize, self.dataset.RasterYSize

    @property
    def geotransform(self) -> tuple[float, ...]:
        """GDAL's geotransform."""
        return self.dataset.GetGeoTransform()

    @property
    def crs(self) -> osr.SpatialReference:
        """The CRS, with coordinates in the order of the geotransform."""
        return x_first(self.dataset.GetSpatialRef())

    @property
    def is_north_up(self) -> bool:
        """Whether rows run from west to east and columns from north to south."""
        _, dx, rx, _, ry, dy = self.geotransform
        return rx == 0 and ry == 0 and dx > 0 and dy < 0

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The box (xmin, ymin, xmax, ymax) around the raster in its CRS."""
        x, dx, rx, y, ry, dy = self.geotransform
        width, height = self.size
        xs = [x + column * dx + row * rx for column in (0, width) for row in (0, height)]
        ys = [y + column * ry + row * dy for column in (0, width) for row in (0, height)]
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def resolution_m(self) -> float:
        """Ground metres per pixel in the middle of the raster: the side of a square as large as the pixel."""
        width, height = self.size
        areas = PixelAreas(self.geotransform, self.dataset.GetProjection(), width, height)
        return float(np.sqrt(areas.rows(height // 2, 1)[0, width // 2]))

    def read(self, window: Sequence[int], out_size: tuple[int, int] | None = None) -> tuple[Pixels, Flags]:
        """Read the three bands (3, h, w) of a window (column, row, width, height) and where they are valid (h, w).

        Decimated to `out_size` (width, height) where that is given. A pixel is invalid where the raster's mask or
        alpha says so, where all three bands hold their nodata value, or where one is NaN or infinite.
        Raises InputError naming the file and the rows where it is damaged.
        """
        column, row, width, height = window
        out_width, out_height = out_size or (width, height)
        out = {"buf_xsize": out_width, "buf_ysize": out_height}
        try:
            values = self.dataset.ReadAsArray(column, row, width, height, band_list=list(self.bands), **out)
            valid = self._valid(values, (column, row, width, height), out)
        except RuntimeError as error:
            raise InputError(
                "damaged_rows", role=self.role, path=self.path, row=row, last_row=row + height - 1, reason=error
            ) from error
        return values, valid

    def _valid(self, values: Pixels, window: tuple[int, int, int, int], out: dict[str, int]) -> Flags:
        bands = [self.dataset.GetRasterBand(band) for band in self.bands]
        flags = bands[0].GetMaskFlags()
        if self.alpha is not None:
            valid = self.dataset.GetRasterBand(self.alpha).ReadAsArray(*window, **out) > 0
        elif flags & gdal.GMF_NODATA:
            nodata = [band.GetNoDataValue() for band in bands]
            empty = [plane == value for plane, value in zip(values, nodata, strict=True) if value is not None]
            valid = ~np.logical_and.reduce(empty)
        elif flags & gdal.GMF_ALL_VALID:
            valid = np.ones(values.shape[1:], bool)
        else:
            valid = bands[0].GetMaskBand().ReadAsArray(*window, **out) > 0
        if np.issubdtype(values.dtype, np.floating):
            valid &= np.isfinite(values).all(axis=0)
        return valid

    @property
    def is_quick_to_shrink(self) -> bool:
        """Whether the whole can be read at a smaller size without passing over many pixels."""
        width, height = self.size
        has_overviews = self.dataset.GetRasterBand(self.bands[0]).GetOverviewCount() > 0
        return has_overviews or width * height <= LARGEST_DECIMATED

    def sample(self) -> tuple[Pixels, Flags]:
        """Read a sample of the whole raster: values (3, n) and which of the n pixels are valid."""
        width, height = self.size
        if not self.is_quick_to_shrink:
            parts = [self.read(window) for window in sample_windows(width, height)]
            values = np.concatenate([values.reshape(3, -1) for values, _ in parts], axis=1)
            valid = np.concatenate([valid.ravel() for _, valid in parts])
            if valid.any():
                return values, valid
        out = min(width, SAMPLE_SIDE), min(height, SAMPLE_SIDE)
        values, valid = self.read((0, 0, width, height), out)
        return values.reshape(3, -1), valid.ravel()

    def stretch_limits(self) -> Limits | None:
        """Find what becomes 0 and what 255 in each band, one pair for the whole raster; None for 8-bit rasters.

        Raises InputError where the sample holds no valid pixel.
        """
        values, valid = self.sample()
        if not valid.any():
            raise InputError("all_nodata", role=self.role, path=self.path)
        if self.data_type == gdal.GDT_Byte:
            return None
        limits = np.percentile(values[:, valid].astype(np.float64), STRETCH_PERCENT, axis=1)
        return [(float(low), float(high)) for low, high in limits.T]

    def acquired(self) -> str | None:
        """Find the date the image was taken, "YYYY-MM-DD" or "YYYY": from its metadata, else from its file name."""
        said = self.dataset.GetMetadataItem("ACQUISITIONDATETIME", "IMAGERY")
        said = said or self.dataset.GetMetadataItem("ACQUISITION_DATE")
        return day_in(said or "") or date_in(Path(self.path).stem)


def sample_windows(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return windows (column, row, width, height) that are spread over a raster and hold a million pixels together."""
    size = min(SAMPLE_SIDE // WINDOWS_PER_SIDE, width, height)
    places = [(number + 0.5) / WINDOWS_PER_SIDE for number in range(WINDOWS_PER_SIDE)]
    return [(int(x * (width - size)), int(y * (height - size)), size, size) for y in places for x in places]


def open_raster(path: str, role: str, bands: Sequence[int] | None = None) -> Raster:
    """Open a raster and check that it can be used; `bands` are red, green, blue, from 1 on (None: 1, 2, 3).

    Raises InputError where it is missing, damaged, not a raster, without a place on the ground, or of a kind that
    cannot be used.
    """
    if not path:
        raise InputError("no_raster", role=role)
    status = gdal.VSIStatL(path)
    if status is not None and not status.IsDirectory() and status.size == 0:
        raise InputError("empty_file", role=role, path=path)
    try:
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR)
    except RuntimeError as error:
        if status is None and ":" not in path.removeprefix(Path(path).drive):
            raise InputError("missing_file", role=role, path=path) from error
        raise InputError("not_a_raster", role=role, path=path, reason=error) from error
    _check_ground(dataset, role, path)
    return Raster(path, role, dataset, _chosen_bands(dataset, role, path, bands))


def _check_ground(dataset: gdal.Dataset, role: str, path: str) -> None:
    if dataset.GetSpatialRef() is None:
        raise InputError("no_crs", role=role, path=path)
    if dataset.GetGeoTransform(can_return_null=True) is None:
        raise InputError("no_geotransform", role=role, path=path)


def _chosen_bands(dataset: gdal.Dataset, role: str, path: str, bands: Sequence[int] | None) -> tuple[int, int, int]:
    count = dataset.RasterCount
    if count < 3:
        if count and dataset.GetRasterBand(1).GetColorTable() is not None:
            raise InputError("palette_raster", role=role, path=path)
        raise InputError("too_few_bands", role=role, path=path, count=count)
    red, green, blue = chosen = tuple(bands or (1, 2, 3))
    if not all(1 <= band <= count for band in chosen):
        raise InputError("bad_bands", role=role, path=path, count=count, bands=chosen)
    for band in chosen:
        kind = dataset.GetRasterBand(band).DataType
        if kind in COMPLEX:
            raise InputError("complex_type", role=role, path=path, band=band, type=gdal.GetDataTypeName(kind))
    return red, green, blue


def to_bytes(values: Pixels, limits: Limits | None) -> Bytes:
    """Bring (3, ...) values to 8 bits by `limits`; 8-bit values pass unchanged, a constant band becomes 128."""
    if limits is None:
        return values.astype(np.uint8)
    out = np.empty(values.shape, np.uint8)
    for plane, target, (low, high) in zip(values, out, limits, strict=True):
        if high <= low:
            target[:] = 128
            continue
        share = (np.nan_to_num(plane.astype(np.float64), nan=low, posinf=high, neginf=low) - low) / (high - low)
        target[:] = np.clip(share * 255 + 0.5, 0, 255)
    return out


def x_first(crs: osr.SpatialReference) -> osr.SpatialReference:
    """Return a copy of a CRS whose coordinates come as x, y (longitude, latitude), as in GDAL's geotransforms."""
    copy = crs.Clone()
    copy.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return copy
