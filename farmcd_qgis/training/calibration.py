"""Calibration: whether a confidence of 0.8 is right in 80 % of the pixels, and the temperature that makes it so."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from farmcd_qgis.training.datasets import ChangeDataset
from farmcd_qgis.training.evaluate import predict

BINS = 15
# Neighbouring pixels say nearly the same, so that every so many are enough to fit one number.
THINNING = 7
# From far too timid to far too sure, in steps of 5 %.
TEMPERATURES = tuple(float(value) for value in np.geomspace(0.25, 6.0, 66))


class Reliability:
    """Counts how often the most likely class is right, by confidence: `rows` and the expected calibration error.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", with equal bins.
    """

    def __init__(self) -> None:
        self.counts = np.zeros((3, BINS))

    def add(self, logits: Tensor, label: Tensor, temperature: float = 1.0) -> None:
        """Count the pixels of logits (K, H, W) whose label (H, W) is a class id below K."""
        confidence, best = torch.softmax(logits / temperature, 0).max(0)
        known = label < logits.shape[0]
        values = confidence[known].double().numpy()
        right = (best == label)[known].double().numpy()
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


def fit_temperature(
    net: torch.nn.Module, dataset: ChangeDataset, indices: Sequence[int], scale: float = 1.0, tile: int = 256
) -> float:
    """Find the temperature with the least negative log-likelihood over the settled pixels of these pairs."""
    losses = np.zeros(len(TEMPERATURES))
    for index in indices:
        logits, known = _settled(net, dataset, index, scale, tile)
        logits, known = logits[::THINNING], known[::THINNING]
        for place, temperature in enumerate(TEMPERATURES):
            losses[place] += float(F.cross_entropy(logits / temperature, known, reduction="sum"))
    return TEMPERATURES[int(losses.argmin())]


def measure(
    net: torch.nn.Module,
    dataset: ChangeDataset,
    indices: Sequence[int],
    temperatures: Sequence[float],
    scale: float = 1.0,
    tile: int = 256,
) -> list[Reliability]:
    """Measure the reliability over these pairs under each temperature."""
    found = [Reliability() for _ in temperatures]
    for index in indices:
        logits, known = _settled(net, dataset, index, scale, tile)
        for reliability, temperature in zip(found, temperatures, strict=True):
            reliability.add(logits.T[:, None], known[None], temperature)
    return found


def calibrate(
    net: torch.nn.Module, dataset: ChangeDataset, scale: float = 1.0, tile: int = 256
) -> tuple[float, list[Reliability]]:
    """Fit the temperature on every second pair; return it, and the reliability of the others without and with it."""
    fitted, measured = range(0, len(dataset), 2), range(1, len(dataset), 2)
    temperature = fit_temperature(net, dataset, fitted, scale, tile)
    return temperature, measure(net, dataset, measured, (1.0, temperature), scale, tile)


def _settled(
    net: torch.nn.Module, dataset: ChangeDataset, index: int, scale: float, tile: int
) -> tuple[Tensor, Tensor]:
    """Return the logits (n, K) and labels (n,) of a pair's pixels whose class is settled."""
    sample = dataset[index]
    logits = predict(net, sample, scale, tile).cpu()
    label = torch.from_numpy(sample.label.astype(np.int64))
    known = label < logits.shape[0]
    return logits[:, known].T.contiguous(), label[known]
