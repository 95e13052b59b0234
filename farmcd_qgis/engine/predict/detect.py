"""One detection, from two rasters to a run folder: the only implementation, whoever calls it."""

import shutil
import time
from contextlib import closing
from functools import partial
from typing import Any

from ...core.classes import ClassTable, table_of
from ...core.errors import Cancelled, FarmCDError, InputError
from ...core.feedback import SILENT, Feedback
from ...core.protocol import Finding, RunRequest, RunResult
from ...core.run_files import PIECES, RUN_GPKG
from ...core.run_record import run_classes
from ...networks.card import checkpoint_hash
from ..polygons.vectorise import vectorise
from ..run.disk import writing_to
from ..run.identity import Identity, raster_identity, run_identity
from ..run.journal import Journal
from ..run.package import count_reviewed, edits_lost
from ..run.record import make_record, now, raster_tags, write_joined, write_record
from ..run.run_folder import RunFolder, finished_result
from ..run.writer import write_rasters
from ..scene.preflight import check, settled
from ..scene.scene import Scene
from ..scene.tiling import Lattice, strips
from ..seam import Networks, TilePredictor, in_this_process
from .attention import check_attends, write_attention
from .block import _batches, _Rows, _Strip
from .meter import Meter
from .pipeline import Behind, read_ahead

# Tiles at a time where a device says nothing of it.
ACCELERATOR_BATCH = 8
# Batches that the reading thread may be ahead, enough to hide a slow disk, and the writing thread behind.
READ_AHEAD = WRITE_BEHIND = 3
# Wider pairs are worked on in strips, so that memory does not grow with the width. Narrower strips would have more
# tiles predicted twice at their edges.
STRIP_PIXELS = 12_288
STRIP_TILES = 4
# How errors are called that say that the process of the networks has ended.
DIED = ("worker_ended", "worker_gpu", "worker_hangs", "worker_killed")


def detect(
    request: RunRequest,
    feedback: Feedback = SILENT,
    predictor: TilePredictor | None = None,
    networks: Networks | None = None,
) -> RunResult:
    """Find what farmland became between two dates and write the run folder `request.out_dir`.

    The folder holds change, confidence and (with text priors) arbitration rasters, farmcd.gpkg and run.json; after an
    error or when cancelled, the rows that were finished, with which the same request goes on, and nothing if there are
    none. Equal input gives equal pixels, whatever the batch size, wherever the area of interest begins and however
    often the run was interrupted. A run that the folder holds already is returned as it is, unless `request.force` is
    set. `networks` loads the checkpoint, in this process unless told otherwise, if there is no `predictor`. Raises
    InputError for input that cannot be used, Cancelled, and FarmCDError, also where the process of the networks died.
    """
    loader = networks or in_this_process()
    run = _Run(settled(request), feedback, loader)
    with RunFolder(request.out_dir) as folder:
        try:
            return run.result(folder, predictor)
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


