"""One image looked at through windows that overlap, and what is seen in each, averaged."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_AT_ONCE = 8


def averaged(image: np.ndarray, window: int, look: Callable[[Tensor], Tensor]) -> Tensor:
    """Return (C, H, W): the mean of what `look`, (B, 3, S, S) to (B, C, S, S), sees in windows of S = `window` pixels.

    Neighbours overlap by half at least; near its edge a window counts less, so that no seam is seen. An image, uint8
    (3, H, W), that is smaller than a window is mirrored at its right and lower edge.
    """
    height, width = image.shape[1:]
    lacking = [(0, 0), *((0, max(0, window - side)) for side in (height, width))]
    whole = torch.from_numpy(np.pad(image, lacking, mode="symmetric"))
    sides = whole.shape[1:]
    places = [(top, left) for top in _starts(sides[0], window) for left in _starts(sides[1], window)]
    ramp = 1 - (torch.arange(window) + 0.5 - window / 2).abs() / (window / 2)
    weight = ramp[:, None] * ramp
    total, counts = None, torch.zeros(sides)
    for first in range(0, len(places), _AT_ONCE):
        part = places[first : first + _AT_ONCE]
        seen = look(torch.stack([whole[:, top : top + window, left : left + window] for top, left in part]))
        total = torch.zeros(seen.shape[1], *sides) if total is None else total
        for (top, left), values in zip(part, seen, strict=True):
            total[:, top : top + window, left : left + window] += values * weight
            counts[top : top + window, left : left + window] += weight
    assert total is not None  # nosec B101 # the caller has seen to it
    return (total / counts)[:, :height, :width]


def _starts(length: int, window: int) -> list[int]:
    """The first pixel of each window along a side: as few as overlap by half, spread evenly."""
    count = max(1, -(-2 * (length - window) // window) + 1)
    return [round(place * (length - window) / max(count - 1, 1)) for place in range(count)]
