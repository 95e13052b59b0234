"""Squares of images with labels: from the verdicts of a run, or from a GeoTIFF pair with polygons of what changed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from osgeo import gdal, ogr

from ...core.classes import FIVE, NO_CHANGE, NODATA, ClassTable
from ...core.errors import InputError
from ...core.messages import why
from ...core.plain_files import recorded_request
from ...core.protocol import RunRequest
from ...core.run_files import CANDIDATES, CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, RUN_GPKG
from ...core.run_record import read_record, run_classes
from ..run.package import read_soundly
from ..scene.pair import Pair
from ..scene.polygons import PolygonLayer
from ..scene.scene import Scene
from ..scene.tiling import Window
from .evaluate import read_reference

# Of a run, squares of what a network sees at a time; of a labelled pair, larger ones, which training cuts as it likes.
RUN_SIDE = 256
PAIR_SIDE = 1024
# Smaller ones make no sample: the network needs this much.
LEAST_SIDE = 16
POLYGONS = "labels.gpkg"
LABELS, LABELLED = "labels", "labelled"
CLASS_FIELDS = ("class_id", "class")
IMAGES = (".tif", ".tiff", ".vrt", ".img", ".jp2", ".png", ".jpg", ".jpeg")
WITHOUT_SPLIT = "train"

Bytes = npt.NDArray[np.uint8]


class Square(NamedTuple):
    """A sample: both dates, uint8 (3, h, w), the label, uint8 (h, w) with 254 and 255 as ever, and where it is from."""

    split: str
    name: str
    before: Bytes
    after: Bytes
    label: Bytes
    about: dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """A candidate with a verdict that settles it: its number, verdict, class id, and outline in the run's CRS."""

    number: int
    verdict: str
    class_id: int
    geometry: ogr.Geometry


def squares_of_run(run_dir: Path) -> Iterator[Square]:
    """Cut a run into squares, and give those with a judged candidate; raises InputError as `read_judged` does.

    The label is the class of confirmed and reclassified candidates, 0 in rejected ones, and 255 where nobody judged or
    a date has no data.
    """
    record, judged = read_record(run_dir), read_judged(run_dir)
    pair = Scene.open(recorded_request(record, run_dir)).pair
    bounds = Window(*(record["grid"]["window"][key] for key in ("column", "row", "width", "height")))
    for window, inside in squares_with(pair, bounds, judged):
        before, after, valid = pair.read(window)
        burnt = PolygonLayer.of([(row.geometry, row.class_id) for row in inside], pair.grid).burn(window, NODATA)
        candidates = [{"candidate_id": row.number, "verdict": row.verdict} for row in inside]
        about = {"run": str(run_dir), "window": window._asdict(), "candidates": candidates}
        name = f"{record['run']}-{window.column}-{window.row}"
        yield Square(WITHOUT_SPLIT, name, before, after, np.where(valid, burnt, NODATA).astype(np.uint8), about)


def read_judged(run_dir: Path) -> list[Judged]:
    """Read the candidates of a run whose verdict settles what they are; raises InputError without candidates.

    Their classes have the ids of the five, 254 where theirs is none of them.
    """
    gpkg = run_dir / RUN_GPKG
    if not gpkg.is_file():
        raise InputError("run_without_polygons", folder=run_dir, file=RUN_GPKG)
    with read_soundly(gpkg):
        return _judged_in(gpkg, run_classes(run_dir))


def _judged_in(gpkg: Path, table: ClassTable) -> list[Judged]:
    file = gdal.OpenEx(str(gpkg), gdal.OF_VECTOR)
    layer = file.GetLayerByName(CANDIDATES)
    if layer is None:
        raise InputError("no_candidates", path=gpkg)
    if layer.GetLayerDefn().GetFieldIndex("reviewed_class_id") < 0:
        return []
    layer.SetAttributeFilter(f"status IN ('{CONFIRMED}', '{PSEUDO_CHANGE}', '{OTHER_CLASS}')")
    judged = []
    for feature in layer:
        class_id = NO_CHANGE if feature["status"] == PSEUDO_CHANGE else feature["reviewed_class_id"]
        geometry = feature.GetGeometryRef()
        if class_id is not None and geometry is not None:
            class_id = table.translate(int(class_id), FIVE)
            judged.append(Judged(feature["candidate_id"], feature["status"], class_id, geometry.Clone()))
    return judged


