"""What the engine makes of a finished binary run: polygons anew, and how right its map is."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.classes import BINARY, UNKNOWN_CLASS
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.run_files import ARBITRATION_TIF, CANDIDATES, CHANGE_TIF, RUN_GPKG
from farmcd_qgis.core.run_record import run_classes
from farmcd_qgis.engine.assess.evaluate import evaluate
from farmcd_qgis.engine.polygons.vectorise import vectorise
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.binary_run import CHANGED, binary  # noqa: F401
from tests.helpers.rasters import write_raster


@pytest.fixture
def run(binary: Path, tmp_path: Path) -> Path:  # noqa: F811
    return Path(shutil.copytree(binary, tmp_path / "run"))


def test_run_carries_its_table(run: Path):
    assert run_classes(run) == BINARY
    assert ReviewStore(run / RUN_GPKG, "ann").classes == BINARY
    change = gdal.Open(str(run / CHANGE_TIF))
    assert json.loads(change.GetMetadataItem("FARMCD_CLASSES")) == {"0": "no_change", "1": "change"}
    band = change.GetRasterBand(1)
    assert band.GetCategoryNames() == [row.label() for row in BINARY.predicted]
    assert band.GetColorTable().GetColorEntry(1)[:3] == tuple(bytes.fromhex(BINARY[1].colour[1:]))
    assert not (run / ARBITRATION_TIF).exists()
    assert json.loads((run / "run.json").read_text())["figures"]["area_ha"].keys() == {"change"}


def test_new_polygons_are_of_the_same_table_without_text_priors(run: Path):
    summary = vectorise(run, minimum_mapping_unit_m2=4.0)
    assert summary.candidates == len(CHANGED)
    assert summary.area_ha == pytest.approx({"change": len(CHANGED) * 0.1024}, rel=0.01)
    file = gdal.OpenEx(str(run / RUN_GPKG), gdal.OF_VECTOR)
    candidates = file.GetLayerByName(CANDIDATES)
    found = [(f["class_id"], f["class_name"], f["arbitration"], f["disagreement"]) for f in candidates]
    assert found == [(1, BINARY[1].label(), None, None)] * len(CHANGED)


def test_evaluation_is_of_change_alone(run: Path, tmp_path: Path):
    truth = gdal.Open(str(run / CHANGE_TIF)).ReadAsArray()
    classes = np.where(truth == 1, 5, 0)
    classes[:, 60:][truth[:, 60:] == 1] = UNKNOWN_CLASS
    reference = write_raster(tmp_path / "truth.tif", classes[None].astype(np.uint8))
    found = evaluate(run, reference, out_dir=tmp_path / "out")
    assert found["binary"]["f1"] == pytest.approx(1.0)
    assert found["classes"] is None


def test_hostile_table_in_the_geopackage_is_a_sentence(run: Path):
    file = gdal.OpenEx(str(run / RUN_GPKG), gdal.OF_VECTOR | gdal.OF_UPDATE)
    file.ExecuteSQL("UPDATE run SET value = '[[[' WHERE key = 'classes'")
    file = None
    with pytest.raises(InputError, match=r"farmcd\.gpkg has no class table .* no list of classes"):
        ReviewStore(run / RUN_GPKG, "ann")
