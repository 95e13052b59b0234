"""A checkpoint of SChanger's authors, from the command line to a run."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from osgeo import gdal, ogr
from qgis.core import QgsProject

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.feedback import SILENT
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_files import ATTENTION_TIF
from farmcd_qgis.engine.predict import planned
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.scene.preflight import preflight, settled
from farmcd_qgis.layers import add_run
from farmcd_qgis.networks.card import describe_card, read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.networks.predictor import Predictor
from farmcd_qgis.networks.schanger.network import SChanger, SChangerConfig
from farmcd_qgis.networks.schanger.normalisation import named
from farmcd_qgis.review.summary import review_summary
from farmcd_qgis.runtime.network_worker import NetworkWorker
from tests.helpers.rasters import scene, write_raster
from tests.helpers.report_run import give_verdicts, make_report
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
    assert settled(request).overlap == request.tile // 2
    assert settled(replace(request, overlap=32)).overlap == 32, "a person has chosen"
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
    request = RunRequest(*pair, str(given / "none"), str(given / "prior.safetensors"), tile=32, overlap=8)
    # Dock and Processing show the same before anything runs, and offer no map of where it looked.
    (found,) = [finding for finding in preflight(request) if finding.severity == "error"]
    assert found.code == "prior_network"
    assert "fine-tune it on change pairs first" in found.text("en")
    assert "先验网络" in found.text("zh")
    assert [describe_card(str(given / f"{name}.safetensors"))["attends"] for name in ("prior", "net")] == [False, True]
    command = ["detect", *pair, "--out", str(given / "none"), "--checkpoint", str(given / "prior.safetensors")]
    assert main([*command, "--tile", "32", "--overlap", "8"]) == 2
    assert "fine-tune it on change pairs first" in capsys.readouterr().err
    assert not (given / "none" / "run.json").exists()


def test_its_run_becomes_layers_a_review_and_a_report(given: Path, tmp_path: Path, qgis_new_project: None) -> None:
    """From a checkpoint made of the golden to what an office hands in, the attention map with it."""
    record = detected(given, "whole", "--attention")
    run = given / "whole"
    group = add_run(run)
    nodes = {node.name(): node for node in group.findLayers()}
    assert {"Candidates", "Change classes", "Confidence", "Attention"} <= set(nodes)
    assert "Arbitration" not in nodes
    assert not nodes["Attention"].itemVisibilityChecked()
    assert nodes["Attention"].layer().renderer().type() == "singlebandpseudocolor"
    assert (run / "attention.qml").is_file()
    give_verdicts(run, c1="confirmed")
    counts = {one.what: one.candidates for one in review_summary(run / "farmcd.gpkg").counts if one.about == "status"}
    assert counts["confirmed"] == 1
    made = make_report(run, tmp_path / "report")
    assert record["figures"]["candidates"] > 0
    assert BINARY[1].label("en") in made.files["html"].read_text(encoding="utf-8")
    del nodes, group
    QgsProject.instance().clear()


def test_attention_is_the_first_channel_of_the_shallowest_map(given: Path) -> None:
    """What the raster holds is what passes in a whole forward pass, the mean of both orders."""
    checkpoint = str(given / "net.safetensors")
    net, seen = load_checkpoint(checkpoint), []
    net.Bi5[0].attn.spatial_gating_unit.register_forward_hook(lambda module, inputs, made: seen.append(made[:, 0]))
    images = [scene(32, 32, seed)[None, :3] for seed in (1, 2)]
    before, after = (
        net.normalisation.apply(torch.tensor(image.astype(np.float32)), date)
        for image, date in zip(images, ("before", "after"), strict=True)
    )
    with torch.inference_mode():
        net(before, after)
        net(after, before)
    once, both = (Predictor.load(checkpoint, "cpu", tile=32, symmetric=way).attention(*images) for way in (False, True))
    np.testing.assert_allclose(once, seen[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(both, (seen[0] + seen[1]).numpy() / 2, atol=1e-4)
    assert np.ptp(once) > 0


def test_attention_is_a_raster_of_the_run_the_same_from_another_process(given: Path, tmp_path: Path) -> None:
    detected(given, "seen", "--attention")
    assert json.loads((given / "seen" / "run.json").read_text())["request"]["attention"] is True
    file = gdal.Open(str(given / "seen" / ATTENTION_TIF))
    change = gdal.Open(str(given / "seen" / "change.tif"))
    assert file.GetGeoTransform() == change.GetGeoTransform()
    values = file.ReadAsArray()
    assert values.min() == 0
    assert values.max() == 100
    assert {"FARMCD_RUN", "FARMCD_ATTENTION_LOW", "FARMCD_ATTENTION_HIGH"} <= set(file.GetMetadata())
    pair = [str(given / "before.tif"), str(given / "after.tif")]
    request = RunRequest(
        *pair, str(tmp_path / "run"), str(given / "net.safetensors"), tile=32, overlap=8, device="cpu", attention=True
    )
    worker = NetworkWorker(sys.executable)
    try:
        detect(replace(request, minimum_mapping_unit_m2=0.0), SILENT, networks=worker)
    finally:
        worker.end()
    assert (tmp_path / "run" / ATTENTION_TIF).read_bytes() == (given / "seen" / ATTENTION_TIF).read_bytes()
    # A run without it, in its place, leaves none behind.
    assert not (given / "run" / ATTENTION_TIF).exists()
    detected(given, "seen", "--force")
    assert not (given / "seen" / ATTENTION_TIF).exists()
    assert not (given / "seen" / "attention.qml").exists()


@pytest.fixture(scope="module")
def wide(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair of two blocks with a strip of no data, the converted checkpoint, and the run of one process, `whole`."""
    folder = tmp_path_factory.mktemp("wide")
    for name, seed in (("before", 1), ("after", 2)):
        pixels = scene(40, 560, seed)
        pixels[:, 10:30, 200:230] = 0
        write_raster(folder / f"{name}.tif", pixels, nodata=0)
    (folder / "net.safetensors").write_bytes((given / "net.safetensors").read_bytes())
    detected(folder, "whole", "--attention")
    return folder


