"""Whole runs in processor seconds, which a busy machine changes little: each bundled checkpoint, and a county."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.scene.preflight import settled
from farmcd_qgis.engine.scene.scene import Scene
from farmcd_qgis.networks.predictor import Predictor

from .measure import Row
from .scenes import PIXEL, StandIn, farmland, scene

# Pixels of the grid that the network takes for one: a pair as fine as the network looks, and finer ones.
FACTORS = (1, 2, 4)
# 2,000 km² at 2 m, of which 30 % is farmland, on two cores.
COUNTY_PIXELS, FARMLAND, CORES = 500_000_000, 0.3, 2
TWENTIETH = 20
# Of which the least counts: a busy machine spoils it least.
PASSES = 3


def rows(full: bool) -> list[Row]:
    """A row for each checkpoint and working resolution, and two for a county."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = [_checkpoint(path, factor, full) for path in bundled_checkpoints() for factor in FACTORS]
        return [*found, *county_rows(full)]
    finally:
        torch.set_num_threads(threads)


def _checkpoint(path: Path, factor: int, full: bool) -> Row:
    side = (1536 if full else 512) * factor
    with tempfile.TemporaryDirectory() as name:
        request = scene(Path(name), side, side, checkpoint=str(path), resolution_m=factor * PIXEL, symmetric=False)
        request = settled(request)
        predictor = Predictor.load(str(path), "cpu", tile=Scene.open(request).looking().tile)
        warm = np.zeros((1, 3, predictor.tile, predictor.tile), np.uint8)
        predictor.predict(warm, warm)
        seconds = _seconds(request, predictor)
    what = f"a whole run with {path.stem}, looking at pixels of {factor} x {factor} of the grid's"
    why = f"megapixels of the grid a processor second, {side} x {side}, all of it looked at"
    parts = {"seconds": seconds, "tile": predictor.tile}
    return Row("whole", what, None, True, "MP/s a core", side**2 / 1e6 / seconds, why, parts)


def county_rows(full: bool) -> list[Row]:
    """Two rows: what a county takes by its parts, and how far the same is from what a twentieth of it takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        side = round((COUNTY_PIXELS / TWENTIETH) ** 0.5)
        fields = farmland(folder, side, side, FARMLAND)
        # A pair as fine as the network looks, as 2 m are.
        twentieth = settled(scene(folder, side, side, farmland=fields, resolution_m=PIXEL))
        tile = Scene.open(twentieth).looking().tile
        predictor = Predictor.load(twentieth.checkpoint, "cpu", tile=tile, symmetric=bool(twentieth.symmetric))
        images = np.random.default_rng(0).integers(0, 256, (2, 8, 3, tile, tile), np.uint8)
        predictor.predict(*images[:, :1])
        tile_s = min(_took(predictor, images) for _ in range(PASSES)) / images.shape[1]
        # What does not grow with the area, the preflight above all, is told from what does by two sizes.
        areas, spent = [], []
        for small in (2048, 4096 if full else 3072):
            around = settled(scene(folder, small, small, resolution_m=PIXEL, out_dir=str(folder / str(small))))
            areas.append(small**2 / 1e6)
            spent.append(_seconds(around, StandIn(tile)))
        per_megapixel = max(0.0, (spent[1] - spent[0]) / (areas[1] - areas[0]))
        once_s = max(0.0, spent[0] - per_megapixel * areas[0])
        counted = Counted(StandIn(tile))
        # Without the network: how many tiles are predicted.
        rest_s = _seconds(replace(twentieth, out_dir=str(folder / "rest")), counted)
        measured = _seconds(replace(twentieth, out_dir=str(folder / "all")), predictor)
    looked = side**2 * FARMLAND / 1e6
    grows = counted.tiles * tile_s + looked * per_megapixel
    projected, county_s = once_s + grows, once_s + TWENTIETH * grows
    parts: dict[str, Any] = {
        "a tile, s": tile_s,
        "around it, s a megapixel": per_megapixel,
        "once, s": once_s,
        "tiles of a twentieth": counted.tiles,
        "a twentieth projected, s": projected,
        "a twentieth measured, s": measured,
        "a twentieth with a stand-in, s": rest_s,
    }
    why = (
        f"2,000 km² at 2 m, 30 % farmland, on {CORES} cores: {county_s:.0f} processor seconds by measured parts "
        f"({tile_s * 1000:.0f} ms a tile, {per_megapixel * 1000:.0f} ms around it for a megapixel)"
    )
    off = f"{side} x {side} with one block of fields: {projected:.0f} s projected, {measured:.0f} s measured"
    error = abs(projected / measured - 1) * 100
    return [
        Row("whole", "a county in one go", None, False, "s", county_s / CORES, why, parts),
        Row("whole", "how far off that is on a twentieth of the county", 20, False, "%", error, off, parts),
    ]


class Counted:
    """Counts the tiles that a predictor is asked for."""

    def __init__(self, predictor: StandIn) -> None:
        self.tile, self.device, self.tiles = predictor.tile, predictor.device, 0
        self._predictor = predictor
        self.describe = predictor.describe

    def predict(self, before: np.ndarray, after: np.ndarray) -> Any:
        """As Predictor.predict."""
        self.tiles += len(before)
        return self._predictor.predict(before, after)


def _took(predictor: Predictor, images: np.ndarray) -> float:
    begun = time.process_time()
    predictor.predict(*images)
    return time.process_time() - begun


def _seconds(request: RunRequest, predictor: Any) -> float:
    begun = time.process_time()
    detect(request, predictor=predictor)
    return time.process_time() - begun
