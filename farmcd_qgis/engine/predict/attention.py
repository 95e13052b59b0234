"""Where a network looked, as a raster of a run: an extra pass over the tiles, for networks that can say it."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
from osgeo import gdal

from ...core.classes import FIVE, NODATA
from ...core.errors import InputError
from ...core.feedback import Feedback
from ...core.run_files import ATTENTION_TIF
from ..run.disk import writing_to
from ..run.journal import BLOCK
from ..run.writer import optimise, write_style
from ..scene.grid import Grid
from ..scene.looking import Looking
from ..scene.scene import Scene
from ..scene.tiling import Blocks, Lattice, Window
from ..seam import Attending, Floats, TilePredictor
from .blending import Blender, Means, padded
from .tiles import placed

# Its values are of any size, another with each network: these shares of a run's pixels become 0 and 100.
QUANTILES = (0.01, 0.99)
# Of every so many pixels one tells where the quantiles are.
SAMPLED = 17
DESCRIPTION = "attention (0 to 100)"
_RAW, _SCALED = "attention.raw.tif", "attention.scaled.tif"


def check_attends(predictor: TilePredictor, checkpoint: str) -> None:
    """Raise InputError for a network that cannot say where it looks."""
    if not predictor.describe().get("attends"):
        raise InputError("no_attention", checkpoint=Path(checkpoint).name)


def write_attention(
    scene: Scene, predictor: TilePredictor, folder: Path, tags: dict[str, str], side: int, feedback: Feedback
) -> None:
    """Write attention.tif with its style into `folder`: uint8, 0 to 100 between the run's quantiles, 255 nodata.

    Tiles and blending are those of the prediction, in blocks of at most `side` pixels. Raises as the prediction does.
    """
    grid = scene.pair.grid.part(scene.mask.bounds)
    predicting, scaling = feedback.split(9, 1)
    with writing_to(folder):
        raw = _create(folder / _RAW, grid, gdal.GDT_Float32, float("nan"))
        sample = []
        for means in _rows(scene, cast(Attending, predictor), side, predicting):
            values = means.probabilities[0]
            sample.append(values[::SAMPLED])
            full = np.full(means.keep.shape, np.nan, np.float32)
            full[means.keep] = values
            place = means.column - scene.mask.bounds.column, means.first - scene.mask.bounds.row
            raw.GetRasterBand(1).WriteArray(full, *place)
        every = np.concatenate(sample) if sample else np.zeros(1, np.float32)
        low, high = (float(value) for value in np.quantile(every, QUANTILES)) if every.size else (0.0, 0.0)
        scaled = _create(folder / _SCALED, grid, gdal.GDT_Byte, NODATA)
        scaled.SetMetadata({**tags, "FARMCD_ATTENTION_LOW": f"{low:.6g}", "FARMCD_ATTENTION_HIGH": f"{high:.6g}"})
        scaled.GetRasterBand(1).SetDescription(DESCRIPTION)
        for row in range(0, grid.height, BLOCK):
            feedback.check()
            part = raw.GetRasterBand(1).ReadAsArray(0, row, grid.width, min(BLOCK, grid.height - row))
            scaled.GetRasterBand(1).WriteArray(_percent(part, low, high), 0, row)
        optimise(scaled, folder / ATTENTION_TIF, lambda *_: not feedback.is_cancelled())
        feedback.check()
        raw = scaled = None
        for name in (_RAW, _SCALED):
            (folder / name).unlink()
        write_style(ATTENTION_TIF, folder, FIVE)
    scaling.progress("writing", 1.0)


def _rows(scene: Scene, predictor: Attending, side: int, feedback: Feedback) -> Iterator[Means]:
    """Give the blended values of the rows of each block that have any."""
    pair, mask, looking = scene.pair, scene.mask, scene.looking(predictor.tile)
    lattice = Lattice(pair.width, pair.height, looking.side, looking.overlap)
    blocks = Blocks.cut(mask.bounds.width, mask.bounds.height, side)
    parts = [placed(mask.bounds, blocks.window(index)) for index in range(len(blocks))]
    for place, window in enumerate(parts):
        blender = Blender(window, lattice.tile)
        for row in lattice.rows(window):
            for tile in row.windows:
                feedback.check()
                if (seen := _seen(scene, predictor, looking, tile)) is not None:
                    blender.add(tile, seen[0], None, seen[1])
            if row.finished > blender.top:
                means = blender.means(row.finished)
                if means.keep.any():
                    yield means
            done = (row.finished - window.row) / max(window.height, 1)
            feedback.progress("attention", (place + min(done, 1)) / len(parts))


def _seen(scene: Scene, predictor: Attending, looking: Looking, tile: Window) -> tuple[Floats, np.ndarray] | None:
    """Return the values (1, h, w) of a tile and which of its pixels get one; None where none does."""
    keep = scene.mask.read(tile)
    if not keep.any():
        return None
    before, after, valid = scene.pair.read(tile)
    keep &= valid
    if not keep.any():
        return None
    images = (padded(image, looking.tile)[None] for image in looking.images(before, after, valid))
    return looking.result(predictor.attention(*images), keep.shape), keep


def _percent(values: Floats, low: float, high: float) -> np.ndarray:
    known = np.isfinite(values)
    shares = (np.where(known, values, low) - low) / max(high - low, 1e-12)
    return np.where(known, np.rint(shares.clip(0, 1) * 100), NODATA).astype(np.uint8)


def _create(path: Path, grid: Grid, kind: int, nodata: float) -> gdal.Dataset:
    options = ["TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER", "SPARSE_OK=TRUE"]
    made = gdal.GetDriverByName("GTiff").Create(str(path), grid.width, grid.height, 1, kind, options)
    made.SetGeoTransform(grid.geotransform)
    made.SetProjection(grid.crs_wkt)
    made.GetRasterBand(1).SetNoDataValue(nodata)
    return made
