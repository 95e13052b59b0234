"""Checkpoints: ours come back as they went, the authors' in every wrapping, and bad ones with a sentence."""

import json
import os
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmcd_qgis.engine import load_checkpoint
from farmcd_qgis.engine.checkpoint import (
    WRAPPERS,
    ModelCard,
    checkpoint_hash,
    infer_config,
    read_card,
    save_checkpoint,
)
from farmcd_qgis.engine.convert import convert
from farmcd_qgis.engine.models.fd_mamba import FDMamba, FDMambaConfig
from farmcd_qgis.engine.text_priors import class_prompts
from farmcd_qgis.protocol import FarmCDError, InputError

SMALL = FDMambaConfig(init_filters=8, blocks_down=(0, 1, 1, 1), text_width=12, context_width=12)
MODES = ["orignal", "orignal_dinner", "orignal_1_5_dmodel", "deepwise", "deepwise_dinner"]
PROMPTS = class_prompts(6)
CARD = ModelCard("small", data="none", resolution_m=(1.0, 8.0), metrics={"binary F1": 0.5})


def made(config: FDMambaConfig = SMALL) -> FDMamba:
    torch.manual_seed(1)
    net = FDMamba(config).eval()
    net.score_head.set_text(torch.randn(config.n_classes, config.text_width), {"season": torch.randn(12)})
    return net


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


def outputs(net: FDMamba, **options) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.rand(2, 1, 3, 16, 24, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.inference_mode():
        return net(images[0], images[1], **options)


def same(one: FDMamba, other: FDMamba) -> bool:
    return all(torch.equal(a, b) for a, b in zip(outputs(one), outputs(other), strict=True))


def test_ours_comes_back_as_it_went(net, ours):
    loaded = load_checkpoint(ours)
    assert same(loaded, net)
    assert torch.equal(outputs(loaded, context=["season"])[1], outputs(net, context=["season"])[1])
    assert (loaded.card, loaded.config, loaded.temperature) == (CARD, SMALL, 1.0)
    assert not loaded.training


def test_card_is_read_without_torch(ours):
    code = (
        "import sys; from farmcd_qgis.engine.checkpoint import read_card; print(read_card(sys.argv[1]).name)\n"
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
    assert infer_config(FDMamba(config).state_dict(), Path("net.pth")) == config


def test_missing_and_unexpected_keys_are_named(tmp_path, net, features):
    state = dict(net.state_dict())
    del state["convInit.conv.weight"]
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"convInit\.conv\.weight"):
        load_checkpoint(tmp_path / "net.pth", features)
    state = {**net.state_dict(), "head.extra": torch.zeros(1)}
    del state["gating_conv.0.bias"]
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"1 missing \(gating_conv\.0\.bias\); 1 unexpected \(head\.extra\)"):
        load_checkpoint(tmp_path / "net.pth", features)


def test_text_features_that_lack_or_do_not_fit(tmp_path, net, features):
    torch.save(net.state_dict(), tmp_path / "net.pth")
    with pytest.raises(InputError, match="holds no text features for 'no change' and 5 more"):
        load_checkpoint(tmp_path / "net.pth")
    with pytest.raises(InputError, match="has 3 numbers"):
        load_checkpoint(tmp_path / "net.pth", {**features, PROMPTS[1]: [1, 2, 3]})


def test_given_features_go_before_those_in_the_file(ours, features):
    turned = {PROMPTS[0]: features[PROMPTS[1]].tolist()}
    loaded = load_checkpoint(ours, turned)
    torch.testing.assert_close(loaded.score_head.text[0], features[PROMPTS[1]])


