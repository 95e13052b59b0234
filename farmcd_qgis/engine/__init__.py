"""The engine: from two rasters and a checkpoint to a run folder. Knows no QGIS.

`from farmcd_qgis.engine import load_checkpoint` imports torch only when asked for.
"""

import os
from typing import Any

# OpenMP reads this once, when torch loads it. By default its threads spin between two layers, and with one core
# taken by QGIS they then wait for each other most of the time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Megabytes, read once too. By default GDAL keeps blocks in up to 5 % of the computer's memory, and a large run fills
# them all.
os.environ.setdefault("GDAL_CACHEMAX", "128")


def __getattr__(name: str) -> Any:
    if name == "load_checkpoint":
        from ..networks.checkpoint import load_checkpoint

        return load_checkpoint
    if name == "detect":
        from .predict.detect import detect

        return detect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
