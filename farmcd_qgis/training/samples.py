"""Training samples from reviewed runs: what a person judged becomes labels, everything else is ignored.

The folder that comes out is a data set in the authors' layout (A, B, label, list/train.txt) with `samples.json` beside
it, which says where each sample is from and whose verdicts it holds.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import gdal, ogr
from PIL import Image

from ..core.classes import FIVE, NO_CHANGE
from ..core.errors import FarmCDError, InputError
from ..core.feedback import SILENT, Feedback
from ..core.protocol import request_from_dict
from ..core.run_files import CANDIDATES, CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, RUN_GPKG, SAMPLES_JSON
from ..core.run_record import read_record, run_classes
from ..engine.scene.pair import Pair
from ..engine.scene.polygons import PolygonLayer
from ..engine.scene.scene import Scene
from ..engine.scene.tiling import Window
from .datasets import IGNORE

SIDE = 256
# Smaller runs make no sample: the network needs this much.
LEAST_SIDE = 16


@dataclass(frozen=True)
class SamplesSummary:
    """What was exported: the folder, its samples, the candidates by verdict, and the labelled pixels."""

    out_dir: str
    samples: int
    confirmed: int
    rejected: int
    reclassified: int
    pixels: int


@dataclass(frozen=True)
class Judged:
    """A candidate with a verdict that settles it: its number, verdict, class id, and outline in the run's CRS."""

    number: int
    verdict: str
    class_id: int
    geometry: ogr.Geometry


def export_samples(
    run_dirs: Sequence[str | Path],
    out_dir: str | Path,
    feedback: Feedback = SILENT,
) -> SamplesSummary:
    """Write the judged candidates of finished runs as training samples into `out_dir`, a new or empty folder.

    Each run is cut into squares of 256 pixels; a square with a judged candidate becomes a sample of both dates as the
    network saw them (8 bit) and a label: the class of confirmed and reclassified candidates, 0 in rejected ones, and
    255 where nobody judged or a date has no data. Unsure and skipped candidates are not judged.
    Raises InputError for a folder without a run, a run without verdicts, or an `out_dir` that holds something, and
    Cancelled; nothing is left then.
    """
    out = Path(out_dir)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("folder_not_empty", folder=out)
    existed = out.is_dir()
    try:
        return _export([Path(run) for run in run_dirs], out, feedback)
    except BaseException as error:
        shutil.rmtree(out, ignore_errors=True)
        if existed:
            out.mkdir(exist_ok=True)
        if isinstance(error, OSError):
            raise FarmCDError("samples_not_written", folder=out, reason=error.strerror) from error
        raise


def _export(run_dirs: list[Path], out: Path, feedback: Feedback) -> SamplesSummary:
    for name in ("A", "B", "label", "list"):
        (out / name).mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    verdicts: list[str] = []
    pixels = 0
    for number, run_dir in enumerate(run_dirs):
        record = read_record(run_dir)
        judged = read_judged(run_dir)
        verdicts += [row.verdict for row in judged]
        pair = Scene.open(request_from_dict(record["request"])).pair
        bounds = Window(*(record["grid"]["window"][key] for key in ("column", "row", "width", "height")))
        squares = list(_squares(pair, bounds, judged))
        for done, (window, inside) in enumerate(squares):
            feedback.check()
            before, after, valid = pair.read(window)
            label = np.where(valid, rasterised(pair, window, inside), IGNORE).astype(np.uint8)
            if (label == IGNORE).all():
                continue
            name = f"{record['run']}-{number}-{window.column}-{window.row}.png"
            Image.fromarray(before.transpose(1, 2, 0)).save(out / "A" / name)
            Image.fromarray(after.transpose(1, 2, 0)).save(out / "B" / name)
            Image.fromarray(label).save(out / "label" / name)
            pixels += int((label != IGNORE).sum())
            candidates = [{"candidate_id": row.number, "verdict": row.verdict} for row in inside]
            rows.append({"name": name, "run": str(run_dir), "window": window._asdict(), "candidates": candidates})
            feedback.progress("export_samples", (number + (done + 1) / len(squares)) / len(run_dirs))
    if not rows:
        raise InputError("nothing_judged", runs=run_dirs)
    summary = SamplesSummary(
        out_dir=str(out),
        samples=len(rows),
        confirmed=verdicts.count(CONFIRMED),
        rejected=verdicts.count(PSEUDO_CHANGE),
        reclassified=verdicts.count(OTHER_CLASS),
        pixels=pixels,
    )
    (out / "list" / "train.txt").write_text("".join(f"{row['name']}\n" for row in rows), encoding="utf-8")
    text = json.dumps({**asdict(summary), "out_dir": ".", "samples": rows}, indent=1, ensure_ascii=False)
    (out / SAMPLES_JSON).write_text(text + "\n", encoding="utf-8")
    return summary


