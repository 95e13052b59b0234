"""Blocks of a plan, each computed by whoever comes, and joined by one: `block`, `merge`, and what detects with them."""

import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from osgeo import gdal

from ...core.classes import table_of
from ...core.errors import FarmCDError, InputError
from ...core.feedback import SILENT, Feedback
from ...core.protocol import RunResult
from ...core.run_files import ARBITRATION_TIF
from ..polygons.features import Place
from ..polygons.part import make_parts
from ..polygons.tally import Rasters
from ..polygons.vectorise import Outlining, Work
from ..run.disk import writing_to
from ..run.durable import settle, sync, unique
from ..run.identity import raster_identity
from ..run.journal import Journal, Step
from ..run.objects import is_object
from ..run.package import refuse_if_reviewed
from ..run.run_folder import RunFolder
from ..run.writer import RASTERS, as_written, mosaic
from ..scene.scene import Scene
from ..seam import Networks, TilePredictor, in_this_process
from .attention import RAW, Looked, look
from .meter import Meter
from .plan import DONE, NUMERICS, Finished, Plan
from .screening import screened
from .tiles import figures_of, predict_blocks

OUTLINES = "outlines"
NAMED_BLOCKS = 8


class Spread(Protocol):
    """Who lets tasks of a plan be done; `commands.cluster` spreads them over processes and machines."""

    def run(self, task: str, plan: str | Path, indexes: Sequence[int], feedback: Feedback) -> None:
        """Do `task` ("block" or "outline") for the blocks of a plan; raises FarmCDError where some cannot be done."""


class OneAfterTheOther:
    """Does the tasks in this process."""

    def __init__(self, networks: Networks, predictor: TilePredictor | None = None) -> None:
        self._networks, self._predictor = networks, predictor

    def run(self, task: str, plan: str | Path, indexes: Sequence[int], feedback: Feedback) -> None:
        """Do a task block by block."""
        opened = _Opened(Plan.read(plan), self._networks, self._predictor)
        for index, step in zip(indexes, feedback.split(*[1.0] * len(indexes)), strict=True):
            do_task(opened, task, index, step)


class _Opened:
    """A plan in a process that works on it: the scene and the network are opened when they are first needed, once."""

    def __init__(self, plan: Plan, networks: Networks, predictor: TilePredictor | None = None) -> None:
        self.plan = plan
        self._networks = networks
        self._scene: Scene | None = None
        self._predictor = predictor

    @property
    def scene(self) -> Scene:
        if self._scene is None:
            self._scene = self.plan.open()
        return self._scene

    def predictor(self, feedback: Feedback) -> TilePredictor:
        """Return the network; raises InputError where this process computes in other numbers than those before."""
        if self._predictor is None:
            request = self.plan.request
            predictor = self._networks.predictor(
                feedback,
                request.checkpoint,
                request.device,
                tile=self.scene.looking().tile,
                symmetric=bool(request.symmetric),
                context=request.context,
            )
            check_numerics(self.plan.staging / NUMERICS, predictor)
            self._predictor = screened(predictor, request, self._networks, feedback)
        return self._predictor


@lru_cache(1)
def _opened(plan: str, _: bytes, networks: Any) -> _Opened:
    return _Opened(Plan.read(plan), networks)


def block(plan: str, index: int, feedback: Feedback = SILENT, networks: Networks | None = None) -> dict[str, Any]:
    """Compute one block of a plan into the run's folder: its pixels, and what is connected in it.

    A block that is finished is left as it is. Any number of processes may do this at a time, for one block, too.
    Returns the block, and whether it was finished before. Raises InputError for a block that is not planned, an input
    that is not what was planned, or a process whose results differ in the last bits from those of the ones before it.
    """
    return task("block", plan, index, feedback, networks)


def task(
    name: str, plan: str, index: int, feedback: Feedback = SILENT, networks: Networks | None = None
) -> dict[str, Any]:
    """Do a task of a plan as `Spread` says; what was opened for one block stays open for the next."""
    loader: Any = networks or _here()
    if is_object(plan):
        from .stored import block_stored

        return block_stored(plan, index, feedback, loader)
    return do_task(opened(plan, loader), name, index, feedback)


def opened(plan: str, networks: Any) -> _Opened:
    """Return a plan as it is now, with what was opened for it before for the same `networks` (Networks)."""
    found: _Opened = _opened(plan, Plan.read(plan).file.read_bytes(), networks)
    return found