@pytest.fixture
def _nothing_stays_open() -> Iterator[None]:
    """Let go of the plan that a process keeps open for the next block, before QGIS takes GDAL down."""
    yield
    planned._opened.cache_clear()
    planned._here.cache_clear()


@pytest.mark.usefixtures("_nothing_stays_open")
def test_attention_in_blocks_has_the_bytes_of_one_process(wide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = [str(wide / "before.tif"), str(wide / "after.tif"), "--checkpoint", str(wide / "net.safetensors")]
    fixed = ["--tile", "32", "--overlap", "8", "--device", "cpu", "--mmu", "0", "--attention"]
    assert main(["plan", *pair, *fixed, "--out", str(wide / "blocks"), "--block-side", "512"]) == 0
    plan = capsys.readouterr().out.splitlines()[-1]
    for index in (1, 0):
        assert main(["block", plan, str(index)]) == 0
    assert main(["merge", plan]) == 0
    for name in (ATTENTION_TIF, "attention.qml", "change.tif"):
        assert (wide / "blocks" / name).read_bytes() == (wide / "whole" / name).read_bytes(), name
    values = gdal.Open(str(wide / "blocks" / ATTENTION_TIF)).ReadAsArray()
    assert (values[10:30, 200:230] == 255).all()
    assert (values == 255).sum() == 600
    assert {0, 100} <= set(np.unique(values).tolist())
    assert sorted(path.name for path in (wide / "blocks").iterdir()) == sorted(
        path.name for path in (wide / "whole").iterdir()
    )


@pytest.mark.long
def test_attention_by_two_workers_has_the_bytes_of_one_process(wide: Path) -> None:
    pytest.importorskip("distributed", reason="several workers need the package distributed")
    detected(wide, "workers", "--attention", "--workers", "2", "--block-side", "512")
    assert (wide / "workers" / ATTENTION_TIF).read_bytes() == (wide / "whole" / ATTENTION_TIF).read_bytes()


@pytest.mark.usefixtures("_nothing_stays_open")
def test_blocks_of_a_network_without_attention_are_refused_by_its_sentence(
    wide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed = ["--tile", "64", "--overlap", "8", "--device", "cpu", "--attention"]
    assert main(["plan", str(wide / "before.tif"), str(wide / "after.tif"), *fixed, "--out", str(wide / "none")]) == 0
    plan = capsys.readouterr().out.splitlines()[-1]
    assert main(["block", plan, "0"]) == 2
    assert "cannot show where it looks" in capsys.readouterr().err


def test_attention_of_a_network_that_has_none_is_refused(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = [str(given / "before.tif"), str(given / "after.tif")]
    fixed = ["--tile", "32", "--overlap", "8", "--device", "cpu", "--attention"]
    assert main(["detect", *pair, "--out", str(tmp_path / "none"), *fixed]) == 2
    assert "cannot show where it looks" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
