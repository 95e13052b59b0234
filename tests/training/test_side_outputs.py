"""The loss over several outputs, against the authors' numbers and against itself."""

from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.networks.schanger.network import SChanger, SChangerConfig
from farmcd_qgis.training.datasets import IGNORE, OTHER_THAN, UNSETTLED
from farmcd_qgis.training.processes import share_batch_norms
from farmcd_qgis.training.side_outputs import side_output_terms

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "schanger" / "schanger_tiny_train.npz")


def test_terms_and_gradients_are_the_authors() -> None:
    net = SChanger(SChangerConfig((4, 4, 8, 8, 8, 8), drop=0)).train()
    state = {name.removeprefix("sd/"): torch.tensor(GOLDEN[name]) for name in GOLDEN.files if name.startswith("sd/")}
    net.load_state_dict(state, strict=False)
    maps, _ = net(torch.tensor(GOLDEN["x1"]), torch.tensor(GOLDEN["x2"]), sides=True)
    entropy, dice = side_output_terms(maps, torch.tensor(GOLDEN["target"]))
    np.testing.assert_allclose(entropy.detach(), GOLDEN["bce_per_channel"], rtol=1e-5)
    np.testing.assert_allclose(dice.detach(), GOLDEN["dice_per_channel"], rtol=1e-5)
    loss = entropy.sum() + dice.sum()
    assert float(loss.detach()) == pytest.approx(float(GOLDEN["loss"]), rel=1e-5)
    loss.backward()
    parameters = dict(net.named_parameters())
    assert len(parameters) == sum(name.startswith("grad/") for name in GOLDEN.files)
    for name, parameter in parameters.items():
        golden = GOLDEN[f"grad/{name}"]
        assert parameter.grad is not None
        error = np.abs(parameter.grad.numpy() - golden).max()
        assert error <= 1e-5 * max(1.0, np.abs(golden).max()), name


@pytest.mark.parametrize("maps", [1, 6])
def test_ignored_pixels_count_for_nothing(maps: int) -> None:
    torch.manual_seed(0)
    logits, label = torch.randn(2, 6, maps, 8, 8), torch.randint(0, 6, (2, 8, 8))
    label[0, :3], label[1, :, 5:] = IGNORE, IGNORE
    shouted = logits + 50 * torch.randn_like(logits) * (label == IGNORE)[:, None, None]
    for ours, other in zip(side_output_terms(logits, label), side_output_terms(shouted, label), strict=True):
        torch.testing.assert_close(ours, other)
    changed = torch.where(label == 3, 0, label)
    assert not torch.allclose(side_output_terms(logits, changed)[0], side_output_terms(logits, label)[0])


def test_binary_maps_ask_only_whether_something_changed() -> None:
    logits, label = torch.randn(1, 6, 1, 8, 8), torch.randint(0, 6, (1, 8, 8))
    same = torch.where(label > 0, UNSETTLED, 0)
    for ours, other in zip(side_output_terms(logits, label), side_output_terms(logits, same), strict=True):
        torch.testing.assert_close(ours, other)


def test_right_classes_cost_nothing_and_wrong_ones_much() -> None:
    label = torch.randint(0, 4, (2, 8, 8))
    right = 50.0 * torch.nn.functional.one_hot(label, 6).permute(0, 3, 1, 2)[:, None].expand(-1, 6, -1, -1, -1)
    entropy, dice = side_output_terms(right, label)
    assert entropy.max() < 1e-6
    assert dice.max() < 1e-6
    entropy, dice = side_output_terms(-right, label)
    assert entropy.min() > 1
    assert dice.min() > 0.5


def test_unsettled_change_asks_for_any_class_but_none() -> None:
    label = torch.full((1, 4, 4), UNSETTLED)
    of_class = torch.full((6, 6), -20.0)
    of_class.fill_diagonal_(20.0)
    costs = [
        float(side_output_terms(row[None, None, :, None, None].expand(1, 6, 6, 4, 4), label)[0].sum())
        for row in of_class
    ]
    assert costs[0] > 100
    assert max(costs[1:]) < 1e-3


