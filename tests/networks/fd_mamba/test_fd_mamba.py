"""FD-Mamba against the golden numbers of the authors' network (random weights: they test arithmetic)."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.networks.fd_mamba.network import (
    EnhancedSEFusionModule,
    FDMamba,
    FDMambaConfig,
    FineGrainedDiffAttention,
    SRCMLayer,
)
from farmcd_qgis.networks.fd_mamba.scan import compiled_layer, use_backend
from tests.helpers.fd_mamba_golden import GOLDEN, IO, PROMPTS, TEXT, assert_close

PARTS = np.load(GOLDEN / "tiny_intermediates.npz")
UNIT = np.load(GOLDEN / "unit.npz")
CTX1, CTX2 = PROMPTS[6], PROMPTS[7]


@pytest.fixture(scope="module")
def net() -> FDMamba:
    return load_checkpoint(GOLDEN / "tiny.pt", dict(zip(PROMPTS, TEXT["unit"], strict=True)))


@pytest.fixture(scope="module")
def pair() -> tuple[Tensor, Tensor]:
    return torch.tensor(IO["x1"]), torch.tensor(IO["x2"])


@torch.no_grad()
def test_logits_and_score_map(net: FDMamba, pair: tuple[Tensor, Tensor]) -> None:
    logits, score_map = net(*pair)
    assert_close(logits, IO["logits_noctx"])
    assert_close(score_map, IO["score_map_noctx"])


@torch.no_grad()
def test_context_is_averaged_over_its_pool(net: FDMamba, pair: tuple[Tensor, Tensor]) -> None:
    logits, score_map = net(*pair, [CTX1])
    assert_close(logits[..., ::2, ::2], IO["logits_ctx1_s2"])
    assert_close(score_map[..., ::2, ::2], IO["score_map_ctx1_s2"])
    x1, x2 = pair
    logits, _ = net(torch.cat([x1, x2]), torch.cat([x2, x1]), [CTX1, CTX2])
    assert_close(logits[..., ::2, ::2], IO["logits_batch2_s2"])


@torch.no_grad()
def test_float64(pair: tuple[Tensor, Tensor]) -> None:
    net = load_checkpoint(GOLDEN / "tiny.pt", dict(zip(PROMPTS, TEXT["unit"], strict=True))).double()
    net.score_head.set_text(torch.tensor(TEXT["unit"][:6], dtype=torch.float64))
    logits, _ = net(*(image.double() for image in pair))
    assert_close(logits[..., ::2, ::2], IO["logits_noctx_f64_s2"], 1e-7, 1e-7, 1e-7)


@torch.no_grad()
def test_intermediates(net: FDMamba, pair: tuple[Tensor, Tensor]) -> None:
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        return lambda module, inputs, output: seen.__setitem__(name, output)

    watched = {"convInit": net.convInit, "diff1": net.diff_attentions[1], "gate": net.gating_conv}
    watched |= {f"enc{i}": layer for i, layer in enumerate(net.srcm_encoder_layers)}
    watched |= {f"fuse{i}": layer for i, layer in enumerate(net.fusion_modules)}
    watched |= {f"dec{i}": layer for i, layer in enumerate(net.srcm_decoder_layers)}
    hooks = [module.register_forward_hook(keep(name)) for name, module in watched.items()]
    try:
        net(*pair)
    finally:
        for hook in hooks:
            hook.remove()
    for key in PARTS.files:
        name, _, stride = key.partition("__stride")
        step = int(stride or 1)
        assert_close(seen[name][:1, ..., ::step, ::step], PARTS[key])


@torch.no_grad()
@pytest.mark.parametrize("mode", ["orignal", "orignal_dinner", "deepwise"])
def test_srcm_layer(mode: str) -> None:
    prefix = f"srcm_{mode}."
    layer = SRCMLayer(8, 12, mode)
    extra = ("_x", "_y", "_convmamba_in", "_convmamba_out")
    state = {k.removeprefix(prefix): torch.tensor(UNIT[k]) for k in UNIT.files if k.startswith(prefix)}
    layer.load_state_dict({k: v for k, v in state.items() if not k.endswith(extra)})
    assert_close(layer(torch.tensor(UNIT[f"srcm_{mode}_x"])), UNIT[f"srcm_{mode}_y"])


@torch.no_grad()
def test_difference_attention_and_fusion() -> None:
    attention, fusion = FineGrainedDiffAttention(8), EnhancedSEFusionModule(8)
    for module, prefix in ((attention, "diff."), (fusion, "se.")):
        state = {k.removeprefix(prefix): torch.tensor(UNIT[k]) for k in UNIT.files if k.startswith(prefix)}
        module.load_state_dict(state, strict=False)
    ours = attention(torch.tensor(UNIT["diff_x1"]), torch.tensor(UNIT["diff_x2"]))
    assert_close(ours, UNIT["diff_y"])
    fusion.eval()
    assert_close(fusion(*(torch.tensor(UNIT[f"se_x{i}"]) for i in (1, 2, 3))), UNIT["se_y"])


@pytest.mark.parametrize(("mode", "count"), [("orignal", 6_647_366), ("orignal_dinner", 10_899_798)])
def test_trainable_parameters(mode: str, count: int) -> None:
    assert sum(p.numel() for p in FDMamba(FDMambaConfig(conv_mode=mode)).parameters()) == count


def test_keys_and_shapes_are_the_authors() -> None:
    lines = (GOLDEN / "state_dict_keys.txt").read_text().splitlines()
    wanted = dict(line.split("\t")[:2] for line in lines if not line.startswith("#"))
    state = FDMamba(FDMambaConfig(conv_mode="orignal_dinner")).state_dict()
    assert {key: str(tuple(value.shape)) for key, value in state.items()} == wanted


@torch.no_grad()
@pytest.mark.parametrize("mode", ["orignal_1_5_dmodel", "deepwise_dinner"])
def test_other_local_branches_run_on_tiles_that_are_not_square(mode: str) -> None:
    net = FDMamba(FDMambaConfig(8, conv_mode=mode, blocks_down=(1, 0, 0, 0))).eval()
    net.score_head.set_text(torch.tensor(TEXT["unit"][:6]))
    logits, score_map = net(torch.rand(1, 3, 16, 40), torch.rand(1, 3, 16, 40))
    assert logits.shape == score_map.shape == (1, 6, 16, 40)
    assert torch.isfinite(logits).all()


def test_score_map_equals_the_plain_form() -> None:
    net = load_checkpoint(GOLDEN / "tiny.pt", dict(zip(PROMPTS, TEXT["unit"], strict=True)))
    head = net.score_head
    feature = torch.randn(2, 8, 16, 16)
    projected = torch.nn.functional.normalize(head.proj(feature), dim=1)
    plain = head.logit_scale.exp() * torch.einsum("bchw,kc->bkhw", projected, head.text)
    assert (head(feature) - plain).abs().max() <= 1e-5


@pytest.mark.parametrize("mode", ["orignal", "orignal_dinner", "deepwise"])
@pytest.mark.parametrize(
    ("inputs", "outputs", "shape"),
    [(8, 16, (16, 16)), (8, 8, (20, 23)), (16, 24, (33, 9)), (32, 64, (3, 5)), (128, 128, (8, 8))],
)
def test_compiled_layer_equals_the_plain_recurrence(
    inputs: int, outputs: int, shape: tuple[int, int], mode: str
) -> None:
    layer, image = some_layer(inputs, outputs, mode), torch.randn(2, inputs, *shape)
    layer.convmamba.dt_proj_b.bias[::3] = 25.0  # where softplus is linear
    with torch.no_grad():
        assert compiled_layer(image.flatten(2).transpose(1, 2), layer.convmamba.A_log)
        ours = layer(image)
        with use_backend("recurrence"):
            wanted = layer.double()(image.double())
    assert (ours - wanted).abs().max() <= 1e-5 * (1 + wanted.abs().max())


def test_compiled_layer_takes_changed_parameters() -> None:
    layer, image = some_layer(16, 16, "orignal"), torch.randn(1, 16, 8, 8)
    with torch.no_grad():
        first = layer(image)
        layer.proj.bias += 1
        assert torch.allclose(layer(image), first + 1, atol=1e-5)
        layer.load_state_dict(some_layer(16, 16, "orignal", seed=1).state_dict())
        assert not torch.allclose(layer(image), first, atol=1e-2)


def test_compiled_layer_gives_the_same_bytes_whatever_the_batch_and_the_threads() -> None:
    layer, images, threads = some_layer(16, 16, "orignal"), torch.randn(3, 16, 40, 24), torch.get_num_threads()
    with torch.no_grad():
        together = layer(images)
        try:
            torch.set_num_threads(1)
            alone = torch.cat([layer(image[None]) for image in images])
        finally:
            torch.set_num_threads(threads)
    assert torch.equal(together, alone)


def some_layer(inputs: int, outputs: int, mode: str, seed: int = 0) -> SRCMLayer:
    """Make a layer whose parameters all matter."""
    torch.manual_seed(seed)
    layer = SRCMLayer(inputs, outputs, mode).requires_grad_(False)
    layer.skip_scale.fill_(0.7)
    layer.norm.weight.uniform_(0.5, 1.5)
    layer.norm.bias.uniform_(-1, 1)
    return layer


def test_training_and_other_backends_take_the_composed_way() -> None:
    tokens, a = torch.zeros(1, 64, 16), torch.zeros(32, 16)
    assert compiled_layer(tokens, a) is None
    with torch.no_grad():
        assert compiled_layer(tokens, a)
        assert compiled_layer(tokens.double(), a) is None
        with use_backend("chunked"):
            assert compiled_layer(tokens, a) is None
