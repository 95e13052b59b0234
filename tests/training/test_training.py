"""The loop itself on a made-up data set: it learns, it can be killed, and it leaves a usable checkpoint."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.commands import evaluate_cli as evaluate_command
from farmcd_qgis.commands.train_cli import main
from farmcd_qgis.core.context import context_prompt
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.card import read_card, read_contexts
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.training import evaluate as evaluation
from farmcd_qgis.training.augment import AugmentSettings
from farmcd_qgis.training.datasets import open_dataset
from farmcd_qgis.training.method import method_of
from farmcd_qgis.training.network import build_network, family_of
from farmcd_qgis.training.recipe import DataSettings, OptimiserSettings, Recipe, Stage, ValidationSettings, read_recipe
from farmcd_qgis.training.train import BEST, LAST, LOG, VALIDATION, draw, train
from tests.helpers.made_up_pairs import SIDE, write_pairs

RECIPES = Path(__file__).resolve().parents[2] / "farmcd_qgis" / "training" / "recipes"

RECIPE = Recipe(
    name="made-up",
    steps=6,
    threads=2,
    device="cpu",
    save_every=2,
    log_every=2,
    network={"init_filters": 8, "blocks_down": (0, 0, 0, 1), "blocks_up": (0, 0, 1)},
    optimiser=OptimiserSettings(lr=2e-3, warmup=0.1, ema=0.9),
    validation=ValidationSettings(times=2, tile=SIDE),
    stages=(Stage(until=0.5, crop=32, batch=2), Stage(crop=16, batch=3)),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def _short_text_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests the text encoder, which test_text_priors looks at."""

    def features(prompts: list[str], _encoder: str) -> dict[str, torch.Tensor]:
        others = torch.randn(len(prompts), 8, generator=torch.Generator().manual_seed(4))
        return dict(zip(prompts, torch.cat((torch.eye(8), others)), strict=False))

    monkeypatch.setattr("farmcd_qgis.networks.clip.text_features", features)


class Killed(Exception):
    """Stands for the end of the process between two steps."""


def losses_of(out: Path) -> list[float]:
    with (out / LOG).open(newline="") as stream:
        return [float(row["total"]) for row in csv.DictReader(stream)]


@pytest.mark.long
def test_a_killed_run_goes_on_along_the_same_curve(data: Path, tmp_path: Path) -> None:
    def kill(step: int, _loss: float) -> None:
        if step == 3:
            raise Killed

    whole = train(RECIPE, data, tmp_path / "whole")
    with pytest.raises(Killed):
        train(RECIPE, data, tmp_path / "killed", on_step=kill)
    resumed = train(RECIPE, data, tmp_path / "killed")
    assert whole.steps == resumed.steps == 6
    assert losses_of(tmp_path / "killed") == losses_of(tmp_path / "whole")
    assert resumed.best_score == whole.best_score
    last = [torch.load(tmp_path / name / LAST, weights_only=True)["average"] for name in ("whole", "killed")]
    assert all(torch.equal(last[0][key], last[1][key]) for key in last[0])


def test_the_best_network_is_left_with_its_card_and_figures(data: Path, tmp_path: Path) -> None:
    result = train(dataclasses.replace(RECIPE, steps=2), data, tmp_path)
    net = load_checkpoint(result.checkpoint)
    again = evaluation.evaluate(net, open_dataset(data, "val"), tile=SIDE)
    written = json.loads((tmp_path / VALIDATION).read_text())
    assert again.offset == 0
    assert again.score == pytest.approx(result.best_score)
    assert written["binary"]["f1"] == pytest.approx(again.binary.f1)
    card = read_card(tmp_path / BEST)
    assert "recipe made-up for" in card.description
    assert "MiniLM" in card.text_encoder
    assert card.metrics["binary F1"] == pytest.approx(again.binary.f1, abs=1e-4)
    assert "by which the weights were also chosen" in card.measured_on