def squares_of_pairs(folder: Path) -> Iterator[Square]:
    """Cut the GeoTIFF pairs of a folder, A and B with labels.gpkg beside them, into squares with labels.

    The folder is one split, or has one as each of its folders. `labels.gpkg` holds what changed as polygons (layer
    `labels`, or the only one), with the class as id or name in a field `class_id` or `class`; an empty one, or no such
    field, means "changed, class not settled" (254). A layer `labelled`, where there is one, holds where somebody
    looked: outside of it nothing is known (255). Rasters of other types than 8 bit are stretched as in detection.
    Raises InputError where a file cannot be used.
    """
    splits = [path for path in sorted(folder.iterdir()) if (path / POLYGONS).is_file() and (path / "A").is_dir()]
    if (folder / POLYGONS).is_file():
        splits = [folder, *splits]
    if not splits:
        raise InputError("no_training_source", folder=folder)
    for split in splits:
        name = WITHOUT_SPLIT if split == folder else split.name
        annotations = read_annotations(split, name)
        for before in sorted(path for path in (split / "A").iterdir() if path.suffix.lower() in IMAGES):
            after = next((path for path in sorted((split / "B").glob(f"{before.stem}.*")) if _is_image(path)), None)
            if after is None:
                raise InputError("missing_image", folder=split / "B", image=before.stem, name=before.name)
            yield from _squares_of_pair(before, after, split / POLYGONS, name, annotations.get(before.stem))


def _squares_of_pair(
    before: Path, after: Path, labels: Path, split: str, annotation: dict[str, Any] | None
) -> Iterator[Square]:
    pair = Pair.open(RunRequest(str(before), str(after), "", ""))
    file = gdal.OpenEx(str(labels), gdal.OF_VECTOR)
    names = [file.GetLayer(number).GetName() for number in range(file.GetLayerCount())]
    changes = next((name for name in names if name == LABELS), names[0] if names[:1] != [LABELLED] else None)
    if changes is None:
        raise InputError("no_labels", path=labels, layer=LABELS)
    fields = {field.GetName() for field in file.GetLayerByName(changes).schema}
    field = next((name for name in CLASS_FIELDS if name in fields), None)
    grid = pair.reference.dataset
    label = read_reference(f"{labels}|layername={changes}", field, grid)
    looked = read_reference(f"{labels}|layername={LABELLED}", None, grid) if LABELLED in names else None
    for window in cut(pair.grid.whole, PAIR_SIDE):
        first, second, valid = pair.read(window)
        columns = slice(window.column, window.right)
        if looked is not None:
            valid &= looked(window.row, window.height)[:, columns] > 0
        burnt = np.where(valid, label(window.row, window.height)[:, columns], NODATA).astype(np.uint8)
        whole = window == pair.grid.whole
        name = before.stem if whole else f"{before.stem}-{window.column}-{window.row}"
        about: dict[str, Any] = {"pair": str(before), "window": window._asdict()}
        yield Square(split, name, first, second, burnt, about | ({"annotation": annotation} if annotation else {}))


def read_annotations(folder: Path, split: str) -> dict[str, dict[str, Any]]:
    """Read the scene and nuisances of each pair, as the authors annotate them; empty where there are none."""
    index, lines = folder / "json" / "index.json", folder / "json" / f"{split}.jsonl"
    path = lines if lines.is_file() else index
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        if path == index:
            return {Path(name).stem: dict(annotation) for name, annotation in json.loads(text).items()}
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        return {Path(row["id"]).stem: dict(row["geopix"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("bad_annotations", path=path, reason=why(error)) from error


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGES


def squares_with(pair: Pair, bounds: Window, judged: Sequence[Judged]) -> Iterator[tuple[Window, list[Judged]]]:
    """Cut the run's part of the grid into squares, each pixel in one of them; give those with judged candidates."""
    x, dx, _, y, _, dy = pair.geotransform
    boxes = []
    for row in judged:
        xmin, xmax, ymin, ymax = row.geometry.GetEnvelope()
        boxes.append(((xmin - x) / dx, (ymax - y) / dy, (xmax - x) / dx, (ymin - y) / dy))
    for window in cut(bounds, RUN_SIDE):
        inside = [
            row
            for row, (west, north, east, south) in zip(judged, boxes, strict=True)
            if west < window.right and east > window.column and north < window.bottom and south > window.row
        ]
        if inside:
            yield window, inside


def cut(bounds: Window, side: int) -> Iterator[Window]:
    """Cut a part of the grid into squares of `side`, the last of a row and of a column larger."""
    for top, height in _cuts(bounds.row, bounds.height, side):
        for left, width in _cuts(bounds.column, bounds.width, side):
            yield Window(left, top, width, height)


def _cuts(start: int, length: int, side: int) -> list[tuple[int, int]]:
    """Cut a length into pieces of `side`; a short rest joins the last piece rather than making a sliver."""
    count = max(1, length // side)
    edges = [start + number * side for number in range(count)] + [start + length]
    return [(low, high - low) for low, high in pairwise(edges) if high - low >= LEAST_SIDE]
