"""A finished run on a painted pair, for all who look at runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.run_files import RUN_JSON
from farmcd_qgis.engine.polygons.vectorise import vectorise
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM, write_raster
from tests.helpers.runs import write_run

SIZE = 64


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Make a finished run on a painted pair: a square of every class, the lower the class id the more doubtful."""
    folder = tmp_path_factory.mktemp("painted")
    change = np.zeros((SIZE, SIZE), np.uint8)
    for row in FIVE.changes:
        change[10:30, 10 * row.id : 10 * row.id + 8] = row.id
    inputs = {}
    for when in ("before", "after"):
        inputs[when] = {"path": write_raster(folder / f"{when}.tif", np.full((3, SIZE, SIZE), 120, np.uint8))}
    place = (LEFT, PIXEL, 0, TOP, 0, -PIXEL)
    run = write_run(folder / "run", change, 45 + 10 * change, crs=f"EPSG:{UTM}", place=place)
    vectorise(run, minimum_mapping_unit_m2=4.0)
    record = {"run": "5ead", "finished": "2026-11-21T03:29:53+00:00", "inputs": inputs}
    record["request"] = {"checkpoint": "painted.pth", "tau": 0.8, "minimum_mapping_unit_m2": 4.0, "device": "cpu"}
    record |= {"versions": {"farmcd": "0.1.0"}, "predictor": {"card": {"name": "painted"}}}
    (run / RUN_JSON).write_text(json.dumps(record), encoding="utf-8")
    return run
