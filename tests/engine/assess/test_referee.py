"""The referee on a small run, with a CLIP of random weights and with one whose opinion is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from osgeo import gdal
from safetensors.torch import save_file
from torch import Tensor

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.engine.assess.referee import RefereeSummary, referee
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.networks import clip as text_priors
from farmcd_qgis.networks import judge as module
from farmcd_qgis.networks.clip import ClipModel
from farmcd_qgis.networks.judge import side_by_side
from tests.helpers.rasters import scene, write_raster

DOUBTFUL, SURE = 60, 97  # the confidence in percent that stands in the after image's red band


class RedIsConfidence:
    """Sees bareland where the after image's red is not 0, and is as sure of it as the value says in percent."""

    tile = 32
    device = "cpu"

    def predict(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        red = after[:, :1].astype(np.float32) / 100
        bareland = np.where(red > 0, red, 0.01)
        rest = np.repeat((1 - bareland) / 5, 5, axis=1)
        probabilities = np.concatenate((rest[:, :1], bareland, rest[:, 1:]), axis=1)
        probabilities[:, :1][red == 0] = 0.95
        return probabilities / probabilities.sum(axis=1, keepdims=True), np.zeros_like(red[:, 0])

    def describe(self) -> dict[str, str]:
        return {"name": "red", "sha256": "0" * 64}


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run with three candidates: doubtful and large, sure, doubtful and small."""
    before, after = scene(96, 96), scene(96, 96)
    before[0], after[0] = 0, 0
    after[0, 8:40, 8:40], after[0, 8:30, 60:90], after[0, 60:72, 60:72] = DOUBTFUL, SURE, DOUBTFUL
    request = RunRequest(
        before=write_raster(tmp_path / "before.tif", before),
        after=write_raster(tmp_path / "after.tif", after),
        out_dir=str(tmp_path / "run"),
        checkpoint=str(bundled_checkpoints()[0]),
        tile=32,
        overlap=0,
        minimum_mapping_unit_m2=100,
    )
    return Path(detect(request, predictor=RedIsConfidence()).run_dir)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file with a whole CLIP of OpenAI's layout and random weights."""
    torch.manual_seed(3)
    text = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1}
    vision = {"image_size": 64, "layers": 1, "width": 64, "head_width": 64, "patch_size": 32}
    clip = text_priors._open_clip().CLIP(16, vision, text, quick_gelu=False)
    save_file({key: value.contiguous() for key, value in clip.state_dict().items()}, tmp_path / "clip.safetensors")
    return tmp_path / "clip.safetensors"


def opinion_of(monkeypatch: pytest.MonkeyPatch, *margins: float) -> list[int]:
    """Let CLIP give these margins to the candidates it is shown, in their order; returns how many it was shown."""
    shown: list[int] = []

    def encode_image(images: Tensor) -> Tensor:
        shown.append(len(images))
        # Unit vectors whose first number exceeds the second by a hundredth of the margin.
        angle = torch.pi / 4 - torch.asin(torch.tensor(margins) / 100 / 2**0.5)
        return torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)

    model = ClipModel(64, lambda texts: torch.arange(len(texts)), lambda tokens: torch.eye(2), encode_image)
    monkeypatch.setattr(module, "clip_model", lambda path: model)
    return shown


def attributes(run_dir: Path) -> dict[int, tuple[float | None, str | None]]:
    layer = (file := gdal.OpenEx(str(run_dir / RUN_GPKG), gdal.OF_VECTOR)).GetLayerByName("candidates")
    found = {feature["candidate_id"]: (feature["referee_score"], feature["referee_verdict"]) for feature in layer}
    del file
    return found


def test_doubtful_candidates_are_judged_and_marked(run_dir: Path, weights: Path, monkeypatch: pytest.MonkeyPatch):
    shown = opinion_of(monkeypatch, 1.0, -2.0)
    assert referee(run_dir, weights) == RefereeSummary(doubtful=2, pseudo_changes=1, withheld=False)
    verdicts = attributes(run_dir)
    assert len(verdicts) == 3
    assert sorted(str(verdict) for _, verdict in verdicts.values()) == ["None", "pseudo_change", "real"]
    assert sorted(score for score, _ in verdicts.values() if score is not None) == pytest.approx([-2, 1], abs=0.05)
    # The same weights again: nothing is computed anew, and the outcome is the same.
    assert referee(run_dir, weights).pseudo_changes == 1
    assert shown == [2]
    assert attributes(run_dir) == verdicts


def test_verdicts_are_withheld_where_too_little_would_stay(
    run_dir: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
):
    opinion_of(monkeypatch, -2.0, 1.0)
    assert referee(run_dir, weights) == RefereeSummary(doubtful=2, pseudo_changes=1, withheld=True)
    assert sorted(str(verdict) for _, verdict in attributes(run_dir).values()) == ["None", "withheld", "withheld"]


def test_a_real_clip_from_a_file(run_dir: Path, weights: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["referee", str(run_dir), "--weights", str(weights)]) == 0
    assert "2 doubtful candidates" in capsys.readouterr().out
    scores = [score for score, _ in attributes(run_dir).values() if score is not None]
    assert len(scores) == 2
    assert all(abs(score) <= 200 for score in scores)
    model = text_priors.clip_model(weights)
    before, after = (np.full((3, 20, 30), value, np.uint8) for value in (10, 200))
    image = side_by_side(before, after, model.side)
    assert model.encode_image(image[None]).shape == (1, 16)


def test_both_dates_are_seen_whole_and_rightly_scaled():
    before, after = np.zeros((3, 40, 60), np.uint8), np.full((3, 40, 60), 255, np.uint8)
    image = side_by_side(before, after, 64)
    mean, std = (torch.tensor(values)[:, None, None] for values in (module.CLIP_MEAN, module.CLIP_STD))
    values = image * std + mean
    rows = slice(22, 42)  # 120 x 40 pixels fitted into 64 x 21, in the middle
    assert torch.allclose(values[:, rows, 2:30], torch.zeros(1), atol=1e-4)
    assert torch.allclose(values[:, rows, 34:62], torch.ones(1), atol=1e-4)
    assert not image[:, :20].any()


def test_what_is_no_run_or_no_clip_is_said(run_dir: Path, tmp_path: Path, weights: Path):
    with pytest.raises(InputError, match="no finished run"):
        referee(tmp_path, weights)
    text = tmp_path / "text.safetensors"
    save_file({"weight": torch.zeros(3)}, text)
    with pytest.raises(InputError, match="both towers"):
        referee(run_dir, text)
