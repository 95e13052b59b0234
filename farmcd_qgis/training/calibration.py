"""Calibration: the temperature with which a confidence of 0.8 is right in 80 % of the pixels."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .datasets import ChangeDataset
from .prediction import predict, predictor_of
from .reliability import Reliability

# Neighbouring pixels say nearly the same, so that every so many are enough to fit one number.
THINNING = 7
# Of a probability, so that it has a logarithm.
SMALLEST = 1e-12
# From far too timid to far too sure, in steps of 5 %.
TEMPERATURES = tuple(float(value) for value in np.geomspace(0.25, 6.0, 66))


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
            reliability.add(torch.softmax(logits / temperature, 1).T[:, None], known[None])
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
    """Return the logits (n, K), up to a constant a pixel, and labels (n,) of a pair's pixels whose class is settled.

    They are the logarithms of blended probabilities: what a detection divides by the temperature before it blends.
    """
    sample = dataset[index]
    net.eval()
    predictor = predictor_of(net, tile)
    predictor.temperature = 1.0
    logits = torch.from_numpy(predict(predictor, sample, scale)).clamp_min(SMALLEST).log()
    label = torch.from_numpy(sample.label.astype(np.int64))
    known = label < logits.shape[0]
    return logits[:, known].T.contiguous(), label[known]
