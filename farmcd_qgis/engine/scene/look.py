"""What can be said of a scene: findings on both rasters, where they lie, and how they fit each other."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

from ...core.bands import NATURAL
from ...core.dates import is_later
from ...core.errors import InputError
from ...core.feedback import SILENT, Feedback
from ...core.messages import part
from ...core.protocol import Finding, RunRequest
from ..run.objects import is_object
from .bands import bands_read, called_otherwise, natural_bands, said_bands
from .crs import check_kept, is_rough
from .fill import Values, find_fills
from .mask import Mask
from .pair import Pair
from .raster import LARGEST_WHOLE, Raster
from .resolution import resolution_findings
from .scene import Scene
from .shift import measure_shift
from .validity import OFTEN, alpha_band, grey_share, is_image

# Beyond this ratio between the dates' resolutions, detail that one date cannot show is taken for change.
MUCH_COARSER = 4.0
# From this ratio of a pixel's sides on, shapes are not what the network has learnt.
NOT_SQUARE = 1.25
LITTLE_COMMON = 0.5
NAMED_LAYERS = 8
WARN_SHIFT_PX = 2.0
# A run holds four bytes a pixel, and while it is written as many again.
BYTES_PER_PIXEL = 8


def look_over(scene: Scene, deep: bool, feedback: Feedback = SILENT) -> Iterator[Finding]:
    """Say what is doubtful of a scene; `deep` reads pixels, and `feedback` hears of which.

    Raises InputError for what cannot be used.
    """
    pair = scene.pair
    yield from _resolutions(pair)
    check_kept(pair.grid)
    for raster in pair.sources:
        yield from _settings(scene.request, raster)
        yield from _bands(scene.request, raster)
    yield from _untrained_bands(scene)
    yield from _types(pair)
    yield from _dates(pair)
    yield from resolution_findings(scene.request, pair.resolution_m, scene.looked_at_m)
    yield from _rough_places(scene)
    for role, (name, *others) in scene.mask.passed_over:
        yield Finding("warning", "layers_passed_over", {"role": role, "name": name, "others": others[:NAMED_LAYERS]})
    yield from _room(scene.request, scene.mask)
    if deep:
        before, after = pair.sources
        treated = scene.request.treat_fill_as_nodata
        feedback.progress("look_before", 0.1)
        yield from _fills(before, treated)
        feedback.progress("look_after", 0.3)
        yield from _fills(after, treated)
        feedback.progress("look_ground", 0.5)
        yield from _common_ground(scene)
        feedback.progress("look_shift", 0.7)
        yield from _shift(scene)


def _settings(request: RunRequest, raster: Raster) -> Iterator[Finding]:
    """Say what a person has set that the file says otherwise."""
    role = raster.role
    if getattr(request, f"{role}_crs"):
        own = raster.dataset.GetSpatialRef()
        there = own.GetName() if own is not None else None
        if there != raster.crs.GetName():
            yield Finding("info", "crs_set", {"role": role, "crs": raster.crs.GetName(), "file_crs": there or ""})
    ranges = getattr(request, f"{role}_nodata")
    if ranges or not getattr(request, f"{role}_own_nodata"):
        values = sorted({f"{low:g}" if low == high else f"{low:g}–{high:g}" for _, low, high in ranges})
        yield Finding("info", "nodata_set", {"role": role, "found": values})


def _bands(request: RunRequest, raster: Raster) -> Iterator[Finding]:
    """Say which bands are read where that is not the usual, and what is made of an alpha band."""
    role, dataset = raster.role, raster.dataset
    chosen = getattr(request, f"{role}_bands")
    if chosen is None and raster.bands != (1, 2, 3):
        reads = said_bands(dataset, bands_read(request.checkpoint))
        values = {"role": role, "bands": raster.bands}
        if reads in (None, natural_bands(dataset)):
            yield Finding("info", "bands_as_said", values)
        else:
            yield Finding("info", "bands_as_read", {**values, "reads": bands_read(request.checkpoint)})
    elif chosen is None and (called := called_otherwise(dataset, raster.bands)):
        yield Finding("warning", "bands_otherwise", {"role": role, "bands": raster.bands, "called": called})
    alpha = alpha_band(dataset)
    if alpha is None or alpha in raster.bands:
        return
    if is_image(dataset, alpha):
        yield Finding("warning", "alpha_is_image", {"role": role, "band": alpha})
    elif (share := grey_share(dataset, alpha)) > OFTEN:
        yield Finding("warning", "alpha_grey", {"role": role, "band": alpha, "share": share})


def _untrained_bands(scene: Scene) -> Iterator[Finding]:
    """Say where nobody named the bands that the checkpoint reads, and the rasters don't either."""
    request, reads = scene.request, bands_read(scene.request.checkpoint)
    silent = (
        getattr(request, f"{raster.role}_bands") is None and said_bands(raster.dataset, reads) is None
        for raster in scene.pair.sources
    )
    if reads != NATURAL and any(silent):
        yield Finding("warning", "bands_untrained", {"checkpoint": Path(request.checkpoint).stem, "bands": reads})


def _fills(raster: Raster, treated: bool) -> Iterator[Finding]:
    if raster.fills:
        found = [number for values in raster.fills for number in _numbers(values, raster.bands)]
        yield Finding("info", "fill_is_nodata", {"role": raster.role, "found": found})
    for fill in find_fills(raster):
        yield Finding(
            "warning",
            "fill_remains" if treated else "undeclared_fill",
            {"role": raster.role, "found": _numbers(fill.values, raster.bands), "percent": 100 * fill.share},
        )


