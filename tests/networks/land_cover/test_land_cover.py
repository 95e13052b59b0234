"""The land-cover network: its checkpoint, its place in a comparison without training, and how it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.card import ModelCard, read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.networks.family import family_named
from farmcd_qgis.networks.fd_mamba import efficientnet
from farmcd_qgis.networks.land_cover.network import LandCover, LandCoverConfig
from farmcd_qgis.networks.predictor import Predictor
from farmcd_qgis.networks.semicd_vl_zero.make import make_zero_label
from farmcd_qgis.training.recipe import DataSettings, Recipe, Stage, ValidationSettings
from farmcd_qgis.training.train import train
from tests.helpers.made_up_images import write_images

LARGEST = 1.5 * 2**20


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("land_cover") / "covers.safetensors"
    net = LandCover().eval()
    torch.nn.init.normal_(net.classify.weight)
    save_checkpoint(net, ModelCard("covers"), path)
    return path


def test_it_is_small_and_comes_back_as_it_was_stored(checkpoint: Path, tmp_path: Path) -> None:
    assert checkpoint.stat().st_size < LARGEST
    net = load_checkpoint(checkpoint)
    assert net.config == LandCoverConfig()
    assert read_card(checkpoint).family == "land_cover"
    save_checkpoint(net, net.card, tmp_path / "again.safetensors")
    image = torch.randn(1, 3, 40, 56)
    with torch.inference_mode():
        logits, arbitration = net(image)
        again, _ = load_checkpoint(tmp_path / "again.safetensors")(image)
    assert logits.shape == (1, 6, 40, 56), "sides that are no multiple of 16 are filled up and cut"
    assert arbitration is None
    assert torch.equal(logits, again)


def test_it_detects_nothing_by_itself_and_says_what_to_do(checkpoint: Path) -> None:
    with pytest.raises(InputError) as caught:
        Predictor.load(str(checkpoint), "cpu", tile=64)
    assert caught.value.code == "land_cover_detects_nothing"
    assert "zero-label" in caught.value.message


def test_its_opinions_make_a_comparison_without_training(checkpoint: Path, tmp_path: Path) -> None:
    card = make_zero_label(checkpoint, tmp_path / "zero.safetensors")
    assert card.family == "semicd_vl_zero"
    assert (tmp_path / "zero.safetensors").stat().st_size < LARGEST
    tile = np.random.default_rng(1).integers(0, 255, (1, 3, 64, 64), np.uint8)
    probabilities, _ = Predictor.load(str(tmp_path / "zero.safetensors"), "cpu", tile=64).predict(tile, tile)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-4)
    assert not probabilities.argmax(1).any(), "the same image twice is no change"


def test_imagenet_weights_that_are_not_installed_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package_here")
    with pytest.raises(InputError) as caught:
        family_named("land_cover").fresh({}, told=False)
    assert caught.value.code == "encoder_weights_missing"


def test_it_learns_from_masks_of_single_images(tmp_path: Path) -> None:
    recipe = Recipe(
        name="covers",
        family="land_cover",
        method="single_image",
        steps=2,
        threads=1,
        device="cpu",
        network={"pretrained": False, "thaw_from": 9, "width": 8},
        data=DataSettings(labels="classes"),
        loss={"zero": "unknown"},
        validation=ValidationSettings(times=1, tile=64),
        stages=(Stage(crop=32, batch=2),),
    )
    made = train(recipe, write_images(tmp_path / "images"), tmp_path / "out").checkpoint
    net = load_checkpoint(made)
    assert net.config.width == 8
    assert net.card.name == "covers"
