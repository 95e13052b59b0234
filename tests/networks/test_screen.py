"""The screen of a checkpoint: what it says of tiles, and how it travels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks import serve
from farmcd_qgis.networks.card import describe_card, read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.networks.screening import Screen, ScreenNet, read_screen, screen_tensors
from tests.helpers.small_network import CARD, made, same

EVIDENCE = {"threshold": 0.5, "kept": 0.996, "skipped": 0.4, "time_saved": 0.3, "recall_lost": 0.001, "pairs": 9.0}
TILES = np.random.default_rng(0).integers(0, 256, (2, 3, 3, 72, 72), np.uint8)
TILES[1, 1] = TILES[0, 1]
TILES[1, 2] //= 8


@pytest.fixture(scope="module")
def net() -> ScreenNet:
    torch.manual_seed(0)
    net = ScreenNet().eval()
    # Chance weights say nearly the same of every tile.
    net.head[-1].weight.data *= 1000
    return net


@pytest.fixture(scope="module")
def file(net: ScreenNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "screening.safetensors"
    save_checkpoint(made(), replace(CARD, screening=EVIDENCE), path, screen_tensors(net))
    return path


def test_a_score_depends_neither_on_the_batch_nor_on_the_order_of_the_dates(net: ScreenNet):
    screen = Screen(net)
    scores = screen.scores(*TILES)
    assert len(set(scores.tolist())) == 3
    alone = [screen.scores(TILES[0, at : at + 1], TILES[1, at : at + 1])[0] for at in range(3)]
    np.testing.assert_array_equal(scores, alone)
    np.testing.assert_array_equal(scores, screen.scores(*TILES[::-1]))


def test_it_is_read_from_the_checkpoint_whose_network_is_the_same(net: ScreenNet, file: Path):
    assert same(load_checkpoint(file), made())
    np.testing.assert_array_equal(Screen.load(file, "cpu").scores(*TILES), Screen(net).scores(*TILES))
    assert read_card(file).screening == EVIDENCE
    assert describe_card(str(file))["screens"] is True


def test_a_checkpoint_that_is_written_anew_has_no_screen(file: Path, tmp_path: Path):
    again = tmp_path / "again.safetensors"
    loaded = load_checkpoint(file)
    assert save_checkpoint(loaded, loaded.card, again).screening == {}
    assert describe_card(str(again))["screens"] is False
    with pytest.raises(InputError, match="has no screen"):
        Screen.load(again, "cpu")


def test_one_that_is_not_whole_is_refused(net: ScreenNet, tmp_path: Path):
    broken = tmp_path / "broken.safetensors"
    tensors = screen_tensors(net)
    name = next(iter(tensors))
    save_checkpoint(made(), replace(CARD, screening=EVIDENCE), broken, {name: tensors[name]})
    with pytest.raises(InputError, match="broken"):
        read_screen(broken)
    nan = {**tensors, name: tensors[name] * float("nan")}
    save_checkpoint(made(), replace(CARD, screening=EVIDENCE), broken, nan)
    with pytest.raises(InputError, match="broken"):
        Screen.load(broken, "cpu")


def test_the_networks_process_answers_for_it(net: ScreenNet, file: Path):
    desk = serve._Desk()
    desk.models["screen"] = Screen.load(file, "cpu")
    (scores,) = serve.COMPUTE["screen"](desk.models["screen"], list(TILES))
    np.testing.assert_array_equal(scores, Screen(net).scores(*TILES))
