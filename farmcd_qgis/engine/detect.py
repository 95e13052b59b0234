"""One detection, from two rasters to a run folder: the only implementation, whoever calls it."""

import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ..protocol import Cancelled, IsCancelled, Progress, ProgressCallback, RunRequest, RunResult
from .blending import Blender
from .mask import Mask
from .pair import Pair
from .preflight import check
from .record import make_record, now, raster_tags, write_record
from .tiling import Lattice, Window
from .vectorise import vectorise
from .writer import Grid, RasterWriter, RunFolder, writing_to

Item = TypeVar("Item")
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

PROGRESS_S = 0.2
# Tiles at a time where nothing is said; the CPU gains nothing from more than one.
ACCELERATOR_BATCH = 8
# Batches that the reading thread may be ahead; enough to hide a slow disk.
READ_AHEAD = 3
# Seconds per megapixel that follow the last tile (compressing, polygons); they only weigh the progress bar.
TAIL_S_PER_MEGAPIXEL = 0.3


class TilePredictor(Protocol):
    """What `detect` needs of a predictor; `Predictor` is the real one."""

    tile: int
    device: str

    def predict(self, before: Bytes, after: Bytes) -> tuple[Floats, Floats]:
        """Give class probabilities (B, K, T, T) and arbitration (B, T, T) for uint8 (B, 3, T, T)."""

    def describe(self) -> dict[str, Any]:
        """Give what the record says of it."""


class Batch(NamedTuple):
    """Tiles of one row of the lattice, read and padded.

    `images` holds before and after, uint8 (2, B, 3, T, T); `keep` says per tile which of its pixels get a result
    (h, w); `passed` counts the tiles done with when these are; `finished` is set at the end of a lattice row.
    """

    windows: list[Window]
    images: Bytes
    keep: list[npt.NDArray[np.bool_]]
    passed: int
    finished: int | None


def detect(
    request: RunRequest,
    progress: ProgressCallback | None = None,
    is_cancelled: IsCancelled | None = None,
    predictor: TilePredictor | None = None,
) -> RunResult:
    """Find what farmland became between two dates and write the run folder `request.out_dir`.

    The folder holds change, confidence and arbitration rasters, farmcd.gpkg and run.json, or, after an error or
    when cancelled, nothing. Equal input gives equal pixels, whatever the batch size and wherever the area of
    interest begins. Raises InputError for input that cannot be used, Cancelled, FarmCDError.
    """
    started, clock = now(), time.monotonic()
    is_cancelled = is_cancelled or (lambda: False)
    meter = Meter(progress)
    with RunFolder(request.out_dir) as folder:
        meter.send("preflight", 0.0)
        findings = check(request)
        pair = Pair.open(request)
        mask = Mask.open(pair, request)
        meter.send("loading", 0.0)
        predictor = predictor or _load_predictor(request)
        about = predictor.describe()
        lattice = Lattice(pair.width, pair.height, predictor.tile, request.overlap)
        grid = Grid(mask.bounds.width, mask.bounds.height, _moved(pair.geotransform, mask.bounds), pair.crs_wkt)
        with closing(RasterWriter(folder.path, grid, raster_tags(request, pair, about))) as writer:
            batch = request.batch or (1 if predictor.device == "cpu" else ACCELERATOR_BATCH)
            figures = _predict(pair, mask, lattice, predictor, batch, writer, meter, is_cancelled)
            writer.finish(lambda part: meter.tail("writing", part / 2), is_cancelled)
        with writing_to(folder.out_dir):
            summary = vectorise(
                folder.path,
                tau=request.tau,
                minimum_mapping_unit_m2=request.minimum_mapping_unit_m2,
                connectivity=request.connectivity,
                progress=lambda step: meter.tail("polygons", 0.5 + step.fraction / 2),
                is_cancelled=is_cancelled,
            )
        seconds = time.monotonic() - clock
        found: dict[str, Any] = {
            "candidates": summary.candidates,
            "hard_regions": summary.hard_regions,
            "area_ha": summary.area_ha,
        }
        record = make_record(
            request,
            pair=pair,
            window=mask.bounds,
            predictor=about,
            findings=findings,
            figures={"seconds": round(seconds, 3), **figures, **found},
            started=started,
        )
        write_record(record, folder.path)
        _stop(is_cancelled)
        folder.publish()
    meter.send("done", 1.0)
    return RunResult(str(folder.out_dir), predictor.device, seconds, findings=findings, **found)


