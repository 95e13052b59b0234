"""A new kind of network registers itself, and goes all the way from training to the report without another change."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from osgeo import gdal, ogr
from PIL import Image
from qgis.core import QgsProject

from farmcd_qgis.accuracy.judgements import JUDGED, SampleStore
from farmcd_qgis.commands import evaluate_cli
from farmcd_qgis.commands.train_cli import main as train_main
from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.assess.sample import draw_sample
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.scene.preflight import preflight
from farmcd_qgis.layers import add_run
from farmcd_qgis.networks import family as seam
from farmcd_qgis.networks.card import read_card, read_contexts
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.networks.convert import convert
from farmcd_qgis.training.finetune import finetune
from tests.helpers.made_up_pairs import SIDE, write_pairs
from tests.helpers.rasters import write_raster
from tests.helpers.report_run import give_verdicts, make_report, rows_of
from tests.helpers.toy_family import ToyFamily

RECIPE = f"""
name = "toy"
family = "toy"
steps = 120
threads = 1
device = "cpu"
log_every = 40
[network]
width = 6
[optimiser]
lr = 5e-2
ema = 0.9
[[stages]]
crop = 32
batch = 2
[validation]
times = 1
tile = {SIDE}
"""


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    list(seam.families())  # those of the table first
    monkeypatch.setattr(seam, "_registered", dict(seam._registered))
    seam.register(ToyFamily())


def trained(folder: Path) -> Path:
    (folder / "recipe.toml").write_text(RECIPE)
    data = write_pairs(folder / "data")
    arguments = ["--recipe", str(folder / "recipe.toml"), "--data", str(data), "--out", str(folder / "out")]
    assert train_main(arguments) == 0
    return folder / "out" / "best.safetensors"


def request_of(folder: Path, checkpoint: Path, **changes) -> RunRequest:
    pair = folder / "data" / "val"
    before, after = (np.asarray(Image.open(pair / date / "0.png")).transpose(2, 0, 1) for date in "AB")
    settings = {
        "before": write_raster(folder / "before_20090818.tif", before),
        "after": write_raster(folder / "after_20200831.tif", after),
        "out_dir": str(folder / "run"),
        "checkpoint": str(checkpoint),
        "tile": 32,
        "overlap": 8,
        "device": "cpu",
        "minimum_mapping_unit_m2": 40.0,
    }
    return RunRequest(**(settings | changes))


def test_a_family_goes_all_the_way(tmp_path: Path, qgis_new_project, capsys: pytest.CaptureFixture[str]) -> None:
    best = trained(tmp_path)
    card = read_card(best)
    assert (card.family, card.multiple, card.arbitration, card.classes) == ("toy", 16, False, BINARY)
    assert card.metrics["binary F1"] > 0.8
    assert not any(name.startswith("F1 ") for name in card.metrics)
    assert evaluate_cli.main(["--checkpoint", str(best), "--data", str(tmp_path / "data"), "--tile", "64"]) == 0
    assert "Change or none" in capsys.readouterr().out

    record = finetune(best, tmp_path / "data", tmp_path / "tuned.safetensors", steps=2, hold_out=0.25, device="cpu")
    assert record.after is not None
    assert read_card(tmp_path / "tuned.safetensors").family == "toy"

    # An authors' file of such a network is told by its tensors.
    torch.save(load_checkpoint(best).state_dict(), tmp_path / "authors.pth")
    ours = tmp_path / "ours.safetensors"
    assert convert(tmp_path / "authors.pth", ours).family == "toy"
    assert read_contexts(ours) == []
    with pytest.raises(InputError, match="is an Toy network, which has no text priors"):
        convert(tmp_path / "authors.pth", ours, text_weights="minilm")

    request = request_of(tmp_path, ours)
    run = Path(detect(request).run_dir)
    assert not (run / "arbitration.tif").exists()
    label = np.asarray(Image.open(tmp_path / "data" / "val" / "label" / "0.png")) > 0
    change = gdal.Open(str(run / "change.tif")).ReadAsArray()
    assert set(np.unique(change)) == {0, 1}
    assert (change == label).mean() > 0.97
    package = ogr.Open(str(run / "farmcd.gpkg"))  # named: its layers die with it
    (candidate,) = [feature for feature in package.GetLayer("candidates") if feature["area_ha"] > 0.1]
    assert (candidate["class_name"], candidate["arbitration"]) == (BINARY[1].label(), None)
    number = candidate["candidate_id"]
    candidate = package = None

    names = [node.name() for node in add_run(run).findLayers()]
    assert "Change classes" in names
    assert not any("arbitration" in name.lower() or "text" in name.lower() for name in names)
    QgsProject.instance().clear()

    give_verdicts(run, **{f"c{number}": f"other_class {BINARY.find('water').id}"})
    draw_sample(run, {0: 4, 1: 4}, 5)
    store = SampleStore(run / "farmcd.gpkg", "Zhang Wei")
    for point in store.points():
        store.judge(point.sample_id, JUDGED, point.map_class_id)
    made = make_report(run, tmp_path / "report", outputs=("csv", "gpkg", "html"))
    assert "Water" in {row["class"] for row in rows_of(made.files["gpkg"])}
    with made.files["csv"].with_name("by_class.csv").open(encoding="utf-8-sig") as file:
        assert ["Water", "1"] in [row[:2] for row in csv.reader(file)]
    assert "Text prior" not in made.files["html"].read_text(encoding="utf-8")


def test_what_a_card_does_not_allow_is_found_before_a_run(tmp_path: Path) -> None:
    torch.manual_seed(0)
    checkpoint = tmp_path / "toy.pth"
    torch.save(ToyFamily.build(ToyFamily.config_type()()).state_dict(), checkpoint)
    convert(checkpoint, tmp_path / "toy.safetensors")
    write_pairs(tmp_path / "data")
    for changes, wanted in (({"tile": 40}, {"bad_tile"}), ({"symmetric": True}, {"order_matters"}), ({}, set())):
        request = request_of(tmp_path, tmp_path / "toy.safetensors", **changes)
        assert {finding.code for finding in preflight(request) if finding.severity == "error"} == wanted
