"""Figures of shapes, not pixels: whether outlines lie right, and whether small changes are found at all."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Bools = npt.NDArray[np.bool_]

# Least area in pixels of each bin of ObjectCounts; the last is open above.
AREA_BINS = (1, 100, 400, 1600, 6400)
_EIGHT = np.ones((3, 3), bool)
_EPS = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class BoundaryFigures:
    """How much of the outlines lies within `tolerance` pixels of the other's, 0..1."""

    tolerance: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class AreaBin:
    """How many reference objects of `least` to below `below` pixels there are (None: open), and were found."""

    least: int
    below: int | None
    objects: int
    found: int


class BoundaryCounts:
    """Counts outline pixels of "some change" that lie near an outline of the other map, image by image.

    Source: Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?", with the counts of
    all images added up.
    """

    def __init__(self, tolerance: float = 2.0) -> None:
        self.tolerance = tolerance
        self._near = np.zeros(2, np.int64)
        self._all = np.zeros(2, np.int64)

    def add(self, reference: Bools, prediction: Bools, known: Bools) -> None:
        """Count two maps of change, bool (H, W); pixels that are not `known` belong to neither outline."""
        outlines = [_outline(changed & known) & known for changed in (prediction, reference)]
        for place, (own, other) in enumerate((outlines, outlines[::-1])):
            self._all[place] += own.sum()
            if other.any():
                self._near[place] += (ndimage.distance_transform_edt(~other)[own] <= self.tolerance).sum()

    def figures(self) -> BoundaryFigures:
        """Work out precision (share of predicted outlines near a reference one), recall and F1."""
        precision, recall = map(float, self._near / (self._all + _EPS))
        f1 = 2 * precision * recall / (precision + recall + _EPS)
        return BoundaryFigures(self.tolerance, precision, recall, f1)


@dataclass(frozen=True)
class ObjectFigures:
    """Of the places that changed, how many are found; of those that are marked, how many are right; `small` of each are
    those below a size.

    `least` is the size from which on places count, `small_below` that of the small ones, both in pixels.
    """

    least: float
    small_below: float
    changed: int
    found: int
    small_changed: int
    small_found: int
    marked: int
    right: int


class ObjectCounts:
    """Counts the connected changed areas of the reference by size, and how many of them were found; and the other way.

    An object (8-connected) is found if at least half of its pixels are predicted as changed, whatever the class; one
    that is marked is right if at least half of its pixels are changed. Those below `least` pixels count only by size.
    """

    def __init__(self, least: float = 0.0, small_below: float = 0.0) -> None:
        self._counts = np.zeros((2, len(AREA_BINS)), np.int64)
        self._least, self._small = least, small_below
        self._sums = np.zeros(6, np.int64)

    def add(self, reference: Bools, prediction: Bools, known: Bools) -> None:
        """Count the objects of a reference map, bool (H, W), and those of a predicted map."""
        areas, hits = _objects(reference & known, prediction)
        places = np.digitize(areas, AREA_BINS) - 1
        found = 2 * hits >= areas
        self._counts += [np.bincount(places[kept], minlength=len(AREA_BINS)) for kept in (areas > 0, found)]
        marked, right = _objects(prediction & known, reference)
        large, small = areas >= self._least, (areas >= self._least) & (areas < self._small)
        counts = (large, large & found, small, small & found, marked >= self._least)
        self._sums += [*(part.sum() for part in counts), ((marked >= self._least) & (2 * right >= marked)).sum()]

    def figures(self) -> ObjectFigures:
        """Return the sums over all sizes."""
        return ObjectFigures(self._least, self._small, *self._sums.tolist())

    def bins(self) -> tuple[AreaBin, ...]:
        """Return the bins of AREA_BINS in order."""
        limits = pairwise((*AREA_BINS, None))
        return tuple(
            AreaBin(least or 0, below, int(objects), int(found))
            for (least, below), objects, found in zip(limits, *self._counts, strict=True)
        )


def _objects(changed: Bools, other: Bools) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the pixels of each connected area, and those of them where the other map says change, too."""
    labels, count = ndimage.label(changed, _EIGHT)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return areas, np.bincount(labels.ravel(), other.ravel(), count + 1)[1:]


def _outline(changed: Bools) -> Bools:
    # The edge of the image is no outline: what goes on behind it isn't known.
    return changed & ~ndimage.binary_erosion(changed, _EIGHT, border_value=1)
