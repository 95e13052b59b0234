"""A checkpoint of SChanger's authors, from the command line to a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from osgeo import gdal, ogr

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.scene.preflight import preflight, settled
from farmcd_qgis.networks.card import read_card
from farmcd_qgis.networks.schanger.network import SChanger, SChangerConfig
from farmcd_qgis.networks.schanger.normalisation import named
from tests.helpers.rasters import scene, write_raster
from tests.helpers.schanger_golden import TINY, prior_state, state, write_authors


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a pair and a converted checkpoint."""
    folder = tmp_path_factory.mktemp("given")
    for name, seed in (("before", 1), ("after", 2)):
        write_raster(folder / f"{name}.tif", scene(72, 56, seed))
    tensors, net = state(), SChanger(SChangerConfig(TINY)).eval()
    net.load_state_dict(tensors, strict=False)
    images = [torch.tensor(scene(72, 56, seed)[None, :, :64, :48].astype(np.float32)) for seed in (1, 2)]
    with torch.inference_mode():
        logits, _ = net(named()["levir"].apply(images[0], "before"), named()["levir"].apply(images[1], "after"))
    # Else random weights say the same of every pixel.
    tensors["head6.0.conv.bias"] -= logits[:, 1].median()
    source = write_authors(folder / "authors.pth", tensors)
    assert main(["convert", str(source), str(folder / "net.safetensors"), "--normalisation", "levir"]) == 0
    return folder


def detected(folder: Path, out: str, *more: str) -> dict[str, Any]:
    pair = [str(folder / "before.tif"), str(folder / "after.tif")]
    fixed = ["--tile", "32", "--overlap", "8", "--device", "cpu", "--mmu", "0"]
    command = ["detect", *pair, "--out", str(folder / out), "--checkpoint", str(folder / "net.safetensors"), *fixed]
    assert main([*command, *more]) == 0
    return json.loads((folder / out / "run.json").read_text())


def test_a_run_tells_change_from_none_by_both_orders(given: Path) -> None:
    record = detected(given, "run")
    assert record["request"]["symmetric"] is True
    assert record["predictor"]["card"]["family"] == "schanger"
    assert record["classes"] == BINARY.to_json()
    change = gdal.Open(str(given / "run" / "change.tif")).ReadAsArray()
    classes = change if change.ndim == 2 else change[0]
    assert classes.shape == (72, 56)
    assert set(np.unique(classes)) == {0, 1}
    assert not (given / "run" / "arbitration.tif").exists()
    table = ogr.Open(str(given / "run" / "farmcd.gpkg"))
    assert table.GetLayerByName("candidates").GetFeatureCount() == record["figures"]["candidates"] > 0
    once = detected(given, "once", "--no-symmetric")
    assert once["request"]["symmetric"] is False
    rasters = [gdal.Open(str(given / name / "confidence.tif")).ReadAsArray() for name in ("run", "once")]
    assert (rasters[0] != rasters[1]).mean() > 0.2


def test_both_orders_are_what_the_checkpoint_says_unless_a_person_does(given: Path) -> None:
    request = RunRequest("before.tif", "after.tif", "out", str(given / "net.safetensors"))
    assert read_card(given / "net.safetensors").order_free
    assert settled(request).symmetric is True
    for said in (True, False):
        assert settled(RunRequest("a", "b", "c", str(given / "net.safetensors"), symmetric=said)).symmetric is said
    assert settled(RunRequest("a", "b", "c", str(given / "nothing.safetensors"))).symmetric is False


def test_a_tile_that_is_no_multiple_of_sixteen_is_an_error(given: Path) -> None:
    pair = [str(given / name) for name in ("before.tif", "after.tif")]
    request = RunRequest(*pair, str(given / "odd"), str(given / "net.safetensors"), tile=40, overlap=8)
    assert [finding.code for finding in preflight(request) if finding.severity == "error"] == ["bad_tile"]


def test_a_prior_network_is_refused_by_its_sentence(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_authors(given / "prior.pth", prior_state())
    assert main(["convert", str(source), str(given / "prior.safetensors")]) == 0
    pair = [str(given / "before.tif"), str(given / "after.tif")]
    command = ["detect", *pair, "--out", str(given / "none"), "--checkpoint", str(given / "prior.safetensors")]
    assert main([*command, "--tile", "32", "--overlap", "8"]) == 2
    assert "fine-tune it on change pairs first" in capsys.readouterr().err
    assert not (given / "none" / "run.json").exists()
