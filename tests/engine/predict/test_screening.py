"""Tiles that a screen leaves out: unchanged, counted, the same in blocks; and which screen may be switched on."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict import planned as planned_module
from farmcd_qgis.engine.predict.blending import Blender
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.predict.plan import plan
from farmcd_qgis.engine.predict.planned import block, merge
from farmcd_qgis.engine.scene.preflight import preflight
from farmcd_qgis.engine.scene.tiling import Window
from farmcd_qgis.networks.checkpoint import save_checkpoint
from farmcd_qgis.networks.screening import ScreenNet, screen_tensors
from tests.engine.predict.test_blocks import RASTERS, SIDE, Colours, asked, content, pair
from tests.helpers.loads import Loads
from tests.helpers.small_network import CARD, made

__all__ = ["pair"]
EVIDENCE = {"threshold": 0.5, "kept": 0.996, "skipped": 0.4, "time_saved": 0.3, "recall_lost": 0.001, "pairs": 9.0}


class Known(Colours):
    """The stand-in of a network whose card has a screen."""

    def describe(self) -> dict:
        return super().describe() | {"card": {"screening": EVIDENCE}}


class Brighter:
    """Lets tiles through whose after image is brighter on the whole, which is about half of them."""

    def scores(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        sums = [image.reshape(len(image), -1).sum(axis=1, dtype=np.int64) for image in (before, after)]
        return (sums[1] > sums[0]).astype(np.float32)


LOADS = Loads(Known, Brighter())


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    planned_module._opened.cache_clear()
    yield
    planned_module._opened.cache_clear()


def checkpoint(path: Path, **differs: float) -> str:
    torch_screen = screen_tensors(ScreenNet())
    save_checkpoint(made(), replace(CARD, screening=EVIDENCE | differs), path, torch_screen)
    return str(path)


@pytest.fixture
def screening(pair: dict[str, str], tmp_path: Path) -> RunRequest:
    given = {**pair, "checkpoint": checkpoint(tmp_path / "screening.safetensors")}
    return asked(given, tmp_path / "run", screen=True)


def figures(request: RunRequest) -> dict:
    return json.loads((Path(request.out_dir) / "run.json").read_text())["figures"]


def test_what_is_left_out_is_unchanged_and_counted(screening: RunRequest, tmp_path: Path):
    every = replace(screening, out_dir=str(tmp_path / "every"), screen=False)
    detect(every, networks=LOADS)
    detect(screening, networks=LOADS)
    said, all_said = figures(screening), figures(every)
    assert "tiles_skipped" not in all_said
    assert said["tiles_predicted"] + said["tiles_skipped"] == all_said["tiles_predicted"]
    assert 5 < said["tiles_skipped"] < all_said["tiles_predicted"] - 5
    found, before = (
        [gdal.Open(f"{one.out_dir}/{name}").ReadAsArray() for name in RASTERS] for one in (screening, every)
    )
    differs = found[0] != before[0]
    assert 0.1 < differs.mean() < 0.9, "some tiles were left out, and some not"
    valid = before[0] != 255
    np.testing.assert_array_equal(found[0] != 255, valid)
    unseen = (found[0] == 0) & (found[1][0] == 100) & (found[2] == 100)
    assert (unseen & (before[0] != 0) & valid).any()


def test_in_blocks_it_has_the_bytes_of_one_process(screening: RunRequest, tmp_path: Path):
    detect(screening, networks=LOADS)
    blocks = replace(screening, out_dir=str(tmp_path / "blocks"))
    said = plan(blocks, SIDE)
    for index in (3, 0, 2, 1):
        block(said["plan"], index, networks=LOADS)
    merge(said["plan"], networks=LOADS)
    assert content(blocks.out_dir) == content(screening.out_dir)
    assert figures(blocks)["tiles_skipped"] >= figures(screening)["tiles_skipped"]
    batches = replace(screening, out_dir=str(tmp_path / "batches"), batch=3)
    detect(batches, networks=LOADS)
    assert content(batches.out_dir) == content(screening.out_dir)


def test_beside_a_predicted_tile_one_that_is_left_out_counts_nothing():
    ones = np.ones((32, 32), np.bool_)
    shares = np.random.default_rng(0).dirichlet(np.ones(3), (32, 32)).astype(np.float32).transpose(2, 0, 1)
    blender = Blender(Window(0, 0, 64, 32), 32)
    blender.add(Window(0, 0, 32, 32), shares, shares[0], ones)
    blender.add(Window(16, 0, 32, 32), np.zeros_like(shares), np.zeros_like(shares[0]), ones)
    means = blender.means(32)
    found = means.probabilities.reshape(3, 32, 48)
    np.testing.assert_allclose(found[..., :32], shares, atol=1e-6)
    assert (found[0, :, 32:] == 1).all()
    assert (found[1:, :, 32:] == 0).all()
    arbitration = means.arbitration.reshape(32, 48)
    np.testing.assert_allclose(arbitration[:, :32], shares[0], atol=1e-6)
    assert (arbitration[:, 32:] == 1).all()


def test_values_that_are_no_shares_stay_as_they_are():
    ones = np.ones((32, 32), np.bool_)
    values = np.random.default_rng(0).normal(0, 2, (1, 32, 32)).astype(np.float32)
    values[0, 0, 0] = 0
    blender = Blender(Window(0, 0, 32, 32), 32)
    blender.add(Window(0, 0, 32, 32), values, None, ones)
    np.testing.assert_allclose(blender.means(32, shares=False).probabilities[0], values.ravel(), rtol=1e-6)


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [({}, "no_screen", "card lacks threshold"), ({"kept": 0.99}, "screen_loses", "only 99.0 %")],
)
def test_without_evidence_it_cannot_be_switched_on(
    pair: dict[str, str], screening: RunRequest, tmp_path: Path, told: dict, code: str, words: str
):
    poor = checkpoint(tmp_path / "poor.safetensors", **told) if told else pair["checkpoint"]
    request = replace(screening, checkpoint=poor)
    (error,) = (finding for finding in preflight(request) if finding.severity == "error")
    assert error.code == code
    assert words in error.message
    for start in (lambda: detect(request, networks=LOADS), lambda: plan(request, SIDE)):
        with pytest.raises(InputError, match=words):
            start()
    assert not (tmp_path / "run" / "run.json").exists()


def test_the_command_line_screens_with_what_the_checkpoint_holds(
    screening: RunRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    # A threshold that every tile reaches: the run is the one without a screen.
    low = checkpoint(tmp_path / "low.safetensors", threshold=0.0)
    corner = ["--extent", "500000", "5199640", "500360", "5200000"]
    fixed = ["--tile", "128", "--overlap", "32", "--device", "cpu", "--mmu", "80", *corner]
    for name, more in (("without", []), ("with", ["--screen"])):
        given = [screening.before, screening.after, "--checkpoint", low, "--out", str(tmp_path / name), *fixed, *more]
        assert main(["detect", *given]) == 0
    capsys.readouterr()
    assert _pixels(tmp_path / "with") == _pixels(tmp_path / "without")
    assert figures(replace(screening, out_dir=str(tmp_path / "with")))["tiles_skipped"] == 0
    high = checkpoint(tmp_path / "high.safetensors", threshold=2.0)
    given = [screening.before, screening.after, "--checkpoint", high, "--out", str(tmp_path / "none"), *fixed]
    assert main(["detect", *given, "--screen"]) == 0
    change = gdal.Open(str(tmp_path / "none" / "change.tif")).ReadAsArray()
    assert (change == 0).all()
    assert figures(replace(screening, out_dir=str(tmp_path / "none")))["tiles_predicted"] == 0


def _pixels(run: Path) -> list[bytes]:
    # Their tags name the run, whose settings differ.
    return [gdal.Open(str(run / name)).ReadAsArray().tobytes() for name in RASTERS]
