"""Whether a confidence of 0.8 is right in 80 % of the pixels."""

import numpy as np
from torch import Tensor

BINS = 15


class Reliability:
    """Counts how often the most likely class is right, by confidence: `rows` and the expected calibration error.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", with equal bins.
    """

    def __init__(self) -> None:
        self.counts = np.zeros((3, BINS))

    def add_change(self, no_change: np.ndarray, changed: np.ndarray, known: np.ndarray) -> None:
        """Count the `known` pixels (H, W) by how sure "no change" or "some change" is, whichever is likelier."""
        share = no_change[known].astype(np.float64)
        self._count(np.maximum(share, 1 - share), (share < 0.5) == changed[known])

    def add(self, probabilities: Tensor, label: Tensor) -> None:
        """Count the pixels of class probabilities (K, H, W) whose label (H, W) is a class id below K."""
        confidence, best = probabilities.max(0)
        known = label < probabilities.shape[0]
        values = confidence[known].double().numpy()
        right = (best == label)[known].double().numpy()
        self._count(values, right)

    def _count(self, values: np.ndarray, right: np.ndarray) -> None:
        place = np.minimum((values * BINS).astype(int), BINS - 1)
        for row, weights in zip(self.counts, (None, values, right), strict=True):
            row += np.bincount(place, weights, BINS)

    @property
    def rows(self) -> list[tuple[float, float, float]]:
        """Per bin with pixels: mean confidence, share that is right, share of all pixels."""
        pixels, confidence, right = self.counts[:, self.counts[0] > 0]
        return [tuple(row) for row in np.stack([confidence / pixels, right / pixels, pixels / pixels.sum()]).T.tolist()]

    @property
    def expected_error(self) -> float:
        """The mean distance of confidence and share that is right, 0..1."""
        return sum(share * abs(confidence - right) for confidence, right, share in self.rows)
