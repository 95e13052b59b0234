"""Learning rate, weight decay and running mean."""

from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.networks.schanger.network import SChanger, SChangerConfig
from farmcd_qgis.training.optimisation import RunningMean, learning_rate, optimiser
from farmcd_qgis.training.recipe import OptimiserSettings

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "schanger" / "schanger_lr.npz")


def test_learning_rate_rises_and_falls() -> None:
    settings = OptimiserSettings(lr=1.0, lr_least=0.0, warmup=0.1)
    rates = [learning_rate(settings, progress) for progress in (0, 0.05, 0.1, 0.55, 1)]
    assert rates == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_learning_rate_of_schanger_is_the_authors() -> None:
    total, warmup = int(GOLDEN["total_steps"]), int(GOLDEN["warmup_steps"])
    settings = OptimiserSettings(lr=1, lr_first=1e-3, lr_least=1e-6, warmup=warmup / total)
    rates = [learning_rate(settings, step / total) for step in range(total + 1)]
    np.testing.assert_allclose(rates, GOLDEN["mult"], rtol=1e-5)


def test_only_matrices_and_kernels_decay() -> None:
    net = SChanger(SChangerConfig((4, 4, 8, 8, 8, 8)))
    made = optimiser(net, OptimiserSettings(decay="matrices", weight_decay=2e-4), {})
    of = {id(p): group["weight_decay"] for group in made.param_groups for p in group["params"]}
    assert len(of) == len(list(net.parameters()))
    for name, parameter in net.named_parameters():
        single = (
            ".bn." in name or ".norm" in name or "layer_scale" in name or ".diff.1." in name or name.endswith("bias")
        )
        assert of[id(parameter)] == (0 if single else 2e-4), name
    slow = next(net.parameters())
    groups = optimiser(net, OptimiserSettings(weight_decay=0.01), {id(slow): 0.1}).param_groups
    assert [(group["weight_decay"], group["share"]) for group in groups] == [(0.01, 0.1), (0.01, 1)]
    assert groups[0]["params"] == [slow]


def _step(net: torch.nn.Module, value: float) -> None:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(value)


def test_running_mean_without_a_ramp_begins_with_the_start() -> None:
    net = torch.nn.BatchNorm1d(1)
    _step(net, 1.0)
    mean = RunningMean(net, OptimiserSettings(ema=0.75, ema_every=2, ema_ramp=False))
    wanted, values = 1.0, [3.0, 5.0, -1.0, 2.0]
    for step, value in enumerate(values, 1):
        _step(net, value)
        net.running_mean.fill_(value)
        mean.after_step(net, step)
        wanted = 0.75 * wanted + 0.25 * value if step % 2 == 0 else wanted
        assert float(mean.module.weight) == pytest.approx(wanted)
    # Batch statistics are averaged alike, from their start at 0.
    assert float(mean.module.running_mean) == pytest.approx(0.75 * 0.25 * 5 + 0.25 * 2)


def test_running_mean_with_a_ramp_forgets_the_start() -> None:
    net = torch.nn.BatchNorm1d(1)
    mean = RunningMean(net, OptimiserSettings(ema=0.999))
    _step(net, 4.0)
    mean.after_step(net, 1)
    assert float(mean.module.weight) == 4
    _step(net, 15.0)
    mean.after_step(net, 2)
    assert float(mean.module.weight) == pytest.approx(4 + (1 - 2 / 11) * 11)