def read_judged(run_dir: Path) -> list[Judged]:
    """Read the candidates of a run whose verdict settles what they are; raises InputError without candidates.

    Their classes have the ids of the five, 254 where theirs is none of them.
    """
    gpkg = run_dir / RUN_GPKG
    if not gpkg.is_file():
        raise InputError("run_without_polygons", folder=run_dir, file=RUN_GPKG)
    file = gdal.OpenEx(str(gpkg), gdal.OF_VECTOR)
    layer = file.GetLayerByName(CANDIDATES)
    if layer is None:
        raise InputError("no_candidates", path=gpkg)
    if layer.GetLayerDefn().GetFieldIndex("reviewed_class_id") < 0:
        return []
    layer.SetAttributeFilter(f"status IN ('{CONFIRMED}', '{PSEUDO_CHANGE}', '{OTHER_CLASS}')")
    table = run_classes(run_dir)
    judged = []
    for feature in layer:
        class_id = NO_CHANGE if feature["status"] == PSEUDO_CHANGE else feature["reviewed_class_id"]
        geometry = feature.GetGeometryRef()
        if class_id is not None and geometry is not None:
            class_id = table.translate(int(class_id), FIVE)
            judged.append(Judged(feature["candidate_id"], feature["status"], class_id, geometry.Clone()))
    return judged


def rasterised(pair: Pair, window: Window, judged: Sequence[Judged]) -> npt.NDArray[np.uint8]:
    """Burn the class ids of candidates into a window of the pair's grid, uint8 (h, w), 255 elsewhere."""
    return PolygonLayer.of([(row.geometry, row.class_id) for row in judged], pair.grid).burn(window, IGNORE)


def _squares(pair: Pair, bounds: Window, judged: Sequence[Judged]) -> Iterator[tuple[Window, list[Judged]]]:
    """Cut the run's part of the grid into squares, each pixel in one of them; give those with judged candidates."""
    x, dx, _, y, _, dy = pair.geotransform
    boxes = []
    for row in judged:
        xmin, xmax, ymin, ymax = row.geometry.GetEnvelope()
        boxes.append(((xmin - x) / dx, (ymax - y) / dy, (xmax - x) / dx, (ymin - y) / dy))
    for top, height in _cuts(bounds.row, bounds.height):
        for left, width in _cuts(bounds.column, bounds.width):
            inside = [
                row
                for row, (west, north, east, south) in zip(judged, boxes, strict=True)
                if west < left + width and east > left and north < top + height and south > top
            ]
            if inside:
                yield Window(left, top, width, height), inside


def _cuts(start: int, length: int) -> list[tuple[int, int]]:
    """Cut a length into pieces of SIDE; a short rest joins the last piece rather than making a sliver."""
    count = max(1, length // SIDE)
    edges = [start + number * SIDE for number in range(count)] + [start + length]
    return [(low, high - low) for low, high in pairwise(edges) if high - low >= LEAST_SIDE]
