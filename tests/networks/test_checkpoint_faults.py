"""Checkpoints that are damaged, lie or are hostile: always a sentence with the path, never another exception."""

import json
import os
import pickle
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.card import read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.networks.fd_mamba.network import FDMamba
from tests.helpers.small_network import CARD, PROMPTS, made

pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")


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
    "other filters": lambda words: {**words, "config": {**words["config"], "init_filters": 2**40}},
    "endless blocks": lambda words: {**words, "config": {**words["config"], "blocks_down": [2**60, 1, 1, 1]}},
    "other classes": lambda words: {**words, "config": {**words["config"], "n_classes": 2}},
    "mode unknown": lambda words: {**words, "config": {**words["config"], "conv_mode": "x"}},
    "config is a list": lambda words: {**words, "config": [1]},
    "other prompts": lambda words: {**words, "class_prompts": list("abcdef")},
    "prompts are numbers": lambda words: {**words, "class_prompts": 6},
    "fewer prompts": lambda words: {**words, "class_prompts": words["class_prompts"][:3]},
    "other model": lambda words: {**words, "model": "unet"},
    "newer format": lambda words: {**words, "format": 99},
    "temperature in words": lambda words: {**words, "temperature": "warm"},
    "format in words": lambda words: {**words, "format": "first"},
    "format is infinite": lambda words: {**words, "format": float("inf")},
    "temperature beyond floats": lambda words: {**words, "temperature": 10**400},
    "temperature is NaN": lambda words: {**words, "temperature": float("nan")},
    "temperature is zero": lambda words: {**words, "temperature": 0},
    "name is a number": lambda words: {**words, "card": {"name": 5}},
    "no name": lambda words: {**words, "card": {}},
    "metrics are a list": lambda words: {**words, "card": {"name": "x", "metrics": [1]}},
    "metric is NaN": lambda words: {**words, "card": {"name": "x", "metrics": {"F1": float("nan")}}},
    "resolution in words": lambda words: {**words, "card": {"name": "x", "resolution_m": "fine"}},
    "resolution is empty": lambda words: {**words, "card": {"name": "x", "resolution_m": []}},
    "tile beyond floats": lambda words: {**words, "card": {"name": "x", "tile": 10**400}},
    "three resolutions": lambda words: {**words, "card": {"name": "x", "resolution_m": [1, 2, 3]}},
    "classes are a word": lambda words: {**words, "card": {"name": "x", "classes": "all"}},
    "classes of strangers": lambda words: {**words, "card": {"name": "x", "classes": ["no_change", "meadow"]}},
    "classes without colours": lambda words: {**words, "card": {"name": "x", "classes": [{"id": 0, "name": "a"}] * 2}},
    "a list": lambda words: [words],
}
CARD_TELLS = {"other model", "newer format", "no card", "card is a list", "a list", "no name"} | {
    name for name in CHANGES if name.startswith(("name", "metric", "resolution", "three", "tile", "format", "classes"))
}


@pytest.mark.parametrize("change", CHANGES)
def test_headers_that_lie(tmp_path, ours, change):
    with_words(ours, tmp_path / "net.safetensors", CHANGES[change])
    with pytest.raises(InputError) as caught:
        load_checkpoint(tmp_path / "net.safetensors")
    assert str(tmp_path / "net.safetensors") in caught.value.message
    if change in CARD_TELLS:
        with pytest.raises(InputError):
            read_card(tmp_path / "net.safetensors")


