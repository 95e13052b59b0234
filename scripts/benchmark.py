"""Measure where the time goes, as ratios within one run on this machine.

    scripts/benchmark [--quick] [--out FILE.json]

Scan: every backend that is here against the plain recurrence in torch. Network: one pair of 256 x 256 with the
compiled scan against the same network with the recurrence. Pipeline: the share of a whole detection of the bundled
pair that the network itself takes. Needs scripts/setup to have run.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import farmcd_qgis.engine  # noqa: F401 # before torch, since it sets how OpenMP waits

import torch  # isort: skip

from farmcd_qgis.engine.detect import detect
from farmcd_qgis.engine.models.fd_mamba import FDMamba, FDMambaConfig
from farmcd_qgis.engine.models.selective_scan import selective_scan, use_backend
from farmcd_qgis.engine.predictor import Predictor
from farmcd_qgis.paths import bundled_checkpoints, sample_pair
from farmcd_qgis.protocol import RunRequest


def seconds(job: Callable[[], Any], times: int) -> float:
    """Time a job: the best of `times`, after one unmeasured call."""
    job()
    best = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        job()
        best = min(best, time.perf_counter() - begun)
    return best


@torch.inference_mode()
def scan(length: int) -> dict[str, float]:
    """Time each backend on (1, 32, length) with 16 states."""
    wide, deep = torch.randn(3, 1, 32, length), torch.randn(2, 1, 16, length)
    arguments = (wide[0], wide[1] - 3, -torch.rand(32, 16) * 16, deep[0], deep[1], torch.ones(32), wide[2])
    taken = {}
    for name in ("recurrence", "chunked", "numba_cpu"):
        with use_backend(name):
            taken[name] = seconds(lambda: selective_scan(*arguments, torch.zeros(32)), 1 if name == "recurrence" else 5)
    return taken


@torch.inference_mode()
def network(filters: int, side: int) -> dict[str, float]:
    """Time the forward pass of an FD-Mamba with random weights on one pair of side x side pixels."""
    net = FDMamba(FDMambaConfig(init_filters=filters)).eval()
    net.score_head.set_text(torch.randn(6, 512))
    images = torch.rand(2, 1, 3, side, side) * 2 - 1
    taken = {}
    for name in ("recurrence", "chunked", "numba_cpu"):
        with use_backend(name):
            taken[name] = seconds(lambda: net(images[0], images[1]), 1 if name == "recurrence" else 3)
    return taken


class Timed:
    """A predictor that adds up the time it takes."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor, self.tile, self.device, self.taken = predictor, predictor.tile, predictor.device, 0.0

    def predict(self, before: Any, after: Any) -> Any:
        begun = time.perf_counter()
        result = self.predictor.predict(before, after)
        self.taken += time.perf_counter() - begun
        return result

    def describe(self) -> dict[str, Any]:
        return self.predictor.describe()


def pipeline() -> dict[str, float]:
    """Time a detection of the bundled pair, and what the network takes of it."""
    before, after = map(str, sample_pair())
    checkpoint = str(bundled_checkpoints()[0])
    timed = Timed(Predictor.load(checkpoint, "cpu"))
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        detect(RunRequest(before, after, f"{folder}/run", checkpoint, device="cpu"), predictor=timed)
        return {"whole": time.perf_counter() - begun, "network": timed.taken}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure where the time goes.")
    parser.add_argument("--quick", action="store_true", help="a smaller scan and network")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    found = {
        "machine": {"platform": platform.platform(), "threads": torch.get_num_threads(), "torch": torch.__version__},
        "scan": scan(8192 if arguments.quick else 65536),
        "network": network(8 if arguments.quick else 16, 64 if arguments.quick else 256),
        "pipeline": pipeline(),
    }
    print(f"{found['machine']['platform']}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for what in ("scan", "network"):
        oracle = found[what]["recurrence"]
        for name, taken in found[what].items():
            print(f"{what:8} {name:10} {taken * 1000:9.1f} ms   {oracle / taken:6.1f} times as fast as the recurrence")
    whole, own = found["pipeline"]["whole"], found["pipeline"]["network"]
    print(f"pipeline whole      {whole * 1000:9.1f} ms   of which {own / whole:.0%} is the network's own time")
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
