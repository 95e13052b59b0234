"""What an evaluation looks at besides the figures of pixels: shapes, confidence, and where it went most wrong."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ..core.classes import NO_CHANGE
from .datasets import IGNORE, Sample
from .reliability import Reliability
from .shape_metrics import BoundaryCounts, ObjectCounts


class Details:
    """Collects the details of the pairs that `evaluate` predicts.

    `temperature` is the network's own, with which it is as sure as the analyst sees it. None leaves confidence out: for
    binary labels, which cannot say whether a class is right.
    """

    def __init__(self, temperature: float | None) -> None:
        self._temperature = temperature
        self._reliability = Reliability()
        self._boundary = BoundaryCounts()
        self._objects = ObjectCounts()
        self._wrong: dict[int, int] = {}

    def add(self, index: int, sample: Sample, probabilities: np.ndarray, prediction: np.ndarray) -> None:
        """Take in pair `index`: class probabilities (K, H, W) float32 and predicted class ids (H, W)."""
        reference, predicted = sample.label != NO_CHANGE, prediction != NO_CHANGE
        known = sample.label != IGNORE
        if self._temperature is not None:
            self._reliability.add(torch.from_numpy(probabilities), torch.from_numpy(sample.label.astype(np.int64)))
        self._boundary.add(reference, predicted, known)
        self._objects.add(reference, predicted, known)
        self._wrong[index] = int((reference != predicted)[known].sum())

    def worst(self, count: int) -> list[int]:
        """Return the pairs with the most pixels wrongly called changed or unchanged, the worst first."""
        return sorted((index for index in self._wrong if self._wrong[index]), key=lambda i: -self._wrong[i])[:count]

    def as_dict(self) -> dict[str, Any]:
        """Return the details as plain values, for JSON and the page."""
        measured = bool(self._reliability.counts[0].sum())
        return {
            "boundary": asdict(self._boundary.figures()),
            "objects": [asdict(row) for row in self._objects.bins()],
            "reliability": {
                "temperature": self._temperature,
                "expected_error": self._reliability.expected_error,
                "rows": self._reliability.rows,
            }
            if measured
            else None,
        }
