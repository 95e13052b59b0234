"""The table of ablations on a made-up data set: what is switched off is off, and the table says what was measured."""

import json
from pathlib import Path

import pytest
import torch

from farmcd_qgis.commands.ablation_cli import main
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.training import ablation
from farmcd_qgis.training.method import method_of
from farmcd_qgis.training.network import family_of
from farmcd_qgis.training.recipe import read_recipe
from tests.helpers.made_up_pairs import SIDE, write_pairs

RECIPE = f"""
name = "made-up"
steps = 1
device = "cpu"
[network]
init_filters = 8
blocks_down = [0, 0, 0, 1]
blocks_up = [0, 0, 1]
[loss]
class_weights = [1, 2, 3, 4, 5, 6]
[[stages]]
crop = 16
batch = 2
[validation]
times = 1
tile = {SIDE}
"""


def test_every_row_adds_one_part(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    recipe = read_recipe(tmp_path / "recipe.toml")
    rows = [ablation.ablated(recipe, row, 7) for row in range(len(ablation.ROWS))]
    settings = [method_of(row, family_of(row)).settings for row in rows]
    assert [row.network["gate"] for row in rows] == [False, True, True, True, True]
    assert [row.hard_weight for row in settings] == [0, 0, 0.4, 0.4, 0.4]
    assert [row.mode for row in settings] == ["paper"] * 3 + ["corrected"] * 2
    assert [row.augment.turn for row in rows] == [False] * 4 + [True]
    assert rows[-1].loss == recipe.loss
    assert rows[-1].augment == recipe.augment
    assert {row.seed for row in rows} == {7}


def test_the_table_from_tiny_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def features(prompts: list[str], _encoder: str) -> dict[str, torch.Tensor]:
        return dict(zip(prompts, torch.eye(8), strict=False))

    class Done:
        returncode = 0

    def run(argv: list[str], check: bool) -> Done:
        done.append(argv)
        assert main(argv[3:]) == 0
        return Done()

    done: list[list[str]] = []
    monkeypatch.setattr("farmcd_qgis.networks.clip.text_features", features)
    monkeypatch.setattr(ablation.subprocess, "run", run)
    write_pairs(tmp_path / "data", train=2, val=1)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    out = tmp_path / "out"
    given = ["--recipe", str(tmp_path / "recipe.toml"), "--data", str(tmp_path / "data"), "--out", str(out)]
    assert main(given) == 0
    assert len(done) == len(ablation.ROWS)
    printed = capsys.readouterr().out
    assert (out / "ablation.md").read_text() == printed
    measured = json.loads((out / "4-0" / "validation.json").read_text())
    assert f"| + augmentation | {100 * measured['binary']['f1']:.1f} |" in printed
    alone, gated = (load_checkpoint(out / name / "best.safetensors") for name in ("0-0", "1-0"))
    images = torch.rand(2, 1, 3, 16, 16)
    with torch.inference_mode():
        before, after = (net(*images)[0] for net in (alone, gated))
        for net in (alone, gated):
            net.score_head.logit_scale += 1
        assert torch.equal(alone(*images)[0], before)
        assert not torch.equal(gated(*images)[0], after)
