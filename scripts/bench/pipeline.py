"""What is around the network: the share of its own time, and how it grows with area, overlap, width and threads."""

import cProfile
import pstats
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from farmcd_qgis.core.paths import bundled_checkpoints, sample_pair
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.networks.predictor import Predictor

from .measure import Row
from .scenes import StandIn, Timed, scene


def rows(full: bool) -> list[Row]:
    """One row: the share of a whole detection that the network takes."""
    before, after = map(str, sample_pair())
    checkpoint = str(bundled_checkpoints()[0])
    predictor = Predictor.load(checkpoint, "cpu")
    shares: list[float] = []
    parts: dict[str, Any] = {}
    for _ in range(5 if full else 2):
        timed = Timed(predictor)
        with tempfile.TemporaryDirectory() as folder:
            request = RunRequest(before, after, f"{folder}/run", checkpoint, device="cpu")
            begun = time.perf_counter()
            detect(request, predictor=timed)
            whole = time.perf_counter() - begun
        if not shares or timed.taken / whole > max(shares):
            parts = {"seconds": {"whole": whole, "network": timed.taken}, "tiles": timed.tiles}
        shares.append(timed.taken / whole)
    parts["profile of the rest, seconds by file"] = _where(full)
    return [
        Row(
            "pipeline",
            "the network's share of a detection's wall time, the bundled pair (934 x 723), CPU",
            90,
            True,
            "%",
            max(shares) * 100,
            "the rest is preflight, what reading and writing do not hide behind the network, and polygons",
            parts,
        )
    ]


def _where(full: bool) -> dict[str, float]:
    """Profile a run whose network is a stand-in: own seconds of the main thread by file of the engine."""
    with tempfile.TemporaryDirectory() as folder:
        side = 4096 if full else 1536
        request = scene(Path(folder), side, side)
        profiler = cProfile.Profile()
        profiler.runcall(detect, request, predictor=StandIn())
    spent: dict[str, float] = {}
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        place = Path(file).stem if "farmcd_qgis" in file else ("waiting" if "lock" in name else "libraries")
        spent[place] = spent.get(place, 0.0) + own
    return {place: round(s, 2) for place, s in sorted(spent.items(), key=lambda item: -item[1]) if s >= 0.01}


def curves(full: bool) -> dict[str, list[dict[str, Any]]]:
    """Measure with the bundled network: seconds over area, overlap, width and threads, a curve each."""
    sides = (256, 512, 1024, 2048) if full else (256, 512, 768)
    side = 1024 if full else 512
    found = {
        "area": [{"x": s * s / 1e6, **_run(s, s)} for s in sides],
        "overlap": [{"x": overlap, **_run(side, side, overlap=overlap)} for overlap in (0, 32, 64, 128)],
        "width": [{"x": side * k, **_run(side * k, side * 4 // k)} for k in (1, 2, 4)],
    }
    threads = torch.get_num_threads()
    try:
        found["threads"] = [{"x": count, **_run(side, side, count)} for count in _counts(threads)]
    finally:
        torch.set_num_threads(threads)
    return found


def _counts(most: int) -> list[int]:
    return sorted({1, *(2**k for k in range(1, most.bit_length()) if 2**k <= most), most})


def _run(width: int, height: int, threads: int | None = None, **options: Any) -> dict[str, Any]:
    if threads:
        torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        request = scene(Path(folder), width, height, **options)
        timed = Timed(Predictor.load(request.checkpoint, "cpu"))
        begun = time.perf_counter()
        detect(request, predictor=timed)
        return {"seconds": time.perf_counter() - begun, "network": timed.taken, "tiles": timed.tiles}
