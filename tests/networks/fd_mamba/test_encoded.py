"""FD-Mamba on a pre-trained encoder: shapes, padding, what is frozen, and how it is kept."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.card import ModelCard
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.networks.family import family_named
from farmcd_qgis.networks.fd_mamba.efficientnet import CHANNELS, FROZEN, EfficientNetLite0, PaddedConv
from farmcd_qgis.networks.fd_mamba.encoded import EncodedConfig, EncodedFDMamba
from farmcd_qgis.networks.fd_mamba.folding import folded

SMALL = EncodedConfig(width=16, filters=8, text_width=12, context_width=12)
VARIANTS = [
    SMALL,
    EncodedConfig(width=24, difference="attention", scans=(3, 4), n_classes=2, text_width=8, context_width=10),
]


def made(config: EncodedConfig = SMALL) -> EncodedFDMamba:
    torch.manual_seed(3)
    net = EncodedFDMamba(config).eval()
    net.score_head.set_text(torch.randn(config.n_classes, config.text_width))
    return net


def images(height: int = 64, width: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.rand(2, 1, 3, height, width, generator=torch.Generator().manual_seed(4)) * 2 - 1
    return made[0], made[1]


def test_it_has_at_most_the_papers_parameters() -> None:
    largest = EncodedConfig(difference="attention", scans=(0, 1, 2, 3, 4))
    assert sum(p.numel() for p in EncodedFDMamba(largest).parameters()) < 6_650_000
    assert sum(p.numel() for p in EfficientNetLite0().parameters()) == 2_958_848


@pytest.mark.parametrize("config", VARIANTS)
def test_variant_is_told_by_its_tensors(config: EncodedConfig) -> None:
    family = family_named("fd_mamba")
    state = EncodedFDMamba(config).state_dict()
    assert family.recognise(state)
    assert family.infer_config(state) == config
    assert type(family.build(config)) is EncodedFDMamba


@torch.no_grad()
def test_a_trained_network_is_given_attention_and_scans_that_begin_as_nothing() -> None:
    family, plain = family_named("fd_mamba"), made()
    wider = family.begin(plain, {"difference": "attention", "scans": [2, 4], "thaw": 0.1})
    assert wider.config == replace(SMALL, difference="attention", scans=(2, 4))
    for one, other in zip(plain(*images()), wider.eval()(*images()), strict=True):
        torch.testing.assert_close(other, one)
    assert family.begin(plain, {"thaw": 0.1}) is plain
    with pytest.raises(InputError, match="only attention and scans"):
        family.begin(plain, {"width": 24})


@torch.no_grad()
def test_levels_halve_from_stride_2_to_32() -> None:
    levels = EfficientNetLite0().eval()(torch.rand(1, 3, 64, 96))
    assert [tuple(level.shape) for level in levels] == [
        (1, channels, 64 // stride, 96 // stride) for channels, stride in zip(CHANNELS, (2, 4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_the_odd_row_of_padding_is_below(kernel: int, stride: int) -> None:
    conv = PaddedConv(2, 2, kernel, stride, groups=2)
    x = torch.rand(1, 2, 16, 16)
    # TensorFlow's "same": as many rows as the last window lacks, the smaller half above.
    lacking = max((math.ceil(16 / stride) - 1) * stride + kernel - 16, 0)
    above, below = lacking // 2, lacking - lacking // 2
    expected = F.conv2d(F.pad(x, (above, below, above, below)), conv.weight, stride=stride, groups=2)
    torch.testing.assert_close(conv(x), expected)


@torch.no_grad()
@pytest.mark.parametrize("config", VARIANTS)
@pytest.mark.parametrize(("height", "width"), [(48, 72), (16, 16), (32, 32), (24, 200)])
def test_any_size_comes_back_as_it_was(config: EncodedConfig, height: int, width: int) -> None:
    logits, score_map = made(config)(*images(height, width))
    assert logits.shape == score_map.shape == (1, config.n_classes, height, width)


@torch.no_grad()
def test_no_change_is_decided_by_one_number() -> None:
    net = made()
    before = torch.softmax(net(*images())[0], 1)
    net.conv_final[-1].conv.bias[0] -= 1.5
    after = torch.softmax(net(*images())[0], 1)
    odds = [p[:, 0] / (1 - p[:, 0]) for p in (before, after)]
    torch.testing.assert_close(odds[1], odds[0] * math.exp(-1.5))
    # What it changed into stays as likely among the changes.
    among = [p[:, 1:] / p[:, 1:].sum(1, keepdim=True) for p in (before, after)]
    torch.testing.assert_close(among[1], among[0])


def test_norms_of_the_encoder_keep_their_statistics_in_training() -> None:
    net = made().train()
    known = {name: value.clone() for name, value in net.state_dict().items() if "running" in name}
    net(*(image.repeat(2, 1, 1, 1) for image in images()))
    moved = {name for name, value in net.state_dict().items() if name in known and not torch.equal(value, known[name])}
    assert moved
    assert not [name for name in moved if name.startswith("encoder.")]


def test_blocks_are_thawed_from_the_last() -> None:
    encoder = EfficientNetLite0()

    def trained(first: int) -> set[str]:
        encoder.thaw(first)
        return {name.rsplit(".", 2)[0] for name, p in encoder.named_parameters() if p.requires_grad}

    assert not trained(FROZEN)
    assert {name.split(".")[1] for name in trained(14)} == {"14", "15"}
    assert "_conv_stem" not in " ".join(trained(1))
    encoder.thaw(0)
    assert all(p.requires_grad for p in encoder.parameters())


def test_matrices_are_kept_in_half_precision_and_stay_so(tmp_path: Path) -> None:
    net = made()
    save_checkpoint(net, ModelCard("half"), tmp_path / "one.safetensors")
    assert (tmp_path / "one.safetensors").stat().st_size < 2.3 * sum(p.numel() for p in net.parameters())
    loaded = load_checkpoint(tmp_path / "one.safetensors")
    assert loaded.config == SMALL
    assert all(value.dtype in (torch.float32, torch.int64) for value in loaded.state_dict().values())
    with torch.inference_mode():
        exact, kept = (torch.softmax(each(*images())[0], 1) for each in (net, loaded))
    assert float((exact - kept).abs().max()) < 0.01
    save_checkpoint(loaded, ModelCard("half"), tmp_path / "two.safetensors")
    again = load_checkpoint(tmp_path / "two.safetensors")
    assert all(
        torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), again.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("config", VARIANTS)
@torch.no_grad()
def test_folded_norms_change_nothing_but_the_layers(config: EncodedConfig) -> None:
    net = made(config)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            if module.affine:
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
    quick = folded(net)
    for one, other in zip(net(*images()), quick(*images()), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4)
    left = [name for name, module in quick.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
    # Before a convolution that only the attention has, none is folded.
    assert all(name.endswith("lateral.0") for name in left)
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in net.modules())


@torch.no_grad()
def test_encoder_computes_what_another_implementation_does() -> None:
    """Against timm's, with the same random weights: their tensors stand in the same order."""
    from farmcd_qgis.networks.clip import _open_clip_safe_torchvision

    _open_clip_safe_torchvision()
    timm = pytest.importorskip("timm", reason="timm comes with open_clip_torch, which is not installed")
    other = timm.create_model("tf_efficientnet_lite0", features_only=True, pretrained=False).eval()
    generator = torch.Generator().manual_seed(5)
    for name, value in other.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2, generator=generator)
        elif name.endswith("running_mean"):
            value.normal_(0, 0.1, generator=generator)
    own = EfficientNetLite0().eval()
    own.load_state_dict(dict(zip(own.state_dict(), other.state_dict().values(), strict=True)))
    x = torch.rand(1, 3, 96, 64, generator=generator) * 2 - 1
    for level, expected in zip(own(x), other(x), strict=True):
        torch.testing.assert_close(level, expected, rtol=1e-4, atol=1e-4)


def test_what_nobody_trains_takes_no_room_in_a_zip() -> None:
    family, told, silent = family_named("fd_mamba"), made(), made()
    layers = silent.score_head.ctx_mlp
    family.prepare(silent, {}, False)
    assert all(len(value.unique()) == 2 for value in layers.parameters())
    assert all(value.any() for value in layers.parameters()), "contexts may still be learned from there"
    for one, other in zip(made()(*images()), silent.eval()(*images()), strict=True):
        torch.testing.assert_close(other, one)
    kept = [value.clone() for value in layers.parameters()]
    family.prepare(silent, {}, False)
    assert all(torch.equal(value, old) for value, old in zip(layers.parameters(), kept, strict=True))
    told.score_head.contexts = {"season": torch.ones(12)}
    before = told.score_head.ctx_mlp[0].weight.clone()
    family.prepare(told, {}, False)
    assert torch.equal(told.score_head.ctx_mlp[0].weight, before)
