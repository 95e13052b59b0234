"""The pair: the before and the after raster, brought lazily onto one grid."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from osgeo import gdal, osr

from ...core.errors import InputError
from ...core.protocol import RunRequest
from .raster import SAMPLE_SIDE, Bytes, Flags, Limits, Raster, open_raster, sample_windows, to_bytes
from .tiling import Window

LEAST_OVERLAP = 16
# What both dates hold where one of them is invalid: equal, so that no change is seen there.
FILL = 128
# From this ratio of resolutions on the finer raster is averaged; interpolating would skip pixels.
MUCH_FINER = 2.0


@dataclass(frozen=True)
class Stretch:
    """How both rasters came to 8 bits: per band what became 0 and 255 (None: unchanged), and the matching if any.

    `matching` is a table (3, 256) from values of the before raster to those of the after raster.
    """

    before: Limits | None
    after: Limits | None
    matching: list[list[int]] | None = None


class Pair:
    """Both rasters on the reference grid. Pixels are read window by window, nothing is copied.

    `sources` are both rasters as they lie in their files, `reference` the one that gives the grid;
    `geotransform` and `crs_wkt` are the grid's, `resolution_m` its ground metres per pixel, `dates` the ISO dates
    or None. A Pair belongs to one thread at a time.
    """

    def __init__(self, before: Raster, after: Raster, reference: str, stretch: Stretch) -> None:
        self.sources = before, after
        if reference == "before":
            self.before = self.reference = _north_up(before)
            self.after = _onto(self.reference, after)
        else:
            self.after = self.reference = _north_up(after)
            self.before = _onto(self.reference, before)
        self.width, self.height = self.reference.size
        self.geotransform = self.reference.geotransform
        self.crs_wkt: str = self.reference.dataset.GetProjection()
        self.resolution_m = self.reference.resolution_m
        self.dates: tuple[str | None, str | None] = (None, None)
        self._stretch = stretch
        self._matching: Bytes | None = None

    @classmethod
    def open(cls, request: RunRequest) -> "Pair":
        """Open and align both rasters of a request.

        Raises InputError where one cannot be used, or where they overlap by less than 16 x 16 pixels.
        """
        before = open_raster(request.before, "before", request.before_bands)
        after = open_raster(request.after, "after", request.after_bands)
        stretch = Stretch(before.stretch_limits(), after.stretch_limits())
        pair = cls(before, after, request.reference, stretch)
        pair.dates = request.before_date or before.acquired(), request.after_date or after.acquired()
        if request.match_histograms:
            pair._match_histograms()
        return pair

    @property
    def stretch(self) -> dict[str, Any]:
        """What the record keeps of the way to 8 bits."""
        return asdict(self._stretch)

    def read(self, window: Window) -> tuple[Bytes, Bytes, Flags]:
        """Read before and after, uint8 (3, h, w) each, and where both are valid, bool (h, w).

        The window must lie within the grid. Invalid pixels hold 128 in both dates.
        Raises InputError naming the file where it is damaged.
        """
        return self._read(window, None)

    def sample(self) -> tuple[Bytes, Bytes, Flags]:
        """Read about a million pixels of the whole pair, as `read` does.

        A large raster without overviews is read in windows, unless none of these holds a valid pixel.
        """
        if all(raster.is_quick_to_shrink for raster in self.sources):
            return self._shrunk()
        parts = [self._read(Window(*window), None) for window in sample_windows(self.width, self.height)]
        before, after, valid = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
        return (before, after, valid) if valid.any() else self._shrunk()

    def _shrunk(self) -> tuple[Bytes, Bytes, Flags]:
        size = min(self.width, SAMPLE_SIDE), min(self.height, SAMPLE_SIDE)
        return self._read(Window(0, 0, self.width, self.height), size)

    def _read(self, window: Window, out_size: tuple[int, int] | None) -> tuple[Bytes, Bytes, Flags]:
        values, valid = self.before.read(window, out_size)
        before = to_bytes(values, self._stretch.before)
        values, valid_after = self.after.read(window, out_size)
        after = to_bytes(values, self._stretch.after)
        if self._matching is not None:
            before = np.stack([table[band] for table, band in zip(self._matching, before, strict=True)])
        valid &= valid_after
        before[:, ~valid] = after[:, ~valid] = FILL
        return before, after, valid

    def _match_histograms(self) -> None:
        """Give the before raster the after raster's distribution of values, band by band."""
        before, after, valid = self.sample()
        if not valid.any():
            return
        table = np.empty((3, 256), np.uint8)
        for row, old, new in zip(table, before, after, strict=True):
            old_share, new_share = (
                np.bincount(band[valid], minlength=256).cumsum() / valid.sum() for band in (old, new)
            )
            row[:] = np.minimum(np.searchsorted(new_share, old_share - 1e-12), 255)
        self._matching = table
        self._stretch = replace(self._stretch, matching=table.tolist())


