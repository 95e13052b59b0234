"""SChanger's checkpoints, from the authors' files to predictions."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.card import ModelCard, read_card, read_header
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.networks.convert import convert
from farmcd_qgis.networks.predictor import Predictor
from farmcd_qgis.networks.schanger.network import SChanger, SChangerConfig
from farmcd_qgis.networks.schanger.normalisation import Normalisation, Statistics, named
from tests.helpers.schanger_golden import EVAL, TINY, prior_state, state, write_authors
from tests.helpers.small_network import CARD, made

X1, X2 = torch.tensor(EVAL["x1"]), torch.tensor(EVAL["x2"])


@pytest.fixture
def authors(tmp_path: Path) -> Path:
    return write_authors(tmp_path / "schanger_tiny_levir.pth", state())


@pytest.fixture
def prior(tmp_path: Path) -> Path:
    return write_authors(tmp_path / "schanger_tiny_pretrain.pth", prior_state())


@pytest.fixture
def ours(tmp_path: Path, authors: Path) -> Path:
    target = tmp_path / "levir.safetensors"
    convert(authors, target, normalisation="levir")
    return target


def refused(code: str, call: Any, *arguments: Any, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    assert caught.value.code == code
    assert caught.value.text("zh") != caught.value.message
    return caught.value


@torch.no_grad()
def test_an_authors_file_gives_the_authors_probability(authors: Path) -> None:
    net = load_checkpoint(authors, normalisation="levir")
    assert net.config == SChangerConfig(TINY)
    assert net.card.family == "schanger"
    assert net.card.classes == BINARY
    assert not net.card.arbitration
    assert np.abs(net(X1, X2)[0].softmax(1)[:, 1:].numpy() - EVAL["prob"]).max() < 1e-5


@pytest.mark.parametrize("wrapped", ["prefix", "half", "optimiser", "bare", "nested"])
@torch.no_grad()
def test_an_authors_file_is_read_however_it_was_saved(tmp_path: Path, wrapped: str) -> None:
    tensors, path = state(), tmp_path / "net.pth"
    made: dict[str, Any] = {
        "prefix": {"state_dict": {f"module.{name}": value for name, value in tensors.items()}},
        "half": {"state_dict": {name: value.half() for name, value in tensors.items()}},
        "optimiser": {"state_dict": tensors, "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "lr": 5e-4}},
        "bare": tensors,
        "nested": {"model": {"state_dict": tensors}, "epoch": 3},
    }[wrapped]
    torch.save(made, path)
    net = load_checkpoint(path, normalisation="levir")
    assert {value.dtype for value in net.parameters()} == {torch.float32}
    within = 5e-2 if wrapped == "half" else 1e-5
    assert np.abs(net(X1, X2)[0].softmax(1)[:, 1:].numpy() - EVAL["prob"]).max() < within


def test_an_authors_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": state(), "args": Path("x")}, tmp_path / "net.pth")
    refused("checkpoint_unsafe", load_checkpoint, tmp_path / "net.pth", normalisation="levir")


@torch.no_grad()
def test_ours_comes_back_as_it_went(authors: Path, ours: Path) -> None:
    net, loaded = load_checkpoint(authors, normalisation="levir"), load_checkpoint(ours)
    assert torch.equal(loaded(X1, X2)[0], net(X1, X2)[0])
    assert loaded.normalisation == named()["levir"] == net.normalisation
    assert read_card(ours).multiple == 16


def test_own_channels_classes_and_statistics_come_back(tmp_path: Path) -> None:
    net = SChanger(SChangerConfig((4, 5, 6, 7, 8, 9), maps=6))
    net.normalisation = Normalisation(Statistics((0.1, 0.2, 0.3), (1, 2, 3)), Statistics((0.4, 0.5, 0.6), (4, 5, 6)))
    save_checkpoint(net, ModelCard("own", order_free=True), tmp_path / "own.safetensors")
    loaded = load_checkpoint(tmp_path / "own.safetensors")
    assert (loaded.config, loaded.normalisation) == (net.config, net.normalisation)
    assert loaded.card.order_free
    assert len(loaded.card.classes.predicted) == 6


def test_the_card_is_read_without_torch(ours: Path) -> None:
    code = (
        "import sys; from farmcd_qgis.networks.card import read_card; print(read_card(sys.argv[1]).family)\n"
        "assert 'torch' not in sys.modules"
    )
    told = subprocess.run([sys.executable, "-c", code, str(ours)], capture_output=True, text=True, check=True)
    assert told.stdout == "schanger\n"


def test_statistics_are_the_authors() -> None:
    assert set(named()) == {"levir", "levir_plus", "s2looking", "cdd", "sysu", "whu"}
    assert named()["whu"].after == Statistics((0.491, 0.490, 0.470), (0.182, 0.172, 0.178))


def test_a_file_without_statistics_is_refused(authors: Path, tmp_path: Path) -> None:
    fault = refused("normalisation_unknown", load_checkpoint, authors)
    assert "levir" in fault.message
    refused("normalisation_unknown", convert, authors, tmp_path / "x.safetensors")
    refused("normalisation_name", load_checkpoint, authors, normalisation="clcd")
    assert not (tmp_path / "x.safetensors").exists()


def test_statistics_for_a_network_that_needs_none_are_refused(tmp_path: Path) -> None:
    save_checkpoint(made(), CARD, tmp_path / "mamba.safetensors")
    refused("no_normalisation", load_checkpoint, tmp_path / "mamba.safetensors", normalisation="levir")


@pytest.mark.parametrize(
    "broken",
    [
        {"before": {"mean": [0, 0, 0], "std": [1, 1, 1]}},
        {"before": {"mean": [0, 0, 0], "std": [0, 1, 1]}, "after": {"mean": [0, 0, 0], "std": [1, 1, 1]}},
        {"before": {"mean": [0, 0], "std": [1, 1]}, "after": {"mean": [0, 0, 0], "std": [1, 1, 1]}},
        {"before": {"mean": "abc", "std": [1, 1, 1]}, "after": {"mean": [0, 0, 0], "std": [1, 1, 1]}},
        "levir",
        [1, 2],
    ],
)
def test_garbled_statistics_are_refused(ours: Path, broken: Any) -> None:
    from safetensors.torch import load_file, save_file

    header, tensors = read_header(ours), load_file(ours)
    save_file(tensors, ours, {"farmcd": json.dumps({**header, "normalisation": broken})})
    with pytest.raises(InputError) as caught:
        load_checkpoint(ours)
    assert caught.value.code == "checkpoint_unreadable"


def test_a_prior_network_is_for_training_alone(prior: Path, tmp_path: Path) -> None:
    net = load_checkpoint(prior)
    assert net.config == SChangerConfig(TINY, single_image=True)
    assert net.normalisation is None
    fault = refused("prior_network", Predictor.load, str(prior), "cpu")
    assert "fine-tune" in fault.message
    convert(prior, tmp_path / "prior.safetensors")
    assert load_checkpoint(tmp_path / "prior.safetensors").config == net.config
    refused("prior_network", Predictor.load, str(tmp_path / "prior.safetensors"), "cpu")


def test_shapes_that_fit_no_network_are_refused(tmp_path: Path) -> None:
    tensors = state()
    tensors["head6.0.conv.weight"] = torch.zeros(2, 5, 1, 1)
    path = write_authors(tmp_path / "odd.pth", tensors)
    with pytest.raises(InputError) as caught:
        load_checkpoint(path, normalisation="levir")
    assert caught.value.code == "checkpoint_other_network"
    del tensors["Bi3.0.mlp.fc1.weight"]
    tensors["head6.0.conv.weight"] = torch.zeros(1, 5, 1, 1)
    with pytest.raises(InputError) as caught:
        load_checkpoint(write_authors(path, tensors), normalisation="levir")
    assert caught.value.code == "checkpoint_keys"


@pytest.mark.parametrize("symmetric", [False, True])
@torch.no_grad()
def test_prediction_normalises_each_date_and_turns_after_that(ours: Path, symmetric: bool) -> None:
    generator = np.random.default_rng(0)
    before, after = generator.integers(0, 256, (2, 2, 3, 32, 48), dtype=np.uint8)
    net, statistics = load_checkpoint(ours), named()["levir"]
    seen = []
    for images, date in ((before, statistics.before), (after, statistics.after)):
        mean, std = np.reshape(date.mean, (3, 1, 1)), np.reshape(date.std, (3, 1, 1))
        seen.append(torch.tensor((images / 255 - mean) / std, dtype=torch.float32))
    wanted = net(*seen)[0].softmax(1)
    if symmetric:
        wanted = (wanted + net(*seen[::-1])[0].softmax(1)) / 2
    predictor = Predictor.load(str(ours), "cpu", tile=48, symmetric=symmetric)
    found, arbitration = predictor.predict(before, after)
    assert arbitration is None
    assert found.shape == (2, 2, 32, 48)
    assert np.abs(found - wanted.numpy()).max() < 1e-4
    assert predictor.describe()["arbitration"] is False


def test_what_is_dropped_in_training_leaves_no_trace_in_the_tensors_but_comes_back(tmp_path: Path) -> None:
    net = SChanger(SChangerConfig(TINY, single_image=True, drop=0.05))
    save_checkpoint(net, CARD, tmp_path / "prior.safetensors")
    assert load_checkpoint(tmp_path / "prior.safetensors").config == net.config
    for wrong in (1.5, "much", True):
        odd = SChanger(SChangerConfig(TINY, single_image=True))
        odd.config = SChangerConfig(TINY, single_image=True, drop=wrong)
        save_checkpoint(odd, CARD, tmp_path / "odd.safetensors")
        refused("checkpoint_other_network", load_checkpoint, tmp_path / "odd.safetensors")
