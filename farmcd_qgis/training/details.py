"""What an evaluation looks at besides the figures of pixels: shapes, confidence, and where it went most wrong."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ..core.classes import NO_CHANGE
from ..core.polygons import PolygonSettings
from .datasets import IGNORE, Sample
from .reliability import Reliability
from .shape_metrics import BoundaryCounts, ObjectCounts

# Places below this are told of apart: 0.2 hectares, three mu.
SMALL_M2 = 2000.0


class Details:
    """Collects the details of the pairs that `evaluate` predicts.

    `temperature` is the network's own, with which it is as sure as the analyst sees it; where labels have no classes,
    `tells_classes` is False, and only confidence in change or none is measured. `pixel_m2` is the ground area of a
    pixel, 1 where nobody knows; `tau` is the confidence below which a pixel is hard.
    """

    def __init__(
        self,
        temperature: float,
        tells_classes: bool = True,
        pixel_m2: float = 1.0,
        tau: float = PolygonSettings.tau,
    ) -> None:
        self._temperature, self._tells_classes, self._tau = temperature, tells_classes, tau
        self._reliability, self._change = Reliability(), Reliability()
        self._boundary = BoundaryCounts()
        self._pixel_m2 = pixel_m2
        self._objects = ObjectCounts(PolygonSettings.minimum_mapping_unit_m2 / pixel_m2, SMALL_M2 / pixel_m2)
        # Pixels that are known, hard, wrongly called changed or unchanged, and both.
        self._hard = np.zeros(4, np.int64)
        self._wrong: dict[int, int] = {}

    def add(self, index: int, sample: Sample, probabilities: np.ndarray, prediction: np.ndarray) -> None:
        """Take in pair `index`: class probabilities (K, H, W) float32 and predicted class ids (H, W)."""
        reference, predicted = sample.label != NO_CHANGE, prediction != NO_CHANGE
        known = sample.label != IGNORE
        if self._tells_classes:
            self._reliability.add(torch.from_numpy(probabilities), torch.from_numpy(sample.label.astype(np.int64)))
        self._change.add_change(probabilities[NO_CHANGE], reference, known)
        self._boundary.add(reference, predicted, known)
        self._objects.add(reference, predicted, known)
        wrong = (reference != predicted) & known
        hard = (probabilities.max(axis=0) < self._tau) & known
        self._hard += [part.sum() for part in (known, hard, wrong, hard & wrong)]
        self._wrong[index] = int(wrong.sum())

    def worst(self, count: int) -> list[int]:
        """Return the pairs with the most pixels wrongly called changed or unchanged, the worst first."""
        return sorted((index for index in self._wrong if self._wrong[index]), key=lambda i: -self._wrong[i])[:count]

    def as_dict(self) -> dict[str, Any]:
        """Return the details as plain values, for JSON and the page."""
        measured = bool(self._reliability.counts[0].sum())
        known, hard, wrong, both = self._hard.tolist()
        return {
            "boundary": asdict(self._boundary.figures()),
            "objects": [asdict(row) for row in self._objects.bins()],
            "places": {**asdict(self._objects.figures()), "pixel_m2": self._pixel_m2},
            "hard_regions": {
                "tau": self._tau,
                "share_of_area": hard / max(known, 1),
                "share_of_errors": both / max(wrong, 1),
            },
            "reliability": self._as_dict(self._reliability) if measured else None,
            "reliability_of_change": self._as_dict(self._change),
        }

    def _as_dict(self, reliability: Reliability) -> dict[str, Any]:
        return {
            "temperature": self._temperature,
            "expected_error": reliability.expected_error,
            "rows": reliability.rows,
        }
