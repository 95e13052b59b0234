"""From single images to a network of change: both trainings of SChanger on toy data."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.card import read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.networks.predictor import Predictor
from farmcd_qgis.networks.schanger.network import SMALL
from farmcd_qgis.networks.schanger.normalisation import named
from farmcd_qgis.networks.schanger.training import config_of
from farmcd_qgis.training.augment import AugmentSettings
from farmcd_qgis.training.datasets import OTHER_THAN, UNSETTLED
from farmcd_qgis.training.method import method_of
from farmcd_qgis.training.methods.side_outputs import SideBatch
from farmcd_qgis.training.network import build_network, family_of
from farmcd_qgis.training.pretraining import rows as pretraining_rows
from farmcd_qgis.training.recipe import DataSettings, OptimiserSettings, Recipe, Stage, ValidationSettings, read_recipe
from farmcd_qgis.training.side_outputs import side_output_terms
from farmcd_qgis.training.train import LOG, train
from tests.helpers.made_up_images import write, write_images
from tests.helpers.made_up_pairs import SIDE, write_pairs

RECIPES = Path(__file__).resolve().parents[2] / "farmcd_qgis" / "training" / "recipes"
TINY = [4, 4, 6, 6, 8, 8]
PRIOR = Recipe(
    name="prior",
    family="schanger",
    method="single_image",
    steps=4,
    threads=1,
    device="cpu",
    save_every=2,
    log_every=2,
    network={"channels": TINY, "maps": 6, "single_image": True},
    data=DataSettings(labels="classes"),
    augment=AugmentSettings(change_share=0, shift=0),
    optimiser=OptimiserSettings(lr=3e-3, decay="matrices", clip=0, warmup=0.1, ema=0.5),
    validation=ValidationSettings(times=1, tile=SIDE),
    stages=(Stage(crop=32, batch=2),),
)
CHANGE = dataclasses.replace(
    PRIOR,
    name="change",
    method="side_outputs",
    network={"maps": 1},
    data=DataSettings(),
    augment=AugmentSettings(change_share=1),
)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="module")
def prior(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(PRIOR, images, tmp_path_factory.mktemp("prior")).checkpoint


def losses_of(out: Path) -> list[float]:
    with (out / LOG).open(newline="") as stream:
        return [float(row["total"]) for row in csv.DictReader(stream)]


def refused(code: str, call: Any, *arguments: Any) -> None:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert caught.value.code == code
    assert caught.value.message != caught.value.text("zh")


def test_a_prior_network_grows_into_one_of_two_dates(prior: Path, pairs: Path, tmp_path: Path) -> None:
    before = load_checkpoint(prior)
    assert before.config.single_image
    still = dataclasses.replace(CHANGE, steps=1, optimiser=OptimiserSettings(lr=0, lr_least=0, weight_decay=0))
    grown = load_checkpoint(train(still, pairs, tmp_path / "still", start=prior).checkpoint)
    known, fresh = dict(before.named_parameters()), dict(grown.named_parameters())
    kept = [name for name in fresh if ".diff." not in name and not name.startswith("head")]
    assert all(torch.equal(known[name], fresh[name]) for name in kept)
    assert (grown.config.channels, grown.config.maps, grown.config.single_image) == (tuple(TINY), 1, False)
    # Each date has the statistics of its own images, not the prior's.
    assert grown.normalisation != before.normalisation
    assert grown.normalisation.before != grown.normalisation.after
    assert "from the checkpoint prior" in read_card(tmp_path / "still" / "best.safetensors").description


def test_what_was_fine_tuned_detects_change_in_both_orders(prior: Path, pairs: Path, tmp_path: Path) -> None:
    checkpoint = train(CHANGE, pairs, tmp_path / "out", start=prior).checkpoint
    card = read_card(checkpoint)
    assert card.order_free
    assert (card.family, card.arbitration, card.multiple) == ("schanger", False, 16)
    predictor = Predictor.load(str(checkpoint), "cpu", tile=32)
    image = np.zeros((1, 3, 32, 32), np.uint8)
    probabilities, arbitration = predictor.predict(image, image)
    assert probabilities.shape == (1, 2, 32, 32)
    assert arbitration is None


@pytest.mark.long
@pytest.mark.parametrize("recipe", [PRIOR, dataclasses.replace(CHANGE, network={"channels": TINY, "maps": 1})])
def test_a_stopped_training_goes_on_along_the_same_curve(
    recipe: Recipe, images: Path, pairs: Path, tmp_path: Path
) -> None:
    class Killed(Exception): ...

    def kill(step: int, _loss: float) -> None:
        if step == 3:
            raise Killed

    data = images if recipe.method == "single_image" else pairs
    whole = train(recipe, data, tmp_path / "whole")
    with pytest.raises(Killed):
        train(recipe, data, tmp_path / "killed", kill)
    resumed = train(recipe, data, tmp_path / "killed")
    assert losses_of(tmp_path / "killed") == losses_of(tmp_path / "whole")
    assert resumed.best_score == whole.best_score


@pytest.mark.long
def test_it_learns(pairs: Path, tmp_path: Path) -> None:
    optimiser = dataclasses.replace(CHANGE.optimiser, lr=1e-2, ema=0.8)
    network = {"channels": TINY, "maps": 1, "drop": 0.0}
    train(dataclasses.replace(CHANGE, steps=40, network=network, optimiser=optimiser), pairs, tmp_path)
    losses = losses_of(tmp_path)
    # They begin at 10.5, the sum of twelve terms, and one batch differs from another by about 1.
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])


@torch.no_grad()
def test_dates_change_places_after_normalising_and_hide_the_class(pairs: Path) -> None:
    recipe = dataclasses.replace(CHANGE, network={"channels": TINY, "maps": 6, "drop": 0.0}, loss={"swap": 0.5})
    net = build_network(recipe)
    net.normalisation = named()["levir"]
    method = method_of(recipe, family_of(recipe))
    assert method.module(net.eval()) is net
    assert not method.order_free
    before, after = torch.rand(2, 2, 3, 32, 32) * 255
    label = torch.zeros(2, 32, 32, dtype=torch.int64)
    label[:, :8] = 3
    turned = torch.tensor([True, False])
    found = method.step(net, SideBatch(before, after, label, turned), 0.0)
    first, second = named()["levir"].apply(before, "before"), named()["levir"].apply(after, "after")
    first[0], second[0] = second[0].clone(), first[0].clone()
    label[0, :8] = UNSETTLED
    entropy, dice = side_output_terms(net(first, second, sides=True)[0], label)
    torch.testing.assert_close(found["total"], entropy.sum() + dice.sum())


def test_which_dates_change_places_follows_from_the_seed(pairs: Path) -> None:
    method = method_of(CHANGE, family_of(CHANGE))
    data = method.open(pairs)
    drawn = [
        method.batch(data, [0, 1, 2], seeds, CHANGE.stages[0]).swapped.tolist() for seeds in ([1, 2, 3], [3, 1, 2])
    ]
    assert drawn[0][0] == drawn[1][1]
    assert drawn[0][2] == drawn[1][0]
    many = method.batch(data, [0] * 40, list(range(40)), Stage(crop=16, batch=40)).swapped
    assert 8 <= int(many.sum()) <= 32


def test_networks_that_do_not_fit_the_method_are_refused(
    prior: Path, images: Path, pairs: Path, tmp_path: Path
) -> None:
    two_dates = dataclasses.replace(PRIOR, network={"channels": TINY, "maps": 6})
    refused("not_a_prior_network", train, two_dates, images, tmp_path / "a")
    binary = dataclasses.replace(PRIOR, network={**PRIOR.network, "maps": 1})
    refused("maps_and_masks", train, binary, images, tmp_path / "b")
    single = dataclasses.replace(CHANGE, network={"channels": TINY, "single_image": True})
    refused("prior_network", train, single, pairs, tmp_path / "c")
    wider = dataclasses.replace(CHANGE, network={"channels": "small"})
    refused("prior_channels", build_network, wider, prior)
    for code, channels in (
        ("wrong_setting", [4, 4]),
        ("wrong_setting", [4, 4, 8, 8, 8, 8.5]),
        ("network_shape", [1, 2, 3, 4, 5, 6]),
        ("network_shape", [4, 4, 8, 8, 8, 10**9]),
        ("network_shape", "huge"),
    ):
        refused(code, build_network, dataclasses.replace(CHANGE, network={"channels": channels}))
    refused("bad_share", build_network, dataclasses.replace(CHANGE, network={"channels": TINY, "drop": 2.0}))
    refused("bad_share", method_of, dataclasses.replace(CHANGE, loss={"swap": 1.5}), family_of(CHANGE))
    odd_crop = dataclasses.replace(PRIOR, stages=(Stage(crop=40, batch=2),))
    refused("recipe_size", train, odd_crop, images, tmp_path / "d")
    odd_tile = dataclasses.replace(PRIOR, validation=ValidationSettings(times=1, tile=72))
    refused("recipe_size", train, odd_tile, images, tmp_path / "e")
    empty = dataclasses.replace(PRIOR, stages=(Stage(crop=32, batch=0),))
    refused("recipe_number", train, empty, images, tmp_path / "f")
    refused("recipe_number", train, dataclasses.replace(PRIOR, steps=0), images, tmp_path / "g")
    refused("normalisation_name", build_network, dataclasses.replace(CHANGE, network={"normalisation": "clcd"}))


def test_images_of_roads_alone_are_learned_beside_those_of_all_covers(images: Path, tmp_path: Path) -> None:
    """A road-only set says where roads are and where none are, and nothing of the other covers."""
    road, mask = np.full((SIDE, SIDE, 3), 200, np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    road[:, 10:20], mask[:, 10:20] = 40, 3
    write(tmp_path / "roads" / "images" / "a.png", road)
    write(tmp_path / "roads" / "masks" / "a.png", mask)
    more = {"folder": str(tmp_path / "roads"), "times": 2}
    refused("one_class_masks", train, dataclasses.replace(PRIOR, loss={"more": [more]}), images, tmp_path / "a")
    recipe = dataclasses.replace(PRIOR, loss={"more": [{**more, "zero": "other"}]})
    data = method_of(recipe, family_of(recipe)).open(images)
    assert [pair.name for pair in data.files] == ["0", "1", "2", "a", "a"]
    assert set(np.unique(data[3].label)) == {3, OTHER_THAN + 3}
    net = load_checkpoint(train(recipe, images, tmp_path / "b").checkpoint)
    assert net.config.maps == 6
    refused("bad_times", method_of, dataclasses.replace(PRIOR, loss={"times": 0}), family_of(PRIOR))
    # Where the masks of all covers are palette images of ids, those of roads are, too.
    palettes = dataclasses.replace(PRIOR, loss={"palette_ids": True})
    ids = Image.fromarray(mask, "P")
    ids.putpalette([0, 0, 0] * 256)
    ids.save(tmp_path / "roads" / "masks" / "a.png")
    prior = pretraining_rows(palettes, CHANGE, images, images, tmp_path / "c", tmp_path / "roads")[0]
    prior.measure(tmp_path / "c", 0)
    assert (tmp_path / "c" / "best.safetensors").is_file()


def test_a_network_of_two_dates_becomes_no_prior(prior: Path, pairs: Path, tmp_path: Path) -> None:
    pair = train(dataclasses.replace(CHANGE, steps=1), pairs, tmp_path / "pair", start=prior).checkpoint
    refused("prior_from_pair_network", build_network, dataclasses.replace(PRIOR, network={"single_image": True}), pair)


def test_the_recipes_can_be_used() -> None:
    for name in ("schanger_prior", "schanger_change", "pretraining_prior", "pretraining"):
        recipe = read_recipe(RECIPES / f"{name}.toml")
        method_of(recipe, family_of(recipe))
        assert config_of(recipe.network).channels == SMALL
