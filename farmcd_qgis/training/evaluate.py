"""Measure a network on labelled pairs: figures of the binary margin everywhere, of the classes where settled."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from ..core.classes import NO_CHANGE, ClassTable
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
from .datasets import IGNORE, ChangeDataset
from .details import Details
from .prediction import classified, classify, predict, predictor_of


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation measured.

    `binary` counts every labelled pixel as changed or not; `semantic` and `classes` count only pixels whose
    class is settled, and are None for a data set without classes. The matrices hold pixels, reference in rows.
    `offset` was taken off the logit of "no change" before the most likely class was taken. `interval` is where 95 % of
    the binary F1 lie when as many pairs are drawn anew from these.
    """

    pairs: int
    scale: float
    tile: int
    offset: float
    binary: BinaryFigures
    interval: tuple[float, float]
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
    best-scoring one (`Evaluation.offset`). `details` takes in every pair as predicted without an offset. Of a binary
    network no class is measured.
    """
    if net.card is not None:
        dataset = dataset.seen_as(net.card.classes)
    table = dataset.table
    told = any(pair.context for pair in dataset.files)
    known_contexts = family_named(net.family).known_contexts(net) if told else []
    counts: list[tuple[list[np.ndarray], ConfusionMatrix]] = [
        ([], ConfusionMatrix(len(table.predicted))) for _ in offsets
    ]
    training = net.training
    net.eval()
    predictor = predictor_of(net, tile)
    tells_classes = True
    indices = range(0, len(dataset), stride)
    for index in indices:
        feedback.check()
        sample = dataset[index]
        context = dataset.files[index].context
        predictor.context = [context] if context in known_contexts else None
        probabilities = predict(predictor, sample, scale)
        tells_classes = len(probabilities) > 2
        known = sample.label != IGNORE
        if details is not None:
            details.add(index, sample, probabilities, classify(probabilities))
        for prediction, (binary, classes) in zip(classified(probabilities, offsets), counts, strict=True):
            pair = ConfusionMatrix(2)
            pair.add((sample.label != NO_CHANGE)[known].astype(np.uint8), (prediction != NO_CHANGE)[known])
            binary.append(pair.counts)
            classes.add(sample.label, prediction)
    net.train(training)
    settled = dataset.kind != "binary" and tells_classes
    results = [
        Evaluation(
            pairs=len(indices),
            scale=scale,
            tile=tile,
            offset=offset,
            binary=binary_figures(np.sum(binary, axis=0)),
            interval=f1_interval(np.stack(binary)),
            semantic=semantic_figures(classes.counts) if settled else None,
            classes=_by_name(classes.counts, table) if settled else None,
            binary_matrix=np.sum(binary, axis=0).tolist(),
            class_matrix=classes.counts.tolist() if settled else None,
        )
        for offset, (binary, classes) in zip(offsets, counts, strict=True)
    ]
    return max(results, key=lambda result: result.score)


def f1_interval(pairs: np.ndarray, draws: int = 1000) -> tuple[float, float]:
    """Return the 95 % interval of the binary F1 over pairs, whose confusion matrices are (n, 2, 2), by resampling them.

    Pixels of a pair go together, so that it is pairs that are drawn (Efron 1979, the percentile bootstrap).
    """
    drawn = np.random.default_rng(0).integers(0, len(pairs), (draws, len(pairs)))
    sums = pairs[drawn].sum(axis=1)
    hit, wrong = sums[:, 1, 1], sums[:, 0, 1] + sums[:, 1, 0]
    low, high = np.quantile(2 * hit / np.maximum(2 * hit + wrong, 1), (0.025, 0.975))
    return float(low), float(high)


def _by_name(matrix: np.ndarray, table: ClassTable) -> dict[str, ClassFigures]:
    return {row.name: figures for row, figures in zip(table.predicted, class_figures(matrix), strict=True)}


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


def card_places(details: dict[str, Any]) -> dict[str, float]:
    """Pick the figures of places that stand in a model card, 0..1, from the details of an evaluation."""
    places, hard = details["places"], details["hard_regions"]
    figures = {
        "right": places["right"] / max(places["marked"], 1),
        "found": places["found"] / max(places["changed"], 1),
        "least_ha": places["least"] * places["pixel_m2"] / 1e4,
        "small_found": places["small_found"] / max(places["small_changed"], 1),
        "small_ha": places["small_below"] * places["pixel_m2"] / 1e4,
        "hard_area": hard["share_of_area"],
        "hard_errors": hard["share_of_errors"],
    }
    return {name: round(value, 4) for name, value in figures.items()}


def measured_on(result: Evaluation, split: str) -> str:
    """Say for a model card what the figures were measured on."""
    return f"{result.pairs} pairs of the split {split!r}, at {result.scale:g} of their resolution"
