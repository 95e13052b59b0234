"""Blocks: what cutting a run costs, what cores and workers gain."""

import filecmp
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from farmcd_qgis.commands.cluster import cluster
from farmcd_qgis.core.feedback import SILENT
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.engine.polygons import vectorise as polygons
from farmcd_qgis.engine.predict import planned
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.predict.plan import DONE, Plan, plan
from farmcd_qgis.networks.card import ModelCard
from farmcd_qgis.networks.checkpoint import save_checkpoint
from farmcd_qgis.networks.fd_mamba.network import FDMamba, FDMambaConfig
from farmcd_qgis.networks.predictor import Predictor

from .measure import Row, best
from .scenes import PIXEL, StandIn, noisy_run, scene

WORKERS = 2


def rows(full: bool) -> list[Row]:
    """Rows: cores by tiles, polygons in blocks, what a block and a task of dask cost, and two workers against one."""
    return [*thread_rows(full), _polygons(full), _overhead(full), _task(), _workers(full)]


def thread_rows(full: bool) -> list[Row]:
    """One row a bundled checkpoint: tiles a second on all cores against one, as a share of the cores."""
    found = []
    most = torch.get_num_threads()
    for checkpoint in bundled_checkpoints():
        images = np.random.default_rng(0).integers(0, 256, (2, 4 * most, 3, 256, 256), np.uint8)
        seconds, bytes_ = {}, {}
        try:
            for count in (1, most):
                torch.set_num_threads(count)
                predictor = Predictor.load(str(checkpoint), "cpu")
                bytes_[count] = predictor.predict(*images)[0].tobytes()
                seconds[count] = best(partial(predictor.predict, *images), 3 if full else 1, False)
        finally:
            torch.set_num_threads(most)
        share = seconds[1] / seconds[most] / most
        said = f"{most} cores; the bytes are {'equal' if bytes_[1] == bytes_[most] else 'NOT equal'}"
        parts = {"seconds": seconds, "megapixels a second a core": 4 * most * 0.192**2 / seconds[1]}
        found.append(Row("blocks", f"one tile, one thread: {checkpoint.stem}", 90, True, "%", share * 100, said, parts))
    return found


def _polygons(full: bool) -> Row:
    side = 10_000 if full else 4096
    seconds: dict[str, float] = {}
    usual = polygons.BLOCK_SIDE
    with tempfile.TemporaryDirectory() as folder:
        run = noisy_run(Path(folder) / "run", side, side)
        try:
            for name, block in (("whole", side), ("blocks", 3072 if full else 2048)):
                polygons.BLOCK_SIDE = block
                begun = time.process_time()
                polygons.vectorise(run)
                seconds[name] = time.process_time() - begun
        finally:
            polygons.BLOCK_SIDE = usual
    found = seconds["blocks"] * (10_000 / side) ** 2
    why = f"of the noisy map, {side} x {side} in blocks, brought to 10,000 x 10,000; processor seconds"
    return Row("blocks", "polygons as part of blocks", 20, False, "s", found, why, seconds)


class _StandIns:
    """Loads the stand-in."""

    def predictor(self, *_: object, **__: object) -> StandIn:
        """As Networks.predictor."""
        return StandIn()

    def close(self) -> None:
        """As Networks.close."""


