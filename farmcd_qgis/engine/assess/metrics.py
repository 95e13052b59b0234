"""Figures of change detection from a confusion matrix, as the authors define them.

Rows of a confusion matrix are the reference, columns the prediction; row and column 0 are "no change".
Definitions: docs/methods/fd_mamba.md, 4, from the authors' misc/metric_tools.py.
"""

from dataclasses import dataclass

import numpy as np

_EPS = float(np.finfo(np.float32).eps)


class ConfusionMatrix:
    """Pixel counts that grow image by image; reference values outside 0..classes-1 are left out."""

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, classes), np.int64)

    def add(self, reference: np.ndarray, prediction: np.ndarray) -> None:
        """Count two arrays of class ids of equal shape; raises ValueError for a predicted id out of range."""
        classes = len(self.counts)
        known = reference < classes
        rows, columns = reference[known].astype(np.int64), prediction[known].astype(np.int64)
        if columns.size and not 0 <= columns.min() <= columns.max() < classes:
            raise ValueError(f"predicted class ids reach {columns.max()}, but there are only {classes} classes")
        self.counts += np.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)


@dataclass(frozen=True)
class ClassFigures:
    """Precision, recall, F1 and IoU of one class, 0..1; 0 where a class occurs nowhere."""

    precision: float
    recall: float
    f1: float
    iou: float


@dataclass(frozen=True)
class BinaryFigures:
    """Figures of "some change" against "no change", 0..1."""

    precision: float
    recall: float
    f1: float
    iou: float
    specificity: float
    overall_accuracy: float
    balanced_accuracy: float
    kappa: float


@dataclass(frozen=True)
class SemanticFigures:
    """Figures of semantic change; means are plain ones over all classes, absent ones and "no change" included."""

    overall_accuracy: float
    kappa: float
    mean_f1: float
    mean_iou: float
    scd_iou_mean: float
    sek: float
    fscd: float


def class_figures(matrix: np.ndarray) -> list[ClassFigures]:
    """Work out the figures of every class of a (K,K) confusion matrix."""
    counts = matrix.astype(np.float64)
    hits, rows, columns = counts.diagonal(), counts.sum(1), counts.sum(0)
    precision, recall = hits / (columns + _EPS), hits / (rows + _EPS)
    f1 = 2 * precision * recall / (precision + recall + _EPS)
    iou = hits / (rows + columns - hits + _EPS)
    return [ClassFigures(*map(float, row)) for row in zip(precision, recall, f1, iou, strict=True)]


def binary_figures(matrix: np.ndarray) -> BinaryFigures:
    """Work out the figures of "some change" from a (K,K) matrix, K >= 2, by collapsing its change classes."""
    two = collapse(matrix)
    unchanged, changed = class_figures(two)
    return BinaryFigures(
        precision=changed.precision,
        recall=changed.recall,
        f1=changed.f1,
        iou=changed.iou,
        specificity=unchanged.recall,
        overall_accuracy=_overall_accuracy(two),
        balanced_accuracy=(changed.recall + unchanged.recall) / 2,
        kappa=kappa(two),
    )


def semantic_figures(matrix: np.ndarray) -> SemanticFigures:
    """Work out OA, kappa, means, SCD_IoU_mean, SeK and Fscd of a (K,K) confusion matrix."""
    counts = matrix.astype(np.float64)
    classes = class_figures(matrix)
    total, unchanged = counts.sum(), counts[0, 0]
    reference_unchanged, predicted_unchanged = counts[0].sum(), counts[:, 0].sum()
    iou_unchanged = unchanged / (reference_unchanged + predicted_unchanged - unchanged + _EPS)
    iou_changed = counts[1:, 1:].sum() / (total - unchanged + _EPS)
    without_unchanged = counts.copy()
    without_unchanged[0, 0] = 0
    right = counts[1:, 1:].trace()
    precision = right / (total - predicted_unchanged + _EPS)
    recall = right / (total - reference_unchanged + _EPS)
    return SemanticFigures(
        overall_accuracy=_overall_accuracy(counts),
        kappa=kappa(counts),
        mean_f1=float(np.mean([row.f1 for row in classes])),
        mean_iou=float(np.mean([row.iou for row in classes])),
        scd_iou_mean=float((iou_unchanged + iou_changed) / 2),
        sek=kappa(without_unchanged) * float(np.exp(iou_changed - 1)),
        fscd=float(2 * precision * recall / (precision + recall + _EPS)),
    )


def collapse(matrix: np.ndarray) -> np.ndarray:
    """Join all change classes of a (K,K) confusion matrix into one: (2,2)."""
    changed = matrix[1:, 1:].sum()
    return np.array([[matrix[0, 0], matrix[0, 1:].sum()], [matrix[1:, 0].sum(), changed]])


def kappa(matrix: np.ndarray) -> float:
    """Cohen's kappa; 0 where it isn't defined (no pixel, or agreement by chance alone is complete)."""
    counts = matrix.astype(np.float64)
    total = counts.sum()
    if total == 0:
        return 0.0
    observed = counts.trace() / total
    expected = float(counts.sum(0) @ counts.sum(1)) / total**2
    return 0.0 if expected == 1 else float((observed - expected) / (1 - expected))


def _overall_accuracy(matrix: np.ndarray) -> float:
    return float(matrix.trace() / (matrix.sum() + _EPS))
