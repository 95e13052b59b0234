"""An office trains with its own class table: from the labels' ids to the card, the figures and a run."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from osgeo import gdal, ogr
from PIL import Image

from farmcd_qgis.commands import evaluate_cli
from farmcd_qgis.core.class_file import CLASSES_TOML, read_class_file
from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_record import run_classes
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.networks.card import read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.training.datasets import UNSETTLED, open_dataset
from farmcd_qgis.training.recipe import Recipe, Stage, ValidationSettings
from farmcd_qgis.training.train import train
from tests.helpers.made_up_pairs import SIDE, write_pairs
from tests.helpers.rasters import write_raster

TABLE = """
[[classes]]
name = "no_change"
colour = "#000000"
labels = { en = "No change", zh = "未变化" }
[[classes]]
name = "greenhouse"
colour = "#aa00ff"
labels = { en = "Greenhouse", zh = "大棚" }
prompt = "farmland covered by greenhouses"
[[classes]]
name = "water"
colour = "#0072b2"
labels = { en = "Fish pond", zh = "鱼塘" }
[[classes]]
name = "orchard"
colour = "#009e73"
labels = { en = "Orchard", zh = "果园" }
predicted = false
"""
RECIPE = Recipe(
    name="own",
    steps=1,
    threads=1,
    device="cpu",
    network={"init_filters": 8, "blocks_down": (0, 0, 0, 1), "blocks_up": (0, 0, 1)},
    validation=ValidationSettings(times=1, tile=SIDE),
    stages=(Stage(crop=32, batch=2),),
)
# Of the made-up pairs, and of the table above.
IDS = {1: 1, 5: 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the labels of the made-up pairs the ids of the table, which lies beside them."""
    root = write_pairs(tmp_path_factory.mktemp("data"), train=2, val=2)
    for path in root.glob("*/label/*.png"):
        label = np.asarray(Image.open(path)).copy()
        for old, new in IDS.items():
            label[label == old] = new
        Image.fromarray(label).save(path)
    (root / CLASSES_TOML).write_text(TABLE, encoding="utf-8")
    return root


@pytest.fixture(autouse=True)
def sentences(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Spare the tests the text encoder; what it was asked is kept."""
    asked: list[str] = []

    def features(prompts: list[str], _encoder: str) -> dict[str, torch.Tensor]:
        asked.extend(prompts)
        return dict(zip(prompts, torch.eye(8), strict=False))

    monkeypatch.setattr("farmcd_qgis.networks.clip.text_features", features)
    return asked


def test_an_own_table_goes_all_the_way(data, tmp_path, sentences, capsys):
    table = read_class_file(data / CLASSES_TOML)
    best = train(RECIPE, data, tmp_path / "out").checkpoint
    assert sentences == ["No change", "farmland covered by greenhouses", "Fish pond"]
    card = read_card(best)
    assert card.classes == table
    assert load_checkpoint(best).config.n_classes == 3
    assert {"F1 greenhouse", "F1 water"} <= card.metrics.keys()

    # What goes on from it keeps its table.
    second = train(RECIPE, data, tmp_path / "second", start=best).checkpoint
    assert read_card(second).classes == table

    # The data set says no more what its ids mean: they are the checkpoint's.
    shutil.copytree(data / "val", tmp_path / "data" / "val")
    arguments = ["--checkpoint", str(best), "--data", str(tmp_path / "data"), "--labels", "classes", "--tile", "64"]
    assert evaluate_cli.main([*arguments, "--out", str(tmp_path / "page")]) == 0
    assert "greenhouse" in capsys.readouterr().out
    assert "Fish pond" in (tmp_path / "page" / "evaluation.html").read_text(encoding="utf-8")

    before, after = (np.asarray(Image.open(data / "val" / date / "0.png")).transpose(2, 0, 1) for date in "AB")
    rasters = [write_raster(tmp_path / f"{name}.tif", image) for name, image in (("b", before), ("a", after))]
    request = RunRequest(*rasters, str(tmp_path / "run"), str(best), tile=64, overlap=8, minimum_mapping_unit_m2=0)
    run = Path(detect(request).run_dir)
    assert run_classes(run) == table
    assert gdal.Open(str(run / "change.tif")).ReadAsArray().max() <= 2
    package = ogr.Open(str(run / "farmcd.gpkg"))
    names = {feature["class_name"] for feature in package.GetLayer("candidates")}
    assert names <= {"Greenhouse", "Fish pond"}


def test_labels_of_another_table_are_taken_by_name(data):
    own = open_dataset(data, "train", "classes")
    five = own.seen_as(FIVE)
    assert sorted(own.by_class()) == [1, 2]
    assert five.table == FIVE
    for mine, theirs in zip((own[0], own[1]), (five[0], five[1]), strict=True):
        assert (theirs.label[mine.label == 1] == UNSETTLED).all()
        assert (theirs.label[mine.label == 2] == FIVE.find("water").id).all()
        assert (theirs.label[mine.label == 0] == 0).all()


def test_a_recipe_of_another_number_of_classes_is_refused(data, tmp_path):
    recipe = replace(RECIPE, network={**RECIPE.network, "n_classes": 6})
    with pytest.raises(InputError) as refused:
        train(recipe, data, tmp_path / "out")
    assert refused.value.code == "classes_count"
    (tmp_path / "bad.toml").write_text("[[classes]]\nname = 1\n")
    with pytest.raises(InputError):
        read_class_file(tmp_path / "bad.toml")
