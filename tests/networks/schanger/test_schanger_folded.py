"""The form for prediction on a CPU gives the network's own numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.networks.schanger import folded as module
from farmcd_qgis.networks.schanger.folded import FoldedSChanger
from farmcd_qgis.networks.schanger.network import SChanger, SChangerConfig

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "schanger" / "schanger_tiny_eval.npz")
TINY = (4, 4, 8, 8, 8, 8)


@pytest.fixture(params=[True, False], ids=["fused", "plain"])
def _fused_or_not(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not module._has_fused():
        pytest.skip("this torch has no fused convolution of oneDNN's")
    monkeypatch.setattr(module, "_has_fused", lambda: request.param)


@pytest.mark.usefixtures("_fused_or_not")
def test_gives_the_authors_probability() -> None:
    net = SChanger(SChangerConfig(TINY))
    state = {name.removeprefix("sd/"): torch.tensor(GOLDEN[name]) for name in GOLDEN.files if name.startswith("sd/")}
    net.load_state_dict(state, strict=False)
    logits, arbitration = FoldedSChanger(net.eval())(torch.tensor(GOLDEN["x1"]), torch.tensor(GOLDEN["x2"]))
    assert arbitration is None
    assert np.abs(logits.softmax(1)[:, 1:].numpy() - GOLDEN["prob"]).max() <= 1e-5


@pytest.mark.usefixtures("_fused_or_not")
@pytest.mark.parametrize("maps", [1, 6])
def test_gives_what_the_network_gives(maps: int) -> None:
    torch.manual_seed(1)
    net = SChanger(SChangerConfig((4, 5, 6, 7, 8, 9), maps)).eval()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.3, 3)
            torch.nn.init.uniform_(layer.weight, 0.5, 2)
            torch.nn.init.normal_(layer.bias)
        elif hasattr(layer, "layer_scale_1"):
            torch.nn.init.normal_(layer.layer_scale_1)
            torch.nn.init.normal_(layer.layer_scale_2)
    images = torch.randn(2, 3, 3, 48, 32)
    with torch.no_grad():
        wanted, _ = net(*images)
    found, _ = FoldedSChanger(net)(*images)
    assert found.shape == wanted.shape == (3, max(2, maps), 48, 32)
    assert (found.softmax(1) - wanted.softmax(1)).abs().max() < 1e-4
    # An image's values don't depend on its neighbours in the batch.
    alone, _ = FoldedSChanger(net)(*images[:, 1:2])
    assert torch.equal(alone[0], found[1])


def test_stays_what_it_was_when_the_network_is_trained_on() -> None:
    net = SChanger(SChangerConfig(TINY)).eval()
    fast, images = FoldedSChanger(net), torch.randn(2, 1, 3, 16, 16)
    before, _ = fast(*images)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1.5)
    after, _ = fast(*images)
    assert torch.equal(before, after)


def test_a_prior_network_is_refused() -> None:
    with pytest.raises(ValueError, match="two dates"):
        FoldedSChanger(SChanger(SChangerConfig(TINY, single_image=True)))
