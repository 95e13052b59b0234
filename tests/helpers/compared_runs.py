"""Finished runs that a test paints, to be compared."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from farmcd_qgis.core.classes import FIVE, ClassTable
from farmcd_qgis.core.run_files import RUN_JSON
from farmcd_qgis.engine.polygons.vectorise import vectorise
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM
from tests.helpers.runs import write_run

SIZE = 64
Squares = dict[tuple[int, int, int, int], int]
UTM_PLACE = (LEFT, PIXEL, 0.0, TOP, 0.0, -PIXEL)


def painted(squares: Squares, nodata: tuple[slice, slice] | None = None) -> npt.NDArray[np.uint8]:
    """Paint classes into (top, bottom, left, right)."""
    change = np.zeros((SIZE, SIZE), np.uint8)
    for (top, bottom, left, right), class_id in squares.items():
        change[top:bottom, left:right] = class_id
    if nodata:
        change[nodata] = 255
    return change


def paint_run(
    folder: Path,
    change: npt.NDArray[np.uint8],
    name: str,
    *,
    days: tuple[str | None, str | None] = ("2018-06-01", "2020-06-01"),
    classes: ClassTable = FIVE,
    crs: str = f"EPSG:{UTM}",
    place: tuple[float, ...] = UTM_PLACE,
) -> Path:
    """Make the folder of a finished run with such a raster of change classes; returns it."""
    inputs = {role: {"path": f"{role}.tif", "date": day} for role, day in zip(("before", "after"), days, strict=True)}
    record = {"run": name, "finished": "2026-11-21T03:29:53+00:00", "inputs": inputs, "classes": classes.to_json()}
    record["request"] = {"checkpoint": f"{name}.pth", "tau": 0.8, "minimum_mapping_unit_m2": 4.0, "device": "cpu"}
    record |= {"versions": {"farmcd": "0.1.0"}, "predictor": {"card": {"name": f"by {name}"}}}
    run = write_run(folder, change, crs=crs, place=place)
    (run / RUN_JSON).write_text(json.dumps(record), encoding="utf-8")
    vectorise(run, minimum_mapping_unit_m2=4.0)
    return run