STRANGE_TENSORS = {
    "other filters": ("convInit.conv.weight", torch.zeros(7, 3, 3, 3)),
    "no filters": ("convInit.conv.weight", torch.zeros(0, 3, 3, 3)),
    "more than the memory": ("convInit.conv.weight", torch.zeros(1).expand(10**10)),
    "a number": ("convInit.conv.weight", torch.tensor(1.0)),
    "sparse": ("convInit.conv.weight", torch.ones(8, 3, 3, 3).to_sparse()),
    "without content": ("convInit.conv.weight", torch.zeros(8, 3, 3, 3, device="meta")),
    "endless classes": ("conv_final.2.conv.weight", torch.zeros(2**30, 0)),
    "no mode": ("srcm_encoder_layers.1.0.0.convmamba.local_relation.0.weight", torch.zeros(9, 8, 3, 3)),
    "infinite": ("convInit.conv.weight", torch.full((8, 3, 3, 3), torch.inf)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strange", STRANGE_TENSORS)
def test_strange_tensors(tmp_path, net, features, strange):
    name, value = STRANGE_TENSORS[strange]
    torch.save({**net.state_dict(), name: value}, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"net\.pth"):
        load_checkpoint(tmp_path / "net.pth", features)


def rewritten_headers(path: Path) -> dict[str, bytes]:
    header, rest = header_of(path)
    text = header["text.classes"]
    headers = {
        "type unknown": {**header, "text.classes": {**text, "dtype": "Q7"}},
        "shape beyond numbers": {**header, "text.classes": {**text, "shape": [10**12, 10**12]}},
        "offsets beyond the file": {**header, "text.classes": {**text, "data_offsets": [0, 10**15]}},
        "no text": {name: entry for name, entry in header.items() if name != "text.classes"},
        "metadata is a list": {**header, "__metadata__": [1]},
        "metadata is a number": {**header, "__metadata__": {"farmcd": 5}},
        "metadata is no JSON": {**header, "__metadata__": {"farmcd": "{]"}},
        "no metadata": {name: entry for name, entry in header.items() if name != "__metadata__"},
    }
    texts = {name: json.dumps(header).encode() for name, header in headers.items()}
    texts["nested without end"] = b'{"a":' + b"[" * 200_000
    texts["bytes that are no text"] = b'{"a":"\xff\xfe"}'
    return {name: struct.pack("<Q", len(text)) + text + rest for name, text in texts.items()}


HEADERS = [
    "type unknown",
    "shape beyond numbers",
    "offsets beyond the file",
    "no text",
    "metadata is a list",
    "metadata is a number",
    "metadata is no JSON",
    "no metadata",
    "nested without end",
    "bytes that are no text",
]


@pytest.mark.parametrize("fault", HEADERS)
def test_safetensors_headers(tmp_path, ours, fault):
    path = tmp_path / "net.safetensors"
    path.write_bytes(rewritten_headers(ours)[fault])
    with pytest.raises(InputError) as caught:
        load_checkpoint(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("changed", "told"), [(torch.full((6, 12), torch.nan), "is NaN"), (torch.ones(6, 5), "has 5 numbers")]
)
def test_text_features_in_the_file_are_looked_at(tmp_path, ours, changed, told):
    header, _ = header_of(ours)
    tensors = {**load_file(ours), "text.classes": changed}
    save_file(tensors, tmp_path / "net.safetensors", header["__metadata__"])
    with pytest.raises(InputError, match=told) as caught:
        load_checkpoint(tmp_path / "net.safetensors")
    assert str(tmp_path / "net.safetensors") in caught.value.message


FAULTS = [
    "text",
    "empty",
    "cut",
    "cut, old layout",
    "cut own",
    "module",
    "list",
    "void",
    "archive",
    "pickle",
    "folder",
    "missing",
    "other network",
    "endless header",
    "nan",
]


def bad_files(folder: Path, ours: Path, net: FDMamba) -> dict[str, Path]:
    files = {fault: folder / f"{fault}.pth" for fault in FAULTS}
    files["text"].write_text("These are no weights.")
    files["empty"].touch()
    torch.save(net.state_dict(), files["cut"])
    files["cut"].write_bytes(files["cut"].read_bytes()[:20_000])
    torch.save(torch.nn.Linear(2, 2), files["module"])
    torch.save([1, 2], files["list"])
    torch.save({"a": 1}, files["void"])
    with zipfile.ZipFile(files["archive"], "w") as archive:
        archive.writestr("weights/data.pkl", "none")
    files["pickle"].write_bytes(pickle.dumps({"a": 1}))
    torch.save(net.state_dict(), files["cut, old layout"], _use_new_zipfile_serialization=False)
    files["cut, old layout"].write_bytes(files["cut, old layout"].read_bytes()[:100_000])
    files["folder"].mkdir()
    files["cut own"] = folder / "cut.safetensors"
    files["cut own"].write_bytes(ours.read_bytes()[:20_000])
    torch.save(torch.nn.Linear(2, 2).state_dict(), files["other network"])
    files["endless header"] = folder / "endless.safetensors"
    files["endless header"].write_bytes(struct.pack("<Q", 2**60) + b"{}")
    files["nan"] = folder / "nan.pth"
    state = {name: value.clone() for name, value in net.state_dict().items()}
    state["convInit.conv.weight"][0] = torch.nan
    torch.save(state, files["nan"])
    return files


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_files_get_a_sentence(tmp_path, ours, net, features, fault):
    path = bad_files(tmp_path, ours, net)[fault]
    with pytest.raises(InputError) as caught:
        load_checkpoint(path, features)
    assert str(path) in caught.value.message
    assert "weights_only" not in caught.value.message  # torch advises the person to switch the safety off
    with pytest.raises(InputError):
        read_card(path)


def test_file_that_may_not_be_read(tmp_path, ours, monkeypatch):
    def denied(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    for read in (load_checkpoint, read_card):
        with pytest.raises(InputError, match=r"small\.safetensors.*Permission denied"):
            read(ours)


@pytest.mark.parametrize("layout", ["torch", "torch's old one", "pickle"])
def test_hostile_pickle_runs_nothing(tmp_path, layout):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    path = tmp_path / "net.pth"
    if layout == "pickle":
        path.write_bytes(pickle.dumps(Hostile()))
    else:
        torch.save({"model": Hostile()}, path, _use_new_zipfile_serialization=layout == "torch")
    with pytest.raises(InputError, match=r"net\.pth") as caught:
        load_checkpoint(path)
    assert (caught.value.code == "checkpoint_unsafe") == (layout != "pickle")
    assert not (tmp_path / "owned").exists()
    with suppress(OSError, RuntimeError):
        torch.load(path, weights_only=False)
    assert (tmp_path / "owned").exists()  # the file is as dangerous as this test says


@pytest.fixture(scope="module")
def authors(net: FDMamba, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authors") / "small.pth"
    torch.save(net.state_dict(), path)
    return path


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=300), front=st.sampled_from([b"", b"\x40" + bytes(7) + b"{", b"PK\x03\x04", b"\x80\x02"])
)
def test_random_bytes_are_met_with_a_sentence(tmp_path, data, front):
    (tmp_path / "net.pth").write_bytes(front + data)
    for read in (read_card, load_checkpoint):
        with pytest.raises(InputError):
            read(tmp_path / "net.pth")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 60_000), place=st.integers(0, 2000), byte=st.integers(0, 255), legacy=st.booleans())
