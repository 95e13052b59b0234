"""One raster: opened and checked, which of its pixels are valid, its way to 8 bits, its date."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from osgeo import gdal, osr

from ...core.dates import date_in, day_in
from ...core.errors import InputError
from ...core.value_range import ValueRange
from .areas import PixelAreas
from .files import INLINE, files_of
from .validity import ALL_VALID, Validity

# What becomes black and what white where a raster is not of 8 bits.
STRETCH_PERCENT = (2.0, 98.0)
SAMPLE_SIDE = 1024
# Larger rasters without overviews are sampled in windows, since a decimated read would pass over all their rows.
LARGEST_DECIMATED = 64_000_000
# Where no window of the sample holds anything, so large a raster is still read as a whole.
LARGEST_WHOLE = 1_000_000_000
WINDOWS_PER_SIDE = 4
LARGEST_SEARCH = 64
CUT = "Premature end"

Pixels = npt.NDArray[np.generic]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Limits = list[tuple[float, float]]


@dataclass(frozen=True)
class Raster:
    """An opened raster; `role` ("before" or "after") is for sentences, `bands` are red, green, blue, from 1 on.

    `crs_wkt` is its CRS: the file's, unless a person has set another. `validity` says which pixels are valid; `mask`
    is the raster that tells it, and the band there (None: all that are finite). `fills` are values of the bands that
    are treated as nodata (None: whatever a band holds); `value_range` is what a person has said becomes black and
    white.
    """

    path: str
    role: str
    dataset: gdal.Dataset
    bands: tuple[int, int, int]
    crs_wkt: str
    validity: Validity = ALL_VALID
    mask: tuple[gdal.Dataset, int] | None = None
    fills: tuple[tuple[float | None, ...], ...] = ()
    value_range: ValueRange | None = None

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
        return x_first(osr.SpatialReference(self.crs_wkt))

    @property
    def is_north_up(self) -> bool:
        """Whether rows run from west to east and columns from north to south."""
        _, dx, rx, _, ry, dy = self.geotransform
        return rx == 0 and ry == 0 and dx > 0 and dy < 0

    @property
    def is_turned(self) -> bool:
        """Whether rows and columns run along the axes, in whatever direction."""
        _, dx, rx, _, ry, dy = self.geotransform
        return (rx == 0 and ry == 0) or (dx == 0 and dy == 0)

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
        areas = PixelAreas(self.geotransform, self.crs_wkt, width, height)
        return float(np.sqrt(areas.rows(height // 2, 1)[0, width // 2]))

    def read(self, window: Sequence[int], out_size: tuple[int, int] | None = None) -> tuple[Pixels, Flags]:
        """Read the three bands (3, h, w) of a window (column, row, width, height) and where they are valid (h, w).

        Decimated to `out_size` (width, height) where that is given. A pixel is valid where every band is
        (`scene.validity`) and finite. Raises InputError naming the file and the rows where it is damaged.
        """
        column, row, width, height = window
        out_width, out_height = out_size or (width, height)
        out = {"buf_xsize": out_width, "buf_ysize": out_height}
        try:
            with _cut_refused():
                values = self.dataset.ReadAsArray(column, row, width, height, band_list=list(self.bands), **out)
            valid = np.ones(values.shape[1:], bool)
            if self.mask is not None:
                dataset, band = self.mask
                valid = dataset.GetRasterBand(band).ReadAsArray(column, row, width, height, **out) > 0
        except RuntimeError as error:
            raise InputError(
                "damaged_rows", role=self.role, path=self.path, row=row, last_row=row + height - 1, reason=error
            ) from error
        if np.issubdtype(values.dtype, np.floating):
            valid &= np.isfinite(values).all(axis=0)
        return values, valid

    @property
    def pixels(self) -> int:
        """How many pixels it has."""
        return self.dataset.RasterXSize * self.dataset.RasterYSize

    @property
    def is_quick_to_shrink(self) -> bool:
        """Whether the whole can be read at a smaller size without passing over many pixels."""
        has_overviews = self.dataset.GetRasterBand(self.bands[0]).GetOverviewCount() > 0
        return has_overviews or self.pixels <= LARGEST_DECIMATED

    def sample(self) -> tuple[Pixels, Flags]:
        """Read a sample of the whole raster: values (3, n) and which of the n pixels are valid.

        The work is bounded, however large the raster: of one that is mostly empty, windows that hold something are
        looked for by what GDAL knows of its blocks.
        """
        if self.is_quick_to_shrink:
            return self._shrunk()
        values, valid = self._read_all(sample_windows(*self.size))
        if valid.any():
            return values, valid
        if self.pixels <= LARGEST_WHOLE:
            return self._shrunk()
        return self._read_all(filled_windows(self.dataset.GetRasterBand(self.bands[0])))

    def _shrunk(self) -> tuple[Pixels, Flags]:
        width, height = self.size
        values, valid = self.read((0, 0, width, height), (min(width, SAMPLE_SIDE), min(height, SAMPLE_SIDE)))
        return values.reshape(3, -1), valid.ravel()

    def _read_all(self, windows: list[tuple[int, int, int, int]]) -> tuple[Pixels, Flags]:
        parts = [self.read(window) for window in windows]
        if not parts:
            return np.empty((3, 0)), np.empty(0, bool)
        values = np.concatenate([values.reshape(3, -1) for values, _ in parts], axis=1)
        return values, np.concatenate([valid.ravel() for _, valid in parts])

    def stretch_limits(self) -> Limits | None:
        """Find what becomes 0 and what 255 in each band, one pair for the whole raster; None for 8-bit rasters.

        What a person has said counts for 8-bit rasters, too. Raises InputError where the sample holds no valid pixel.
        """
        values, valid = self.sample()
        if not valid.any():
            raise InputError("all_nodata", role=self.role, path=self.path)
        said = self.value_range
        if said is not None and not said.by_share:
            return [self._stored(*limits, band) for limits, band in zip(said.of_bands(), self.bands, strict=True)]
        if said is None and self.data_type == gdal.GDT_Byte and not self._is_shallow:
            return None
        shares = [STRETCH_PERCENT] * len(values) if said is None else said.of_bands()
        limits = [
            np.percentile(band[valid].astype(np.float64), share) for band, share in zip(values, shares, strict=True)
        ]
        return [(float(low), float(high)) for low, high in limits]

    def _stored(self, low: float, high: float, number: int) -> tuple[float, float]:
        """Return the numbers in the file for values as QGIS shows them: a band may have a scale and an offset."""
        band = self.dataset.GetRasterBand(number)
        scale, offset = band.GetScale() or 1.0, band.GetOffset() or 0.0
        ends = sorted((value - offset) / scale for value in (low, high))
        return ends[0], ends[1]

    @property
    def _is_shallow(self) -> bool:
        """Whether its bands hold fewer than 8 bits, so that their white is far from 255."""
        bits = [self.dataset.GetRasterBand(band).GetMetadataItem("NBITS", "IMAGE_STRUCTURE") for band in self.bands]
        return any(int(number) < 8 for number in bits if number)

    def acquired(self) -> str | None:
        """Find the date the image was taken, "YYYY-MM-DD" or "YYYY": from its metadata, else from its file name."""
        said = self.dataset.GetMetadataItem("ACQUISITIONDATETIME", "IMAGERY")
        said = said or self.dataset.GetMetadataItem("ACQUISITION_DATE")
        return day_in(said or "") or date_in(Path(self.path).stem) or self._day_of_parts()

    def _day_of_parts(self) -> str | None:
        """Find the date in the names of the files of a virtual raster."""
        if not self.is_joined:
            return None
        days = [day for name in files_of(self.dataset) if (day := date_in(Path(name).stem))]
        return min(days, default=None)

    @property
    def is_joined(self) -> bool:
        """Whether it is a virtual raster that was made of several files."""
        return self.dataset.GetDescription().startswith(INLINE)


@contextmanager
def _cut_refused() -> Iterator[None]:
    """Raise RuntimeError for a JPEG that ends too early: GDAL only warns, and gives grey for what is not there."""
    heard: list[str] = []
    gdal.PushErrorHandler(lambda severity, number, message: heard.append(message))
    try:
        yield
    finally:
        gdal.PopErrorHandler()
    if cut := next((message for message in heard if CUT in message), None):
        raise RuntimeError(cut)


def sample_windows(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return windows (column, row, width, height) that are spread over a raster and hold a million pixels together."""
    size = min(SAMPLE_SIDE // WINDOWS_PER_SIDE, width, height)
    places = [(number + 0.5) / WINDOWS_PER_SIDE for number in range(WINDOWS_PER_SIDE)]
    return [(int(x * (width - size)), int(y * (height - size)), size, size) for y in places for x in places]


def filled_windows(band: gdal.Band) -> list[tuple[int, int, int, int]]:
    """Find up to 16 windows (column, row, width, height) that may hold data, by what GDAL knows without reading.

    Quarters that are empty are left out, and those that are not are cut again, in bounded work.
    """
    areas = [(0, 0, band.XSize, band.YSize)]
    side = SAMPLE_SIDE // WINDOWS_PER_SIDE
    while areas and max(max(area[2:]) for area in areas) > side:
        quarters = [quarter for area in areas for quarter in _quarters(*area, side)]
        filled = [quarter for quarter in quarters if not _is_empty(band, quarter)]
        # From all over the raster, when there are many.
        areas = filled[:: -(-len(filled) // LARGEST_SEARCH)] if filled else []
    return areas[:: -(-len(areas) // WINDOWS_PER_SIDE**2)] if areas else []


def _quarters(column: int, row: int, width: int, height: int, side: int) -> list[tuple[int, int, int, int]]:
    across = _halves(column, width, side)
    return [(left, top, w, h) for top, h in _halves(row, height, side) for left, w in across]


def _halves(start: int, length: int, side: int) -> list[tuple[int, int]]:
    return [(start, length)] if length <= side else [(start, length // 2), (start + length // 2, length - length // 2)]


def _is_empty(band: gdal.Band, window: tuple[int, int, int, int]) -> bool:
    return band.GetDataCoverageStatus(*window)[0] == gdal.GDAL_DATA_COVERAGE_STATUS_EMPTY


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