def header_of(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def with_words(path: Path, target: Path, change) -> None:
    header, rest = header_of(path)
    words = json.loads(header["__metadata__"]["farmcd"])
    header["__metadata__"]["farmcd"] = json.dumps(change(words))
    text = json.dumps(header).encode()
    target.write_bytes(struct.pack("<Q", len(text)) + text + rest)


CHANGES = {
    "no card": lambda words: {k: v for k, v in words.items() if k != "card"},
    "card is a list": lambda words: {**words, "card": [1]},
    "no config": lambda words: {k: v for k, v in words.items() if k != "config"},
    "other config": lambda words: {**words, "config": {**words["config"], "wings": 2}},
    "other filters": lambda words: {**words, "config": {**words["config"], "init_filters": 16}},
    "mode unknown": lambda words: {**words, "config": {**words["config"], "conv_mode": "x"}},
    "fewer prompts": lambda words: {**words, "class_prompts": words["class_prompts"][:3]},
    "other model": lambda words: {**words, "model": "unet"},
    "newer format": lambda words: {**words, "format": 99},
    "temperature in words": lambda words: {**words, "temperature": "warm"},
    "a list": lambda words: [words],
}


@pytest.mark.parametrize("change", CHANGES)
def test_headers_that_lie(tmp_path, ours, change):
    with_words(ours, tmp_path / "net.safetensors", CHANGES[change])
    with pytest.raises(InputError) as caught:
        load_checkpoint(tmp_path / "net.safetensors")
    assert str(tmp_path / "net.safetensors") in caught.value.message


def bad_files(folder: Path, ours: Path, net: FDMamba) -> dict[str, Path]:
    files = {name: folder / f"{name}.pth" for name in ("text", "empty", "cut", "module", "list", "void", "folder")}
    files["text"].write_text("These are no weights.")
    files["empty"].touch()
    torch.save(net.state_dict(), files["cut"])
    files["cut"].write_bytes(files["cut"].read_bytes()[:20_000])
    torch.save(torch.nn.Linear(2, 2), files["module"])
    torch.save([1, 2], files["list"])
    torch.save({"a": 1}, files["void"])
    files["folder"].mkdir()
    files["missing"] = folder / "missing.pth"
    files["cut own"] = folder / "cut.safetensors"
    files["cut own"].write_bytes(ours.read_bytes()[:20_000])
    files["other network"] = folder / "other.pth"
    torch.save(torch.nn.Linear(2, 2).state_dict(), files["other network"])
    files["endless header"] = folder / "endless.safetensors"
    files["endless header"].write_bytes(struct.pack("<Q", 2**60) + b"{}")
    files["nan"] = folder / "nan.pth"
    state = {name: value.clone() for name, value in net.state_dict().items()}
    state["convInit.conv.weight"][0] = torch.nan
    torch.save(state, files["nan"])
    return files


FAULTS = [
    "text",
    "empty",
    "cut",
    "module",
    "list",
    "void",
    "folder",
    "missing",
    "cut own",
    "other network",
    "endless header",
    "nan",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_files_get_a_sentence(tmp_path, ours, net, features, fault):
    path = bad_files(tmp_path, ours, net)[fault]
    with pytest.raises(InputError) as caught:
        load_checkpoint(path, features)
    assert str(path) in caught.value.message
    with pytest.raises(InputError):
        read_card(path)


def test_hostile_pickle_runs_nothing(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    torch.save({"model": Hostile()}, tmp_path / "net.pth")
    with pytest.raises(InputError, match="could run code of a stranger"):
        load_checkpoint(tmp_path / "net.pth")
    assert not (tmp_path / "owned").exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 60_000), place=st.integers(0, 2000), byte=st.integers(0, 255), legacy=st.booleans())
def test_damage_is_met_with_a_sentence(tmp_path, ours, cut, place, byte, legacy):
    data = bytearray(ours.read_bytes()[: cut or None])
    if place < len(data):
        data[place] = byte
    path = tmp_path / ("net.pth" if legacy else "net.safetensors")
    path.write_bytes(data)
    # Damage that changes no meaning is none; any other exception than InputError fails the test.
    with suppress(InputError):
        read_card(path)
    with suppress(InputError):
        load_checkpoint(path)


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