class Meter:
    """Tells how far a run is, at most five times a second; its fraction is of time and never goes back."""

    def __init__(self, report: ProgressCallback | None) -> None:
        self._report = report
        self._last = Progress("", 0.0)
        self._sent = 0.0
        self._begun = time.monotonic()
        self._tail_s = 0.0
        self._tail_begun = 0.0

    def begin_tiles(self, megapixels: float) -> None:
        """Start the clock of the prediction; `megapixels` is the size of the result, for what follows it."""
        self._begun = time.monotonic()
        self._tail_s = megapixels * TAIL_S_PER_MEGAPIXEL

    def tiles(self, done: int, total: int, megapixels: float) -> None:
        """Report `done` of `total` tiles; skipped ones count as done, so what is left is known from the pace."""
        elapsed = max(time.monotonic() - self._begun, 1e-6)
        remaining = elapsed / max(done, 1) * (total - done) + self._tail_s
        self.send("predicting", elapsed / (elapsed + remaining), megapixels / elapsed, remaining)

    def tail(self, stage: str, part: float) -> None:
        """Report what follows the prediction; `part` is 0..1 over all of it."""
        self._tail_begun = self._tail_begun or self._last.fraction
        self.send(stage, self._tail_begun + (1 - self._tail_begun) * part, None, self._tail_s * (1 - part))

    def send(self, stage: str, fraction: float, rate: float | None = None, remaining: float | None = None) -> None:
        """Send one report unless the last was a moment ago; a new stage is always told."""
        moment = time.monotonic()
        if self._report is None or (stage == self._last.stage and moment - self._sent < PROGRESS_S):
            return
        self._last = Progress(stage, max(self._last.fraction, min(fraction, 1.0)), rate, remaining)
        self._sent = moment
        self._report(self._last)


def read_ahead(items: Iterator[Item], depth: int) -> Generator[Item, None, None]:
    """Run an iterator of anything but None in one thread, at most `depth` items ahead; its errors come out here."""
    with ThreadPoolExecutor(1, thread_name_prefix="farmcd-reader") as pool:
        waiting = deque(pool.submit(next, items, None) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, items, None))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)


def _load_predictor(request: RunRequest) -> TilePredictor:
    # Late, so that preflight, tests and a fake predictor do without torch.
    from .predictor import Predictor

    return Predictor.load(
        request.checkpoint,
        request.device,
        tile=request.tile,
        symmetric=request.symmetric,
        context=request.context,
    )


def _predict(
    pair: Pair,
    mask: Mask,
    lattice: Lattice,
    predictor: TilePredictor,
    size: int,
    writer: RasterWriter,
    meter: Meter,
    is_cancelled: IsCancelled,
) -> dict[str, Any]:
    """Read, predict, blend and write every tile; return the figures of it."""
    bounds = mask.bounds
    blender = Blender(bounds, lattice.tile)
    wanted = [[window for window in row.windows if mask.any(window)] for row in lattice.rows(bounds)]
    total = sum(map(len, wanted))
    # Overlaps are counted once, else the rate would flatter.
    megapixels_per_tile = min(lattice.stride, pair.width) * min(lattice.stride, pair.height) / 1e6
    passed = predicted = 0
    begun = time.monotonic()
    meter.begin_tiles(bounds.width * bounds.height / 1e6)
    with closing(read_ahead(_batches(pair, mask, lattice, wanted, size), READ_AHEAD)) as batches:
        for batch in batches:
            _stop(is_cancelled)
            if batch.windows:
                tiles = zip(batch.windows, *predictor.predict(*batch.images), batch.keep, strict=True)
                for window, probabilities, arbitration, keep in tiles:
                    blender.add(window, probabilities, arbitration, keep)
            passed += batch.passed
            predicted += len(batch.windows)
            if batch.finished is not None:
                writer.write(blender.finish(batch.finished))
            meter.tiles(passed, total, predicted * megapixels_per_tile)
    seconds = time.monotonic() - begun
    return {
        "tiles_in_bounds": sum(len(row.windows) for row in lattice.rows(bounds)),
        "tiles_predicted": predicted,
        "prediction_seconds": round(seconds, 3),
        "megapixels_per_second": round(predicted * megapixels_per_tile / max(seconds, 1e-6), 4),
    }


def _batches(pair: Pair, mask: Mask, lattice: Lattice, wanted: list[list[Window]], size: int) -> Iterator[Batch]:
    """Read the wanted tiles of each lattice row that have a valid, unmasked pixel, `size` at a time."""
    for row, windows in zip(lattice.rows(mask.bounds), wanted, strict=True):
        batch = _empty_batch(lattice.tile, size)
        for window in windows:
            before, after, valid = pair.read(window)
            keep = valid & mask.read(window)
            batch = batch._replace(passed=batch.passed + 1)
            if not keep.any():
                continue
            batch.images[0, len(batch.windows)] = _padded(before, lattice.tile)
            batch.images[1, len(batch.windows)] = _padded(after, lattice.tile)
            batch.windows.append(window)
            batch.keep.append(keep)
            if len(batch.windows) == size:
                yield batch
                batch = _empty_batch(lattice.tile, size)
        yield batch._replace(images=batch.images[:, : len(batch.windows)], finished=row.finished)


def _empty_batch(tile: int, size: int) -> Batch:
    return Batch([], np.empty((2, size, 3, tile, tile), np.uint8), [], 0, None)


def _padded(image: Bytes, tile: int) -> Bytes:
    """Mirror an image of a grid that is smaller than a tile, at its right and lower edge."""
    _, height, width = image.shape
    return np.pad(image, ((0, 0), (0, tile - height), (0, tile - width)), mode="symmetric")


def _moved(geotransform: tuple[float, ...], window: Window) -> tuple[float, ...]:
    x, dx, rx, y, ry, dy = geotransform
    column, row = window.column, window.row
    return (x + column * dx + row * rx, dx, rx, y + column * ry + row * dy, ry, dy)


def _stop(is_cancelled: IsCancelled) -> None:
    if is_cancelled():
        raise Cancelled
