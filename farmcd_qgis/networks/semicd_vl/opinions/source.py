"""What a source of opinions is, and the look that is taken at everything it says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from ....core.errors import InputError
from ....core.messages import part
from ..ceg import Instance
from .covers import Covers

Date = Literal["before", "after"]

# Rounding of a mean or a resampling may leave 0..1 by so much.
_PLAY = 1e-3


@dataclass(frozen=True)
class Opinion:
    """What is said of one date: `probabilities` float32 (C, H, W) in 0..1, and instances, None where it names none."""

    probabilities: np.ndarray
    instances: tuple[Instance, ...] | None = None


class VisualOpinion(Protocol):
    """Somebody with an opinion on single images.

    `covers` are what the C probabilities mean, `name` is for a record, `threshold` is the probability from which a
    cover counts where nobody says otherwise.
    """

    @property
    def name(self) -> str:
        """Who it is."""

    @property
    def covers(self) -> Covers:
        """What the probabilities are of."""

    @property
    def threshold(self) -> float:
        """From which probability a cover counts."""

    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        """Give the opinion on an image, uint8 (3, H, W); `name` is its pair's, for sources that lie in files.

        Raises InputError where there is none or it cannot be used.
        """


@dataclass(frozen=True)
class Relayed:
    """What another source of opinions says, in another form: covers and threshold are those of the `source`."""

    source: VisualOpinion

    @property
    def covers(self) -> Covers:
        """Those of the source."""
        return self.source.covers

    @property
    def threshold(self) -> float:
        """That of the source."""
        return self.source.threshold


def checked(probabilities: np.ndarray, covers: Covers, size: tuple[int, ...], where: str) -> Opinion:
    """Make an opinion of what a source gave, clipped to 0..1 as float32.

    `size` is (H, W) of the image, `where` names the source for the sentence. Raises InputError for another number of
    covers, another size, and numbers that are no probabilities.
    """
    if probabilities.dtype.kind not in "biuf":
        raise InputError("opinion_unreadable", file=where, reason=part("no_numbers", kind=str(probabilities.dtype)))
    if probabilities.ndim != 3 or probabilities.shape[0] != len(covers):
        shape = " x ".join(map(str, probabilities.shape))
        raise InputError("opinion_covers", where=where, shape=shape, count=len(covers), covers=covers.name)
    if probabilities.shape[1:] != size:
        raise InputError("opinion_size", where=where, seen=_size(probabilities.shape[1:]), wanted=_size(size))
    values = probabilities.astype(np.float32)
    least, most = float(values.min(initial=0)), float(values.max(initial=0))
    if not (least >= -_PLAY and most <= 1 + _PLAY):
        # Comparisons with NaN are false, so that NaN ends here, too.
        if nan := int(np.isnan(values).sum()):
            raise InputError("opinion_nan", where=where, count=nan)
        raise InputError("opinion_range", where=where, span=f"{least:.3g} .. {most:.3g}")
    return Opinion(values.clip(0, 1))


def with_instances(opinion: Opinion, instances: Sequence[Instance], where: str) -> Opinion:
    """Add the instances that a source names; raises InputError for unknown covers and another size than the image's."""
    covers, *size = opinion.probabilities.shape
    for one in instances:
        if not 0 <= one.category < covers:
            raise InputError("opinion_category", where=where, seen=one.category, last=covers - 1)
        if one.mask.shape != tuple(size):
            raise InputError("opinion_size", where=where, seen=_size(one.mask.shape), wanted=_size(tuple(size)))
    return replace(opinion, instances=tuple(instances))


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[::-1]))
