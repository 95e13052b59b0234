"""Rasters are brought onto one grid, lazily: turned upright, moved around the world, warped."""

from dataclasses import replace
from typing import Any

import numpy as np
from osgeo import gdal

from ...core.errors import InputError
from .grid import Box
from .ground import circle_of, footprint
from .raster import Raster
from .tiling import Window
from .validity import ALL_VALID

LEAST_OVERLAP = 16
# From this ratio of resolutions on the finer raster is averaged; interpolating would skip pixels.
MUCH_FINER = 2.0


def north_up(raster: Raster) -> Raster:
    """Warp a rotated or flipped raster onto a north-up grid, lazily; others pass unchanged."""
    if raster.is_north_up or raster.is_turned:
        return turned(raster)
    return _warped(raster, resampleAlg="bilinear", warpOptions=_scale(1.0))


def turned(raster: Raster) -> Raster:
    """Turn a raster by quarters and flip it as is needed, every pixel as it is; others pass unchanged."""
    if raster.is_north_up or not raster.is_turned:
        return raster
    width, height = raster.size
    if raster.geotransform[1] == 0:
        width, height = height, width
    return _warped(raster, outputBounds=raster.bounds, width=width, height=height, resampleAlg="near")


def _scale(ratio: float) -> list[str]:
    """Tell GDAL the ratio of pixels; of a turned raster, it would take the ratio of the blocks' sides for it."""
    return [f"XSCALE={ratio}", f"YSCALE={ratio}"]


def onto(reference: Raster, other: Raster, moved: tuple[float, float]) -> Raster:
    """Bring `other` onto the grid of `reference`, lazily and in its own data type; where it lies there, as it is.

    `moved` says how far right and down of its place it is read, in pixels of the grid.
    """
    common_window(reference, other)
    if _same_grid(reference, other) and moved == (0.0, 0.0):
        return other
    _, dx, _, _, _, dy = reference.geotransform
    xmin, ymin, xmax, ymax = reference.bounds
    right, up = moved[0] * dx, moved[1] * dy
    width, height = reference.size
    finer = reference.resolution_m / other.resolution_m
    return _warped(
        other,
        dstSRS=reference.crs_wkt,
        outputBounds=(xmin + right, ymin + up, xmax + right, ymax + up),
        width=width,
        height=height,
        resampleAlg="average" if finer >= MUCH_FINER else "bilinear",
        warpOptions=[] if other.is_north_up else _scale(min(1.0, 1 / finer)),
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
    # Of one type, since GDAL warps every band as the first is.
    chosen = gdal.Translate(
        "",
        raster.dataset,
        format="VRT",
        bandList=list(raster.bands),
        outputType=raster.data_type,
        noData="none",
        maskBand="none",
    )
    for number in (1, 2, 3):
        # An alpha band among the chosen ones would be taken for the mask.
        chosen.GetRasterBand(number).SetColorInterpretation(gdal.GCI_Undefined)
    if raster.validity.vrt:
        raster.validity.add_to(chosen)
    try:
        warped = gdal.Warp("", chosen, format="VRT", srcSRS=raster.crs_wkt, dstAlpha=True, **options)
    except RuntimeError as error:
        raise InputError("cannot_warp", role=raster.role, path=raster.path, reason=error) from error
    crs_wkt = options.get("dstSRS", raster.crs_wkt)
    return replace(raster, dataset=warped, bands=(1, 2, 3), crs_wkt=crs_wkt, validity=ALL_VALID, mask=(warped, 4))


def round_the_world(reference: Raster, other: Raster) -> Raster:
    """Move a raster in degrees by 360 of them where only so it lies on the reference: 190 is 170 to the west."""
    if not (reference.crs.IsGeographic() and other.crs.IsGeographic() and other.is_north_up):
        return other
    circle = circle_of(other.crs)
    left, right = footprint(reference.bounds, reference.crs, other.crs)[::2]
    xmin, ymin, xmax, ymax = other.bounds

    def common(turns: int) -> float:
        return min(xmax + turns * circle, right) - max(xmin + turns * circle, left)

    turns = max((0, 1, -1), key=lambda number: (max(0.0, common(number)), -abs(number)))
    if turns == 0 or common(turns) <= 0:
        return other
    moved = gdal.Translate(
        "", other.dataset, format="VRT", outputBounds=(xmin + turns * circle, ymax, xmax + turns * circle, ymin)
    )
    return replace(other, dataset=moved)


def common_window(reference: Raster, other: Raster) -> Window:
    """Return the window of the reference grid that the other covers.

    Raises InputError where they share less than 16 x 16 pixels.
    """
    left, bottom, right, top = reference.bounds
    xmin, ymin, xmax, ymax = _bounds_in(reference, other)
    x, dx, _, y, _, dy = reference.geotransform
    columns = (min(xmax, right) - max(xmin, left)) / dx
    rows = (min(ymax, top) - max(ymin, bottom)) / -dy
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
    column, row = int((max(xmin, left) - x) / dx), int((min(ymax, top) - y) / dy)
    width, height = reference.size
    return Window(column, row, min(round(columns), width - column), min(round(rows), height - row))


def _bounds_in(reference: Raster, other: Raster) -> Box:
    """Return the box around a raster in the CRS of another, in degrees as near to it as can be."""
    try:
        same = bool(reference.crs.IsSame(other.crs))
        xmin, ymin, xmax, ymax = other.bounds if same else footprint(other.bounds, other.crs, reference.crs)
    except RuntimeError as error:
        raise InputError(
            "no_common_crs",
            other=other.path,
            other_crs=other.crs.GetName(),
            path=reference.path,
            crs=reference.crs.GetName(),
            reason=error,
        ) from error
    turns = 0
    if reference.crs.IsGeographic() and not same:
        left, _, right, _ = reference.bounds
        turns = round(((left + right) - (xmin + xmax)) / 2 / circle_of(reference.crs))
    more = turns * circle_of(reference.crs) if turns else 0.0
    return xmin + more, ymin, xmax + more, ymax
