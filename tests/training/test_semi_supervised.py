"""Semi-supervised training from a recipe to a checkpoint: few labels, many pairs, opinions on those."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.networks.family import family_named
from farmcd_qgis.training.augment import AugmentSettings
from farmcd_qgis.training.method import method_of
from farmcd_qgis.training.methods.semi_supervised import SemiSupervised
from farmcd_qgis.training.names import LISTS
from farmcd_qgis.training.recipe import DataSettings, OptimiserSettings, Recipe, Stage, ValidationSettings, read_recipe
from farmcd_qgis.training.train import Training, train
from tests.helpers.made_up_pairs import write_pairs

RECIPES = LISTS.parent
NETWORK = {"n_classes": 6, "width": 8, "blocks": [1, 1, 1, 1], "channels": 16}
NETWORKS = {
    "fd_mamba": {"init_filters": 8, "blocks_down": [0, 0, 0, 0]},
    "schanger": {"channels": [4, 4, 8, 8, 8, 8]},
    "semicd_vl": NETWORK,
}
RECIPE = Recipe(
    "toy",
    steps=60,
    family="semicd_vl",
    method="semi_supervised",
    device="cpu",
    threads=1,
    network=NETWORK,
    data=DataSettings(labels="classes", names="two.txt", unlabelled_split="train"),
    optimiser=OptimiserSettings(lr=2e-2, ema=0.8, warmup=0.1),
    augment=AugmentSettings(1.0, 0.0, 0.1, 0.1, 0.1, 0.01, haze=0.0, blur=0.0, shift=0.0),
    loss={"threshold": 0.8, "dice": 1.0},
    stages=(Stage(crop=48, batch=2),),
    validation=ValidationSettings(times=1, tile=64),
)


@pytest.fixture(autouse=True)
def _short_text_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests the text encoder."""

    def features(prompts: list[str], _encoder: str) -> dict[str, torch.Tensor]:
        others = torch.randn(len(prompts), 8, generator=torch.Generator().manual_seed(4))
        return dict(zip(prompts, torch.cat((torch.eye(8), others)), strict=False))

    monkeypatch.setattr("farmcd_qgis.networks.clip.text_features", features)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Eight pairs of fields, two of them labelled, with opinions that are right but know nothing of a quarter."""
    root = write_pairs(tmp_path / "pairs", train=8)
    for kind in ("change", "A", "B"):
        (root / "train" / "opinions" / kind).mkdir(parents=True)
    for path in (root / "train" / "label").iterdir():
        label = np.asarray(Image.open(path)).copy()
        label[:32, :32] = 255
        Image.fromarray(label).save(root / "train" / "opinions" / "change" / path.name)
        sure = label != 255
        for kind, mask in (("A", np.where(sure, 0, 255)), ("B", np.where(sure, label > 0, 255))):
            Image.fromarray(mask.astype(np.uint8)).save(root / "train" / "opinions" / kind / path.name)
    (root / "two.txt").write_text("0.png\n1.png\n")
    return root


def recipe(root: Path, **values: Any) -> Recipe:
    data = replace(RECIPE.data, names=str(root / "two.txt"))
    return replace(RECIPE, **{"data": data, **values})


@pytest.mark.long
def test_a_toy_world_is_learned_from_two_labels(pairs: Path, tmp_path: Path) -> None:
    losses: list[float] = []
    result = train(recipe(pairs), pairs, tmp_path / "out", on_step=lambda step, loss: losses.append(loss))
    assert result.steps == 60
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])
    net = load_checkpoint(result.checkpoint)
    assert (net.family, net.config.n_classes) == ("semicd_vl", 6)
    assert net.card.metrics["binary F1"] > 0.5
    log = (tmp_path / "out" / "log.csv").read_text().splitlines()[0].split(",")
    assert {"total", "labelled", "consistency", "contrast", "opinions"} <= set(log)


@pytest.mark.long
@pytest.mark.parametrize("family", list(NETWORKS))
@pytest.mark.parametrize("mode", ["corrected", "paper"])
def test_both_modes_train_every_family(pairs: Path, tmp_path: Path, family: str, mode: str) -> None:
    made = recipe(pairs, steps=2, family=family, network=NETWORKS[family], loss={"mode": mode})
    assert train(made, pairs, tmp_path / "out").steps == 2


@pytest.mark.long
def test_a_killed_run_goes_on_along_the_same_curve(pairs: Path, tmp_path: Path) -> None:
    whole, parts = [], []
    short = recipe(pairs, steps=6, save_every=2, validation=ValidationSettings(times=1, tile=64))
    train(short, pairs, tmp_path / "whole", on_step=lambda step, loss: whole.append(loss))

    class Killed(Exception):
        pass

    def kill(step: int, loss: float) -> None:
        parts.append(loss)
        if step == 4:
            raise Killed

    with pytest.raises(Killed):
        train(short, pairs, tmp_path / "parts", on_step=kill)
    train(short, pairs, tmp_path / "parts", on_step=lambda step, loss: parts.append(loss))
    assert parts == pytest.approx(whole, rel=1e-5)


def test_a_batch_follows_from_its_seeds(pairs: Path) -> None:
    made = recipe(pairs)
    method = method_of(made, family_named("semicd_vl"))
    assert isinstance(method, SemiSupervised)
    data = method.open(pairs)
    assert (len(data), len(data.labelled), data.unlabelled.with_opinions) == (8, 2, 8)
    once, again = (method.batch(data, [3, 5], [7, 8], Stage(crop=32, batch=2)) for _ in range(2))
    parts = [(*batch.labelled[:3], *batch.views, batch.boxes) for batch in (once, again)]
    for one, other in zip(*parts, strict=True):
        assert torch.equal(one, other)


def test_labelled_pairs_bring_their_opinions_in_paper_mode(pairs: Path) -> None:
    made = recipe(pairs, loss={"mode": "paper"})
    method = method_of(made, family_named("semicd_vl"))
    data = method.open(pairs)
    batch = method.batch(data, [3, 5], [7, 8], Stage(crop=64, batch=2))
    said = batch.labelled.change
    known = said != 255
    assert known.float().mean() == pytest.approx(0.75)
    assert torch.equal(said[known], batch.labelled.label[known])
    assert batch.other is not None
    assert not torch.equal(batch.other.weak_before, batch.views.weak_before)


def code(root: Path, made: Recipe) -> str:
    def use() -> None:
        method = method_of(made, family_named("semicd_vl"))
        method.check(method.open(root))

    with pytest.raises(InputError) as caught:
        use()
    assert caught.value.text("en") != caught.value.text("zh")
    return caught.value.code


def test_recipes_and_data_that_cannot_be_used(pairs: Path, tmp_path: Path) -> None:
    def data(**values: Any) -> Recipe:
        return recipe(pairs, data=replace(recipe(pairs).data, **values))

    assert code(pairs, data(names="nowhere.txt")) == "names_missing"
    (pairs / "more.txt").write_text("0.png\n77.png\n")
    assert code(pairs, data(names=str(pairs / "more.txt"))) == "names_unknown"
    (pairs / "none.txt").write_text("\n")
    assert code(pairs, data(names=str(pairs / "none.txt"))) == "names_empty"
    assert code(pairs, data(unlabelled=str(tmp_path / "nowhere"))) == "no_unlabelled_pairs"
    assert code(pairs, recipe(pairs, loss={"opinions": -1.0})) == "semi_setting"
    assert code(pairs, recipe(pairs, loss={"threshold": 1.5})) == "semi_setting"
    assert code(pairs, recipe(pairs, loss={"treshold": 0.9})) == "unknown_setting"
    shutil.rmtree(pairs / "train" / "opinions")
    assert code(pairs, recipe(pairs)) == "no_opinions_to_learn"


def test_without_opinions_it_is_consistency_alone(pairs: Path, tmp_path: Path) -> None:
    shutil.rmtree(pairs / "train" / "opinions")
    made = recipe(pairs, steps=1, loss={"opinions": 0.0, "contrast": 0.0})
    method = method_of(made, family_named("semicd_vl"))
    training = Training(made, method.open(pairs), None, tmp_path / "out")
    training.run()
    row = training.state.rows[-1]
    assert {"labelled", "consistency"} <= set(row)
    assert "opinions" not in row


def test_the_recipe_and_the_lists_that_come_with_it() -> None:
    made = read_recipe(RECIPES / "semi_supervised.toml")
    method = method_of(made, family_named(made.family))
    assert isinstance(method, SemiSupervised)
    assert method.settings.strong.hue == 0.05
    names = {path.name: path.read_text().split() for path in LISTS.glob("clcd_*.txt")}
    assert {name: len(said) for name, said in names.items()} == {
        "clcd_05.txt": 18,
        "clcd_10.txt": 36,
        "clcd_20.txt": 72,
    }
    # Each list holds the smaller ones, so that more labels never mean other labels.
    assert set(names["clcd_05.txt"]) < set(names["clcd_10.txt"]) < set(names["clcd_20.txt"])
