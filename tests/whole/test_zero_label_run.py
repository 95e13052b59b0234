"""Detection without training is a run like any other: from a land-cover checkpoint to candidates and layers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr
from PIL import Image
from qgis.core import QgsProject

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.predict.plan import plan
from farmcd_qgis.engine.predict.planned import block, merge
from farmcd_qgis.engine.scene.preflight import preflight
from farmcd_qgis.layers import add_run
from farmcd_qgis.networks import family as seam
from farmcd_qgis.networks.card import ModelCard
from farmcd_qgis.networks.checkpoint import save_checkpoint
from farmcd_qgis.networks.predictor import Predictor
from farmcd_qgis.networks.semicd_vl.opinions.choose import open_opinions, read_covers
from farmcd_qgis.networks.semicd_vl.opinions.covers import LAND_COVER
from farmcd_qgis.networks.semicd_vl.rules import EventRule, Rule
from farmcd_qgis.networks.semicd_vl_zero.make import make_zero_label
from farmcd_qgis.training.augment import AugmentSettings
from farmcd_qgis.training.datasets import open_dataset
from farmcd_qgis.training.pseudo_labels import write_pseudo_labels
from farmcd_qgis.training.recipe import DataSettings, OptimiserSettings, Recipe, Stage, ValidationSettings
from farmcd_qgis.training.train import train
from farmcd_qgis.training.unlabelled import open_unlabelled
from tests.helpers.by_colour import COLOURS, ByColour, ByColourConfig, ByColourFamily
from tests.helpers.made_up_images import write_images
from tests.helpers.made_up_pairs import SIDE, write_pairs
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
    del package
    group = add_run(run)
    names = [node.name() for node in group.findLayers()]
    assert "Change classes" in names
    QgsProject.instance().clear()


@pytest.mark.parametrize("kind", ["union", "sum"])
def test_a_parcel_at_the_border_of_a_tile_is_as_whole_as_in_one_tile(
    request_: RunRequest, tmp_path: Path, kind: Rule
) -> None:
    """Ponds that grew, up to half a tile long, lie over every border; the parts that tiles see decide nothing."""
    before = np.broadcast_to(np.array(COLOURS[4], np.uint8)[:, None, None], (3, 224, 544)).copy()
    after = before.copy()
    # Of the first twelve a third or less was there before, of the last twelve half.
    for number in range(24):
        row, column = 10 + 8 * number, 350 + (37 * number) % 160
        old, new = (7, 31) if number < 12 else (14, 28)
        before[:, row : row + 4, column : column + old] = np.array(COLOURS[5])[:, None, None]
        after[:, row : row + 4, column : column + new] = np.array(COLOURS[5])[:, None, None]
    covers = replace(LAND_COVER, rule=EventRule(kind, 0.3 if kind == "union" else 0.0))
    make_zero_label(tmp_path / "prior.safetensors", tmp_path / "zero.safetensors", covers)
    request = replace(
        request_,
        before=write_raster(tmp_path / "before_large.tif", before),
        after=write_raster(tmp_path / "after_large.tif", after),
        overlap=32,
    )
    found = {}
    for name, tile in (("tiles", 64), ("one", 544)):
        run = Path(detect(replace(request, out_dir=str(tmp_path / name), tile=tile)).run_dir)
        found[name] = [gdal.Open(str(run / f"{kind}.tif")).ReadAsArray() for kind in ("change", "confidence")]
    np.testing.assert_array_equal(found["tiles"][0], found["one"][0])
    assert np.abs(found["tiles"][1].astype(int) - found["one"][1]).max() <= 5
    assert (found["one"][0] == 5).sum() == (12 * 4 * 24 if kind == "union" else 0)
    # And in blocks, whose borders cut the same ponds.
    said = plan(replace(request, out_dir=str(tmp_path / "blocks"), tile=64), 512)
    assert said["blocks"] == 2
    for index in range(2):
        block(said["plan"], index)
    merge(said["plan"])
    for name in ("change.tif", "confidence.tif"):
        assert (tmp_path / "blocks" / name).read_bytes() == (tmp_path / "tiles" / name).read_bytes()


@pytest.mark.long
def test_from_masks_of_single_images_to_labels_that_nobody_drew(tmp_path: Path) -> None:
    """A prior network learns land covers; its opinions label pairs, and compared they are a first change map."""
    recipe = Recipe(
        name="prior",
        family="schanger",
        method="single_image",
        steps=80,
        threads=1,
        device="cpu",
        network={"channels": [4, 8, 8, 8, 8, 8], "maps": 6, "single_image": True},
        data=DataSettings(labels="classes"),
        augment=AugmentSettings(0.0, 0.0, 0.05, 0.05, 0.05, 0.0, haze=0.0, blur=0.0, shift=0.0),
        optimiser=OptimiserSettings(lr=2e-2, decay="matrices", clip=0.0, warmup=0.1, ema=0.9),
        loss={"zero": "unknown"},
        validation=ValidationSettings(times=1, tile=SIDE),
        stages=(Stage(crop=32, batch=2),),
    )
    prior = train(recipe, write_images(tmp_path / "images", train=8), tmp_path / "prior").checkpoint
    data = write_pairs(tmp_path / "data") / "val"
    covers = read_covers("land_cover")
    source = open_opinions(f"network:{prior}", covers)
    made = write_pseudo_labels(open_unlabelled(data), source, tmp_path / "labels", threshold=0.6)
    said = open_dataset(tmp_path / "labels", "train", "classes")
    drawn = open_dataset(data.parent, "val", "classes")
    for pseudo, true in zip((said[0], said[1]), (drawn[0], drawn[1]), strict=True):
        known = pseudo.label != 255
        assert known.mean() > 0.8
        assert (pseudo.label[known] == true.label[known]).mean() > 0.9
        assert (pseudo.label[true.label > 0] == true.label[true.label > 0]).mean() > 0.5
    assert made.pixels["bareland"] > 0
    assert made.pixels["water"] > 0
    make_zero_label(prior, tmp_path / "zero.safetensors", covers, 0.6)
    predictor = Predictor.load(str(tmp_path / "zero.safetensors"), "cpu", tile=SIDE)
    seen, _ = predictor.predict(drawn[0].before[None], drawn[0].after[None])
    np.testing.assert_array_equal(seen[0].argmax(0) > 0, (said[0].label > 0) & (said[0].label < 255))
