"""What a tile costs between the engine's process and that of the networks, there and back.

Run as a program it is a process of networks whose predictor gives back what was computed before, so that nothing but
the way is timed.
"""

import sys
import time
from statistics import median
from typing import Any
from unittest import mock

import numpy as np

from farmcd_qgis.core.feedback import SILENT
from farmcd_qgis.runtime import network_worker

from .measure import Row

TILE, CLASSES = 256, 6


class Echo:
    """A predictor that has computed everything already."""

    tile, device, at_once = TILE, "cpu", 1

    def __init__(self) -> None:
        make = np.random.default_rng(0)
        self._made = make.random((1, CLASSES, TILE, TILE), np.float32), make.random((1, TILE, TILE), np.float32)

    def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._made

    def describe(self) -> dict[str, Any]:
        return {}


def rows(full: bool) -> list[Row]:
    """One row: milliseconds a tile."""
    tiles = np.random.default_rng(1).integers(0, 256, (2, 1, 3, TILE, TILE), np.uint8)
    spent = []
    argv = [sys.executable, "-m", __name__]
    with mock.patch.object(network_worker, "worker_argv", return_value=argv):
        worker = network_worker.NetworkWorker(sys.executable)
        try:
            predictor = worker.predictor(SILENT, "")
            for _ in range(1000 if full else 300):
                begun = time.perf_counter()
                predictor.predict(*tiles)
                spent.append((time.perf_counter() - begun) * 1000)
        finally:
            worker.end()
    why = f"a tile of {TILE} pixels to the networks' process and its {CLASSES + 1} maps back, without the network"
    figures = {"middle": median(spent), "worst of a hundred": sorted(spent)[len(spent) * 99 // 100]}
    return [Row("seam", "the way of a tile between two processes", 1, False, "ms", min(spent), why, figures)]


if __name__ == "__main__":
    from farmcd_qgis.commands.network_worker import main
    from farmcd_qgis.networks import serve

    serve._here = mock.Mock(predictor=lambda *_, **options: Echo())
    sys.exit(main())
