"""The training loop: one recipe, one data set, one output folder that always holds the best network so far.

The output folder holds `best.safetensors` (with its card and validation figures), `validation.json`,
`log.csv`, TensorBoard events, and `last.pt`, from which a killed run goes on along the same curve. Several processes
(one a GPU, or several on a CPU) share each batch and give the curve of one.
"""

import copy
import json
import logging
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from ..core.class_file import class_table_of
from ..core.classes import ClassTable
from ..core.errors import FarmCDError, InputError
from ..networks.card import check_count, read_card
from .datasets import ChangeDataset
from .evaluate import Evaluation
from .method import method_of
from .network import build_network, family_of, save_network
from .optimisation import RunningMean, learning_rate, optimiser
from .processes import share_batch_norms
from .recipe import Recipe, Stage
from .state import RunState, load_state, save_state, write_log

BEST = "best.safetensors"
VALIDATION = "validation.json"
LAST = "last.pt"
LOG = "log.csv"

# Tried at each validation on the logit of "no change" (see Family.lower_no_change).
OFFSETS = (0.0, -1.0, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)

_SEED_STRIDE = 1_000_003

logger = logging.getLogger(__name__)

OnStep = Callable[[int, float], None]


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended: steps done, seconds spent over all its sittings, best validation score and its file."""

    steps: int
    seconds: float
    best_score: float
    checkpoint: Path


class Training:
    """One run: network, optimiser, averaged weights and state; `run` goes on until the recipe ends.

    Without `val_data` nothing is validated and no best network kept; `kept` gives what was trained. With
    `devices` above 1 this process starts the others, which run the same command.
    """

    def __init__(
        self,
        recipe: Recipe,
        train_data: Any,
        val_data: ChangeDataset | None,
        out: Path,
        start: Path | None = None,
        devices: int = 1,
        classes: ClassTable | None = None,
    ) -> None:
        self.recipe = recipe
        self.classes = classes
        self.out = out
        self.train_data, self.val_data = train_data, val_data
        _check_batches(recipe, devices)
        self.family = family_of(recipe)
        self.method = method_of(recipe, self.family)
        _check_sizes(recipe, self.family.multiple)
        self.method.check(train_data)
        strategy = DDPStrategy(find_unused_parameters=self.method.some_unused) if devices > 1 else "auto"
        self.fabric = Fabric(accelerator=recipe.device, devices=devices, strategy=strategy, precision=recipe.precision)
        self.fabric.launch()
        if recipe.threads:
            torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)
        net = build_network(recipe, start)
        if classes is not None:
            check_count(classes, net.config.n_classes, recipe.name)
        self.method.settle(net, train_data)
        share_batch_norms(net)
        module = self.method.module(net)
        logger.info("%s parameters to train", f"{sum(p.numel() for p in module.parameters() if p.requires_grad):,}")
        self.origin = copy.deepcopy(net.state_dict()) if start is not None and recipe.optimiser.start_share else None
        self.average = RunningMean(net, recipe.optimiser)
        shares = {id(p): self.family.share(name, recipe.network) for name, p in net.named_parameters()}
        self.module, self.optimiser = self.fabric.setup(module, optimiser(module, recipe.optimiser, shares))
        # Within the module, or the module itself.
        self.net = net
        self.average.to(self.fabric.device)
        self.state = RunState()
        self._parts = {"net": self.module, "average": self.average, "optimiser": self.optimiser}
        if (out / LAST).is_file():
            self.state = load_state(out / LAST, repr(recipe), **self._parts)
            logger.info("goes on after step %d", self.state.step)

    def run(self, on_step: OnStep | None = None) -> TrainingResult:
        """Train to the end of the recipe; `on_step(step, loss)` is called after every step."""
        state, recipe = self.state, self.recipe
        started = time.monotonic() - state.seconds
        self.module.train()
        with ExitStack() as stack:
            board = stack.enter_context(_board(self.out, state.step)) if self.fabric.is_global_zero else None
            while (progress := self.progress()) < 1:
                stage = recipe.stage(progress)
                terms = self._step(stage, learning_rate(recipe.optimiser, progress))
                state.seconds = self._agreed(time.monotonic() - started)
                loss = terms["total"]
                if not math.isfinite(loss):
                    raise FarmCDError("diverged", loss=loss, step=state.step)
                self._log(terms, stage, board)
                if self._validation_due():
                    self._validate(board)
                    state.seconds = self._agreed(time.monotonic() - started)
                    self._save()
                elif state.step % recipe.save_every == 0:
                    self._save()
                if on_step is not None:
                    on_step(state.step, loss)
        return TrainingResult(state.step, state.seconds, state.best, self.out / BEST)

    def progress(self) -> float:
        """Return how far the run is, 0..1, by steps or by time, whichever is further."""
        by_time = self.state.seconds / 60 / self.recipe.max_minutes if self.recipe.max_minutes else 0.0
        return max(self.state.step / self.recipe.steps, by_time)

    def kept(self) -> Any:
        """Return the network to keep: the averaged weights, or their mean with those that the run began with."""
        net = copy.deepcopy(self.average.module)
        if self.origin is not None:
            share = self.recipe.optimiser.start_share
            for name, value in net.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(self.origin[name].to(value), share)
        return net

    def _step(self, stage: Stage, rate: float) -> dict[str, float]:
        state, recipe, fabric = self.state, self.recipe, self.fabric
        # Everything random follows from a sample's number, so that no generator needs to be saved and every process
        # can make its own share of the batch.
        numbers = range(state.drawn, state.drawn + stage.batch)[fabric.global_rank :: fabric.world_size]
        indices = [draw(recipe.seed, number, len(self.train_data)) for number in numbers]
        seeds = [recipe.seed * _SEED_STRIDE + number for number in numbers]
        batch = fabric.to_device(self.method.batch(self.train_data, indices, seeds, stage))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        progress = self.progress()
        self.family.advance(self.net, recipe.network, progress)
        terms = self.method.step(self.module, batch, progress)
        self.optimiser.zero_grad()
        fabric.backward(terms["total"])
        if recipe.optimiser.clip:
            fabric.clip_gradients(self.module, self.optimiser, max_norm=recipe.optimiser.clip)
        self.optimiser.step()
        state.step += 1
        self.average.after_step(self.net, state.step)
        state.drawn += stage.batch
        return {name: float(term.detach()) for name, term in terms.items()}

    def _agreed(self, seconds: float) -> float:
        """Take the first process's clock where the schedule follows it, since all must take the same steps."""
        return seconds if self.recipe.max_minutes is None else self.fabric.broadcast(seconds)

    def _log(self, terms: dict[str, float], stage: Stage, board: Any) -> None:
        state = self.state
        row = {"step": state.step, "seconds": round(state.seconds, 1), "lr": self.optimiser.param_groups[0]["lr"]}
        row |= {"crop": stage.crop} | terms
        state.rows.append(row)
        if state.step % self.recipe.log_every or board is None:
            return
        recent = state.rows[-self.recipe.log_every :]
        means = {name: sum(r[name] for r in recent) / len(recent) for name in terms}
        for name, value in means.items():
            board.add_scalar(f"loss/{name}", value, state.step)
        board.add_scalar("lr", row["lr"], state.step)
        left = state.seconds * (1 / max(self.progress(), 1e-9) - 1)
        text = " ".join(f"{name} {value:.4f}" for name, value in means.items())
        logger.info(
            "step %d %s lr %.2g, %.1f min, %.1f left", state.step, text, row["lr"], state.seconds / 60, left / 60
        )
        write_log(self.out / LOG, state.rows)

    def _validation_due(self) -> bool:
        return (
            self.val_data is not None and int(self.progress() * self.recipe.validation.times) > self.state.validations
        )

    def _validate(self, board: Any) -> None:
        state, settings = self.state, self.recipe.validation
        state.validations = int(self.progress() * settings.times)
        if board is None or self.val_data is None:
            return
        net = self.kept()
        fitted = self.family.lowers_no_change and settings.fit_offset
        result = self.method.evaluate(net, self.val_data, OFFSETS if fitted else OFFSETS[:1])
        _log_figures(result, state.step, board)
        state.rows[-1] |= {"val_score": result.score, "val_binary_f1": result.binary.f1}
        write_log(self.out / LOG, state.rows)
        if result.score > state.best:
            state.best = result.score
            minutes = state.seconds / 60
            order_free = self.method.order_free
            save_network(net, self.recipe, result, state.step, minutes, self.out / BEST, order_free, self.classes)
            text = json.dumps({"step": state.step, **result.as_dict()}, indent=2)
            (self.out / VALIDATION).write_text(text, encoding="utf-8")

    def _save(self) -> None:
        if self.fabric.is_global_zero:
            save_state(self.out / LAST, self.state, repr(self.recipe), **self._parts)


