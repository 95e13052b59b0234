"""Measure a network on labelled pairs: figures of the binary margin everywhere, of the classes where settled."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ..core.classes import CLASSES, NO_CHANGE
from ..core.feedback import SILENT, Feedback
from ..engine.assess.metrics import (
    BinaryFigures,
    ClassFigures,
    ConfusionMatrix,
    SemanticFigures,
    binary_figures,
    class_figures,
    semantic_figures,
)
from ..networks.family import family_named
from .datasets import IGNORE, ChangeDataset, Sample
from .details import Details


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation measured.

    `binary` counts every labelled pixel as changed or not; `semantic` and `classes` count only pixels whose
    class is settled, and are None for a data set without classes. The matrices hold pixels, reference in rows.
    `offset` was taken off the logit of "no change" before the most likely class was taken.
    """

    pairs: int
    scale: float
    tile: int
    offset: float
    binary: BinaryFigures
    semantic: SemanticFigures | None
    classes: dict[str, ClassFigures] | None
    binary_matrix: list[list[int]]
    class_matrix: list[list[int]] | None

    @property
    def score(self) -> float:
        """What the best network is chosen by: binary F1, and Fscd in equal parts where there are classes."""
        return self.binary.f1 if self.semantic is None else (self.binary.f1 + self.semantic.fscd) / 2

    def as_dict(self) -> dict[str, Any]:
        """Return the evaluation as plain values, for JSON and the model card."""
        return {"score": self.score, **asdict(self)}


@torch.inference_mode()
def predict(
    net: torch.nn.Module, sample: Sample, scale: float = 1.0, tile: int = 256, context: str | None = None
) -> torch.Tensor:
    """Predict one pair and return logits (K,H,W), float32, on the sample's own pixels.

    The images are brought to `scale` (area-averaged), cut into tiles that are predicted each by itself (the
    last of a row or column shifted inwards), and the logits brought back bilinearly. Images smaller than a
    tile are predicted whole, their edge repeated up to a square of a side that the family takes. `context` is a prompt
    that the network knows.
    """
    device = next(net.parameters()).device
    family = family_named(net.family)
    pair = torch.from_numpy(np.concatenate((sample.before, sample.after))).to(device).float()[None]
    height, width = pair.shape[-2:]
    if scale != 1:
        size = (max(16, round(height * scale)), max(16, round(width * scale)))
        pair = F.interpolate(pair, size=size, mode="bilinear", antialias=True, align_corners=False)
    rows, columns = pair.shape[-2:]
    side = min(tile, -(-max(rows, columns) // family.multiple) * family.multiple)
    pair = F.pad(pair, (0, max(0, side - columns), 0, max(0, side - rows)), mode="replicate")
    logits, told = pair.new_empty(0), [[context]] if context else []
    for row in _starts(pair.shape[-2], side):
        for column in _starts(pair.shape[-1], side):
            window = pair[..., row : row + side, column : column + side]
            dates = family.normalise(window[:, :3], "before"), family.normalise(window[:, 3:], "after")
            part = net(*dates, *told)[0].float()
            if not len(logits):
                logits = part.new_zeros(1, part.shape[1], *pair.shape[-2:])
            logits[..., row : row + side, column : column + side] = part
    logits = F.interpolate(logits[..., :rows, :columns], size=(height, width), mode="bilinear", align_corners=False)
    return logits[0]


def _starts(length: int, side: int) -> Iterable[int]:
    return sorted({min(start, length - side) for start in range(0, length, side)})


def evaluate(
    net: torch.nn.Module,
    dataset: ChangeDataset,
    scale: float = 1.0,
    tile: int = 256,
    stride: int = 1,
    offsets: Sequence[float] = (0.0,),
    details: Details | None = None,
    feedback: Feedback = SILENT,
) -> Evaluation:
    """Predict every `stride`-th pair of the data set in eval mode and work out the figures.

    With several `offsets`, each is taken off the logit of "no change" in turn, and the figures are those of the
    best-scoring one (`Evaluation.offset`). `details` takes in every pair as predicted without an offset.
    """
    told = any(pair.context for pair in dataset.files)
    known_contexts = family_named(net.family).known_contexts(net) if told else []
    counts = [(ConfusionMatrix(2), ConfusionMatrix(len(CLASSES))) for _ in offsets]
    training = net.training
    net.eval()
    indices = range(0, len(dataset), stride)
    for index in indices:
        feedback.check()
        sample = dataset[index]
        context = dataset.files[index].context
        logits = predict(net, sample, scale, tile, context if context in known_contexts else None)
        known = sample.label != IGNORE
        if details is not None:
            details.add(index, sample, logits, classify(logits))
        for offset, (binary, classes) in zip(offsets, counts, strict=True):
            prediction = classify(logits, offset)
            binary.add((sample.label != NO_CHANGE)[known].astype(np.uint8), (prediction != NO_CHANGE)[known])
            classes.add(sample.label, prediction)
    net.train(training)
    settled = dataset.kind != "binary"
    results = [
        Evaluation(
            pairs=len(indices),
            scale=scale,
            tile=tile,
            offset=offset,
            binary=binary_figures(binary.counts),
            semantic=semantic_figures(classes.counts) if settled else None,
            classes=_by_name(classes.counts) if settled else None,
            binary_matrix=binary.counts.tolist(),
            class_matrix=classes.counts.tolist() if settled else None,
        )
        for offset, (binary, classes) in zip(offsets, counts, strict=True)
    ]
    return max(results, key=lambda result: result.score)


def classify(logits: torch.Tensor, offset: float = 0.0) -> np.ndarray:
    """Return the most likely class ids, uint8 (H,W), of logits (K,H,W) with `offset` taken off "no change"."""
    change, best = logits[1:].max(0)
    return torch.where(change > logits[0] - offset, best + 1, 0).to(torch.uint8).cpu().numpy()


def _by_name(matrix: np.ndarray) -> dict[str, ClassFigures]:
    return {row.name: figures for row, figures in zip(CLASSES, class_figures(matrix), strict=True)}


def card_metrics(result: Evaluation) -> dict[str, float]:
    """Pick the figures that stand in a model card, 0..1, under readable names."""
    figures = {
        "binary F1": result.binary.f1,
        "binary precision": result.binary.precision,
        "binary recall": result.binary.recall,
        "binary IoU": result.binary.iou,
    }
    if result.semantic is not None and result.classes is not None:
        figures |= {
            "SCD_IoU_mean": result.semantic.scd_iou_mean,
            "SeK": result.semantic.sek,
            "Fscd": result.semantic.fscd,
        }
        figures |= {f"F1 {name}": row.f1 for name, row in result.classes.items()}
    return {name: round(value, 4) for name, value in figures.items()}


def measured_on(result: Evaluation, split: str) -> str:
    """Say for a model card what the figures were measured on."""
    return f"{result.pairs} pairs of the split {split!r}, at {result.scale:g} of their resolution"
