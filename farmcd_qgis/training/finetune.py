"""Learn from review: go on training a checkpoint with samples of judged candidates, and say whether it helped."""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.errors import InputError
from ..core.feedback import SILENT, Feedback
from ..core.messages import part
from ..core.run_files import SAMPLES_JSON, UNLABELLED
from ..networks.card import checkpoint_hash
from ..networks.checkpoint import load_checkpoint, save_checkpoint
from ..networks.family import family_named
from .datasets import ALL, ChangeDataset, open_dataset
from .evaluate import Evaluation, card_metrics, evaluate
from .unlabelled import UnlabelledPairs, open_unlabelled

CROP, BATCH = 128, 4
# What of the whole job the figures before and after take.
MEASURING = 0.05
# How pairs without labels are learned from: what the network itself is sure of, and nobody's opinion.
SEMI = "semi_supervised"
CONSISTENCY = {"opinions": 0.0, "contrast": 0.0, "dice": 1.0}


@dataclass(frozen=True)
class FinetuneRecord:
    """What a fine-tuning did: the new checkpoint, how long, on how many samples, and figures on those held out.

    `held_out_verdicts` counts the judged candidates in those held out, 0 where `samples.json` is missing.
    `unlabelled` counts pairs without labels that it learned consistency on.
    `before` and `after` (figures 0..1 by name, over the judged pixels) are None where nothing could be held out;
    `better` compares their binary F1.
    """

    checkpoint: str
    steps: int
    seconds: float
    trained_on: int
    held_out: int
    held_out_verdicts: int
    mixed_in: int
    before: dict[str, float] | None
    after: dict[str, float] | None
    better: bool | None
    unlabelled: int = 0


