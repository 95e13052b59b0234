"""What must not grow with the area: memory, tiles that are skipped, polygons; and the start of the worker."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

from farmcd_qgis.core.feedback import Feedback, Progress
from farmcd_qgis.core.protocol import Command, RunRequest
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.scene.tiling import Lattice, Window
from farmcd_qgis.networks.predictor import Predictor
from farmcd_qgis.runtime.client import WorkerClient, worker_argv

from .measure import Row
from .scenes import StandIn, farmland, noisy_run, scene

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = """
import sys
from pathlib import Path
from scripts.bench.peak import peak_mib
from scripts.bench.scenes import StandIn, scene
from farmcd_qgis.engine.predict.detect import detect
detect(scene(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])), predictor=StandIn())
print(peak_mib())
"""
POLYGONS = """
import sys, time
from scripts.bench.peak import peak_mib
from farmcd_qgis.engine.polygons.vectorise import vectorise
begun = time.process_time()
found = vectorise(sys.argv[1])
print(found.candidates, time.process_time() - begun, peak_mib())
"""
# The share of farmland in a county that the targets speak of.
FIELDS = 0.05


def memory_rows(full: bool) -> list[Row]:
    """One row: peak memory of a run with four times the area, at the same width, against that of one."""
    width, heights = (10_000, (10_000, 40_000)) if full else (3_000, (2_000, 8_000))
    peaks = []
    for height in heights:
        with tempfile.TemporaryDirectory() as folder:
            peaks.append(float(_python(RUN, folder, width, height)[-1]))
    found = (peaks[1] / peaks[0] - 1) * 100
    what = f"peak memory of {heights[1]:,} x {width:,} pixels over that of {heights[0]:,} x {width:,}"
    small = "" if full else "; smaller than the target's 40,000 x 10,000, which --full runs"
    why = f"{peaks[0]:.0f} and {peaks[1]:.0f} MiB; the pipeline alone, with a stand-in for the network{small}"
    return [Row("memory", what, 15, False, "% more", found, why, {"peaks_mib": peaks})]


def skipping_rows(full: bool) -> list[Row]:
    """Three rows: what a tile without farmland costs, and how much sooner a run with 5 % farmland ends.

    That is measured without a network, which is the harder test: all that is around the network must go with the
    farmland as well. With the network, the run over everything is put together of a sixteenth costs, by the
    tile (the curve over area shows that this is linear), and of what the stages after it take on the whole.
    """
    side = 10_000 if full else 8_192
    sparse, every, some = _stages(side, 0.0004), _stages(side), _stages(side, FIELDS)
    network_side, tile = (8_192, 256) if full else (4_096, 128)
    piece = _stages(network_side // 4, tile=tile, network=True)
    fields = _stages(network_side, FIELDS, tile=tile, network=True)
    around = _stages(network_side, tile=tile)
    predicting = piece["predicting"] * _tiles(network_side, tile) / _tiles(network_side // 4, tile)
    whole = predicting + sum(around.values()) - around["predicting"]
    faster = "times as fast as all of"
    edge = "one block of fields; at its edge tiles are predicted whole, which weighs more the smaller the scene is"
    return [
        Row(
            "skipping",
            "a tile of 256 x 256 outside farmland",
            1,
            False,
            "ms",
            sparse["predicting"] / _tiles(side) * 1000,
            f"from the first tile read to the last blended: {side:,} x {side:,} with 0.04 % farmland, which is in the "
            f"figure, over {_tiles(side):,} tiles",
            {"seconds by stage": sparse},
        ),
        Row(
            "skipping",
            "a run with 5 % farmland, a stand-in for the network",
            10,
            True,
            "times",
            sum(every.values()) / sum(some.values()),
            f"{faster} {side:,} x {side:,} pixels; {edge}",
            {"seconds by stage": {"all": every, "5 %": some}},
        ),
        Row(
            "skipping",
            "a run with 5 % farmland, with the bundled network",
            10,
            True,
            "times",
            whole / sum(fields.values()),
            f"{faster} {network_side:,} x {network_side:,} pixels in tiles of {tile}, of which the network's part was "
            f"measured on a sixteenth; {edge}",
            {"seconds by stage": {"a sixteenth": piece, "5 %": fields, "all, without the network": around}},
        ),
    ]


def _stages(side: int, share: float = 1.0, tile: int = 256, network: bool = False) -> dict[str, float]:
    """Run a detection over a square, of which a share is farmland; return the seconds of each of its stages."""
    begun: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        only = farmland(Path(folder), side, side, share) if share < 1 else None
        request = scene(Path(folder), side, side, farmland=only, tile=tile, overlap=tile // 4)
        predictor = Predictor.load(request.checkpoint, "cpu", tile=tile) if network else StandIn(tile)
        watch = Feedback(lambda step: begun.setdefault(step.stage, time.perf_counter()) and None)
        detect(request, watch, predictor=predictor)
        following = [*list(begun.values())[1:], time.perf_counter()]
    return {stage: end - start for (stage, start), end in zip(begun.items(), following, strict=True)}


def _tiles(side: int, tile: int = 256) -> int:
    """Count the tiles of a square."""
    rows = Lattice(side, side, tile, tile // 4).rows(Window(0, 0, side, side))
    return sum(len(row.windows) for row in rows)


def polygon_rows(full: bool) -> list[Row]:
    """Two rows: time of a noisy map's polygons on one core, and memory of four times the area at the same width."""
    width = 10_000 if full else 3_000
    heights = (width // 4, width)
    spent, peaks, counts = [], [], []
    for height in heights:
        with tempfile.TemporaryDirectory() as folder:
            told = _python(POLYGONS, noisy_run(Path(folder) / "run", width, height))
            counts.append(int(told[0]))
            spent.append(float(told[1]))
            peaks.append(float(told[2]))
    per_megapixel = spent[1] / (width**2 / 1e6)
    scaled = "" if full else f"; scaled up from {width:,} x {width:,}, which took {spent[1]:.1f} s"
    parts = {"width": width, "heights": heights, "seconds": spent, "peaks_mib": peaks, "candidates": counts}
    return [
        Row(
            "polygons",
            "exact polygons of a noisy five-class map of 10,000 x 10,000, one core",
            60,
            False,
            "s",
            per_megapixel * 100,
            f"seconds of the processor{scaled}; {counts[1]:,} candidates",
            parts,
        ),
        Row(
            "polygons",
            f"peak memory of {heights[1]:,} x {width:,} over that of {heights[0]:,} x {width:,}",
            15,
            False,
            "% more",
            (peaks[1] / peaks[0] - 1) * 100,
            f"{peaks[0]:.0f} and {peaks[1]:.0f} MiB",
        ),
    ]


def start_rows(full: bool) -> list[Row]:
    """One row: a new worker, as QGIS starts it, until the checkpoint is loaded; and once more when it is warm."""
    spent: dict[str, list[float]] = {"new": [], "warm": []}
    with tempfile.TemporaryDirectory() as folder:
        for k in range(5 if full else 3):
            begun = time.perf_counter()
            worker = WorkerClient(worker_argv(Path(sys.executable), "engine"), variables={"PYTHONPATH": str(ROOT)})
            try:
                for state in spent:
                    request = scene(Path(folder), 256, 256)
                    spent[state].append(_until_loaded(worker, request, f"{folder}/{state}{k}", begun))
                    begun = time.perf_counter()
            finally:
                worker.end()
    new, warm = (spent[state] for state in spent)
    what = "a new worker process until torch is imported and the checkpoint loaded"
    why = (
        f"from its start to the end of the loading, a detection's preflight included; the middle of {len(new)}, the "
        f"first took {new[0]:.1f} s; files were in the system's cache; {median(warm):.2f} s while the worker is warm"
    )
    return [Row("start", what, 4, False, "s", median(new), why, {"seconds": spent})]


def _until_loaded(worker: WorkerClient, request: RunRequest, out_dir: str, begun: float) -> float:
    """Run a detection in a worker; return the seconds since `begun` at which it went from loading to predicting."""
    reached: list[float] = []

    def hear(step: Progress) -> None:
        if step.stage == "predicting":
            reached.append(time.perf_counter() - begun)

    asked = asdict(replace(request, out_dir=out_dir))
    worker.run(Command("detect", {"request": asked, "networks_python": sys.executable}), Feedback(hear))
    return reached[0]


def _python(code: str, *arguments: object) -> list[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if told.returncode:
        raise RuntimeError(f"A part of the benchmark failed:\n{told.stderr[-2000:]}")
    return told.stdout.split()
