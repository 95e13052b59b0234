"""SChanger against the golden numbers of the authors' network (random weights: they test arithmetic)."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from farmcd_qgis.networks.schanger.network import BASE, SMALL, SChanger, SChangerConfig

GOLDEN = Path(__file__).parents[2] / "golden" / "schanger"
EVAL = np.load(GOLDEN / "schanger_tiny_eval.npz")
TRAIN = np.load(GOLDEN / "schanger_tiny_train.npz")
TINY = (4, 4, 8, 8, 8, 8)
TOLERANCE = 1e-5


def golden_state(golden: "np.lib.npyio.NpzFile") -> dict[str, Tensor]:
    return {name.removeprefix("sd/"): torch.tensor(golden[name]) for name in golden.files if name.startswith("sd/")}


def load(net: SChanger, state: dict[str, Tensor]) -> SChanger:
    """Load strictly but for batch norms' counters, which the goldens leave out."""
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return net


def tensor(golden: "np.lib.npyio.NpzFile", name: str) -> Tensor:
    return torch.tensor(golden[name])


@pytest.fixture(scope="module")
def net() -> SChanger:
    return load(SChanger(SChangerConfig(TINY)), golden_state(EVAL)).eval()


@pytest.fixture(scope="module")
def pair() -> tuple[Tensor, Tensor]:
    return tensor(EVAL, "x1"), tensor(EVAL, "x2")


def assert_close(ours: Tensor, golden: Tensor) -> None:
    """Within 1e-5 of the tensor's size: against float64 the goldens themselves are off by a fifth of that."""
    assert ours.shape == golden.shape
    assert (ours - golden).abs().max() <= TOLERANCE * max(1.0, float(golden.abs().max()))


@torch.no_grad()
def test_all_six_outputs(net: SChanger, pair: tuple[Tensor, Tensor]) -> None:
    maps, arbitration = net(*pair, sides=True)
    assert arbitration is None
    assert maps.shape == (1, 6, 1, 32, 48)
    assert_close(maps[:, :1, 0], tensor(EVAL, "fused_logit"))
    assert_close(maps[:, 1:, 0], tensor(EVAL, "side_logits"))


@torch.no_grad()
def test_softmax_of_the_logits_is_the_authors_probability(net: SChanger, pair: tuple[Tensor, Tensor]) -> None:
    logits, arbitration = net(*pair)
    assert arbitration is None
    assert logits.shape == (1, 2, 32, 48)
    assert_close(logits.softmax(1)[:, 1:], tensor(EVAL, "prob"))
    turned, _ = net(*reversed(pair))
    assert_close(turned.softmax(1)[:, 1:], tensor(EVAL, "prob_swapped"))


@torch.no_grad()
def test_activations_of_every_part(net: SChanger, pair: tuple[Tensor, Tensor]) -> None:
    seen: dict[str, list[Tensor]] = {}

    def keep(name: str) -> None:
        def hook(_module: object, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
            seen.setdefault(name, []).extend(output if isinstance(output, tuple) else [output])

        hooks.append(net.get_submodule(name).register_forward_hook(hook))

    names = {name.split("/")[1] for name in EVAL.files if name.startswith("act/")}
    hooks: list[torch.utils.hooks.RemovableHandle] = []
    for name in names:
        keep(f"{name}.1" if name.startswith("head") and name != "head6" else name)
    net(*pair)
    for hook in hooks:
        hook.remove()
    for name in names:
        found = seen[f"{name}.1" if name.startswith("head") and name != "head6" else name]
        dates = [f"act/{name}"] if name.startswith("head") else [f"act/{name}/t1", f"act/{name}/t2"]
        for ours, golden in zip(found, dates, strict=True):
            assert_close(ours, tensor(EVAL, golden))


@torch.no_grad()
def test_prior_network_reads_one_image(pair: tuple[Tensor, Tensor]) -> None:
    prior = SChanger(SChangerConfig(TINY, single_image=True))
    state = golden_state(EVAL)
    load(prior, {name: value for name, value in state.items() if ".diff." not in name}).eval()
    maps, _ = prior(pair[0], sides=True)
    assert_close(maps[:, :1, 0], tensor(EVAL, "spn_fused_logit_x1"))
    assert_close(maps[:, 1:, 0], tensor(EVAL, "spn_side_logits_x1"))
    with pytest.raises(ValueError, match="1 image"):
        prior(*pair)


def test_one_step_of_training() -> None:
    net = load(SChanger(SChangerConfig(TINY, drop=0)), golden_state(TRAIN)).train()
    maps, _ = net(tensor(TRAIN, "x1"), tensor(TRAIN, "x2"), sides=True)
    assert_close(maps[:, :, 0].detach(), tensor(TRAIN, "train_logits"))
    state = net.state_dict()
    after = [name for name in TRAIN.files if name.startswith("after/")]
    assert len(after) == sum("running" in name for name in state)
    for name in after:
        assert_close(state[name.removeprefix("after/")], tensor(TRAIN, name))


@pytest.mark.parametrize(("channels", "count"), [(SMALL, 607_305), (BASE, 2_369_995), (TINY, 36_862)])
def test_parameter_counts(channels: tuple[int, ...], count: int) -> None:
    net = SChanger(SChangerConfig(channels))
    assert sum(parameter.numel() for parameter in net.parameters()) == count
    assert len(net.state_dict()) == 638


@torch.no_grad()
def test_a_map_for_every_class() -> None:
    torch.manual_seed(0)
    net = SChanger(SChangerConfig(TINY, maps=6)).eval()
    assert net.config.n_classes == 6
    images = torch.rand(2, 2, 3, 16, 32)
    logits, _ = net(*images)
    maps, _ = net(*images, sides=True)
    assert maps.shape == (2, 6, 6, 16, 32)
    assert torch.equal(logits, maps[:, 0])


@pytest.mark.parametrize("size", [(72, 80), (80, 88)])
def test_other_sizes_are_refused(net: SChanger, size: tuple[int, int]) -> None:
    image = torch.zeros(1, 3, *size)
    with pytest.raises(ValueError, match="multiples of 16"):
        net(image, image)


@pytest.mark.parametrize("config", [{"channels": (8, 16, 32)}, {"channels": (2, 4, 8, 8, 8, 8)}, {"maps": 0}])
def test_shapes_that_no_network_has_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SChangerConfig(**config)  # type: ignore[arg-type]


def test_paths_are_dropped_in_training_only() -> None:
    torch.manual_seed(0)
    net = SChanger(SChangerConfig(TINY)).eval()
    images = torch.rand(2, 1, 3, 32, 32)
    assert torch.equal(net(*images)[0], net(*images)[0])
    net.train()
    assert not torch.equal(net(*images)[0], net(*images)[0])
