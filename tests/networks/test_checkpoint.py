"""Checkpoints: ours come back as they went, the authors' in every wrapping; conversion is whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from farmcd_qgis.core.errors import FarmCDError, InputError
from farmcd_qgis.networks.card import ModelCard, checkpoint_hash, read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.networks.convert import convert
from farmcd_qgis.networks.fd_mamba.network import FDMamba, FDMambaConfig
from farmcd_qgis.networks.fd_mamba.variant import infer_config
from farmcd_qgis.networks.state import WRAPPERS
from tests.helpers.small_network import CARD, PROMPTS, SMALL, made, outputs, same

MODES = ["orignal", "orignal_dinner", "orignal_1_5_dmodel", "deepwise", "deepwise_dinner"]


@pytest.fixture(scope="module")
def net() -> FDMamba:
    return made()


@pytest.fixture(scope="module")
def ours(net: FDMamba, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ours") / "small.safetensors"
    save_checkpoint(net, CARD, path)
    return path


@pytest.fixture(scope="module")
def features(net: FDMamba) -> dict[str, torch.Tensor]:
    return dict(zip(PROMPTS, net.score_head.text, strict=True))


def test_ours_comes_back_as_it_went(net, ours):
    loaded = load_checkpoint(ours)
    assert same(loaded, net)
    assert torch.equal(outputs(loaded, context=["season"])[1], outputs(net, context=["season"])[1])
    assert (loaded.card, loaded.config, loaded.temperature) == (CARD, SMALL, 1.0)
    assert not loaded.training


def test_card_is_read_without_torch(ours):
    code = (
        "import sys; from farmcd_qgis.networks.card import read_card; print(read_card(sys.argv[1]).name)\n"
        "assert 'torch' not in sys.modules"
    )
    told = subprocess.run([sys.executable, "-c", code, str(ours)], capture_output=True, text=True, check=True)
    assert told.stdout == "small\n"


def test_hash_is_that_of_the_file(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert checkpoint_hash(tmp_path / "x").startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("wrapper", [None, *WRAPPERS])
def test_authors_wrappings(tmp_path, net, features, wrapper, prefix):
    state = {prefix + name: value for name, value in net.state_dict().items()}
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, tmp_path / "net.pth")
    assert same(load_checkpoint(tmp_path / "net.pth", features), net)


@pytest.mark.parametrize("filters", [8, 16])
@pytest.mark.parametrize("mode", MODES)
def test_variant_is_inferred_from_shapes(mode, filters):
    config = FDMambaConfig(init_filters=filters, conv_mode=mode, up_conv_mode="orignal", blocks_down=(1, 1, 2, 1))
    assert infer_config(FDMamba(config).state_dict()) == config


def test_missing_and_unexpected_keys_are_named(tmp_path, net, features):
    state = dict(net.state_dict())
    del state["convInit.conv.weight"]
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"convInit\.conv\.weight"):
        load_checkpoint(tmp_path / "net.pth", features)
    state = {**net.state_dict(), "head.extra": torch.zeros(1)}
    del state["gating_conv.0.bias"]
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"1 missing \(gating_conv\.0\.bias\), 1 unexpected \(head\.extra\)"):
        load_checkpoint(tmp_path / "net.pth", features)


def test_text_features_that_lack_or_do_not_fit(tmp_path, net, features):
    torch.save(net.state_dict(), tmp_path / "net.pth")
    with pytest.raises(InputError, match="holds no text features for 6 prompts \\('no change', "):
        load_checkpoint(tmp_path / "net.pth")
    with pytest.raises(InputError, match="has 3 numbers"):
        load_checkpoint(tmp_path / "net.pth", {**features, PROMPTS[1]: [1, 2, 3]})
    with pytest.raises(InputError, match=r"for 1 prompt \('farmland change to water'\)"):
        load_checkpoint(
            tmp_path / "net.pth", {**{p: features[p] for p in PROMPTS[:5]}, "farmland to water": [0.0] * 12}
        )
    for unusable in ("words", None, [float("nan")] * 12, [0.0] * 12):
        with pytest.raises(InputError, match=r"'no change' for .*net\.pth is") as caught:
            load_checkpoint(tmp_path / "net.pth", {**features, PROMPTS[0]: unusable})
        assert caught.value.code in ("text_features_unusable", "text_features_no_vector")


def test_half_precision_weights_become_float32(tmp_path, net, features):
    state = {k: v.bfloat16() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    torch.save(state, tmp_path / "net.pth")
    loaded = load_checkpoint(tmp_path / "net.pth", features)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert torch.equal(loaded.convInit.conv.weight, state["convInit.conv.weight"].float())


def test_loading_leaves_the_random_numbers_alone(ours):
    state = torch.random.get_rng_state()
    load_checkpoint(ours)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_given_features_go_before_those_in_the_file(ours, features):
    turned = {PROMPTS[0]: features[PROMPTS[1]].tolist()}
    loaded = load_checkpoint(ours, turned)
    torch.testing.assert_close(loaded.score_head.text[0], features[PROMPTS[1]])


def test_conversion_keeps_the_outputs_and_adds_a_card(tmp_path, net, features):
    torch.save({"state_dict": net.state_dict()}, tmp_path / "authors.pth")
    card = convert(tmp_path / "authors.pth", tmp_path / "ours.safetensors", text_features=features)
    assert card == read_card(tmp_path / "ours.safetensors")
    assert card.text_encoder == "given vectors"
    assert same(load_checkpoint(tmp_path / "ours.safetensors"), net)


def test_conversion_that_fails_leaves_the_target_as_it_was(tmp_path, net, features, monkeypatch):
    torch.save(net.state_dict(), tmp_path / "authors.pth")
    target = tmp_path / "ours.safetensors"
    target.write_bytes(b"precious")

    def full(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FarmCDError, match="No space left on device"):
        convert(tmp_path / "authors.pth", target, text_features=features)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["authors.pth", "ours.safetensors"]
    assert target.read_bytes() == b"precious"


@pytest.mark.parametrize("place", ["small.safetensors/net.safetensors", "nowhere/net.safetensors", "folder", "x" * 300])
def test_targets_that_cannot_be_written(tmp_path, ours, place):
    (tmp_path / "folder").mkdir()
    source = tmp_path / "small.safetensors"
    source.write_bytes(ours.read_bytes())
    with pytest.raises(FarmCDError, match="could not be written") as caught:
        convert(source, tmp_path / place)
    assert str(tmp_path / place) in caught.value.message
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "small.safetensors"]


def test_conversion_of_a_bad_source_makes_no_target(tmp_path):
    (tmp_path / "net.pth").write_text("These are no weights.")
    with pytest.raises(InputError, match=r"net\.pth"):
        convert(tmp_path / "net.pth", tmp_path / "ours.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["net.pth"]


def test_conversion_onto_itself_replaces_the_file_whole(tmp_path, ours, net):
    path = tmp_path / "net.safetensors"
    path.write_bytes(ours.read_bytes())
    assert convert(path, path, card=ModelCard("renamed")).name == "renamed"
    assert read_card(path).name == "renamed"
    assert same(load_checkpoint(path), net)


def test_loading_imports_nothing_that_takes_seconds():
    code = (
        "import sys; from farmcd_qgis.networks.predictor import Predictor; from farmcd_qgis.core.paths import "
        "bundled_checkpoints; Predictor.load(str(bundled_checkpoints()[0]), 'cpu'); print(*sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    told = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(told.stdout.split())
    assert "torch" in loaded
    assert not loaded & {"sympy", "torch._dynamo", "torchvision", "open_clip", "numba", "matplotlib"}
