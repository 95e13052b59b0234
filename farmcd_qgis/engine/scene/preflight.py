"""The preflight: all that can be said of a request before a model is loaded, as sentences that say what to do."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from osgeo import gdal

from ...core.errors import InputError
from ...core.messages import part
from ...core.polygons import PolygonSettings
from ...core.protocol import Finding, RunRequest, Severity, error_of, finding_of
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
        return _survey(request, [], [finding_of(error)])
    return _survey(request, [lambda: _scene(scene, deep), lambda: _earlier_run(scene)])


def check(scene: Scene) -> list[Finding]:
    """Return the warnings and infos on a run that begins; raises InputError for the first error."""
    findings = _survey(scene.request, [lambda: _scene(scene, True)])
    for finding in findings:
        if finding.severity == "error":
            raise error_of(finding)
    return findings


def _survey(
    request: RunRequest, parts: list[Callable[[], Iterator[Finding]]], found: list[Finding] | None = None
) -> list[Finding]:
    findings = found or []

    def attempt(each: Callable[[], Iterator[Finding]]) -> None:
        try:
            findings.extend(each())
        except InputError as error:
            findings.append(finding_of(error))

    for each in (*parts, lambda: _parameters(request), lambda: _checkpoint(request), lambda: _output(request)):
        attempt(each)
    order: list[Severity] = ["error", "warning", "info"]
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def _parameters(request: RunRequest) -> Iterator[Finding]:
    Lattice(request.tile, request.tile, request.tile, request.overlap)
    PolygonSettings(request.tau, request.minimum_mapping_unit_m2, request.connectivity)
    if request.batch < 0:
        raise InputError("bad_batch", batch=request.batch)
    if request.before and request.before == request.after:
        yield Finding("warning", "same_pair", {"path": request.before})


def _card(request: RunRequest) -> ModelCard | None:
    path = Path(request.checkpoint)
    if not request.checkpoint:
        raise InputError("no_checkpoint_chosen")
    if not path.is_file():
        raise InputError("checkpoint_missing", path=request.checkpoint)
    # An authors' file is a pickle: it is checked when torch reads it, safely.
    return read_card(path) if path.suffix == ".safetensors" else None


def _checkpoint(request: RunRequest) -> Iterator[Finding]:
    card = _card(request)
    if card is not None and card.bands and None in (request.before_bands, request.after_bands):
        yield Finding("warning", "bands_untrained", {"checkpoint": card.name, "bands": card.bands})
    if card is not None and request.tile % card.multiple:
        raise InputError("bad_tile", tile=request.tile, multiple=card.multiple, least=2 * card.multiple)


def _trained_resolution(request: RunRequest, resolution_m: float) -> Iterator[Finding]:
    card = _card(request)
    if card is None or card.resolution_m is None:
        return
    finest, coarsest = card.resolution_m
    if not finest <= resolution_m <= coarsest:
        yield Finding(
            "warning",
            "resolution_untrained",
            {"resolution_m": resolution_m, "checkpoint": card.name, "finest": finest, "coarsest": coarsest},
        )


def _output(request: RunRequest) -> Iterator[Finding]:
    folder = Path(request.out_dir).expanduser().absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise InputError("not_a_folder", folder=there)
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError("read_only", folder=there)
    yield from ()


def _earlier_run(scene: Scene) -> Iterator[Finding]:
    """Say what a run into the folder would do with the one that is there."""
    request = scene.request
    folder = Path(request.out_dir).expanduser().absolute()
    if is_resumable(folder):
        yield Finding("info", "unfinished_run", {"folder": folder})
    record = finished_record(folder)
    if record is None:
        return
    if request.force:
        yield Finding("warning", "replaces_run", {"folder": folder})
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
        yield Finding("warning", "little_space", {"folder": there, "free_gb": free / 1e9, "needed_gb": needed / 1e9})


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
        yield Finding("warning", "resolutions_differ", {"before_m": sides["before"], "after_m": sides["after"]})
    names = [raster.crs.GetName() for raster in pair.sources]
    if names[0] != names[1]:
        yield Finding(
            "info", "crs_differ", {"before": names[0], "after": names[1], "crs": pair.reference.crs.GetName()}
        )


def _types(pair: Pair) -> Iterator[Finding]:
    for raster in pair.sources:
        limits = pair.stretch[raster.role]
        if limits is None:
            continue
        spans = [part("span", low=low, high=high) for low, high in limits]
        kind = gdal.GetDataTypeName(raster.data_type)
        yield Finding("info", "stretched", {"role": raster.role, "type": kind, "spans": spans})


def _dates(pair: Pair) -> Iterator[Finding]:
    before, after = pair.dates
    if before and after and before > after:
        yield Finding("warning", "dates_reversed", {"before": before, "after": after})
    for role, day in (("before", before), ("after", after)):
        if not day:
            yield Finding("info", "no_date", {"role": role})


def _common_ground(pair: Pair) -> Iterator[Finding]:
    share = float(pair.sample()[2].mean())
    if share == 0:
        raise InputError("no_common_ground")
    if share < LITTLE_COMMON:
        yield Finding("warning", "little_common_ground", {"share": share})


def _shift(pair: Pair) -> Iterator[Finding]:
    shift = measure_shift(pair)
    if shift is None:
        return
    pixels = (shift.columns**2 + shift.rows**2) ** 0.5
    if pixels >= WARN_SHIFT_PX:
        yield Finding("warning", "shifted", {"pixels": pixels, "metres": pixels * pair.resolution_m})