def _overhead(full: bool) -> Row:
    """Measure what a block takes besides its tiles and polygons, against what its tiles take the bundled network."""
    side, spent = 3072 if full else 1024, {"tiles": 0.0, "polygons": 0.0}

    def timed(kind: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            begun = time.process_time()
            try:
                return call(*arguments)
            finally:
                spent[kind] += time.process_time() - begun

        return run

    usual = planned.predict_blocks, planned._find_parts
    with tempfile.TemporaryDirectory() as folder:
        said, networks = plan(scene(Path(folder), 2 * side, side), side), _StandIns()
        # The first opens the pair, for all that a process computes.
        planned.block(said["plan"], 0, networks=networks)
        planned.predict_blocks, planned._find_parts = timed("tiles", usual[0]), timed("polygons", usual[1])
        try:
            begun = time.process_time()
            planned.block(said["plan"], 1, networks=networks)
            whole = time.process_time() - begun
        finally:
            planned.predict_blocks, planned._find_parts = usual
        planned._opened.cache_clear()
        tiles = json.loads((Plan.read(said["plan"]).folder_of(1) / DONE).read_text())["tiles"]
    predictor = Predictor.load(str(bundled_checkpoints()[0]), "cpu")
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 3, 256, 256), np.uint8)
    predictor.predict(*images[:, :1])
    begun = time.process_time()
    predictor.predict(*images)
    tile_s = (time.process_time() - begun) / images.shape[1]
    besides = whole - sum(spent.values())
    why = f"of {side} x {side} with {tiles} tiles: {besides * 1000:.0f} ms, where a tile takes {tile_s * 1000:.0f} ms"
    parts = {**spent, "besides": besides, "a tile": tile_s}
    return Row("blocks", "a block besides its tiles", 1, False, "%", 100 * besides / (tiles * tile_s), why, parts)


def _task() -> Row:
    count = 200
    with cluster(1, "") as spread:
        spread.client.submit(abs, -1).result()
        begun = time.perf_counter()
        spread.client.gather([spread.client.submit(abs, -number, pure=False) for number in range(count)])
        taken = (time.perf_counter() - begun) / count
    return Row("blocks", "a task of dask that does nothing", 10, False, "ms", taken * 1000, "wall time, one worker")


@contextmanager
def _one_core() -> Iterator[None]:
    """Let this process use one core: reading and writing have threads of their own, which would take others."""
    threads = torch.get_num_threads()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    torch.set_num_threads(1)
    if cores:
        os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
        torch.set_num_threads(threads)


def _workers(full: bool) -> Row:
    """Measure one process on one core against two workers on one each, with a small network in the place of ours.

    The network takes four pixels for one, and blocks are as much larger: a quarter of the tiles, and as many across.
    """
    side = 12_000 if full else 2048
    torch.manual_seed(1)
    config = FDMambaConfig(8, blocks_down=(0, 0, 0, 0), blocks_up=(0, 0, 0), text_width=12, context_width=12)
    net = FDMamba(config).eval()
    net.score_head.set_text(torch.randn(6, 12), {"season": torch.randn(12)})
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stand_in = str(folder / "stand-in.safetensors")
        save_checkpoint(net, ModelCard("stand-in", resolution_m=(0.5, 8.0)), stand_in)
        coarse = {"checkpoint": stand_in, "resolution_m": 2 * PIXEL, "block_side": 6144 if full else 1024}
        request = scene(folder, side, side, **coarse)
        one = replace(request, out_dir=str(folder / "one"))
        with _one_core():
            begun, own = time.perf_counter(), time.process_time()
            detect(one)
            seconds["one"], seconds["one, of the processor"] = time.perf_counter() - begun, time.process_time() - own
        two = replace(request, out_dir=str(folder / "two"), workers=WORKERS)
        below = sum(os.times()[2:4])
        with cluster(WORKERS, "") as spread:
            begun, own = time.perf_counter(), time.process_time()
            detect(two, SILENT, spread=spread)
            seconds["two"], coordinator = time.perf_counter() - begun, time.process_time() - own
        seconds["two, the coordinator's"] = coordinator
        seconds["two, the workers'"] = sum(os.times()[2:4]) - below
        names = sorted(path.name for path in Path(one.out_dir).glob("*.tif"))
        equal = all(filecmp.cmp(f"{one.out_dir}/{name}", f"{two.out_dir}/{name}", shallow=False) for name in names)
    ideal = seconds["one, of the processor"] / (coordinator + seconds["two, the workers'"] / WORKERS)
    why = (
        f"{side} x {side} with a small network: one process on one core against {WORKERS} workers on one each, wall "
        f"time; {ideal:.2f} times by processor seconds; the rasters' bytes are {'equal' if equal else 'NOT equal'}"
    )
    return Row("blocks", "two workers against one", 1.7, True, "times", seconds["one"] / seconds["two"], why, seconds)