def test_training_begins_with_a_checkpoint_and_says_so(data: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, steps=1, card={"bands": ["red", "near infrared", "blue"]})
    first = train(recipe, data, tmp_path / "first").checkpoint
    still = dataclasses.replace(
        recipe, name="second", card={}, seed=5, optimiser=OptimiserSettings(lr=0, lr_least=0, weight_decay=0)
    )
    second = train(still, data, tmp_path / "second", start=first).checkpoint
    before, after = (dict(load_checkpoint(path).named_parameters()) for path in (first, second))
    bias = "conv_final.2.conv.bias"  # holds the offset, which is fitted anew
    assert all(torch.equal(before[name], after[name]) for name in before if name != bias)
    assert "from the checkpoint made-up" in read_card(second).description
    assert read_card(second).text_encoder == read_card(first).text_encoder
    assert read_card(second).bands == ("red", "near infrared", "blue")


def test_what_is_kept_may_be_the_mean_with_the_start(data: Path, tmp_path: Path) -> None:
    start = train(dataclasses.replace(RECIPE, steps=1), data, tmp_path / "first").checkpoint
    weights = []
    for share in (0.0, 0.5):
        optimiser = dataclasses.replace(RECIPE.optimiser, start_share=share)
        recipe = dataclasses.replace(RECIPE, steps=1, seed=3, optimiser=optimiser)
        checkpoint = train(recipe, data, tmp_path / str(share), start=start).checkpoint
        weights.append(load_checkpoint(checkpoint).convInit.conv.weight)
    begun = load_checkpoint(start).convInit.conv.weight
    assert not torch.equal(begun, weights[0])
    assert torch.allclose(weights[1], (begun + weights[0]) / 2, atol=1e-7)


def arbitration(checkpoint: Path, context: str | None) -> torch.Tensor:
    net = load_checkpoint(checkpoint)
    before, after = torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        return net(before, after, [context] if context else None)[1].softmax(1)[:, 0]


def test_contexts_that_were_trained_with_move_the_arbitration(data: Path, tmp_path: Path) -> None:
    farmland, cloudy = context_prompt("farmland"), context_prompt("farmland", ("cloud",))
    annotated = tmp_path / "data"
    shutil.copytree(data, annotated)
    (annotated / "train" / "json").mkdir()
    (annotated / "train" / "json" / "train.jsonl").write_text(
        "".join(
            json.dumps({"id": str(k), "geopix": {"scene": "farmland", "nuisance": ["cloud"] * (k % 2)}}) + "\n"
            for k in range(4)
        )
    )
    settings = DataSettings(context_share=1)
    recipe = dataclasses.replace(RECIPE, steps=2, data=settings)
    with pytest.raises(InputError, match="no scene and nuisance annotations"):
        train(recipe, data, tmp_path / "refused")
    without = train(dataclasses.replace(RECIPE, steps=2), annotated, tmp_path / "without").checkpoint
    assert read_contexts(without) == []
    told = train(recipe, annotated, tmp_path / "told", start=without).checkpoint
    assert len(read_contexts(told)) == 512
    before, after = load_checkpoint(without).score_head, load_checkpoint(told).score_head
    assert not torch.equal(before.ctx_mlp[0].weight, after.ctx_mlp[0].weight)
    assert not torch.equal(arbitration(told, farmland), arbitration(told, cloudy))
    assert not torch.equal(arbitration(told, farmland), arbitration(told, None))


def test_each_sample_has_a_context_of_its_own() -> None:
    net = build_network(dataclasses.replace(RECIPE, data=DataSettings(context_share=1))).eval()
    one, two = context_prompt("farmland"), context_prompt("urban", ("season",))
    before, after = torch.rand(2, 3, 3, 16, 16) * 2 - 1
    with torch.inference_mode():
        _, batch = net(before, after, [one, None, two], False)
        for k, context in enumerate(([one], None, [two])):
            _, alone = net(before[k : k + 1], after[k : k + 1], context)
            assert torch.allclose(batch[k : k + 1], alone, atol=1e-4)
        _, pooled = net(before, after, [one, None, two], True)
    assert not torch.allclose(pooled[1], batch[1], atol=1e-4)


