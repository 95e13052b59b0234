"""Fused convolutions: what a folded network predicts, to within less than a run's rounding, and with equal bytes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.core.messages import render
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.networks.family import family_named
from farmcd_qgis.networks.fd_mamba import fused
from farmcd_qgis.networks.fd_mamba.encoded import EncodedConfig, EncodedFDMamba
from farmcd_qgis.networks.fd_mamba.folding import folded
from farmcd_qgis.networks.fd_mamba.network import SRCMLayer
from farmcd_qgis.networks.predictor import Predictor

needs_onednn = pytest.mark.skipif(not fused.can_fuse(), reason="this torch does not fuse convolutions here")
ALL_PARTS = EncodedConfig(width=16, filters=16, difference="attention", scans=(2, 4), text_width=12, context_width=8)
PLAIN = EncodedConfig(width=16, filters=16, text_width=12, context_width=8)


def made(config: EncodedConfig) -> EncodedFDMamba:
    """Make a network whose every part counts, those that begin as nothing included."""
    torch.manual_seed(3)
    net = EncodedFDMamba(config).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    for name, value in net.named_parameters():
        if name.endswith(("gain", "scan.conv2.proj.weight")):
            torch.nn.init.normal_(value, 0, 0.3)
    net.score_head.set_text(torch.randn(6, 12), {"spring": torch.randn(12), "haze": torch.randn(12)})
    return net


def images(count: int, height: int, width: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(height * width)
    return [torch.rand(count, 3, height, width, generator=generator) * 2 - 1 for _ in range(2)]


@needs_onednn
@pytest.mark.parametrize("config", [PLAIN, ALL_PARTS], ids=["plain", "all parts"])
@torch.inference_mode()
def test_a_fused_network_gives_what_a_folded_one_does(config: EncodedConfig) -> None:
    whole = folded(made(config))
    quick = fused.fuse(folded(made(config)))
    left = [name for name, layer in quick.named_modules() if isinstance(layer, torch.nn.Conv2d)]
    assert all(name.startswith("score_head.") for name in left)
    asked = [((1, 96, 160), None, True), ((2, 64, 96), ["spring", "haze"], True), ((2, 64, 64), ["haze", None], False)]
    for size, context, pooled in asked:
        pair = images(*size)
        for one, other in zip(whole(*pair, context, pooled), quick(*pair, context, pooled), strict=True):
            # Instance norms of small maps make much of what is rounded otherwise; the scores are between -14 and 14.
            assert float(one.std()) > 0.3
            torch.testing.assert_close(other, one, rtol=0, atol=0.02)


@needs_onednn
def test_the_bundled_network_differs_by_far_less_than_a_percent_is_rounded() -> None:
    path = next(path for path in bundled_checkpoints() if "attention" in path.name)
    net = load_checkpoint(path)
    before, after = np.random.default_rng(1).integers(0, 256, (2, 2, 3, 128, 128), np.uint8)
    quick, exact = Predictor(net, tile=128), Predictor(net, tile=128)
    exact._predicting = folded(net)
    for one, other in zip(exact.predict(before, after), quick.predict(before, after), strict=True):
        assert np.abs(one - other).max() < 1e-4


@needs_onednn
def test_equal_bytes_on_any_number_of_threads_from_the_first_tile_on() -> None:
    before, after = np.random.default_rng(2).integers(0, 256, (2, 4, 3, 64, 64), np.uint8)
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            parts = Predictor(made(ALL_PARTS), tile=64).predict(before, after)
            found.append([part.tobytes() for part in parts if part is not None])
    finally:
        torch.set_num_threads(threads)
    assert found[0] == found[1]


@pytest.mark.parametrize(("kept", "told"), [(["a.nbi"], []), ([], ["compiling"])])
def test_loading_tells_that_it_compiles_only_where_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: list[str], told: list[str]
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for name in kept:
        (tmp_path / "layer").mkdir()
        (tmp_path / "layer" / name).touch()
    stages: list[str] = []
    feedback = Feedback(lambda step: stages.append(step.stage))
    scanned = scans_of(monkeypatch)
    net = made(ALL_PARTS)
    Predictor(net, tile=64).warm(feedback)
    assert stages == told
    assert render("stage_compiling", {}, "en") != render("stage_compiling", {}, "zh")
    # One layer of its one kind; a network without any has nothing to compile.
    assert scanned == [(1, 16, 8, 8)] * len(told)
    Predictor(made(PLAIN), tile=64).warm(feedback)
    family_named("fd_mamba").warm(net, "cuda", feedback)
    assert (stages, len(scanned)) == (told, len(told))


def scans_of(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """List the shapes that layers with scans are given from now on."""
    shapes: list[tuple[int, ...]] = []
    forward = SRCMLayer.forward

    def noted(layer: SRCMLayer, x: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(x.shape))
        return forward(layer, x)

    monkeypatch.setattr(SRCMLayer, "forward", noted)
    return shapes


def test_a_network_stays_folded_where_nothing_can_be_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    net = made(ALL_PARTS)
    monkeypatch.setattr(fused.platform, "machine", lambda: "riscv64")
    fused.can_fuse.cache_clear()
    try:
        kept = family_named("fd_mamba").predicting(net, "cpu")
    finally:
        fused.can_fuse.cache_clear()
    assert not any(isinstance(layer, fused.FusedConv) for layer in kept.modules())
    assert any(isinstance(layer, torch.nn.Conv2d) for layer in kept.modules())


@needs_onednn
def test_torch_without_the_operations_is_known_by_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused.FusedConv, "forward", lambda self, x, plus=None: x)
    fused.can_fuse.cache_clear()
    try:
        assert not fused.can_fuse()
    finally:
        fused.can_fuse.cache_clear()