def test_any_class_but_one_costs_the_share_of_that_one() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 6, 6, 8, 8, requires_grad=True)
    label = torch.full((2, 8, 8), OTHER_THAN + 3)
    label[0] = IGNORE
    entropy, dice = side_output_terms(logits, label)
    road = logits[1].softmax(1)[:, 3]
    torch.testing.assert_close(entropy, -torch.log(1 - road).mean((1, 2)), atol=1e-4, rtol=0)
    assert dice.tolist() == [0] * 6
    (entropy.sum() + dice.sum()).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    # Of no class but 3 anything is said by Dice: roads there would be too many, the others may be anywhere.
    label[1, 0] = 3
    expected = 1 - (2 * road[:, 0].sum(1) + 1e-7) / (road.sum((1, 2)) + 8 + 1e-7)
    torch.testing.assert_close(side_output_terms(logits, label)[1], expected, atol=1e-4, rtol=0)
    label[1, 1] = 0
    before = side_output_terms(logits, label)[1]
    assert not torch.equal(before, expected)


def test_any_class_but_0_is_what_is_unsettled() -> None:
    logits = torch.randn(1, 6, 6, 8, 8)
    label = torch.randint(0, 6, (1, 8, 8))
    label[0, :3] = UNSETTLED
    same = torch.where(label == UNSETTLED, OTHER_THAN, label)
    for ours, other in zip(side_output_terms(logits, label), side_output_terms(logits, same), strict=True):
        torch.testing.assert_close(ours, other, atol=1e-4, rtol=0)


def gradients(rank: int, world: int, folder: Path, maps: int) -> None:
    """Save loss and gradients of one step over a batch of 4, of which this process sees its share."""
    make = torch.Generator().manual_seed(0)
    before, after = torch.rand(2, 4, 3, 16, 16, generator=make)
    label = torch.randint(0, 6, (4, 16, 16), generator=make)
    label[label == 5] = 4
    # One process alone sees class 5, another most of what is ignored.
    label[0, :4], label[1, :8], label[2, :4] = 5, IGNORE, UNSETTLED
    torch.manual_seed(1)
    net = SChanger(SChangerConfig((4, 4, 8, 8, 8, 8), maps, drop=0)).train()
    share_batch_norms(net)
    wrapped: torch.nn.Module = net
    if world > 1:
        store = torch.distributed.FileStore(str(folder / "store"), world)
        torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=world)
        wrapped = torch.nn.parallel.DistributedDataParallel(net)
    entropy, dice = side_output_terms(
        wrapped(before[rank::world], after[rank::world], sides=True)[0], label[rank::world]
    )
    loss = entropy.sum() + dice.sum()
    loss.backward()
    if rank == 0:
        values = {name: p.grad for name, p in net.named_parameters()}
        torch.save({"loss": loss.detach(), **values}, folder / f"{world}.pt")


@pytest.mark.parametrize("maps", [1, 6])
def test_two_processes_have_the_gradients_of_one(tmp_path: Path, maps: int) -> None:
    gradients(0, 1, tmp_path, maps)
    torch.multiprocessing.spawn(gradients, (2, tmp_path, maps), nprocs=2)
    one, two = (torch.load(tmp_path / f"{world}.pt", weights_only=True) for world in (1, 2))
    assert one.keys() == two.keys()
    for name, value in one.items():
        error = (two[name] - value).abs().max()
        assert error <= 1e-3 * max(1.0, float(value.abs().max())), name


def test_a_batch_without_a_known_pixel_costs_no_entropy() -> None:
    label = torch.full((1, 8, 8), IGNORE)
    for maps in (1, 6):
        entropy, dice = side_output_terms(torch.randn(1, 6, maps, 8, 8), label)
        assert entropy.tolist() == [0] * 6
        assert dice.isfinite().all()
