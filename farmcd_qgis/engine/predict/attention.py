"""Where a network looked, as a raster of a run: an extra pass over the tiles, for networks that can say it.

Each block keeps its values as they are (`look`); what they are to the whole run is told at the end (`write_attention`).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
from osgeo import gdal

from ...core.classes import FIVE, NODATA
from ...core.errors import InputError
from ...core.feedback import Feedback
from ...core.run_files import ATTENTION_TIF
from ..run.disk import writing_to
from ..run.writer import optimise, write_style
from ..scene.grid import Grid
from ..scene.looking import Looking
from ..scene.scene import Scene
from ..scene.tiling import Window
from ..seam import Attending, Floats, TilePredictor
from .blending import Blender, padded
from .tiles import lattice_of, placed

# Its values are of any size, another with each network: these shares of a run's pixels become 0 and 100.
QUANTILES = (0.01, 0.99)
# So many pixels, spread over the run, are enough to tell where the quantiles are.
SAMPLE = 2**22
DESCRIPTION = "attention (0 to 100)"
# The values of a block, and how many there are of them.
RAW, _KNOWN = "attention.raw.tif", "KNOWN"
_SCALED = "attention.scaled.tif"
_STRIP = 256


class Looked(NamedTuple):
    """The values of a block: `window` counts from the corner of the run's bounds, `file` is float32, NaN for none."""

    window: Window
    file: Path


def check_attends(predictor: TilePredictor, checkpoint: str) -> None:
    """Raise InputError for a network that cannot say where it looks."""
    if not predictor.describe().get("attends"):
        raise InputError("no_attention", checkpoint=Path(checkpoint).name)


def look(scene: Scene, window: Window, predictor: TilePredictor, file: Path, feedback: Feedback) -> Looked:
    """Write the values of a block (counted from the corner of the scene's bounds) into a new file.

    Tiles and blending are those of the prediction, and a pixel's value does not depend on how a run was cut into
    blocks. Raises as the prediction does.
    """
    check_attends(predictor, scene.request.checkpoint)
    block = placed(scene.mask.bounds, window)
    looking, lattice = scene.looking(predictor.tile), lattice_of(scene, predictor.tile)
    blender, known = Blender(block, lattice.tile), 0
    with writing_to(file.parent):
        raw = _create(file, scene.pair.grid.part(block), gdal.GDT_Float32, float("nan"))
        for row in lattice.rows(block):
            for tile in row.windows:
                feedback.check()
                if (seen := _seen(scene, cast(Attending, predictor), looking, tile)) is not None:
                    blender.add(tile, seen[0], None, seen[1])
            if row.finished > blender.top:
                means = blender.means(row.finished, shares=False)
                if means.keep.any():
                    values = np.full(means.keep.shape, np.nan, np.float32)
                    values[means.keep] = means.probabilities[0]
                    raw.GetRasterBand(1).WriteArray(values, means.column - block.column, means.first - block.row)
                    known += int(means.keep.sum())
            feedback.progress("attention", (row.finished - block.row) / max(block.height, 1))
        raw.SetMetadataItem(_KNOWN, str(known))
        raw.FlushCache()
        del raw
    return Looked(window, file)


def look_all(
    scene: Scene, windows: Sequence[Window], predictor: TilePredictor, folder: Path, feedback: Feedback
) -> list[Looked]:
    """Write the values of several blocks into a folder."""
    steps = zip(windows, feedback.split(*[1.0] * len(windows)), strict=True)
    return [look(scene, window, predictor, folder / f"{at}.{RAW}", step) for at, (window, step) in enumerate(steps)]


def write_attention(
    looked: Sequence[Looked], grid: Grid, folder: Path, tags: dict[str, str], feedback: Feedback
) -> None:
    """Write attention.tif with its style into `folder`: uint8, 0 to 100 between the run's quantiles, 255 nodata.

    Equal values give equal bytes, however they were cut into blocks. Raises FarmCDError if the disk is full.
    """
    with writing_to(folder):
        low, high = _quantiles(looked, grid, feedback)
        scaled = _create(folder / _SCALED, grid, gdal.GDT_Byte, NODATA)
        scaled.SetMetadata({**tags, "FARMCD_ATTENTION_LOW": f"{low:.6g}", "FARMCD_ATTENTION_HIGH": f"{high:.6g}"})
        scaled.GetRasterBand(1).SetDescription(DESCRIPTION)
        for row, values in _strips(looked, grid):
            feedback.check()
            scaled.GetRasterBand(1).WriteArray(_percent(values, low, high), 0, row)
        optimise(scaled, folder / ATTENTION_TIF, lambda *_: not feedback.is_cancelled())
        feedback.check()
        del scaled
        (folder / _SCALED).unlink()
        write_style(ATTENTION_TIF, folder, FIVE)
    feedback.progress("writing", 1.0)


def _quantiles(looked: Sequence[Looked], grid: Grid, feedback: Feedback) -> tuple[float, float]:
    """Return what becomes 0 and what 100, told by every so many pixel that has a value, counted row by row."""
    known = sum(int(gdal.Open(str(file)).GetMetadataItem(_KNOWN)) for _, file in looked)
    every, begin, sample = max(1, -(-known // SAMPLE)), 0, [np.zeros(0, np.float32)]
    for _, strip in _strips(looked, grid):
        feedback.check()
        values = strip[np.isfinite(strip)]
        sample.append(values[begin::every])
        begin = (begin - len(values)) % every
    seen = np.concatenate(sample)
    low, high = np.quantile(seen, QUANTILES) if seen.size else (0.0, 0.0)
    return float(low), float(high)


def _strips(looked: Sequence[Looked], grid: Grid) -> Iterator[tuple[int, Floats]]:
    """Give first row and values (rows, width) of the whole run, NaN for none, from top to bottom."""
    for row in range(0, grid.height, _STRIP):
        strip = Window(0, row, grid.width, min(_STRIP, grid.height - row))
        values = np.full((strip.height, strip.width), np.nan, np.float32)
        for window, file in looked:
            part = window.intersection(strip)
            if part.width and part.height:
                inside = part._replace(column=part.column - window.column, row=part.row - window.row)
                rows = slice(part.row - row, part.bottom - row)
                values[rows, part.column : part.right] = gdal.Open(str(file)).ReadAsArray(*inside)
        yield row, values


def _seen(
    scene: Scene, predictor: Attending, looking: Looking, tile: Window
) -> tuple[Floats, npt.NDArray[np.bool_]] | None:
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


def _percent(values: Floats, low: float, high: float) -> npt.NDArray[np.uint8]:
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
