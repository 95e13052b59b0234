"""Detection without training as a family: a land-cover network in, a checkpoint that detects change out."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks import family as seam
from farmcd_qgis.networks.card import ModelCard, read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.networks.family import register
from farmcd_qgis.networks.predictor import Predictor
from farmcd_qgis.networks.schanger.network import SChanger, SChangerConfig
from farmcd_qgis.networks.schanger.normalisation import named, normalisation_named
from farmcd_qgis.networks.semicd_vl.opinions.choose import open_opinions
from farmcd_qgis.networks.semicd_vl.opinions.covers import LAND_COVER
from farmcd_qgis.networks.semicd_vl_zero.make import make_zero_label
from tests.helpers.by_colour import COLOURS, ByColour, ByColourConfig, ByColourFamily

FIVE_COVERS = replace(LAND_COVER, name="five", rows=LAND_COVER.rows[1:])
HOUSE, POND = np.s_[:, 4:12, 4:12], np.s_[:, 20:28, 8:24]


@pytest.fixture(autouse=True)
def by_colour() -> Iterator[None]:
    register(ByColourFamily())
    yield
    seam._registered.pop("test_by_colour")


@pytest.fixture
def prior(tmp_path: Path) -> Path:
    save_checkpoint(ByColour(ByColourConfig()), ModelCard("colours", licence="CC0"), tmp_path / "prior.safetensors")
    return tmp_path / "prior.safetensors"


def ground(cover: int = 4) -> np.ndarray:
    return np.broadcast_to(np.array(COLOURS[cover], np.uint8)[:, None, None], (3, 32, 32)).copy()


def test_it_detects_what_farmland_became(prior: Path, tmp_path: Path) -> None:
    target = tmp_path / "zero.safetensors"
    made = make_zero_label(prior, target)
    assert made == read_card(target)
    assert (made.family, made.classes, made.arbitration, made.licence) == ("semicd_vl_zero", FIVE, False, "CC0")
    assert "bareland, building, road or water" in made.limits
    predictor = Predictor.load(str(target), "cpu", tile=32)
    before, after = ground(), ground()
    after[HOUSE] = np.array(COLOURS[2])[:, None, None]
    after[POND] = np.array(COLOURS[5])[:, None, None]
    probabilities, _ = predictor.predict(before[None], after[None])
    seen = probabilities[0].argmax(0)
    expected = np.zeros((32, 32), int)
    expected[HOUSE[1:]], expected[POND[1:]] = 2, 5
    np.testing.assert_array_equal(seen, expected)
    assert probabilities[0].max(0).min() > 0.9
    # The other way round nothing was lost.
    back, _ = predictor.predict(after[None], before[None])
    assert not back[0].argmax(0).any()


def test_covers_and_threshold_travel_in_the_checkpoint(prior: Path, tmp_path: Path) -> None:
    covers = replace(LAND_COVER, name="own", both_ways=True)
    make_zero_label(prior, tmp_path / "zero.safetensors", covers, 0.6)
    net = load_checkpoint(tmp_path / "zero.safetensors")
    assert (net.covers, net.threshold) == (covers, 0.6)
    assert net.config.inner == ByColourConfig()


def test_networks_that_cannot_compare(prior: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        make_zero_label(prior, tmp_path / "zero.safetensors", FIVE_COVERS)
    assert caught.value.code == "land_cover_covers"
    make_zero_label(prior, tmp_path / "zero.safetensors")
    with pytest.raises(InputError) as caught:
        make_zero_label(tmp_path / "zero.safetensors", tmp_path / "again.safetensors")
    assert caught.value.code == "land_cover_two_dates"
    assert not (tmp_path / "again.safetensors").exists()


def test_a_checkpoint_without_a_land_cover_network_is_refused(prior: Path, tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    make_zero_label(prior, tmp_path / "zero.safetensors")
    with safe_open(tmp_path / "zero.safetensors", "pt") as file:
        header = file.metadata()
    tensors = load_file(tmp_path / "zero.safetensors")
    save_file({"opinion.other": tensors["opinion.colours"]}, tmp_path / "none.safetensors", header)
    with pytest.raises(InputError, match="no land-cover network"):
        load_checkpoint(tmp_path / "none.safetensors")


def test_the_same_network_is_a_source_of_opinions(prior: Path, tmp_path: Path) -> None:
    source = open_opinions(f"network:{prior}")
    assert (source.name, source.covers) == ("network colours", LAND_COVER)
    image = ground()
    image[POND] = np.array(COLOURS[5])[:, None, None]
    seen = source.look(image, "one", "after").probabilities.argmax(0)
    assert (seen[POND[1:]] == 5).all()
    assert (seen == 5).sum() == 128
    with pytest.raises(InputError) as caught:
        open_opinions(f"network:{prior}", FIVE_COVERS)
    assert caught.value.code == "land_cover_covers"


def test_a_checkpoint_that_detects_brings_its_covers_and_its_threshold(prior: Path, tmp_path: Path) -> None:
    make_zero_label(prior, tmp_path / "zero.safetensors", replace(LAND_COVER, name="own"), 0.6)
    source = open_opinions(f"network:{tmp_path / 'zero.safetensors'}")
    assert (source.covers.name, source.threshold) == ("own", 0.6)
    image = ground()
    image[POND] = np.array(COLOURS[5])[:, None, None]
    expected = open_opinions(f"network:{prior}").look(image, "one", "after").probabilities
    np.testing.assert_allclose(source.look(image, "one", "after").probabilities, expected, atol=1e-6)
    with pytest.raises(InputError) as caught:
        make_zero_label(prior, tmp_path / "none.safetensors", LAND_COVER, 1.5)
    assert caught.value.code == "opinion_threshold"


def test_the_command_makes_the_checkpoint(prior: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "zero.safetensors"
    assert main(["zero-label", str(prior), str(target), "--covers", "land_cover", "--threshold", "0.7"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(target)
    assert load_checkpoint(target).threshold == 0.7
    assert main(["zero-label", str(target), str(target)]) == 2
    assert "looks at two dates" in capsys.readouterr().err


def test_a_prior_network_of_schanger_brings_its_statistics(tmp_path: Path) -> None:
    torch.manual_seed(1)
    prior = SChanger(SChangerConfig((4, 4, 8, 8, 8, 8), maps=6, single_image=True, drop=0.1)).eval()
    prior.normalisation = normalisation_named(next(iter(named())))
    save_checkpoint(prior, ModelCard("prior"), tmp_path / "prior.safetensors")
    make_zero_label(tmp_path / "prior.safetensors", tmp_path / "zero.safetensors")
    net = load_checkpoint(tmp_path / "zero.safetensors")
    assert net.opinion.normalisation == prior.normalisation
    assert net.opinion.config == prior.config
    images = torch.rand(1, 3, 32, 32) * 255
    with torch.inference_mode():
        expected = prior(prior.normalisation.apply(images, "after"))[0].softmax(1)
        torch.testing.assert_close(net.probabilities(images, "after"), expected)
        logits, arbitration = net(images, images)
    assert arbitration is None
    assert not logits.argmax(1).any()
    # What the border cuts counts next to nothing.
    counts = logits.exp().sum(1)
    assert torch.minimum((counts - 1).abs(), (counts - 1e-4).abs()).max() < 1e-3
