"""Dense CLIP: what each patch says, with a tiny CLIP that open_clip itself builds."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.clip import _open_clip, whole_clip
from farmcd_qgis.networks.semicd_vl.opinions.clip_dense import DenseClip, dense_clip, dense_tokens
from farmcd_qgis.networks.semicd_vl.opinions.covers import FARMLAND
from farmcd_qgis.training.datasets import open_dataset

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("open_clip") is None, reason="open_clip_torch is not installed"
)

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1}
VISION = {"image_size": 32, "layers": 2, "width": 64, "head_width": 64, "patch_size": 8}


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """A CLIP of random weights in a file, as MODEL@FILE."""
    return saved(tmp_path, "farmcd-tiny", VISION)


def saved(folder: Path, name: str, vision: dict[str, Any]) -> str:
    open_clip = _open_clip()
    (folder / f"{name}.json").write_text(json.dumps({"embed_dim": 16, "vision_cfg": vision, "text_cfg": TEXT}))
    open_clip.add_model_config(folder / f"{name}.json")
    torch.manual_seed(4)
    torch.save(open_clip.create_model(name, load_weights=False).state_dict(), folder / f"{name}.pt")
    return f"{name}@{folder / f'{name}.pt'}"


@torch.inference_mode()
def test_in_the_last_block_each_token_sees_itself_alone(tiny: str) -> None:
    """The last block by hand: values of the attention, its output map, residual, MLP."""
    visual = whole_clip(tiny).model.visual
    images = torch.randn(2, 3, 32, 32)
    x = visual.conv1(images).flatten(2).transpose(1, 2)
    x = visual.ln_pre(torch.cat([visual.class_embedding.expand(2, 1, -1), x], 1) + visual.positional_embedding)
    first, last = visual.transformer.resblocks
    x = first(x)
    attention, width = last.attn, x.shape[-1]
    values = F.linear(last.ln_1(x), attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :])
    x = x + attention.out_proj(values)
    x = x + last.mlp(last.ln_2(x))
    expected = visual.ln_post(x[:, 1:]) @ visual.proj
    torch.testing.assert_close(dense_tokens(visual, images), expected, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_a_patch_is_found_where_it_lies(tiny: str) -> None:
    """Six patches lend their vectors to the six covers: each cover is then seen at its patch."""
    clip = dense_clip(tiny)
    image = np.random.default_rng(2).integers(0, 255, (3, 32, 32)).astype(np.uint8)
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (clip.mean, clip.deviation))
    vectors = F.normalize(
        dense_tokens(clip.visual, (torch.from_numpy(image)[None] / 255 - mean) / deviation)[0], dim=-1
    )
    lent = [1, 4, 6, 11, 12, 15]
    seeing = DenseClip(clip.visual, vectors[lent], 100.0, clip.mean, clip.deviation, clip.name)
    seen = seeing.look(image, "one", "after").probabilities.argmax(0)
    # The middle of patch n of 4 x 4, 8 pixels wide.
    assert [seen[8 * (n // 4) + 4, 8 * (n % 4) + 4] for n in lent] == list(range(6))


@torch.inference_mode()
def test_larger_images_are_seen_through_windows(tiny: str) -> None:
    clip = dense_clip(tiny)
    assert clip.name == "open_clip farmcd-tiny of farmcd-tiny.pt"
    image = np.random.default_rng(2).integers(0, 255, (3, 50, 70)).astype(np.uint8)
    opinion = clip.look(image, "one", "before")
    assert opinion.probabilities.shape == (len(FARMLAND), 50, 70)
    np.testing.assert_allclose(opinion.probabilities.sum(0), 1, atol=1e-5)
    assert opinion.instances is None


def test_the_sentences_of_a_cover_count_together(tiny: str) -> None:
    whole, clip = whole_clip(tiny), dense_clip(tiny)
    for row, sentences in zip(clip.text, FARMLAND.sentences().values(), strict=True):
        expected = F.normalize(whole.encode(sentences).mean(0), dim=-1)
        torch.testing.assert_close(row, expected, rtol=0, atol=1e-6)


def test_a_file_of_the_first_layout_has_the_same_towers(tmp_path: Path) -> None:
    encoder = saved(tmp_path, "farmcd-tiny", VISION)
    named, plain = whole_clip(encoder), whole_clip(tmp_path / "farmcd-tiny.pt")
    assert plain.name == "CLIP of farmcd-tiny.pt"
    # OpenAI's weights are of half precision, and open_clip reads this layout so.
    torch.testing.assert_close(plain.encode(["a lake"]), named.encode(["a lake"]), rtol=0, atol=2e-3)
    images = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        tokens = [dense_tokens(clip.model.visual, images) for clip in (plain, named)]
    torch.testing.assert_close(*tokens, rtol=0, atol=2e-2)


def test_towers_without_patches_are_refused(tmp_path: Path) -> None:
    encoder = saved(tmp_path, "farmcd-rn", {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 8})
    with pytest.raises(InputError) as caught:
        dense_clip(encoder)
    assert caught.value.code == "opinion_clip_not_dense"
    assert "ModifiedResNet" in caught.value.text("en")
    assert "ModifiedResNet" in caught.value.text("zh")


def test_the_command_labels_pairs_by_it(tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(3)
    for date in "AB":
        (tmp_path / "pairs" / date).mkdir(parents=True)
        image = random.integers(0, 255, (40, 40, 3)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "pairs" / date / "one.png")
    given = ["pseudo-labels", str(tmp_path / "pairs"), "--threshold", "0.1", "--out", str(tmp_path / "out")]
    assert main([*given, "--opinions", f"clip:{tiny}"]) == 0
    assert "labelled by open_clip farmcd-tiny of farmcd-tiny.pt" in capsys.readouterr().out
    assert len(open_dataset(tmp_path / "out", "train", "classes")) == 1
    assert main([*given[:-1], str(tmp_path / "none"), "--opinions", f"clip:ViT-B-32@{tmp_path / 'none.pt'}"]) == 2
    assert "none.pt" in capsys.readouterr().err