@lru_cache(1)
def _here() -> Networks:
    return in_this_process()


def do_task(opened: _Opened, name: str, index: int, feedback: Feedback) -> dict[str, Any]:
    """Do a task of a plan for a block."""
    plan = opened.plan
    if index not in plan.look:
        if not 0 <= index < len(plan.blocks):
            raise InputError("no_such_block", index=index, count=len(plan.blocks), plan=plan.file)
        return {"block": index, "finished_before": True}
    if name == "outline":
        outlining(plan).outline(index, feedback)
        return {"block": index, "finished_before": False}
    finished = plan.folder_of(index).is_dir()
    if not finished:
        _compute(opened, index, feedback)
    if not plan.parts_of(index).is_dir():
        _find_parts(plan, index, plan.folder_of(index), feedback)
    return {"block": index, "finished_before": finished}


def _compute(opened: _Opened, index: int, feedback: Feedback) -> None:
    plan = opened.plan
    target = plan.folder_of(index)
    target.parent.mkdir(exist_ok=True)
    private = unique(target)
    private.mkdir()
    try:
        _fill(opened, index, private, feedback)
    except (OSError, FarmCDError):
        # Whoever plans another run takes the folders of the earlier one away.
        _refuse_if_replaced(plan)
        raise
    _refuse_if_replaced(plan)
    settle(private, target)
    sync(target.parent)


def _refuse_if_replaced(plan: Plan) -> None:
    if differs := plan.replaced_by(Plan.read(plan.file)):
        raise InputError("plan_differs", plan=plan.file, differs=differs)


def _fill(opened: _Opened, index: int, private: Path, feedback: Feedback) -> None:
    """Write all that is to be known of a block into a folder."""
    plan, scene = opened.plan, opened.scene
    predictor = opened.predictor(feedback)
    begun = time.monotonic()
    journal = Journal(private, raster_identity(plan.identity, predictor.device, plan.request.force))
    window, predicting = plan.blocks.window(index), feedback
    if plan.request.attention:
        looking, predicting = feedback.split(1, 2)
        look(scene, window, predictor, private / RAW, looking)
    predict_blocks(scene, [window], predictor, journal, Meter(predicting), feedback)
    scene.refuse_if_changed()
    said = {
        "steps": journal.steps,
        "tiles": journal.tiles,
        "skipped": journal.skipped,
        "seconds": journal.seconds,
        "predictor": predictor.describe(),
        "device": predictor.device,
        "host": platform.node(),
    }
    (private / DONE).write_text(json.dumps(said), encoding="utf-8")
    _find_parts(plan, index, private, feedback)
    said["whole_seconds"] = round(time.monotonic() - begun, 3)
    (private / DONE).write_text(json.dumps(said), encoding="utf-8")
    sync(private / DONE)
    sync(private)


class _OneBlock:
    """The pieces of a block, for the rasters that they are parts of."""

    def __init__(self, folder: Path) -> None:
        said = json.loads((folder / DONE).read_text(encoding="utf-8"))
        self.steps = [Step(*row) for row in said["steps"]]
        self.predictor = said["predictor"]
        self._folder = folder

    def path(self, step: Step) -> Path:
        """Return the raster of a step's pixels."""
        return self._folder / "pieces" / step.file


def _find_parts(plan: Plan, index: int, folder: Path, feedback: Feedback) -> None:
    """Find what is connected in a block whose pixels are there."""
    pieces = _OneBlock(folder)
    classes = table_of(pieces.predictor, plan.request.checkpoint)
    names = [name for name in RASTERS if pieces.predictor.get("arbitration", True) or name != ARBITRATION_TIF]
    grid = as_written(plan.grid)
    rasters = Rasters([mosaic(pieces, grid, name, {}, classes) for name in names], len(classes.predicted))
    target = folder / plan.parts_of(index).name
    private = unique(target)
    private.mkdir()
    with writing_to(plan.staging):
        make_parts(rasters, plan.blocks, index, plan.settings, private, feedback)
    for file in private.iterdir():
        sync(file)
    settle(private, target)


def outlining(plan: Plan) -> Outlining:
    """Return the work on the outlines of a plan whose blocks are numbered."""
    parts = {index: plan.parts_of(index) for index in plan.look}
    grid = as_written(plan.grid)
    return Outlining(plan.blocks, parts, plan.staging / OUTLINES, Place(grid.width, grid.geotransform))


