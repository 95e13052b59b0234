"""SemiCD-VL as a family: authors' checkpoints read as they are, ours come back, and a run's predictor takes it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.card import ModelCard, read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.networks.convert import convert
from farmcd_qgis.networks.family import family_named
from farmcd_qgis.networks.predictor import Predictor
from farmcd_qgis.networks.semicd_vl.network import SemiCDVL, SemiCDVLConfig

TINY = SemiCDVLConfig(width=4, blocks=(1, 2, 1, 2), channels=8)


@pytest.fixture
def net() -> SemiCDVL:
    torch.manual_seed(1)
    return SemiCDVL(TINY).eval()


def outputs(net: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    before, after = torch.rand(2, 1, 3, 48, 32, generator=generator) * 255
    family = family_named(net.family)
    with torch.inference_mode():
        logits, arbitration = net(family.normalise(net, before, "before"), family.normalise(net, after, "after"))
    assert arbitration is None
    return logits


@pytest.fixture
def authors(tmp_path: Path, net: SemiCDVL) -> Path:
    """What the authors' training saves: a model under DDP beside its optimiser and the epoch."""
    state = {f"module.{name}": value for name, value in net.state_dict().items()}
    optimiser = torch.optim.SGD(net.parameters(), 0.02, momentum=0.9)
    torch.save({"model": state, "optimizer": optimiser.state_dict(), "epoch": 79}, tmp_path / "best.pth")
    return tmp_path / "best.pth"


def test_an_authors_checkpoint_gives_its_outputs(authors: Path, net: SemiCDVL) -> None:
    loaded = load_checkpoint(authors)
    assert loaded.config == TINY
    torch.testing.assert_close(outputs(loaded), outputs(net), rtol=0, atol=0)
    assert loaded.card.family == "semicd_vl"
    assert loaded.card.classes == BINARY
    assert not loaded.card.arbitration


def test_it_converts_and_comes_back_with_its_card(authors: Path, net: SemiCDVL, tmp_path: Path) -> None:
    target = tmp_path / "ours.safetensors"
    convert(authors, target, ModelCard("semi", licence="Apache-2.0"))
    card = read_card(target)
    assert (card.name, card.family, card.multiple, card.classes) == ("semi", "semicd_vl", 16, BINARY)
    torch.testing.assert_close(outputs(load_checkpoint(target)), outputs(net), rtol=0, atol=0)


@pytest.mark.parametrize("classes", [2, 6])
def test_prediction_needs_no_heads_of_training(tmp_path: Path, classes: int) -> None:
    torch.manual_seed(1)
    config = SemiCDVLConfig(classes, width=4, blocks=(1, 1, 1, 1), channels=8, training_heads=False)
    save_checkpoint(SemiCDVL(config), ModelCard("slim"), tmp_path / "slim.safetensors")
    loaded = load_checkpoint(tmp_path / "slim.safetensors")
    assert loaded.config == config
    assert outputs(loaded).shape[1] == classes


def test_images_are_normalised_by_imagenet(net: SemiCDVL) -> None:
    pixels = torch.tensor([255.0, 0.0, 124.0])[None, :, None, None]
    seen = family_named("semicd_vl").normalise(net, pixels, "before").flatten()
    expected = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (124 / 255 - 0.406) / 0.225]
    assert seen.tolist() == pytest.approx(expected, abs=1e-5)


def test_a_predictor_takes_it(authors: Path) -> None:
    predictor = Predictor.load(str(authors), "cpu", tile=32)
    before, after = np.random.default_rng(3).integers(0, 255, (2, 2, 3, 32, 32)).astype(np.uint8)
    probabilities, _ = predictor.predict(before, after)
    assert probabilities.shape == (2, 2, 32, 32)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("lacking", ["auxiliary_seg_head.", "decode_head.conv_seg_for_vl.", "backbone.layer3."])
def test_a_checkpoint_that_lacks_a_part_is_refused(authors: Path, net: SemiCDVL, tmp_path: Path, lacking: str) -> None:
    state = {name: value for name, value in net.state_dict().items() if not name.startswith(lacking)}
    torch.save(state, tmp_path / "part.pth")
    with pytest.raises(InputError) as caught:
        load_checkpoint(tmp_path / "part.pth")
    assert caught.value.code == "checkpoint_other_network"
    assert "SemiCD-VL" in caught.value.text("en")


def test_another_head_on_the_same_encoder_is_not_this_network(net: SemiCDVL, tmp_path: Path) -> None:
    state = {name: value for name, value in net.state_dict().items() if name.startswith("backbone.")}
    torch.save({**state, "classifier.weight": torch.zeros(2, 256, 1, 1)}, tmp_path / "unimatch.pth")
    with pytest.raises(InputError) as caught:
        load_checkpoint(tmp_path / "unimatch.pth")
    assert caught.value.code == "checkpoint_unknown_network"
