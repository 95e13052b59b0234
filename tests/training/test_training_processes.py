"""Training in processes of its own: shared by several, and killed at any moment."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from farmcd_qgis.networks.checkpoint import save_checkpoint
from farmcd_qgis.training.datasets import IGNORE, UNSETTLED
from farmcd_qgis.training.losses import CoTrainingLoss
from farmcd_qgis.training.processes import share_batch_norms
from farmcd_qgis.training.train import BEST, LAST, LOG
from tests.helpers.made_up_pairs import SIDE, write_pairs
from tests.helpers.small_network import CARD, made

ROOT = Path(__file__).resolve().parents[2]
# Not of seed 0: there something lies so near to a threshold (hard pixels, ReLU) that the last bit of a sum decides it.
RECIPE = f"""
name = "made-up"
steps = 6
seed = 2
threads = 1
device = "cpu"
save_every = 1
log_every = 1
[optimiser]
lr = 1e-4
warmup = 0.1
ema = 0.9
[[stages]]
crop = 16
batch = 4
[validation]
times = 1
tile = {SIDE}
"""


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder with a data set and a checkpoint to begin with."""
    write_pairs(tmp_path / "data", train=5)
    save_checkpoint(made(), CARD, tmp_path / "start.safetensors")
    return tmp_path


def start(given: Path, out: str, *options: str) -> subprocess.Popen[bytes]:
    (given / "recipe.toml").write_text(RECIPE)
    argv = [sys.executable, "-m", "farmcd_qgis.commands.train_cli", "--recipe", str(given / "recipe.toml")]
    argv += ["--data", str(given / "data"), "--out", str(given / out), "--start", str(given / "start.safetensors")]
    return subprocess.Popen([*argv, *options], cwd=ROOT, stderr=(given / f"{out}.log").open("ab"))


def train(given: Path, out: str, *options: str) -> None:
    process = start(given, out, *options)
    assert process.wait(280) == 0, (given / f"{out}.log").read_text()


def losses_of(out: Path) -> list[float]:
    with (out / LOG).open(newline="") as stream:
        return [float(row["total"]) for row in csv.DictReader(stream)]


def gradients(rank: int, world: int, folder: Path, mode: str) -> None:
    """Save the gradients of one step over a batch of 4, of which this process sees its share."""
    make = torch.Generator().manual_seed(0)
    before, after = torch.rand(2, 4, 3, 16, 16, generator=make, dtype=torch.float64)
    label = torch.randint(0, 6, (4, 16, 16), generator=make)
    if mode == "corrected":
        # One process alone sees class 5, another most of what is ignored.
        label[label == 5] = 4
        label[0, :4], label[1, :8], label[2, :4] = 5, IGNORE, UNSETTLED
    net = made().double().train()
    share_batch_norms(net)
    loss = CoTrainingLoss(mode, class_weights=(1, 2, 3, 4, 5, 6))  # type: ignore[arg-type]
    wrapped: torch.nn.Module = net
    if world > 1:
        store = torch.distributed.FileStore(str(folder / "store"), world)
        torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=world)
        wrapped = torch.nn.parallel.DistributedDataParallel(net, find_unused_parameters=True)
    total = loss(*wrapped(before[rank::world], after[rank::world]), label[rank::world]).total
    total.backward()
    if rank == 0:
        values = {name: p.grad for name, p in net.named_parameters() if p.grad is not None}
        buffers = {name: value for name, value in net.named_buffers() if "running" in name}
        torch.save({"loss": total.detach(), **values, **buffers}, folder / f"{world}.pt")


@pytest.mark.parametrize("mode", ["corrected", "paper"])
def test_two_processes_have_the_gradients_of_one(tmp_path: Path, mode: str) -> None:
    gradients(0, 1, tmp_path, mode)
    torch.multiprocessing.spawn(gradients, (2, tmp_path, mode), nprocs=2)
    one, two = (torch.load(tmp_path / f"{world}.pt", weights_only=True) for world in (1, 2))
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert torch.allclose(two[name], value, rtol=1e-3, atol=1e-6), name


@pytest.mark.long
def test_two_processes_give_the_curve_of_one(given: Path) -> None:
    train(given, "one")
    train(given, "two", "--devices", "2", "--accelerator", "cpu")
    assert losses_of(given / "two") == pytest.approx(losses_of(given / "one"), rel=1e-3)
    one, two = (torch.load(given / name / LAST, weights_only=True) for name in ("one", "two"))
    assert two["state"]["drawn"] == one["state"]["drawn"]
    assert (given / "two" / BEST).is_file()


def test_a_batch_that_cannot_be_shared_is_refused(given: Path) -> None:
    process = start(given, "three", "--devices", "3", "--accelerator", "cpu")
    assert process.wait(120) == 2
    assert "A batch of 4 cannot be shared evenly by 3 processes" in (given / "three.log").read_text()


@pytest.mark.long
def test_a_run_killed_at_any_moment_ends_at_the_same_loss(given: Path) -> None:
    train(given, "whole")
    killed, moment = given / "killed", random.Random(os.getpid())
    step = moment.randint(1, 5)
    process = start(given, "killed")
    give_up = time.monotonic() + 200
    while not (killed / LOG).is_file() or len(losses_of(killed)) < step:
        assert time.monotonic() < give_up, "it never came to that step"
        time.sleep(0.005)
    time.sleep(moment.uniform(0, 0.1))  # anywhere between two steps, in the middle of writing as well
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    train(given, "killed")
    assert losses_of(killed) == losses_of(given / "whole"), f"killed after step {step}"
    last = [torch.load(given / name / LAST, weights_only=True)["average"] for name in ("whole", "killed")]
    assert all(torch.equal(last[0][key], last[1][key]) for key in last[0])
