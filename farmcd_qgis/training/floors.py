"""Floors without any learning: change vector analysis and IR-MAD, each with Otsu's threshold.

What a method that learned, or asked an opinion, must beat to be worth its trouble. numpy only; one pair at a time.
"""

import numpy as np

from ..core.classes import NO_CHANGE
from .datasets import IGNORE, UNSETTLED

_BINS = 256
_ROUNDS = 30
_SETTLED = 1e-3
_RIDGE = 1e-6


def change_vectors(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the length of the difference of the dates' bands (H, W) of images uint8 (3, H, W) (Malila 1980).

    Each band of each date is brought to zero mean and unit deviation, so that another light is no change.
    """
    return np.sqrt(np.square(_standard(before) - _standard(after)).sum(0)).reshape(before.shape[1:])


def irmad(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the root of the chi-squared of the MAD variates (H, W), reweighted until they settle (Nielsen 2007).

    Pixels weigh as much as they are likely not to have changed.
    """
    first, second = _standard(before), _standard(after)
    bands = len(first)
    weight = np.ones(first.shape[1])
    last = np.zeros(bands)
    chi = np.zeros(first.shape[1])
    for _ in range(_ROUNDS):
        both = np.concatenate((first, second))
        both = both - (both * weight).sum(1, keepdims=True) / weight.sum()
        covariance = (both * weight) @ both.T / weight.sum() + _RIDGE * np.eye(2 * bands)
        own, other = covariance[:bands, :bands], covariance[bands:, bands:]
        across = covariance[:bands, bands:]
        # Canonical correlation, by Cholesky factors that whiten each date.
        left, right = np.linalg.inv(np.linalg.cholesky(own)), np.linalg.inv(np.linalg.cholesky(other))
        u, correlation, v = np.linalg.svd(left @ across @ right.T)
        variates = (u.T @ left) @ both[:bands] - (v @ right) @ both[bands:]
        chi = (np.square(variates) / np.maximum(2 * (1 - correlation.clip(0, 1)), _RIDGE)[:, None]).sum(0)
        weight = np.maximum(_survival(chi, bands), _RIDGE)
        if np.abs(correlation - last).max() < _SETTLED:
            break
        last = correlation
    return np.sqrt(chi).reshape(before.shape[1:])


def otsu(values: np.ndarray) -> float:
    """Return the threshold that parts values best into two (Otsu 1979); those above it are change."""
    counts, edges = np.histogram(values, _BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * np.square(sums / below - (sums[-1] - sums) / above)
    return float(edges[1 + int(np.nan_to_num(between[:-1]).argmax())])


def changed(values: np.ndarray) -> np.ndarray:
    """Return labels uint8 of an index of change: 254 (changed, class unknown) above Otsu's threshold, else 0."""
    return np.where(values > otsu(values), UNSETTLED, NO_CHANGE).astype(np.uint8)


def counted(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return the confusion (2, 2) of change and none, reference in rows; what is said to be unknown is no change."""
    known = label != IGNORE
    said = (prediction != NO_CHANGE) & (prediction != IGNORE)
    pairs = 2 * (label != NO_CHANGE)[known].astype(np.int64) + said[known]
    return np.bincount(pairs, minlength=4).reshape(2, 2)


def _standard(image: np.ndarray) -> np.ndarray:
    pixels = image.reshape(len(image), -1).astype(np.float64)
    spread = np.maximum(pixels.std(1, keepdims=True), 1e-9)
    return (pixels - pixels.mean(1, keepdims=True)) / spread


def _survival(chi: np.ndarray, freedom: int) -> np.ndarray:
    """Return how likely chi-squared with three degrees of freedom is above each value, by a power law for others.

    The cube root is nearly normal (Wilson and Hilferty 1931), which is close enough for a weight.
    """
    spread = 2 / (9 * freedom)
    normal = (np.cbrt(chi / freedom) - (1 - spread)) / np.sqrt(spread)
    # 1 - Phi, by the logistic that lies nearest to it.
    return 1 / (1 + np.exp(np.clip(1.702 * normal, -60, 60)))