def test_evaluation_prints_figures_and_writes_them_into_the_card(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = train(dataclasses.replace(RECIPE, steps=1), data, tmp_path).checkpoint
    arguments = ["--checkpoint", str(checkpoint), "--data", str(data), "--split", "train", "--tile", "64"]
    assert evaluate_command.main([*arguments, "--json", "--write-card"]) == 0
    printed = json.loads(capsys.readouterr().out)
    card = read_card(checkpoint)
    assert card.metrics["binary F1"] == pytest.approx(printed["binary"]["f1"], abs=1e-4)
    assert card.measured_on == "4 pairs of the split 'train', at 1 of their resolution"
    assert evaluate_command.main(arguments) == 0
    assert "Five classes, where the class is settled" in capsys.readouterr().out
    assert evaluate_command.main([*arguments, "--tile", "60"]) == 2
    assert "60 pixels" in capsys.readouterr().err


def test_another_recipe_does_not_go_on(data: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, steps=2)
    train(recipe, data, tmp_path)
    with pytest.raises(InputError, match="another recipe"):
        train(dataclasses.replace(recipe, seed=9), data, tmp_path)


def test_time_that_is_up_ends_the_run_with_a_checkpoint(data: Path, tmp_path: Path) -> None:
    result = train(dataclasses.replace(RECIPE, steps=10_000, max_minutes=0.01), data, tmp_path)
    assert 1 <= result.steps < 100
    assert result.checkpoint.is_file()


@pytest.mark.long
def test_it_learns(data: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(
        RECIPE,
        steps=60,
        augment=AugmentSettings(brightness=0, contrast=0, saturation=0, hue=0, haze=0, blur=0, shift=0),
        optimiser=OptimiserSettings(lr=5e-3, warmup=0.1, ema=0.8),
        stages=(Stage(crop=32, batch=4),),
    )
    result = train(recipe, data, tmp_path)
    losses = losses_of(tmp_path)
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert json.loads((tmp_path / VALIDATION).read_text())["binary"]["f1"] > 0.5
    assert result.best_score > 0.25


def test_every_pass_draws_each_sample_once_in_a_new_order() -> None:
    passes = [[draw(3, number, 7) for number in range(start, start + 7)] for start in (0, 7)]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(7))
    assert passes[0] != passes[1]


def test_the_recipes_can_be_read() -> None:
    for path in RECIPES.glob("*.toml"):
        recipe = read_recipe(path)
        assert recipe.stages[-1].until == 1
        assert method_of(recipe, family_of(recipe)).name == recipe.method


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('steps = "ten"', "recipe.toml: steps is 'ten'; it must be a whole number."),
        ("steps = 1\nseed = 1.5", "recipe.toml: seed is 1.5; it must be a whole number."),
        ("steps = 1\nprecision = 'half'", "precision is 'half'; it must be one of '32-true', 'bf16-mixed'"),
        ("steps = 1\n[optimiser]\nlr = true", "optimiser: lr is True; it must be a number."),
        ("steps = 1\n[augment]\nturn = 1", "augment: turn is 1; it must be true or false."),
        ("steps = 1\nstages = 5", "stages is 5; it must be a list."),
        ("steps = 1\n[[stages]]\nscale = [1, 2, 3]", "stages: scale is [1, 2, 3]; it must be a list of 2."),
        ("steps = 1\n[network]\ninit_filters = 'eight'", "[network]: init_filters is 'eight'"),
        ("steps = 1\n[network]\ngate = 'shut'", "[network]: gate is 'shut'; it must be true or false."),
        ("steps = 1\n[loss]\ntau = '0.8'", "[loss]: tau is '0.8'; it must be a number."),
        ("steps = 1\n[loss]\ntow = 0.8", "[loss] has no setting tow; there are class_weights"),
        ("steps = 1\nfamily = 'unet'", "a network of the kind unet; FarmCD knows fd_mamba"),
        ("steps = 1\nmethod = 'guessing'", "by the method guessing; FD-Mamba networks can be trained by cotraining"),
        ("", "recipe.toml is incomplete: steps is missing."),
    ],
)
def test_a_setting_of_another_kind_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f'name = "x"\n{line}\n')
    assert main(["--recipe", str(path), "--data", str(data), "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err


def test_a_misspelt_setting_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "x"\nsteps = 1\n[optimiser]\nlearning_rate = 1\n')
    assert main(["--recipe", str(path), "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "optimiser has no setting learning_rate" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
