"""Give a checkpoint a screen: train its head on labelled pairs, fit its threshold on others, and measure what it does.

The head learns from features that are computed once; the encoder stays as it is.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.card_words import screening_in_words
from ..core.classes import NO_CHANGE
from ..core.errors import InputError
from ..core.feedback import SILENT, Feedback
from ..engine.predict.blending import padded
from ..engine.scene.looking import Looking, resized
from ..engine.scene.tiling import Lattice, Window
from ..networks.card import LEAST_KEPT
from ..networks.checkpoint import load_checkpoint, save_checkpoint
from ..networks.screening import PLACE, STRIDE, Screen, ScreenNet, begun, reduced, screen_tensors
from .datasets import IGNORE, ChangeDataset, Sample, open_dataset
from .finetune import check_target, sample_groups, split
from .prediction import OVERLAP, classify, predict, predictor_of

# Each training pair is seen at so many sizes, as it lies and mirrored, in light of its own on each date.
SIZES = (0.8, 1.0, 1.25)
LIGHT = 0.15
STEPS, BATCH, LEARNING_RATE, DECAY = 1500, 32, 2e-3, 1e-3
# A place of the head counts as changed from this share of it on; less teaches nothing.
LEAST_SHARE = 0.03
# Below the score that keeps enough, since last bits differ between machines.
MARGIN = 0.999
HELD_OUT = 0.25

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
# Features of both dates (C, h, w), and of each place 1, 0, or -1 for what teaches nothing (h, w).
View = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class ScreeningRecord:
    """The checkpoint that was written, and its card's `screening` (networks.card)."""

    checkpoint: str
    screening: dict[str, float]


@dataclass(frozen=True)
class Judged:
    """What is known of the validation pairs.

    `changed` holds for every changed pixel the best score of the tiles that see it, `found` whether the network finds
    it, `pair` of which pair it is; `tiles` are the scores of all tiles.
    """

    changed: Floats
    found: Flags
    pair: npt.NDArray[np.int64]
    tiles: Floats

    def threshold(self, of: Flags | slice = slice(None)) -> float:
        """Return the highest threshold that keeps enough of the changed area."""
        ordered = np.sort(self.changed[of])
        return float(ordered[int((1 - LEAST_KEPT) * len(ordered))]) * MARGIN


def fit_screening(
    checkpoint: str | Path,
    samples: str | Path,
    out: str | Path,
    feedback: Feedback = SILENT,
    *,
    scale: float = 1.0,
    seed: int = 0,
) -> ScreeningRecord:
    """Write `checkpoint` with a screen to `out`: trained on the split train of `samples`, fitted on its split val.

    Where there is no split val, a quarter of the samples is held out for it. The network looks at `scale` times the
    images' resolution. Minutes of one core. Raises InputError where files or packages are missing, or nothing changed.
    """
    source, target = Path(checkpoint), Path(out)
    check_target(source, target)
    net = load_checkpoint(source)
    learned, held = _parts(Path(samples), seed)
    screen = begun(net.state_dict())
    training, judging = feedback.split(1, 1)
    train_head(screen, learned, scale, seed, training)
    evidence = measure(screen, net, held, scale, judging)
    save_checkpoint(net, replace(net.card, screening=evidence), target, screen_tensors(screen))
    return ScreeningRecord(str(target), evidence)