def test_damage_is_met_with_a_sentence(tmp_path, ours, authors, cut, place, byte, legacy):
    data = bytearray((authors if legacy else ours).read_bytes()[: cut or None])
    if place < len(data):
        data[place] = byte
    path = tmp_path / ("net.pth" if legacy else "net.safetensors")
    path.write_bytes(data)
    # Damage that changes no meaning is none; any other exception than InputError fails the test.
    with suppress(InputError):
        read_card(path)
    with suppress(InputError):
        load_checkpoint(path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("wrapper", ["model", "state_dict", "net", "cd_model"])
def test_a_file_that_holds_itself_is_said(tmp_path: Path, wrapper: str):
    torch.save({"model": {"a": torch.zeros(3)}}, tmp_path / "plain.pth")
    name = wrapper.encode()
    # A dictionary that is put into itself by its memo.
    itself = b"\x80\x02}q\x00X" + struct.pack("<I", len(name)) + name + b"h\x00s."
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(tmp_path / "net.pth", "w") as made_up:
        for one in plain.namelist():
            made_up.writestr(one, itself if one.endswith("data.pkl") else plain.read(one))
    with pytest.raises(InputError, match=r"net\.pth") as caught:
        load_checkpoint(tmp_path / "net.pth")
    assert caught.value.code == "checkpoint_no_state"
