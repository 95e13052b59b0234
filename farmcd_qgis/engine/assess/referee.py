"""The referee: CLIP looks at doubtful candidates, both dates side by side, and marks likely pseudo-changes.

After the authors' misc/remoteclip_referee.py (docs/methods/fd_mamba.md, 7) with its faults mended: both dates are seen
whole, values are scaled as CLIP expects them, and candidates of any class are judged. It never deletes anything.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from osgeo import gdal, ogr

from ...core.feedback import SILENT, Feedback
from ...core.plain_files import recorded_request
from ...core.run_files import CANDIDATES, CONFIDENCE_TIF, RUN_GPKG
from ...core.run_record import read_record
from ...networks.card import checkpoint_hash
from ..run.package import read_soundly
from ..scene.grid import Grid
from ..scene.pair import Pair
from ..scene.polygons import PolygonLayer
from ..scene.scene import Scene
from ..scene.tiling import Window
from ..seam import Networks, in_this_process

# The numbers of the authors' code.
DOUBTFUL_MEAN = (0.45, 0.75)
DOUBTFUL_P90 = 0.92
PSEUDO_BELOW = -0.55
LEAST_KEPT = 0.6
PAD = 12
KEEP = "a real land cover change between two satellite images"
DROP = "no real change, only lighting/shadow difference, seasonal change, or misregistration"

SCORE, VERDICT, WEIGHTS = "referee_score", "referee_verdict", "referee_weights"
FIELDS = {SCORE: ogr.OFTReal, VERDICT: ogr.OFTString, WEIGHTS: ogr.OFTString}
REAL, PSEUDO, WITHHELD = "real", "pseudo_change", "withheld"
BATCH = 16
NODATA = 255


class Doubtful(NamedTuple):
    """A candidate in the doubtful band: its feature id, area in ha, window on the grid, and score if it has one."""

    fid: int
    area_ha: float
    window: Window
    score: float | None


@dataclass(frozen=True)
class RefereeSummary:
    """How many candidates were doubtful, how many of them CLIP holds for pseudo-changes, whether that was withheld."""

    doubtful: int
    pseudo_changes: int
    withheld: bool


def referee(
    run_dir: str | Path,
    weights: str | Path,
    *,
    feedback: Feedback = SILENT,
    networks: Networks | None = None,
) -> RefereeSummary:
    """Judge the doubtful candidates of a run with the CLIP in `weights` (any ViT of OpenAI's layout, RemoteCLIP too).

    Doubtful is a mean confidence of 0.45 to 0.75 whose 90th percentile is at most 0.92. The candidates get the fields
    referee_score (100 times cosine to "a real change", less that to "no real change"), referee_verdict ("real",
    "pseudo_change" below -0.55) and referee_weights (SHA-256 of the file: scores of the same weights are not computed
    again). Where less than 60 % of the doubtful area would stay, CLIP does not know this imagery: all verdicts are
    "withheld". Raises InputError for a folder without a run, or a file without such a CLIP, and Cancelled.
    """
    run_dir = Path(run_dir)
    record = read_record(run_dir)
    with closing(networks or in_this_process()) as loader:
        judge = loader.judge(feedback, str(weights), KEEP, DROP)
        file_hash = checkpoint_hash(weights)
        pair = Scene.open(recorded_request(record, run_dir)).pair
        window = Window(*(record["grid"]["window"][key] for key in ("column", "row", "width", "height")))
        doubtful = _doubtful(run_dir, pair, window, file_hash)
        scores: dict[int, float] = {row.fid: row.score for row in doubtful if row.score is not None}
        pending = [row for row in doubtful if row.score is None]
        for start in range(0, len(pending), BATCH):
            feedback.check()
            batch = pending[start : start + BATCH]
            margins = judge.margins([pair.read(row.window)[:2] for row in batch])
            scores |= dict(zip((row.fid for row in batch), margins.tolist(), strict=True))
            feedback.progress("referee", (start + len(batch)) / len(pending))
    verdicts = _verdicts(doubtful, scores)
    _write(run_dir / RUN_GPKG, scores, verdicts, file_hash)
    pseudo = sum(scores[row.fid] < PSEUDO_BELOW for row in doubtful)
    return RefereeSummary(len(doubtful), pseudo, WITHHELD in verdicts.values())


def _verdicts(doubtful: Sequence[Doubtful], scores: dict[int, float]) -> dict[int, str]:
    verdicts = {row.fid: PSEUDO if scores[row.fid] < PSEUDO_BELOW else REAL for row in doubtful}
    total = sum(row.area_ha for row in doubtful)
    kept = sum(row.area_ha for row in doubtful if verdicts[row.fid] == REAL)
    return dict.fromkeys(verdicts, WITHHELD) if kept < LEAST_KEPT * total else verdicts


def _doubtful(run_dir: Path, pair: Pair, bounds: Window, file_hash: str) -> list[Doubtful]:
    """Find the candidates in the doubtful band, in the order of their numbers."""
    with read_soundly(run_dir / RUN_GPKG):
        file = gdal.OpenEx(str(run_dir / RUN_GPKG), gdal.OF_VECTOR)
        layer = file.GetLayerByName(CANDIDATES)
        has_scores = layer.GetLayerDefn().GetFieldIndex(SCORE) >= 0
        confidence = gdal.OpenEx(str(run_dir / CONFIDENCE_TIF), gdal.OF_RASTER)
        return list(_in_band(layer, confidence, pair, bounds, file_hash if has_scores else None))


def _in_band(
    layer: ogr.Layer, confidence: gdal.Dataset, pair: Pair, bounds: Window, file_hash: str | None
) -> Iterator[Doubtful]:
    x, dx, _, y, _, dy = confidence.GetGeoTransform()
    for feature in layer:
        if not DOUBTFUL_MEAN[0] <= feature["confidence_mean"] <= DOUBTFUL_MEAN[1]:
            continue
        xmin, xmax, ymin, ymax = feature.GetGeometryRef().GetEnvelope()
        left, top = round((xmin - x) / dx), round((ymax - y) / dy)
        own = Window(left, top, max(1, round((xmax - x) / dx) - left), max(1, round((ymin - y) / dy) - top))
        own = own.intersection(Window(0, 0, bounds.width, bounds.height))
        if not own.width or not own.height or _p90(feature, confidence, own) > DOUBTFUL_P90:
            continue
        padded = Window(
            bounds.column + own.column - PAD, bounds.row + own.row - PAD, own.width + 2 * PAD, own.height + 2 * PAD
        ).intersection(Window(0, 0, pair.width, pair.height))
        known = file_hash is not None and feature[WEIGHTS] == file_hash
        yield Doubtful(feature.GetFID(), feature["area_ha"], padded, feature[SCORE] if known else None)


def _p90(feature: ogr.Feature, confidence: gdal.Dataset, window: Window) -> float:
    """The 90th percentile of the confidence of a candidate's pixels, 0..1."""
    grid = Grid(confidence.RasterXSize, confidence.RasterYSize, confidence.GetGeoTransform(), "")
    inside = PolygonLayer.of([(feature.GetGeometryRef(), 1)], grid).burn(window)
    values = confidence.GetRasterBand(1).ReadAsArray(*window)[inside > 0]
    values = values[values != NODATA]
    return float(np.percentile(values, 90)) / 100 if values.size else math.inf


def _write(gpkg: Path, scores: dict[int, float], verdicts: dict[int, str], file_hash: str) -> None:
    """Keep the scores as fields of the candidates, in one transaction; what was kept of other weights goes."""
    file = gdal.OpenEx(str(gpkg), gdal.OF_VECTOR | gdal.OF_UPDATE)
    layer = file.GetLayerByName(CANDIDATES)
    for name, kind in FIELDS.items():
        if layer.GetLayerDefn().GetFieldIndex(name) < 0:
            layer.CreateField(ogr.FieldDefn(name, kind))
    file.StartTransaction()
    for feature in layer:
        fid = feature.GetFID()
        if fid in verdicts:
            feature[SCORE], feature[VERDICT], feature[WEIGHTS] = scores[fid], verdicts[fid], file_hash
        elif feature[WEIGHTS] is None:
            continue
        else:
            for name in FIELDS:
                feature.SetFieldNull(name)
        layer.SetFeature(feature)
    file.CommitTransaction()