class _Run:
    """One detection under way."""

    def __init__(self, request: RunRequest, feedback: Feedback, networks: Networks) -> None:
        self.request = request
        self.networks = networks
        self.feedback = feedback
        self.meter = Meter(feedback)
        self.started, self.clock = now(), time.monotonic()

    def result(self, folder: RunFolder, predictor: TilePredictor | None) -> RunResult:
        """Compute the run into `folder`, or return the one that is there."""
        request = self.request
        self.meter.send("preflight", 0.0)
        scene = Scene.open(request)
        findings = check(scene)
        identity = run_identity(scene, _checkpoint_hash(request, predictor))
        if folder.finished is not None and not request.force:
            return finished_result(folder.out_dir, folder.finished, identity)
        _refuse_if_reviewed(folder)
        self.meter.send("loading", 0.0)
        predictor = predictor or self._load_predictor(scene.looking().tile)
        classes = table_of(predictor.describe(), request.checkpoint)
        if request.attention:
            check_attends(predictor, request.checkpoint)
        journal = Journal(folder.staging, raster_identity(identity, predictor.device, request.force))
        edited = edits_lost(folder.out_dir / RUN_GPKG, run_classes(folder.out_dir)) if folder.finished else []
        findings = [*findings, *_origin(journal, folder), *edited]
        earlier_s = journal.seconds
        try:
            figures = self._predict(scene, predictor, journal)
        except InputError:
            # A raster that was cut or replaced meanwhile reads like a damaged one.
            _refuse_if_changed(scene, folder)
            raise
        tail = Feedback(self.meter.tail, self.feedback.cancelled)
        if request.attention:
            looking, tail = tail.split(2, 1)
            tags = raster_tags(scene, identity)
            write_attention(scene, predictor, folder.path, tags, STRIP_PIXELS, looking)
        writing, polygons = tail.split(1, 1)
        with_arbitration = predictor.describe().get("arbitration", True)
        self._write_rasters(folder, journal, scene, identity, classes, with_arbitration, writing)
        found = self._vectorise(folder, classes, polygons)
        seconds = time.monotonic() - self.clock + earlier_s
        record = make_record(
            scene=scene,
            predictor=predictor.describe(),
            findings=findings,
            figures={"seconds": round(seconds, 3), "device": predictor.device, **figures, **found},
            started=self.started,
            identity=identity,
        )
        # The record holds hashes, which were taken now.
        _refuse_if_changed(scene, folder)
        with writing_to(folder.path):
            write_joined(scene, folder.path)
            write_record(record, folder.path)
        self.feedback.check()
        folder.publish()
        self.meter.send("done", 1.0)
        return RunResult(str(folder.out_dir), predictor.device, seconds, findings=findings, **found)

    def _load_predictor(self, tile: int) -> TilePredictor:
        request = self.request
        return self.networks.predictor(
            self.feedback,
            request.checkpoint,
            request.device,
            tile=tile,
            symmetric=bool(request.symmetric),
            context=request.context,
        )

    def _predict(self, scene: Scene, predictor: TilePredictor, journal: Journal) -> dict[str, Any]:
        """Predict every tile that is not finished; return the figures of it."""
        pair, mask, looking = scene.pair, scene.mask, scene.looking(predictor.tile)
        lattice = Lattice(pair.width, pair.height, looking.side, looking.overlap)
        # Overlaps are counted once, else the rate would flatter.
        megapixels_per_tile = min(lattice.stride, pair.width) * min(lattice.stride, pair.height) / 1e6
        widest = max(STRIP_PIXELS * looking.tile // looking.side, min(STRIP_PIXELS, STRIP_TILES * looking.side))
        parts = [_Strip(strip, mask, lattice, looking, journal) for strip in strips(mask.bounds, widest)]
        left = sum(part.tiles for part in parts)
        whole = mask.bounds.width * mask.bounds.height / 1e6
        filled = min(whole, (left + journal.tiles) * megapixels_per_tile)
        self.meter.begin_tiles(left, journal.tiles, filled, whole - filled)
        # Twice what the device takes at once, so that one part is prepared while the other is computed.
        at_once = getattr(predictor, "at_once", 1 if predictor.device == "cpu" else ACCELERATOR_BATCH)
        batch = self.request.batch or (2 * at_once if at_once > 1 else 1)
        done = 0
        for part in parts:
            writer = _Rows(part, journal, mask.bounds)
            batches = _batches(pair, mask, part, batch)
            with closing(read_ahead(batches, READ_AHEAD)) as ready, Behind(WRITE_BEHIND) as behind:
                for item in ready:
                    self.feedback.check()
                    results = predictor.predict(*item.images) if item.windows else ()
                    behind.do(partial(writer.add, item, *results))
                    done += len(item.windows)
                    self.meter.tiles(item.passed, done * megapixels_per_tile)
        return {
            "tiles_in_bounds": sum(len(row.windows) for row in lattice.rows(mask.bounds)),
            "tiles_predicted": journal.tiles,
            "prediction_seconds": round(journal.seconds, 3),
            "megapixels_per_second": round(journal.tiles * megapixels_per_tile / max(journal.seconds, 1e-6), 4),
        }

    def _write_rasters(
        self,
        folder: RunFolder,
        journal: Journal,
        scene: Scene,
        identity: Identity,
        classes: ClassTable,
        with_arbitration: bool,
        feedback: Feedback,
    ) -> None:
        grid = scene.pair.grid.part(scene.mask.bounds)
        write_rasters(journal, folder.path, grid, raster_tags(scene, identity), classes, feedback, with_arbitration)

    def _vectorise(self, folder: RunFolder, classes: ClassTable, feedback: Feedback) -> dict[str, Any]:
        request = self.request
        with writing_to(folder.out_dir):
            summary = vectorise(
                folder.path,
                tau=request.tau,
                minimum_mapping_unit_m2=request.minimum_mapping_unit_m2,
                connectivity=request.connectivity,
                classes=classes,
                feedback=feedback,
            )
        return {
            "candidates": summary.candidates,
            "hard_regions": summary.hard_regions,
            "area_ha": summary.area_ha,
        }


def _checkpoint_hash(request: RunRequest, predictor: TilePredictor | None) -> str:
    return checkpoint_hash(request.checkpoint) if predictor is None else str(predictor.describe().get("sha256", ""))


def _refuse_if_changed(scene: Scene, folder: RunFolder) -> None:
    """Raise InputError where an input is not what it was; the rows that are finished are then of two images, and go."""
    try:
        scene.refuse_if_changed()
    except InputError:
        shutil.rmtree(folder.staging / PIECES, ignore_errors=True)
        raise


def _refuse_if_reviewed(folder: RunFolder) -> None:
    """Raise InputError where computing anew would replace verdicts of a person."""
    if reviewed := count_reviewed(folder.out_dir / RUN_GPKG):
        raise InputError("reviewed_run", count=reviewed, folder=folder.out_dir)


def _origin(journal: Journal, folder: RunFolder) -> list[Finding]:
    """Say what became of an unfinished run that the folder held."""
    if journal.differs:
        return [Finding("warning", "begun_anew", {"folder": folder.out_dir, "differs": journal.differs})]
    if journal.steps:
        return [Finding("info", "went_on", {"folder": folder.out_dir})]
    return []