def draw(seed: int, number: int, size: int) -> int:
    """Return the index of the `number`-th sample drawn: every pass over the data set is a fresh shuffle."""
    turn, place = divmod(number, size)
    generator = torch.Generator().manual_seed(seed * _SEED_STRIDE + turn)
    return int(torch.randperm(size, generator=generator)[place])


def _check_batches(recipe: Recipe, devices: int) -> None:
    numbers = {"steps": recipe.steps, "save_every": recipe.save_every, "log_every": recipe.log_every}
    numbers["stride"] = recipe.validation.stride
    for name, value in (*numbers.items(), *(("batch", stage.batch) for stage in recipe.stages)):
        if value < 1:
            raise InputError("recipe_number", recipe=recipe.name, name=name, value=value)
    for stage in recipe.stages:
        if stage.batch % devices:
            raise InputError("batch_not_shared", batch=stage.batch, devices=devices)


def _check_sizes(recipe: Recipe, multiple: int) -> None:
    sizes = {"crop": [stage.crop for stage in recipe.stages], "tile": [recipe.validation.tile]}
    for name, values in sizes.items():
        for value in values:
            if value < multiple or value % multiple:
                raise InputError("recipe_size", recipe=recipe.name, name=name, value=value, multiple=multiple)


def _board(out: Path, step: int) -> Any:
    """Open TensorBoard's writer, or one that writes nothing where tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        logger.info("tensorboard is not installed: the curves are in %s alone.", LOG)
        return _NoBoard()
    return SummaryWriter(str(out), purge_step=step)


class _NoBoard:
    def add_scalar(self, *_: object) -> None: ...

    def __enter__(self) -> "_NoBoard":
        return self

    def __exit__(self, *_: object) -> None: ...


def _log_figures(result: Evaluation, step: int, board: Any) -> None:
    figures = {"score": result.score, "binary_f1": result.binary.f1, "precision": result.binary.precision}
    figures |= {"recall": result.binary.recall, "offset": result.offset}
    if result.semantic is not None:
        figures |= {"fscd": result.semantic.fscd, "scd_iou": result.semantic.scd_iou_mean, "sek": result.semantic.sek}
    if result.classes is not None:
        figures |= {f"f1_{name}": row.f1 for name, row in result.classes.items()}
    for name, value in figures.items():
        board.add_scalar(f"val/{name}", value, step)
    logger.info("validation at step %d: %s", step, " ".join(f"{name} {value:.3f}" for name, value in figures.items()))


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    on_step: OnStep | None = None,
    start: Path | None = None,
    devices: int = 1,
    classes: ClassTable | None = None,
) -> TrainingResult:
    """Train by `recipe` on the data set in `data` and keep the best network in `out`, which is made if missing.

    `start` is a checkpoint whose weights and text features a fresh run begins with, instead of random ones; `devices`
    is the number of GPUs, or of processes on a CPU, that share each batch. `classes` is what the ids of the labels mean
    (None: the table in the folder of the data set, else that of `start`, else the five classes); the checkpoint keeps
    it.
    A run that was killed goes on where it was; raises InputError where data, recipe or folder cannot be used.
    """
    out.mkdir(parents=True, exist_ok=True)
    family = family_of(recipe)
    table = classes or class_table_of(data)
    if table is None and start is not None and start.suffix == ".safetensors":
        table = read_card(start).own_classes
    if table is not None and start is None:
        recipe = replace(recipe, network=family.telling(recipe.network, table))
    method = method_of(recipe, family)
    method.classes = table
    training = Training(recipe, method.open(data), method.open_validation(data), out, start, devices, table)
    return training.run(on_step)