def _north_up(raster: Raster) -> Raster:
    """Warp a rotated or flipped raster onto a north-up grid, lazily; others pass unchanged."""
    return raster if raster.is_north_up else _warped(raster, resampleAlg="bilinear")


def _onto(reference: Raster, other: Raster) -> Raster:
    """Bring `other` onto the grid of `reference`, lazily and in its own data type; where it lies there, as it is."""
    _check_overlap(reference, other)
    if _same_grid(reference, other):
        return other
    xmin, ymin, xmax, ymax = reference.bounds
    width, height = reference.size
    finer = reference.resolution_m / other.resolution_m
    return _warped(
        other,
        dstSRS=reference.dataset.GetProjection(),
        outputBounds=(xmin, ymin, xmax, ymax),
        width=width,
        height=height,
        resampleAlg="average" if finer >= MUCH_FINER else "bilinear",
    )


def _same_grid(one: Raster, other: Raster) -> bool:
    tolerance = 1e-6 * abs(one.geotransform[1])
    return (
        one.size == other.size
        and np.allclose(one.bounds, other.bounds, rtol=0, atol=tolerance)
        and other.is_north_up
        and bool(one.crs.IsSame(other.crs))
    )


def _warped(raster: Raster, **options: Any) -> Raster:
    """Warp the three bands through a VRT, with an alpha band that says what is covered and valid."""
    flags = raster.dataset.GetRasterBand(raster.bands[0]).GetMaskFlags()
    masked = not flags & (gdal.GMF_ALL_VALID | gdal.GMF_NODATA)
    chosen = gdal.Translate("", raster.dataset, format="VRT", bandList=[*raster.bands, *(["mask"] if masked else [])])
    for number in (1, 2, 3):
        # An alpha band among the chosen ones would be taken for the mask.
        chosen.GetRasterBand(number).SetColorInterpretation(gdal.GCI_Undefined)
    if masked:
        chosen.GetRasterBand(4).SetColorInterpretation(gdal.GCI_AlphaBand)
    try:
        warped = gdal.Warp("", chosen, format="VRT", dstAlpha=True, **options)
    except RuntimeError as error:
        raise InputError("cannot_warp", role=raster.role, path=raster.path, reason=error) from error
    return replace(raster, dataset=warped, bands=(1, 2, 3), alpha=4)


def _check_overlap(reference: Raster, other: Raster) -> None:
    """Raise InputError where the rasters share less than 16 x 16 pixels of the reference grid."""
    left, bottom, right, top = reference.bounds
    try:
        transformation = osr.CoordinateTransformation(other.crs, reference.crs)
        xmin, ymin, xmax, ymax = transformation.TransformBounds(*other.bounds, 21)
    except RuntimeError as error:
        raise InputError(
            "no_common_crs",
            other=other.path,
            other_crs=other.crs.GetName(),
            path=reference.path,
            crs=reference.crs.GetName(),
            reason=error,
        ) from error
    columns = (min(xmax, right) - max(xmin, left)) / reference.geotransform[1]
    rows = (min(ymax, top) - max(ymin, bottom)) / -reference.geotransform[5]
    if not (columns > 0 and rows > 0):
        raise InputError(
            "no_overlap",
            path=reference.path,
            left=left,
            right=right,
            bottom=bottom,
            top=top,
            other=other.path,
            xmin=xmin,
            xmax=xmax,
            ymin=ymin,
            ymax=ymax,
        )
    if round(columns) < LEAST_OVERLAP or round(rows) < LEAST_OVERLAP:
        raise InputError(
            "small_overlap", path=reference.path, other=other.path, columns=columns, rows=rows, least=LEAST_OVERLAP
        )
