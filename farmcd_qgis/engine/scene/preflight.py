"""The preflight: all that can be said of a request before a model is loaded, as sentences that say what to do."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from osgeo import gdal

from ...core.errors import InputError
from ...core.protocol import Finding, RunRequest, Severity
from ...core.run_files import is_resumable
from ...networks.card import ModelCard, checkpoint_hash, read_card
from ..run.identity import run_identity
from ..run.run_folder import finished_record, finished_result
from .mask import Mask
from .pair import Pair
from .scene import Scene
from .shift import measure_shift
from .tiling import Lattice

# Beyond this ratio between the dates' resolutions, detail that one date cannot show is taken for change.
MUCH_COARSER = 4.0
LITTLE_COMMON = 0.5
WARN_SHIFT_PX = 2.0
# A run holds four bytes a pixel, and while it is written as many again.
BYTES_PER_PIXEL = 8


def preflight(request: RunRequest, deep: bool = True) -> list[Finding]:
    """Look a request over and list what is wrong or doubtful, errors first; bad input is found, never raised.

    `deep` also reads pixels of both dates: common ground and the shift between the dates.
    """
    try:
        scene = Scene.open(request)
    except InputError as error:
        return _survey(request, [], [_said(error)])
    return _survey(request, [lambda: _scene(scene, deep), lambda: _earlier_run(scene)])


def check(scene: Scene) -> list[Finding]:
    """Return the warnings and infos on a run that begins; raises InputError for the first error."""
    findings = _survey(scene.request, [lambda: _scene(scene, True)])
    for finding in findings:
        if finding.severity == "error":
            raise InputError(finding.code, finding.message)
    return findings


def _survey(
    request: RunRequest, parts: list[Callable[[], Iterator[Finding]]], found: list[Finding] | None = None
) -> list[Finding]:
    findings = found or []

    def attempt(part: Callable[[], Iterator[Finding]]) -> None:
        try:
            findings.extend(part())
        except InputError as error:
            findings.append(_said(error))

    for part in (*parts, lambda: _parameters(request), lambda: _checkpoint(request), lambda: _output(request)):
        attempt(part)
    order: list[Severity] = ["error", "warning", "info"]
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def _said(error: InputError) -> Finding:
    return Finding("error", error.code, error.message)


def _parameters(request: RunRequest) -> Iterator[Finding]:
    Lattice(request.tile, request.tile, request.tile, request.overlap)
    if not 0 < request.tau < 1:
        raise InputError("bad_tau", f"Tau is {request.tau:g}; give a confidence between 0 and 1 (0.8 is usual).")
    if not request.minimum_mapping_unit_m2 >= 0:
        raise InputError(
            "bad_minimum_mapping_unit",
            f"The minimum mapping unit is {request.minimum_mapping_unit_m2:g} m²; give 0 or more (400 is usual).",
        )
    if request.connectivity not in (4, 8):
        raise InputError("bad_connectivity", f"The connectivity is {request.connectivity}; give 4 or 8.")
    if request.batch < 0:
        raise InputError(
            "bad_batch", f"The batch is {request.batch} tiles; give 1 or more, or 0 to leave it to FarmCD."
        )
    if request.before and request.before == request.after:
        yield Finding(
            "warning",
            "same_file",
            f"Before and after are the same file ({request.before}): no change can be found. Choose another date.",
        )


def _card(request: RunRequest) -> ModelCard | None:
    path = Path(request.checkpoint)
    if not request.checkpoint or not path.is_file():
        raise InputError("checkpoint_missing", f"There is no checkpoint file {request.checkpoint or '(none chosen)'}.")
    # An authors' file is a pickle: it is checked when torch reads it, safely.
    return read_card(path) if path.suffix == ".safetensors" else None


def _checkpoint(request: RunRequest) -> Iterator[Finding]:
    card = _card(request)
    if card is not None and card.bands and None in (request.before_bands, request.after_bands):
        yield Finding(
            "warning",
            "bands_untrained",
            f"The checkpoint {card.name} was trained on {', '.join(card.bands)}, but the bands 1, 2, 3 are read: name "
            "those bands of each image, such as 1,4,3, or use another checkpoint.",
        )
    if card is not None and request.tile % card.multiple:
        raise InputError("tile_multiple", tile=request.tile, multiple=card.multiple, card=card.name)


def _trained_resolution(request: RunRequest, resolution_m: float) -> Iterator[Finding]:
    card = _card(request)
    if card is None or card.resolution_m is None:
        return
    finest, coarsest = card.resolution_m
    if not finest <= resolution_m <= coarsest:
        yield Finding(
            "warning",
            "resolution_untrained",
            f"The pair has {resolution_m:.3g} m per pixel, but the checkpoint {card.name} was trained for "
            f"{finest:g} to {coarsest:g} m: expect worse results. Resample the pair, or use another checkpoint.",
        )


def _output(request: RunRequest) -> Iterator[Finding]:
    folder = Path(request.out_dir).expanduser().absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise InputError("not_a_folder", f"{there} is a file; choose a folder for the output.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError("read_only", f"The folder {there} cannot be written to; choose another output folder.")
    yield from ()


def _earlier_run(scene: Scene) -> Iterator[Finding]:
    """Say what a run into the folder would do with the one that is there."""
    request = scene.request
    folder = Path(request.out_dir).expanduser().absolute()
    if is_resumable(folder):
        yield Finding(
            "info",
            "unfinished_run",
            f"{folder} holds an unfinished run: the same run is continued, another begins anew.",
        )
    record = finished_record(folder)
    if record is None:
        return
    if request.force:
        yield Finding("warning", "replaces_run", f"The run that {folder} holds is computed anew, and replaced.")
        return
    try:
        identity = run_identity(scene, checkpoint_hash(request.checkpoint))
    except (OSError, InputError):  # What is wrong with the inputs has its own finding.
        return
    yield finished_result(folder, record, identity).findings[0]


def _room(request: RunRequest, mask: Mask) -> Iterator[Finding]:
    folder = Path(request.out_dir).expanduser().absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    needed, free = mask.bounds.width * mask.bounds.height * BYTES_PER_PIXEL, shutil.disk_usage(there).free
    if free < needed:
        yield Finding(
            "warning",
            "little_space",
            f"The disk of {there} has {free / 1e9:.1f} GB free and the run may need {needed / 1e9:.1f} GB. Free some "
            "space, or choose another output folder.",
        )


def _scene(scene: Scene, deep: bool) -> Iterator[Finding]:
    pair = scene.pair
    yield from _resolutions(pair)
    yield from _types(pair)
    yield from _dates(pair)
    # A checkpoint that cannot be read has its own finding.
    with suppress(InputError):
        yield from _trained_resolution(scene.request, pair.resolution_m)
    yield from _room(scene.request, scene.mask)
    if deep:
        yield from _common_ground(pair)
        yield from _shift(pair)


def _resolutions(pair: Pair) -> Iterator[Finding]:
    sides = {raster.role: raster.resolution_m for raster in pair.sources}
    coarse, fine = max(sides.values()), min(sides.values())
    if coarse / fine >= MUCH_COARSER:
        yield Finding(
            "warning",
            "resolutions_differ",
            f"The before raster has {sides['before']:.3g} m and the after raster {sides['after']:.3g} m per pixel: "
            "detail that one date cannot show will be taken for change. Choose dates of like resolution.",
        )
    names = [raster.crs.GetName() for raster in pair.sources]
    if names[0] != names[1]:
        yield Finding(
            "info",
            "crs_differ",
            f"The rasters have different coordinate reference systems ({names[0]}; {names[1]}); the result is in "
            f"that of the reference raster ({pair.reference.crs.GetName()}).",
        )


def _types(pair: Pair) -> Iterator[Finding]:
    for raster in pair.sources:
        limits = pair.stretch[raster.role]
        if limits is None:
            continue
        spans = ", ".join(f"{low:.4g} to {high:.4g}" for low, high in limits)
        yield Finding(
            "info",
            "stretched",
            f"The {raster.role} raster is {gdal.GetDataTypeName(raster.data_type)}; red, green and blue are stretched "
            f"to 8 bits from {spans}.",
        )


def _dates(pair: Pair) -> Iterator[Finding]:
    before, after = pair.dates
    if before and after and before > after:
        yield Finding(
            "warning",
            "dates_reversed",
            f"The before raster ({before}) is younger than the after raster ({after}). Swap them if that is not meant.",
        )
    for role, day in (("before", before), ("after", after)):
        if not day:
            yield Finding(
                "info",
                "no_date",
                f"When the {role} raster was taken is known neither from its metadata nor from its file name. Give "
                "the date in the advanced settings if the report is to show it.",
            )


def _common_ground(pair: Pair) -> Iterator[Finding]:
    share = float(pair.sample()[2].mean())
    if share == 0:
        raise InputError(
            "no_common_ground",
            "Nowhere do both rasters hold valid pixels: they overlap only in nodata. Check their nodata values.",
        )
    if share < LITTLE_COMMON:
        yield Finding(
            "warning",
            "little_common_ground",
            f"Only {share:.0%} of the reference raster is valid in both dates; the rest becomes nodata.",
        )


def _shift(pair: Pair) -> Iterator[Finding]:
    shift = measure_shift(pair)
    if shift is None:
        return
    pixels = (shift.columns**2 + shift.rows**2) ** 0.5
    if pixels >= WARN_SHIFT_PX:
        yield Finding(
            "warning",
            "shifted",
            f"The dates seem shifted by {pixels:.0f} pixels ({pixels * pair.resolution_m:.1f} m): field edges will be "
            "taken for change. Register them (Layer > Georeferencer) before relying on the result.",
        )