def _numbers(values: Values, bands: tuple[int, ...]) -> list[dict[str, Any] | str]:
    """Say the values of a fill, with their bands where not every one has it."""
    if None in values:
        there = [(band, value) for band, value in zip(bands, values, strict=True) if value is not None]
        return [part("value_of_band", value=value, band=band) for band, value in there]
    return list(dict.fromkeys(f"{value:.6g}" for value in values))


def _room(request: RunRequest, mask: Mask) -> Iterator[Finding]:
    if not request.out_dir or is_object(request.out_dir):
        return
    folder = Path(request.out_dir).expanduser().absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    needed, free = mask.bounds.width * mask.bounds.height * BYTES_PER_PIXEL, shutil.disk_usage(there).free
    if free < needed:
        yield Finding("warning", "little_space", {"folder": there, "free_gb": free / 1e9, "needed_gb": needed / 1e9})


def _resolutions(pair: Pair) -> Iterator[Finding]:
    sides = {raster.role: raster.resolution_m for raster in pair.sources}
    coarse, fine = max(sides.values()), min(sides.values())
    if coarse / fine >= MUCH_COARSER:
        yield Finding("warning", "resolutions_differ", {"before_m": sides["before"], "after_m": sides["after"]})
    width_m, height_m = _pixel_sides(pair)
    if max(width_m / height_m, height_m / width_m) >= NOT_SQUARE:
        yield Finding("info", "pixels_not_square", {"width_m": width_m, "height_m": height_m})
    names = [raster.crs.GetName() for raster in pair.sources]
    if names[0] != names[1]:
        yield Finding(
            "info", "crs_differ", {"before": names[0], "after": names[1], "crs": pair.reference.crs.GetName()}
        )


def _rough_places(scene: Scene) -> Iterator[Finding]:
    """Say where nobody knows the way from one datum to the other: what lies on the other may be far off."""
    grid = scene.pair.grid
    found = [(raster.role, raster.crs) for raster in scene.pair.sources] + scene.mask.crs
    for role, crs in found:
        if is_rough(crs, grid):
            yield Finding("warning", "rough_place", {"role": role, "own": crs.GetName(), "crs": grid.crs.GetName()})


def _pixel_sides(pair: Pair) -> tuple[float, float]:
    """Return the width and height of a pixel in the middle of the grid in metres on the ground."""
    _, dx, _, _, _, dy = pair.geotransform
    if not pair.reference.crs.IsGeographic():
        ratio = abs(dx / dy)
    else:
        bottom, top = pair.reference.bounds[1::2]
        ratio = abs(dx / dy) * float(np.cos((bottom + top) / 2 * pair.reference.crs.GetAngularUnits()))
    # Both sides together make the pixel's area, which is measured.
    return pair.resolution_m * ratio**0.5, pair.resolution_m / ratio**0.5


def _types(pair: Pair) -> Iterator[Finding]:
    for raster in pair.sources:
        limits = pair.stretch[raster.role]
        if limits is None:
            continue
        spans = [part("span", low=low, high=high) for low, high in limits]
        kind = gdal.GetDataTypeName(raster.data_type)
        yield Finding("info", "stretched", {"role": raster.role, "type": kind, "spans": spans})
    kinds = {raster.role: raster.data_type for raster in pair.sources}
    unlike = (kinds["before"] == gdal.GDT_Byte) != (kinds["after"] == gdal.GDT_Byte)
    if unlike and pair.stretch["matching"] is None:
        yield Finding("info", "matching_proposed", {role: gdal.GetDataTypeName(kind) for role, kind in kinds.items()})


def _dates(pair: Pair) -> Iterator[Finding]:
    before, after = pair.dates
    if before and after and is_later(before, after):
        yield Finding("warning", "dates_reversed", {"before": before, "after": after})
    for role, day in (("before", before), ("after", after)):
        if not day:
            yield Finding("info", "no_date", {"role": role})


def _common_ground(scene: Scene) -> Iterator[Finding]:
    bounds = scene.mask.bounds
    *dates, valid = scene.pair.sample(bounds)
    share = float(valid.mean())
    if share == 0:
        if bounds.width * bounds.height > LARGEST_WHOLE:
            return  # A sample of so much that holds nothing proves nothing.
        raise InputError("no_common_ground")
    if share < LITTLE_COMMON:
        yield Finding("warning", "little_common_ground", {"percent": 100 * share})
    for raster, values in zip(scene.pair.sources, dates, strict=True):
        bands = [band for band, plane in zip(raster.bands, values, strict=True) if np.ptp(plane[valid]) == 0]
        if bands:
            yield Finding("warning", "constant_bands", {"role": raster.role, "bands": sorted(set(bands))})


def _shift(scene: Scene) -> Iterator[Finding]:
    pair, made_good = scene.pair, scene.shift
    if scene.request.correct_shift:
        if made_good is None:
            yield Finding("warning", "shift_not_measured")
        else:
            columns, rows, windows = made_good
            metres = made_good.pixels * pair.resolution_m
            values = {"columns": columns, "rows": rows, "windows": windows, "metres": metres}
            yield Finding("info", "shift_corrected", values)
    shift = measure_shift(pair)
    if shift is not None and shift.pixels >= WARN_SHIFT_PX:
        yield Finding(
            "warning",
            "shift_remains" if scene.request.correct_shift else "shifted",
            {"pixels": shift.pixels, "metres": shift.pixels * pair.resolution_m},
        )