def finetune(
    checkpoint: str | Path,
    samples: str | Path,
    out: str | Path,
    feedback: Feedback = SILENT,
    *,
    mix: str | Path | None = None,
    steps: int = 150,
    learning_rate: float = 1e-4,
    hold_out: float = 0.25,
    minutes: float | None = None,
    seed: int = 0,
    device: str = "auto",
) -> FinetuneRecord:
    """Train `checkpoint` on with the folder `samples` (see `export_samples`) and write it to `out`, with its card.

    A share `hold_out` of the samples is kept out of training; the figures before and after are measured on it. `mix`
    is an older data set (its split train, or the whole folder) that makes half of every batch, so that what was known
    isn't forgotten. Where the folder holds pairs without labels, these teach consistency (`semi_supervised`, neither
    opinions nor contrast), in three to four times the time a step. Ends after `steps`, or `minutes` if that comes
    first. Nothing is written if it is cancelled.
    Raises InputError where files or packages are missing, FarmCDError if the loss diverges, and Cancelled.
    """
    source, target = Path(checkpoint), Path(out)
    _check(source, target, steps, hold_out)
    start = load_checkpoint(source)
    data = open_dataset(Path(samples), "train", "classes").seen_as(start.card.classes)
    data.load()
    learned, held = split(sample_groups(Path(samples), data), hold_out, seed)
    old = _open_mix(Path(mix)).seen_as(start.card.classes) if mix is not None else None
    tested = ChangeDataset.of([(data, held)])
    tile = start.card.tile

    def measured(net: torch.nn.Module) -> Evaluation | None:
        return evaluate(net, tested, tile=tile, feedback=feedback) if held else None

    before = measured(start)
    # The samples as often as makes them half of all draws.
    repeats = max(1, len(old) // len(learned)) if old else 1
    parts = [(data, learned * repeats)] + ([(old, range(len(old)))] if old else [])
    without = Path(samples) / UNLABELLED
    rest = open_unlabelled(without) if without.is_dir() else None
    net, done, seconds = _train(
        source, start.family, ChangeDataset.of(parts), rest, feedback, steps, learning_rate, minutes, seed, device
    )
    after = measured(net)
    figures = [card_metrics(result) if result else None for result in (before, after)]
    record = FinetuneRecord(
        checkpoint=str(target),
        steps=done,
        seconds=round(seconds, 1),
        trained_on=len(learned),
        held_out=len(held),
        held_out_verdicts=_count_verdicts(Path(samples), {data.files[index].name for index in held}),
        mixed_in=len(old) if old else 0,
        before=figures[0],
        after=figures[1],
        better=after.binary.f1 > before.binary.f1 if before and after else None,
        unlabelled=len(rest) if rest else 0,
    )
    save_checkpoint(net, _card(start.card, source, Path(samples), mix, record), target)
    feedback.progress("finetune", 1.0)
    return record


def split(groups: Sequence[Sequence[int]], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Part samples into those to learn from and those held out, at least `share` of them, group by group.

    A lone group is learned from: nothing can be held out then. Both lists are sorted.
    """
    order = [groups[place] for place in np.random.default_rng(seed).permutation(len(groups))]
    wanted = share * sum(map(len, order))
    held: list[int] = []
    while len(order) > 1 and len(held) < wanted:
        held += order.pop()
    return sorted(number for group in order for number in group), sorted(held)


def sample_groups(samples: Path, data: ChangeDataset) -> list[list[int]]:
    """Group the samples that share a candidate, which must not be learned from and tested on at once."""
    places = {pair.name: [index] for index, pair in enumerate(data.files)}
    rows = _rows(samples)
    first: dict[tuple[str, int], str] = {}
    for row in rows:
        name = Path(row["name"]).stem
        for candidate in row["candidates"]:
            other = first.setdefault((row["run"], candidate["candidate_id"]), name)
            if other in places and name in places and places[other] is not places[name]:
                places[other] += places[name]
                for index in list(places[name]):
                    places[data.files[index].name] = places[other]
    unique = {id(group): group for group in places.values()}
    return list(unique.values())


def _rows(samples: Path) -> list[dict[str, Any]]:
    listing = samples / SAMPLES_JSON
    return json.loads(listing.read_text(encoding="utf-8"))["samples"] if listing.is_file() else []


def _count_verdicts(samples: Path, names: set[str]) -> int:
    """Count the judged candidates in the samples of these names, each once."""
    inside = [row for row in _rows(samples) if Path(row["name"]).stem in names]
    return len({(row["run"], candidate["candidate_id"]) for row in inside for candidate in row["candidates"]})


def _train(
    source: Path,
    family: str,
    data: ChangeDataset,
    rest: UnlabelledPairs | None,
    feedback: Feedback,
    steps: int,
    learning_rate: float,
    minutes: float | None,
    seed: int,
    device: str,
) -> tuple[Any, int, float]:
    """Run the training loop in a folder that goes; returns network, steps and seconds."""
    try:
        from .augment import AugmentSettings
        from .methods.semi_supervised import SemiData
        from .recipe import OptimiserSettings, Recipe, Stage
        from .train import Training
    except ImportError as error:
        raise InputError("training_packages_missing", reason=error) from error
    recipe = Recipe(
        name="finetune",
        family=family,
        method=_method(family, rest is not None),
        loss=CONSISTENCY if rest is not None else {},
        steps=steps,
        max_minutes=minutes,
        seed=seed,
        device=device,
        save_every=steps + 1,
        optimiser=OptimiserSettings(lr=learning_rate, lr_least=learning_rate / 20, warmup=0.05, ema=0.95),
        augment=AugmentSettings(brightness=0.15, contrast=0.15, saturation=0.2, hue=0.02, haze=0.1, blur=0.2),
        stages=(Stage(crop=CROP, batch=BATCH, scale=(0.8, 1.25)),),
    )
    began = time.monotonic()

    def on_step(step: int, loss: float) -> None:
        feedback.check()
        share = training.progress()
        left = (time.monotonic() - began) * (1 / share - 1)
        fraction = MEASURING + (1 - 2 * MEASURING) * min(share, 1.0)
        feedback.progress("finetune", fraction, None, max(left, 0.0), part("at_step", step=step, loss=loss))

    with tempfile.TemporaryDirectory(prefix="farmcd-finetune-") as folder:
        drawn = data if rest is None else SemiData(data, rest)
        training = Training(recipe, drawn, None, Path(folder), source)
        result = training.run(on_step)
    return training.kept().cpu().eval(), result.steps, result.seconds


def _method(family: str, with_unlabelled: bool) -> str:
    methods = family_named(family).methods
    if with_unlabelled and SEMI not in methods:
        raise InputError("no_unlabelled_learning", title=family_named(family).title)
    return SEMI if with_unlabelled else next(iter(methods), "")


def _card(card: Any, source: Path, samples: Path, mix: str | Path | None, record: FinetuneRecord) -> Any:
    listing = samples / SAMPLES_JSON
    counts = json.loads(listing.read_text(encoding="utf-8")) if listing.is_file() else {}
    verdicts = ", ".join(f"{counts[key]} {key}" for key in ("confirmed", "rejected", "reclassified") if key in counts)
    words = (
        f"Fine-tuned from {card.name} (SHA-256 {checkpoint_hash(source)[:16]}) for {record.steps} steps on "
        f"{record.trained_on} samples of reviewed candidates"
    )
    words += f" ({verdicts} in all, {record.held_out} samples held out)" if verdicts else ""
    words += f", with {record.unlabelled} pairs without labels" if record.unlabelled else ""
    words += f", mixed with {record.mixed_in} pairs of {Path(mix).name}." if mix is not None else "."
    on = f"the judged pixels of {record.held_out} samples of reviewed candidates that were held out"
    return replace(
        card,
        name=Path(record.checkpoint).stem,
        description=f"{card.description} {words}".lstrip(),
        data=f"{card.data} {words}".lstrip(),
        metrics=record.after or {},
        places={},
        measured_on=on if record.after else "nothing: there were too few samples to hold some out",
        calibration=f"{card.calibration} The temperature is from before the fine-tuning.".lstrip(),
        created=time.strftime("%Y-%m-%d"),
    )


def _open_mix(folder: Path) -> ChangeDataset:
    try:
        old = open_dataset(folder, "train")
    except InputError as error:
        if error.code != "no_dataset":
            raise
        old = open_dataset(folder, ALL)
    old.load()
    return old


def _check(source: Path, target: Path, steps: int, hold_out: float) -> None:
    if steps < 1:
        raise InputError("bad_steps", steps=steps)
    if not 0 <= hold_out < 1:
        raise InputError("bad_hold_out", hold_out=hold_out)
    check_target(source, target)


def check_target(source: Path, target: Path) -> None:
    """Raise InputError for a file to which no checkpoint made of another can be written."""
    if target.suffix != ".safetensors":
        raise InputError("bad_target", path=target)
    if target.resolve() == source.resolve():
        raise InputError("same_checkpoint", path=target)
    if not target.parent.is_dir():
        raise InputError("no_folder", folder=target.parent, file=target.name)


def in_words(record: FinetuneRecord) -> list[Any]:
    """Give the record in sentences (core.messages): the figures before and after, in percent, and the file."""
    if record.before is None or record.after is None:
        return [part("nothing_held_out"), record.checkpoint]
    rows = [f"  {name:<20}{100 * old:8.1f}{100 * record.after[name]:8.1f}" for name, old in record.before.items()]
    outcome = part("became_better") if record.better else part("not_better")
    return [part("before_and_after", count=record.held_out), *rows, outcome, record.checkpoint]
