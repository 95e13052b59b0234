"""How right a map of change classes is: against a reference raster, or polygons of what really changed."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import gdal

from ...core.classes import FIVE, NO_CHANGE, NODATA, UNKNOWN_CLASS, ClassTable
from ...core.errors import InputError
from ...core.feedback import SILENT, Feedback
from ...core.run_files import CHANGE_TIF
from ...core.run_record import run_classes
from ..scene.crs import check_proj
from ..scene.grid import Grid
from ..scene.polygons import PolygonLayer, open_layer, split_source
from ..scene.tiling import Window
from .evaluation_page import evaluation_page
from .metrics import ConfusionMatrix, binary_figures, class_figures, semantic_figures

Bytes = npt.NDArray[np.uint8]
ReadRows = Callable[[int, int], Bytes]

ROWS = 512


def evaluate(
    result: str | Path,
    reference: str | Path,
    class_field: str | None = None,
    *,
    out_dir: str | Path | None = None,
    feedback: Feedback = SILENT,
) -> dict[str, Any]:
    """Compare a run's `change.tif`, or any raster of class ids, with a reference; return the figures as plain values.

    The reference is a raster of class ids (254: changed, class not known; 255 or nodata: nothing known), or of 0 and
    255 alone, where 255 is change, brought onto the result's grid by the nearest pixel; or a polygon layer of what
    changed. Ground outside the polygons counts as "no change"; `class_field` names the field with class ids or names.
    Without classes only "change or none" is measured. `out_dir` takes evaluation.json and evaluation.html. Figures and
    their definitions: engine/metrics.py. Raises InputError for what cannot be compared, and Cancelled.
    """
    check_proj()
    path = Path(result) / CHANGE_TIF if Path(result).is_dir() else Path(result)
    mapped = _open(str(path), gdal.OF_RASTER, "result")
    _check_place(mapped, "result", path)
    table = run_classes(Path(result)) if Path(result).is_dir() else FIVE
    read = read_reference(str(reference), class_field, mapped, table)
    binary, classes = ConfusionMatrix(2), ConfusionMatrix(len(table.predicted))
    width, height = mapped.RasterXSize, mapped.RasterYSize
    for row in range(0, height, ROWS):
        feedback.check()
        rows = min(ROWS, height - row)
        said = _checked(mapped.GetRasterBand(1).ReadAsArray(0, row, width, rows), path, table)
        known = said != NODATA
        expected, said = read(row, rows)[known], said[known]
        labelled = expected != NODATA
        binary.add((expected != NO_CHANGE)[labelled].astype(np.uint8), (said != NO_CHANGE)[labelled].astype(np.uint8))
        classes.add(expected, said)
        feedback.progress("evaluation", (row + rows) / height)
    if not binary.counts.sum():
        raise InputError("no_common_pixels", reference=reference, path=path)
    settled = classes.counts[1:].any()
    record = _record(binary.counts, classes.counts if settled else None, table)
    if out_dir is not None:
        _write(Path(out_dir), record, path, str(reference), table)
    return record


def _record(binary: np.ndarray, classes: np.ndarray | None, table: ClassTable) -> dict[str, Any]:
    record = {"pixels": int(binary.sum()), "binary": asdict(binary_figures(binary)), "binary_matrix": binary.tolist()}
    if classes is None:
        return record | {"semantic": None, "classes": None, "class_matrix": None}
    figures = zip(table.predicted, class_figures(classes), strict=True)
    return record | {
        "semantic": asdict(semantic_figures(classes)),
        "classes": {row.name: asdict(values) for row, values in figures},
        "class_matrix": classes.tolist(),
    }


def _write(folder: Path, record: dict[str, Any], result: Path, reference: str, table: ClassTable) -> None:
    about = [f"{result} against {reference}: {record['pixels']:,} pixels of which both say something."]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "evaluation.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        page = evaluation_page("Evaluation of a run", about, record, classes=table)
        (folder / "evaluation.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError("folder_not_writable", folder=folder, reason=error.strerror) from error


def read_reference(source: str, class_field: str | None, mapped: gdal.Dataset, table: ClassTable = FIVE) -> ReadRows:
    """Return what reads rows (first row, number of rows) of a reference on the grid of `mapped`, uint8 class ids.

    Polygons are what changed: 254 without `class_field` or where it is empty, 0 outside of them. For a map that tells
    no classes apart, every class of change is 254. Raises InputError
    where the reference cannot be used.
    """
    path, _ = split_source(source)
    dataset = _open(path, gdal.OF_RASTER | gdal.OF_VECTOR, "reference")
    if dataset.RasterCount:
        return _raster_reference(dataset, path, mapped, table)
    return _polygon_reference(source, class_field, mapped, table)


def _raster_reference(dataset: gdal.Dataset, path: str, mapped: gdal.Dataset, table: ClassTable) -> ReadRows:
    _check_place(dataset, "reference", path)
    _check_one_image(dataset, path)
    if _is_black_and_white(dataset.GetRasterBand(1)):
        dataset = gdal.Translate("", dataset, format="VRT", scaleParams=[[0, 255, 0, UNKNOWN_CLASS]])
    left, top, right, bottom = _corners(mapped)
    warped = gdal.Warp(
        "",
        dataset,
        format="VRT",
        dstSRS=mapped.GetProjection(),
        outputBounds=(left, bottom, right, top),
        width=mapped.RasterXSize,
        height=mapped.RasterYSize,
        resampleAlg="near",
        dstNodata=NODATA,
    )
    width = mapped.RasterXSize

    def read(row: int, rows: int) -> Bytes:
        found = warped.GetRasterBand(1).ReadAsArray(0, row, width, rows)
        if table.unknown is not None:
            return np.where((found == NO_CHANGE) | (found == NODATA), found, UNKNOWN_CLASS).astype(np.uint8)
        return _checked(found, Path(path), table)

    return read


def _check_one_image(dataset: gdal.Dataset, path: str) -> None:
    """Raise InputError for a coloured picture, of whose bands the first would be taken for class ids."""
    bands = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
    images = [band for band in bands if band.GetColorInterpretation() != gdal.GCI_AlphaBand]
    for row in range(0, dataset.RasterYSize if len(images) > 1 else 0, ROWS):
        rows = [band.ReadAsArray(0, row, band.XSize, min(ROWS, band.YSize - row)) for band in images]
        if not all(np.array_equal(rows[0], other) for other in rows[1:]):
            raise InputError("coloured_reference", path=path, count=len(images))


def _is_black_and_white(band: gdal.Band) -> bool:
    """Tell a mask of 0 and 255, which most tools write for "changed or not", from class ids."""
    if band.DataType != gdal.GDT_Byte:
        return False
    # GDAL's own histogram would leave a file beside the reference.
    counts = np.zeros(256, np.int64)
    for row in range(0, band.YSize, ROWS):
        rows = band.ReadAsArray(0, row, band.XSize, min(ROWS, band.YSize - row))
        counts += np.bincount(rows.ravel(), minlength=256)
        if counts[1:NODATA].any():
            return False
    return bool(counts[NODATA])


def _polygon_reference(source: str, class_field: str | None, mapped: gdal.Dataset, table: ClassTable) -> ReadRows:
    file, layer = open_layer(source, "reference")
    names = [field.GetName() for field in layer.schema]
    if class_field is not None and class_field not in names:
        raise InputError("no_class_field", field=class_field, names=names)
    del layer, file
    polygons = PolygonLayer.read(
        source,
        _grid_of(mapped),
        "reference",
        value_of=lambda feature: _class_id(feature.GetField(class_field), table) if class_field else UNKNOWN_CLASS,
    )

    def read(row: int, rows: int) -> Bytes:
        return polygons.burn(Window(0, row, mapped.RasterXSize, rows))

    return read


def _class_id(value: Any, table: ClassTable) -> int:
    """Read a class from a field: an id, a name, or a label in either language; an empty one is not settled."""
    words = str(value).strip().lower() if value is not None else ""
    if not words:
        return UNKNOWN_CLASS
    for row in table.rows:
        if words in {str(row.id), f"{row.id}.0", row.name, *(text.lower() for text in row.labels.values())}:
            return row.id if table.unknown is None or row.id == NO_CHANGE else UNKNOWN_CLASS
    raise InputError("unknown_reference_class", found=value, known=[f"{row.id} ({row.name})" for row in table.rows])


def _open(path: str, kinds: int, what: str) -> gdal.Dataset:
    try:
        return gdal.OpenEx(path, kinds | gdal.OF_VERBOSE_ERROR)
    except RuntimeError as error:
        raise InputError("not_opened", what=what, path=path, reason=error) from error


def _check_place(dataset: gdal.Dataset, what: str, path: str | Path) -> None:
    if dataset.GetSpatialRef() is None or dataset.GetGeoTransform(can_return_null=True) is None:
        raise InputError("no_place", what=what, path=path)


def _checked(values: npt.NDArray[Any], path: Path, table: ClassTable) -> Bytes:
    known = {row.id for row in table.predicted} | {UNKNOWN_CLASS, NODATA}
    unknown = sorted(set(np.unique(values).tolist()) - known)
    if unknown:
        raise InputError(
            "unknown_class_id",
            path=path,
            found=unknown[:5],
            last=len(table.predicted) - 1,
            unsettled=UNKNOWN_CLASS,
            nothing=NODATA,
        )
    return values.astype(np.uint8)


def _grid_of(dataset: gdal.Dataset) -> Grid:
    return Grid(dataset.RasterXSize, dataset.RasterYSize, dataset.GetGeoTransform(), dataset.GetProjection())


def _corners(dataset: gdal.Dataset) -> tuple[float, float, float, float]:
    x, dx, _, y, _, dy = dataset.GetGeoTransform()
    return x, y, x + dataset.RasterXSize * dx, y + dataset.RasterYSize * dy