def train_head(screen: ScreenNet, data: ChangeDataset, scale: float, seed: int, feedback: Feedback) -> None:
    """Train the head of a screen on labelled pairs."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    views: dict[torch.Size, list[View]] = {}
    for index in range(len(data)):
        feedback.check()
        feedback.progress("screening", 0.5 * index / len(data))
        for size in SIZES:
            for mirrored in (False, True):
                view = _view(screen, data[index], scale * size, mirrored, generator)
                views.setdefault(view[2].shape, []).append(view)
    # Views of one size make a batch.
    sizes = list(views.values())
    shares = np.array([len(of_size) for of_size in sizes]) / sum(map(len, sizes))
    optimiser = torch.optim.AdamW(screen.head.parameters(), LEARNING_RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, STEPS)
    screen.train()
    for step in range(STEPS):
        feedback.check()
        feedback.progress("screening", 0.5 + 0.5 * step / STEPS)
        of_size = sizes[generator.choice(len(sizes), p=shares)]
        drawn = [of_size[place] for place in generator.integers(0, len(of_size), BATCH)]
        before, after, target = (torch.stack(parts) for parts in zip(*drawn, strict=True))
        optimiser.zero_grad()
        _loss(screen.judge(before, after), target).backward()
        optimiser.step()
        schedule.step()
    screen.eval()


def measure(screen: ScreenNet, net: Any, data: ChangeDataset, scale: float, feedback: Feedback) -> dict[str, float]:
    """Fit the threshold on pairs and return what the card says of the screen."""
    judged, seconds = judge(screen, net, data, scale, feedback)
    threshold = judged.threshold()
    seen = judged.changed >= threshold
    skipped = float((judged.tiles < threshold).mean())
    # What the threshold of one half of the pairs keeps of the other.
    even = judged.pair % 2 == 0
    halves = [(even, ~even), (~even, even)] if even.any() and not even.all() else []
    apart = [float((judged.changed[test] >= judged.threshold(fit)).mean()) for fit, test in halves]
    figures = {
        "kept": float(seen.mean()),
        "skipped": skipped,
        "time_saved": skipped - seconds["screen"] / seconds["network"],
        "recall_lost": float((judged.found & ~seen).mean()),
        **({"kept_apart": sum(apart) / len(apart)} if apart else {}),
    }
    rounded = {name: round(value, 4) for name, value in figures.items()}
    # Not rounded up to what is asked for.
    rounded["kept"] = int(figures["kept"] * 1e4) / 1e4
    return {"threshold": threshold, **rounded, "pairs": float(len(data))}


def judge(
    screen: ScreenNet, net: Any, data: ChangeDataset, scale: float, feedback: Feedback = SILENT
) -> tuple[Judged, dict[str, float]]:
    """Score the tiles of pairs and let the network predict them; returns what is known, and the seconds of each."""
    net.eval()
    predictor, scorer = predictor_of(net, net.card.tile), Screen(screen)
    changed, found, pairs, scores = [], [], [], []
    seconds = {"screen": 0.0, "network": 0.0}
    for index in range(len(data)):
        feedback.check()
        feedback.progress("screening", index / len(data))
        sample = data[index]
        begun_at = time.perf_counter()
        probabilities = predict(predictor, sample, scale)
        scored_at = time.perf_counter()
        best, of_tiles = _scored(scorer, sample, scale, net.card.tile)
        seconds["network"] += scored_at - begun_at
        seconds["screen"] += time.perf_counter() - scored_at
        label = (sample.label != NO_CHANGE) & (sample.label != IGNORE)
        changed.append(best[label])
        found.append((classify(probabilities) != NO_CHANGE)[label])
        pairs.append(np.full(int(label.sum()), index))
        scores += of_tiles
    judged = Judged(np.concatenate(changed), np.concatenate(found), np.concatenate(pairs), np.array(scores, np.float32))
    if not len(judged.changed):
        raise InputError("no_change_labelled", count=len(data))
    return judged, seconds


def _parts(samples: Path, seed: int) -> tuple[ChangeDataset, ChangeDataset]:
    """Return the pairs to learn from, and those to fit and measure on."""
    data = open_dataset(samples, "train")
    try:
        return data, open_dataset(samples, "val")
    except InputError as error:
        if error.code != "no_dataset":
            raise
    learned, held = split(sample_groups(samples, data), HELD_OUT, seed)
    if not held:
        raise InputError("nothing_to_hold_out", folder=samples)
    return ChangeDataset.of([(data, learned)]), ChangeDataset.of([(data, held)])


def in_words(record: ScreeningRecord) -> list[Any]:
    """Give the record in sentences (core.messages), and the file."""
    return [*screening_in_words(record.screening), record.checkpoint]


def _scored(scorer: Screen, sample: Sample, scale: float, tile: int) -> tuple[Floats, list[float]]:
    """Return the best score of the tiles that see each pixel (H, W), and the scores of the tiles of a pair."""
    height, width = sample.label.shape
    best, scores = np.zeros((height, width), np.float32), []
    for window, before, after in _tiles(sample, Looking.of(tile, round(tile * OVERLAP), 1 / scale)):
        score = float(scorer.scores(before[None], after[None])[0])
        place = np.s_[window.row : window.bottom, window.column : window.right]
        best[place] = np.maximum(best[place], score)
        scores.append(score)
    return best, scores


def _tiles(sample: Sample, looking: Looking) -> Iterator[tuple[Window, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    height, width = sample.label.shape
    for row in Lattice(width, height, looking.side, looking.overlap).rows(Window(0, 0, width, height)):
        for window in row.windows:
            place = np.s_[:, window.row : window.bottom, window.column : window.right]
            keep = np.ones((window.height, window.width), np.bool_)
            before, after = looking.images(sample.before[place], sample.after[place], keep)
            yield window, padded(before, looking.tile), padded(after, looking.tile)


@torch.no_grad()
def _view(screen: ScreenNet, sample: Sample, scale: float, mirrored: bool, generator: np.random.Generator) -> View:
    changed = (sample.label != NO_CHANGE) & (sample.label != IGNORE)
    seen = np.concatenate([sample.before, sample.after, changed[None]])
    height, width = (max(1, round(side * scale)) for side in changed.shape)
    seen = resized(seen, (height, width))[:, :, :: -1 if mirrored else 1]
    light = 1 + generator.uniform(-LIGHT, LIGHT, (6, 1, 1)).astype(np.float32)
    images = reduced(torch.from_numpy(np.clip(seen[:6] * light, 0, 255))[None])
    label = reduced(torch.from_numpy(np.ascontiguousarray(seen[6:]))[None])
    # As the encoder fills its images up, by what holds nothing.
    below, right = (-side % STRIDE for side in label.shape[2:])
    share = F.avg_pool2d(F.pad(label, (0, right, 0, below)), PLACE)[0, 0]
    target = torch.where(share >= LEAST_SHARE, 1.0, torch.where(share > 0, -1.0, 0.0))
    return screen.features(images[:, :3])[0], screen.features(images[:, 3:])[0], target


def _loss(logits: Tensor, target: Tensor) -> Tensor:
    known = (target >= 0).float()
    losses = F.binary_cross_entropy_with_logits(logits, target.clamp_min(0), reduction="none")
    return (losses * known).sum() / known.sum().clamp_min(1)