def merge(
    plan: str,
    feedback: Feedback = SILENT,
    spread: Spread | None = None,
    networks: Networks | None = None,
    names: Mapping[str, str] | None = None,
) -> RunResult:
    """Join the finished blocks of a plan into the run, with the bytes that a detection on one machine gives.

    `names` are fields of the request as the record shall have them. Raises InputError where blocks are missing, and
    all that a detection raises.
    """
    from .detect import Run

    loader = networks or in_this_process()
    if is_object(plan):
        from .stored import merge_stored

        return merge_stored(plan, feedback, spread, loader)
    read = Plan.read(plan)
    with RunFolder(read.request.out_dir) as folder:
        folder.keep = True
        scene = Scene.open(read.request)
        refuse_if_reviewed(folder.out_dir)
        run = Run(read.request, feedback, loader, names or {})
        run.started = read.started
        return join(run, folder, read, scene, spread or OneAfterTheOther(loader))


def join(run: Any, folder: RunFolder, plan: Plan, scene: Scene, spread: Spread) -> RunResult:
    """Join the blocks of a plan in the folder that is held."""
    from .detect import About

    if missing := plan.missing:
        raise blocks_missing(missing, folder.out_dir)
    finished = Finished(plan)
    said = list(finished.said.values())
    # Blocks of an earlier version say nothing of tiles that were skipped.
    tiles, skipped, seconds = (sum(row.get(key, 0) for row in said) for key in ("tiles", "skipped", "seconds"))
    if not said:
        raise InputError("nothing_to_look_at", folder=folder.out_dir)
    for index in plan.look:
        if not plan.parts_of(index).is_dir():
            _find_parts(plan, index, plan.folder_of(index), SILENT)
    shutil.rmtree(plan.staging / OUTLINES, ignore_errors=True)

    def outline_all(job: Outlining, feedback: Feedback) -> None:
        spread.run("outline", plan.file, plan.look, feedback)

    work = Work(plan.blocks, outlining(plan).parts, plan.staging / OUTLINES, outline_all)
    figures = figures_of(scene, scene.looking().tile, tiles, skipped, seconds)
    about = About(said[0]["predictor"], said[0]["device"], figures, list(plan.findings))
    folder.keep = True
    looked = [Looked(plan.blocks.window(index), plan.folder_of(index) / RAW) for index in plan.look]
    result: RunResult = run.finish(folder, scene, plan.identity, finished, work, about, lambda _: looked)
    folder.keep = False
    return result


def blocks_missing(missing: Sequence[int], folder: str | Path) -> InputError:
    """Say which blocks are to be computed first."""
    return InputError("blocks_missing", count=len(missing), blocks=missing[:NAMED_BLOCKS], folder=folder)


def kind_of(file: Path) -> str:
    """Return a name for the kind of numbers that a file of `check_numerics` tells of."""
    first = json.loads(file.read_text(encoding="utf-8"))
    return f"{first['hash']}-{first['gdal']}"


def check_numerics(file: Path, predictor: TilePredictor) -> None:
    """Refuse a process whose network gives other bytes than that of the process that was first.

    Versions of torch and the instructions of a processor change the last bits; a run is of one kind only.
    """
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 1, 3, predictor.tile, predictor.tile), np.uint8)
    found = [part for part in predictor.predict(*images) if part is not None]
    own = {
        "hash": hashlib.sha256(b"".join(part.tobytes() for part in found)).hexdigest()[:16],
        "torch": str(predictor.describe().get("torch", "")),
        "gdal": gdal.__version__,
        "machine": f"{platform.machine()} {predictor.device}",
    }
    with suppress(FileExistsError):
        private = unique(file)
        private.write_text(json.dumps(own | {"host": platform.node()}), encoding="utf-8")
        try:
            # Unlike a rename, a link never replaces what another process has put there.
            os.link(private, file)
        except FileExistsError:
            pass
        except OSError:
            with file.open("x", encoding="utf-8") as made:
                made.write(private.read_text(encoding="utf-8"))
        finally:
            private.unlink()
    first = json.loads(file.read_text(encoding="utf-8"))
    if {key: first[key] for key in ("hash", "gdal")} != {key: own[key] for key in ("hash", "gdal")}:
        said = [" ".join(f"{key} {row[key]}" for key in own) for row in (own, first)]
        raise InputError("numerics_differ", own=said[0], first=said[1], host=first["host"], file=file)
