"""Detection without training is a run like any other: from a land-cover checkpoint to candidates and layers."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr
from PIL import Image
from qgis.core import QgsProject

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.scene.preflight import preflight
from farmcd_qgis.layers import add_run
from farmcd_qgis.networks import family as seam
from farmcd_qgis.networks.card import ModelCard
from farmcd_qgis.networks.checkpoint import save_checkpoint
from farmcd_qgis.networks.semicd_vl_zero.make import make_zero_label
from tests.helpers.by_colour import ByColour, ByColourConfig, ByColourFamily
from tests.helpers.made_up_pairs import write_pairs
from tests.helpers.rasters import write_raster


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunRequest:
    """A field of which a square became water, and a checkpoint of a network that knows covers by their colours."""
    list(seam.families())
    monkeypatch.setattr(seam, "_registered", {**seam._registered, "test_by_colour": ByColourFamily()})
    pair = write_pairs(tmp_path / "data") / "val"
    before, after = (np.asarray(Image.open(pair / date / "0.png")).transpose(2, 0, 1) for date in "AB")
    save_checkpoint(ByColour(ByColourConfig()), ModelCard("colours"), tmp_path / "prior.safetensors")
    make_zero_label(tmp_path / "prior.safetensors", tmp_path / "zero.safetensors")
    return RunRequest(
        before=write_raster(tmp_path / "before_20090818.tif", before),
        after=write_raster(tmp_path / "after_20200831.tif", after),
        out_dir=str(tmp_path / "run"),
        checkpoint=str(tmp_path / "zero.safetensors"),
        tile=64,
        overlap=16,
        device="cpu",
        minimum_mapping_unit_m2=40.0,
    )


def test_what_became_water_is_found_without_any_training(request_: RunRequest, qgis_new_project: None) -> None:
    assert not [finding for finding in preflight(request_) if finding.severity == "error"]
    run = Path(detect(request_).run_dir)
    label = np.asarray(Image.open(run.parent / "data" / "val" / "label" / "0.png"))
    change = gdal.Open(str(run / "change.tif")).ReadAsArray()
    assert set(np.unique(label)) == {0, 5}
    assert (change == label).mean() > 0.99
    assert not (run / "arbitration.tif").exists()
    package = ogr.Open(str(run / "farmcd.gpkg"))
    found = [feature["class_name"] for feature in package.GetLayer("candidates") if feature["area_ha"] > 0.1]
    assert found == [FIVE.label(5)]
    names = [node.name() for node in add_run(run).findLayers()]
    assert "Change classes" in names
    QgsProject.instance().clear()
