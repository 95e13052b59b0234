"""What the colours of each date are brought to: the statistics of the data set that a network was trained on.

They travel in a checkpoint's header; for the authors' files, which don't say, one names the data set.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import InputError
from ..family import Date

if TYPE_CHECKING:
    from torch import Tensor

Bands = tuple[float, float, float]


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of red, green and blue, 0..1, of one date's images."""

    mean: Bands
    std: Bands

    def __post_init__(self) -> None:
        """Raise ValueError for what are no statistics."""
        numbers = [float(number) for number in (*self.mean, *self.std)]
        if len(self.mean) != 3 or len(self.std) != 3 or not all(map(math.isfinite, numbers)) or min(self.std) <= 0:
            raise ValueError(f"mean {list(self.mean)} and std {list(self.std)} are no statistics of three bands")


@dataclass(frozen=True)
class Normalisation:
    """The statistics of both dates."""

    before: Statistics
    after: Statistics

    def apply(self, images: "Tensor", date: Date) -> "Tensor":
        """Bring images (B, 3, H, W) of 0..255 to zero mean and unit deviation: (x / 255 - mean) / std a band."""
        statistics: Statistics = getattr(self, date)
        mean, std = (images.new_tensor(bands)[:, None, None] for bands in (statistics.mean, statistics.std))
        return (images / 255 - mean) / std

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Normalisation":
        """Read {"before": {"mean", "std"}, "after": ...}; raises KeyError, TypeError or ValueError for other things."""
        return cls(*(Statistics(tuple(values[d]["mean"]), tuple(values[d]["std"])) for d in ("before", "after")))  # type: ignore[arg-type]


@cache
def named() -> dict[str, Normalisation]:
    """Read the statistics of the authors' data sets by their names."""
    text = Path(__file__).with_name("normalisations.toml").read_text(encoding="utf-8")
    return {name: Normalisation.of(values) for name, values in tomllib.loads(text).items()}


def normalisation_named(name: str) -> Normalisation:
    """Return the statistics of an authors' data set; raises InputError for a name that there is not."""
    if name not in named():
        raise InputError("normalisation_name", name=name, known=list(named()))
    return named()[name]
