"""The preflight: all that can be said of a request before a model is loaded, as sentences that say what to do."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.feedback import SILENT, Feedback
from ...core.messages import part
from ...core.polygons import PolygonSettings
from ...core.protocol import Finding, RunRequest, Severity, error_of, finding_of
from ...core.run_files import is_resumable
from ...networks.card import ModelCard, check_detects, check_screens, checkpoint_hash, read_card, usual_overlap
from ..run.identity import run_identity
from ..run.objects import is_object
from ..run.run_folder import finished_record, finished_result
from .files import check_name, is_same_file
from .look import look_over
from .scene import Scene
from .tiling import Lattice

# A tile of this side takes gigabytes in a network.
LARGEST_TILE = 8192


def preflight(request: RunRequest, deep: bool = True, feedback: Feedback = SILENT) -> list[Finding]:
    """Look a request over and list what is wrong or doubtful, errors first; bad input is found, never raised.

    `deep` also reads pixels of both dates: common ground and the shift between the dates. `feedback` hears what is
    being looked at, and at the end how large the scene is.
    """
    request = settled(request)
    feedback.progress("look_open", 0.0)
    try:
        scene = Scene.open(request)
    except InputError as error:
        return _survey(request, [], [finding_of(error)])
    findings = _survey(request, [lambda: look_over(scene, deep, feedback), lambda: _earlier_run(scene)])
    if all(finding.severity != "error" for finding in findings):
        feedback.progress("preflight", 1.0, message=_size(scene))
    return findings


def _size(scene: Scene) -> dict[str, Any]:
    """Tell how large the part of the scene is that a run looks at."""
    part_of, side = scene.mask.bounds, scene.pair.resolution_m
    hectares = part_of.width * part_of.height * side * side / 1e4
    return part("scene_ready", width=part_of.width, height=part_of.height, resolution_m=side, area_ha=hectares)


def settled(request: RunRequest) -> RunRequest:
    """Fill in what a request leaves to its checkpoint: both orders of the dates, and the overlap if it is the usual."""
    try:
        card = _card(request)
    except InputError:
        # The preflight says what is wrong with it.
        card = None
    if request.symmetric is None:
        request = replace(request, symmetric=card is not None and card.order_free)
    if card is not None and request.overlap == RunRequest.overlap:
        least = round(usual_overlap(card) * request.tile)
        request = replace(request, overlap=max(request.overlap, least))
    return request


def check(scene: Scene) -> list[Finding]:
    """Return the warnings and infos on a run that begins; raises InputError for the first error."""
    findings = _survey(scene.request, [lambda: look_over(scene, True)])
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
    if request.tile > LARGEST_TILE:
        raise InputError("tile_too_large", tile=request.tile, most=LARGEST_TILE)
    if request.before and (request.before == request.after or is_same_file(request.before, request.after)):
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
    if card is not None:
        check_detects(request.checkpoint)
    if card is not None and request.tile % card.multiple:
        raise InputError("bad_tile", tile=request.tile, multiple=card.multiple, least=2 * card.multiple)
    if card is not None and request.symmetric and not card.order_free:
        raise InputError("order_matters", checkpoint=card.name)
    if request.screen:
        check_screens(card, request.checkpoint)
    yield from ()


def _output(request: RunRequest) -> Iterator[Finding]:
    # A pair can be looked over before it is known where the run shall lie.
    if not request.out_dir or is_object(request.out_dir):
        return
    folder = Path(request.out_dir).expanduser().absolute()
    check_name(folder)
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise InputError("not_a_folder", folder=there)
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError("read_only", folder=there)
    yield from ()


def _earlier_run(scene: Scene) -> Iterator[Finding]:
    """Say what a run into the folder would do with the one that is there."""
    request = scene.request
    if not request.out_dir or is_object(request.out_dir):
        return
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
