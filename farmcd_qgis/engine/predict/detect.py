"""One detection, from two rasters to a run folder: the only implementation, whoever calls it."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ...core.classes import ClassTable, table_of
from ...core.errors import Cancelled, FarmCDError, InputError
from ...core.feedback import SILENT, Feedback
from ...core.protocol import Finding, RunRequest, RunResult
from ...core.run_files import PIECES, RUN_GPKG
from ...core.run_record import run_classes
from ...networks.card import checkpoint_hash
from ..polygons.vectorise import BLOCK_SIDE, Work, vectorise
from ..run.disk import writing_to
from ..run.identity import Identity, raster_identity, run_identity
from ..run.journal import Journal, Pieces
from ..run.objects import is_object
from ..run.package import edits_lost, refuse_if_reviewed
from ..run.record import make_record, now, raster_tags, write_joined, write_record
from ..run.run_folder import RunFolder, finished_result
from ..run.writer import write_rasters
from ..scene.preflight import check, settled
from ..scene.scene import Scene
from ..scene.tiling import Blocks
from ..seam import Networks, TilePredictor, in_this_process
from .attention import RAW, Looked, check_attends, look_all, write_attention
from .meter import Meter
from .pipeline import Beside
from .plan import PLAN, is_planned, planned
from .planned import OneAfterTheOther, Spread, join
from .screening import screened
from .tiles import figures_of, predict_blocks, widest

# How errors are called that say that the process of the networks has ended.
DIED = ("worker_ended", "worker_gpu", "worker_hangs", "worker_killed")


def detect(
    request: RunRequest,
    feedback: Feedback = SILENT,
    predictor: TilePredictor | None = None,
    networks: Networks | None = None,
    spread: Spread | None = None,
) -> RunResult:
    """Find what farmland became between two dates and write the run folder `request.out_dir`.

    The folder holds change, confidence and (with text priors) arbitration rasters, farmcd.gpkg and run.json; after an
    error or when cancelled, the rows that were finished, with which the same request goes on, and nothing if there are
    none. Equal input gives equal pixels, whatever the batch size, wherever the area of interest begins and however
    often the run was interrupted. A run that the folder holds already is returned as it is, unless `request.force` is
    set. `networks` loads the checkpoint, in this process unless told otherwise, if there is no `predictor`; `spread`
    lets other processes compute blocks of the run. Raises InputError for input that cannot be used, Cancelled, and
    FarmCDError, also where the process of the networks died.
    """
    loader = networks or in_this_process()
    if is_object(request.out_dir):
        from .stored import detect_stored

        return detect_stored(request, feedback, loader, spread)
    run = Run(settled(request), feedback, loader)
    with RunFolder(request.out_dir) as folder:
        try:
            return run.result(folder, predictor, spread)
        except Cancelled:
            if folder.resumable:
                raise Cancelled("stopped_resumable", folder=folder.out_dir) from None
            raise
        except FarmCDError as error:
            if error.code in DIED and folder.resumable:
                raise FarmCDError("networks_died", reason=error, folder=folder.out_dir) from error
            raise
        finally:
            loader.close()


@dataclass(frozen=True)
class About:
    """What a record says of a prediction: of the predictor and its device, figures, findings, and earlier seconds."""

    predictor: dict[str, Any]
    device: str
    figures: dict[str, Any]
    findings: list[Finding]
    earlier_s: float = 0.0


class Run:
    """One detection under way."""

    def __init__(
        self, request: RunRequest, feedback: Feedback, networks: Networks, names: Mapping[str, str] | None = None
    ) -> None:
        self.request = request
        # What the record calls the folder and the checkpoint, if not as they are called here.
        self.names = names or {}
        self.networks = networks
        self.feedback = feedback
        self.meter = Meter(feedback)
        self.started, self.clock = now(), time.monotonic()

    def result(
        self, folder: RunFolder, predictor: TilePredictor | None = None, spread: Spread | None = None
    ) -> RunResult:
        """Compute the run into `folder`, or return the one that is there."""
        request = self.request
        self.meter.send("preflight", 0.0)
        scene = Scene.open(request)
        with self._loading(folder, scene, predictor, spread) as loading:
            findings = check(scene)
            identity = run_identity(scene, _checkpoint_hash(request, predictor))
            if folder.finished is not None and not request.force:
                return finished_result(folder.out_dir, folder.finished, identity)
            refuse_if_reviewed(folder.out_dir)
            edited = edits_lost(folder.out_dir / RUN_GPKG, run_classes(folder.out_dir)) if folder.finished else []
            if spread is not None or is_planned(folder, identity):
                return self._in_blocks(folder, scene, identity, [*findings, *edited], predictor, spread)
            self.meter.send("loading", 0.0)
            loaded = loading.result(lambda step: self.meter.send(step.stage, 0.0))
            predictor = loaded or self.load_predictor(scene.looking().tile, self.feedback)
        if request.attention:
            check_attends(predictor, request.checkpoint)
        bounds = scene.mask.bounds
        side = widest(scene.looking(predictor.tile), BLOCK_SIDE)
        blocks = Blocks.cut(bounds.width, bounds.height, side)
        journal = Journal(folder.staging, raster_identity(identity, predictor.device, request.force))
        findings = [*findings, *_origin(journal, folder), *edited]
        earlier_s = journal.seconds
        try:
            windows = [blocks.window(index) for index in range(len(blocks))]
            predict_blocks(scene, windows, predictor, journal, self.meter, self.feedback)
        except InputError:
            # A raster that was cut or replaced meanwhile reads like a damaged one.
            refuse_if_changed(scene, folder)
            raise
        figures = figures_of(scene, predictor.tile, journal.tiles, journal.skipped, journal.seconds)
        about = About(predictor.describe(), predictor.device, figures, findings, earlier_s)
        looked = partial(look_all, scene, windows, predictor, folder.path)
        return self.finish(folder, scene, identity, journal, Work(blocks), about, looked)

    def _loading(
        self, folder: RunFolder, scene: Scene, predictor: TilePredictor | None, spread: Spread | None
    ) -> Beside[TilePredictor | None]:
        """Load the network while the scene is looked over, where the run is sure to need it; else it gives what is."""
        needed = folder.finished is None or self.request.force
        if predictor is None and spread is None and needed and not (folder.staging / PLAN).exists():
            return Beside(partial(self.load_predictor, scene.looking().tile), self.feedback)
        return Beside(lambda _: predictor, self.feedback)

    def _in_blocks(
        self,
        folder: RunFolder,
        scene: Scene,
        identity: Identity,
        findings: list[Finding],
        predictor: TilePredictor | None,
        spread: Spread | None,
    ) -> RunResult:
        """Let blocks of a plan be computed and join them; goes on with a plan that the folder holds."""
        if self.request.attention:
            predictor = predictor or self.load_predictor(scene.looking().tile, self.feedback)
            check_attends(predictor, self.request.checkpoint)
        plan = planned(scene, identity, folder, self.request.block_side, findings, anew=spread is not None)
        spread = spread or OneAfterTheOther(self.networks, predictor)
        missing = plan.missing
        if len(missing) < len(plan.look):
            findings = [*findings, Finding("info", "went_on", {"folder": folder.out_dir})]
        predicting = Feedback(self.meter.part, self.feedback.cancelled, self.feedback.on_finding)
        spread.run("block", plan.file, missing, predicting)
        return join(self, folder, replace(plan, findings=tuple(findings)), scene, spread)

    def finish(
        self,
        folder: RunFolder,
        scene: Scene,
        identity: Identity,
        pieces: Pieces,
        work: Work,
        about: "About",
        looked: Callable[[Feedback], Sequence[Looked]],
    ) -> RunResult:
        """Make of a run whose blocks are predicted what the folder is to hold, and publish it.

        `looked` says where the network looked, if that is asked for; of its files those in the folder go.
        """
        classes = table_of(about.predictor, self.request.checkpoint)
        tail = Feedback(self.meter.tail, self.feedback.cancelled)
        if self.request.attention:
            looking, scaling, tail = tail.split(18, 2, 10)
            seen, grid = looked(looking), scene.pair.grid.part(scene.mask.bounds)
            write_attention(seen, grid, folder.path, raster_tags(scene, identity), scaling)
            for file in folder.path.glob(f"*.{RAW}"):
                file.unlink()
        writing, polygons = tail.split(1, 1)
        with_arbitration = about.predictor.get("arbitration", True)
        self._write_rasters(folder, pieces, scene, identity, classes, with_arbitration, writing)
        found = self._vectorise(folder, classes, polygons, work)
        seconds = time.monotonic() - self.clock + about.earlier_s
        record = make_record(
            scene=scene,
            predictor=about.predictor,
            findings=about.findings,
            figures={"seconds": round(seconds, 3), "device": about.device, **about.figures, **found},
            started=self.started,
            identity=identity,
            names=self.names,
        )
        # The record holds hashes, which were taken now.
        refuse_if_changed(scene, folder)
        with writing_to(folder.path):
            write_joined(scene, folder.path)
            write_record(record, folder.path)
        self.feedback.check()
        folder.publish()
        self.meter.send("done", 1.0)
        return RunResult(str(folder.out_dir), about.device, seconds, findings=about.findings, **found)

    def load_predictor(self, tile: int, feedback: Feedback) -> TilePredictor:
        """Load the network of the request."""
        request = self.request
        predictor = self.networks.predictor(
            feedback,
            request.checkpoint,
            request.device,
            tile=tile,
            symmetric=bool(request.symmetric),
            context=request.context,
        )
        return screened(predictor, request, self.networks, feedback)

    def _write_rasters(
        self,
        folder: RunFolder,
        pieces: Pieces,
        scene: Scene,
        identity: Identity,
        classes: ClassTable,
        with_arbitration: bool,
        feedback: Feedback,
    ) -> None:
        grid = scene.pair.grid.part(scene.mask.bounds)
        write_rasters(pieces, folder.path, grid, raster_tags(scene, identity), classes, feedback, with_arbitration)

    def _vectorise(self, folder: RunFolder, classes: ClassTable, feedback: Feedback, work: Work) -> dict[str, Any]:
        request = self.request
        with writing_to(folder.out_dir):
            summary = vectorise(
                folder.path,
                tau=request.tau,
                minimum_mapping_unit_m2=request.minimum_mapping_unit_m2,
                connectivity=request.connectivity,
                classes=classes,
                feedback=feedback,
                work=work,
            )
        return {
            "candidates": summary.candidates,
            "hard_regions": summary.hard_regions,
            "area_ha": summary.area_ha,
        }


def _checkpoint_hash(request: RunRequest, predictor: TilePredictor | None) -> str:
    return checkpoint_hash(request.checkpoint) if predictor is None else str(predictor.describe().get("sha256", ""))


def refuse_if_changed(scene: Scene, folder: RunFolder) -> None:
    """Raise InputError where an input is not what it was; the rows that are finished are then of two images, and go."""
    try:
        scene.refuse_if_changed()
    except InputError:
        shutil.rmtree(folder.staging / PIECES, ignore_errors=True)
        raise


def _origin(journal: Journal, folder: RunFolder) -> list[Finding]:
    """Say what became of an unfinished run that the folder held."""
    if journal.differs:
        return [Finding("warning", "begun_anew", {"folder": folder.out_dir, "differs": journal.differs})]
    if journal.steps:
        return [Finding("info", "went_on", {"folder": folder.out_dir})]
    return []
