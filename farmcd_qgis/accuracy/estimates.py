"""How right a map of change is, and how large the changes really are: estimates from a stratified random sample.

After Olofsson et al. (2014), "Good practices for estimating area and assessing accuracy of land change", Remote
Sensing of Environment 148, 42-57; the numbers of equations are the paper's. Pure numpy.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.classes import FIVE, MU_PER_HECTARE, ClassTable
from ..core.errors import InputError

# Standard errors on either side of an estimate within which the truth lies with a probability of 95 %.
Z95 = 1.96
LEVEL = 0.95
# The paper wants at least 50 to 100 points in a rare class.
FEW = 50

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stratum:
    """A class as it is mapped: its pixels, their area on the ellipsoid, and the points drawn in it."""

    class_id: int
    pixels: int
    area_ha: float
    drawn: int = 0


@dataclass(frozen=True)
class Estimate:
    """An estimate with its standard error and its 95 % interval, kept within what is possible.

    Without two judged points in a stratum nothing is known of the error: then the other fields are None. Nor is it
    where all points of a sample agree: `told` is False then, and only the bound that their number gives is there, for a
    share of one stratum: `lower` or `upper`, beyond which the truth lies with a probability of 5 %.
    """

    value: float
    standard_error: float | None = None
    lower: float | None = None
    upper: float | None = None
    told: bool = True

    @property
    def margin(self) -> float | None:
        """Half of the 95 % interval, as in "0.88 ± 0.07"; None where the sample does not tell it."""
        return Z95 * self.standard_error if self.standard_error is not None and self.told else None

    def times(self, factor: float) -> "Estimate":
        """Return the estimate in another unit."""
        error, lower, upper = (
            None if value is None else value * factor for value in (self.standard_error, self.lower, self.upper)
        )
        return Estimate(self.value * factor, error, lower, upper, self.told)


@dataclass(frozen=True)
class ClassAccuracy:
    """What is known of one class. `users`, `producers` and `f1` are shares; None where nothing can be said.

    `judged` counts the points mapped as the class that have an answer, `undecided` those judged "cannot tell" or
    passed over, `drawn` all of them. `few` says that fewer are judged than FEW; `flawless` that all of them agree with
    the map, and `unmissed` that no point of another class turned out to be this one: the intervals of no width that
    user's and producer's accuracy have then say less than they seem to.
    """

    class_id: int
    mapped_pixels: int
    mapped_ha: float
    drawn: int
    judged: int
    undecided: int
    few: bool
    flawless: bool
    unmissed: bool
    users: Estimate | None
    producers: Estimate | None
    f1: Estimate | None
    area_ha: Estimate | None

    @property
    def area_mu(self) -> Estimate | None:
        """The estimated area in mu."""
        return self.area_ha and self.area_ha.times(MU_PER_HECTARE)


@dataclass(frozen=True)
class Assessment:
    """The result of an accuracy assessment; `classes` belong to the rows and columns of the matrices.

    `matrix` counts judged points, the map in rows and the reference in columns; `proportions` is the same as shares
    of the mapped area (equation 4), None where a mapped class has no judged point yet: then the overall accuracy, the
    producer's accuracies and the areas are None too. `seed`, `reviewers` and `last_judged_at` (ISO 8601 in UTC) say
    where the judgements came from; `table` names the classes.
    """

    classes: tuple[ClassAccuracy, ...]
    matrix: tuple[tuple[int, ...], ...]
    proportions: tuple[tuple[float, ...], ...] | None
    overall: Estimate | None
    seed: int = 0
    reviewers: tuple[str, ...] = ()
    last_judged_at: str = ""
    table: ClassTable = FIVE

    @property
    def drawn(self) -> int:
        """The points of the sample."""
        return sum(row.drawn for row in self.classes)

    @property
    def judged(self) -> int:
        """The points that have an answer."""
        return sum(row.judged for row in self.classes)

    @property
    def undecided(self) -> int:
        """The points that were looked at without an answer; they are in no estimate."""
        return sum(row.undecided for row in self.classes)

    @property
    def finished(self) -> bool:
        """Whether somebody has looked at every point."""
        return self.judged + self.undecided == self.drawn

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values for JSON."""
        record = asdict(self) | {"table": self.table.to_json()}
        for plain, row in zip(record["classes"], self.classes, strict=True):
            plain["area_mu"] = asdict(row.area_mu) if row.area_mu else None
        totals = {"drawn": self.drawn, "judged": self.judged, "undecided": self.undecided, "finished": self.finished}
        return record | totals


def assess(
    strata: Sequence[Stratum], judged: Iterable[tuple[int, int]], undecided: Mapping[int, int] | None = None
) -> Assessment:
    """Estimate accuracies and areas from judged points, each a pair of its mapped and its reference class id.

    `undecided` counts by mapped class the points without an answer. Beside the paper, the share of a stratum that was
    judged counts (finite population correction, 1 - n/N): nothing is to be seen of it in large strata, and a class of
    few pixels that were all judged is known without error. Raises InputError for a point of a class without stratum.
    """
    pairs = list(judged)
    known = {stratum.class_id: stratum for stratum in strata}
    if strange := {mapped for mapped, _ in pairs} - known.keys():
        raise InputError("bad_sample", number=min(strange))
    ids = sorted(known.keys() | {reference for _, reference in pairs})
    rows = [known.get(class_id, Stratum(class_id, 0, 0.0)) for class_id in ids]
    counts = np.zeros((len(ids), len(ids)), np.int64)
    for mapped, reference in pairs:
        counts[ids.index(mapped), ids.index(reference)] += 1
    figures = _Estimator(rows, counts)
    without = undecided or {}
    classes = tuple(
        figures.of_class(place, stratum, without.get(stratum.class_id, 0)) for place, stratum in enumerate(rows)
    )
    proportions = tuple(map(tuple, figures.proportions.tolist())) if figures.complete else None
    return Assessment(classes, tuple(map(tuple, counts.tolist())), proportions, figures.overall())


class _Estimator:
    """The paper's formulas on one error matrix. Rows i are mapped classes, columns j reference classes."""

    def __init__(self, strata: Sequence[Stratum], counts: npt.NDArray[np.int64]) -> None:
        self.area_ha = sum(stratum.area_ha for stratum in strata)
        self.counts = counts
        self.n = counts.sum(axis=1)
        self.pixels = np.array([stratum.pixels for stratum in strata])
        self.weights: Floats = np.array([stratum.area_ha for stratum in strata]) / (self.area_ha or 1.0)
        self.complete = bool(((self.n > 0) | (self.pixels == 0)).all()) and self.area_ha > 0
        self.shares: Floats = counts / np.maximum(self.n, 1)[:, None]
        self.proportions: Floats = self.weights[:, None] * self.shares
        unjudged = 1 - self.n / np.maximum(self.pixels, 1)
        # What the variance of a share in each stratum is multiplied by; nan where one point says nothing of it.
        self.spread: Floats = np.where(self.n > 1, unjudged / np.maximum(self.n - 1, 1), np.nan)
        self.known = (unjudged <= 0) | (self.pixels == 0)
        self.spread[self.known] = 0.0

    def overall(self) -> Estimate | None:
        """Equations 1 and 5."""
        if not self.complete:
            return None
        users = np.diag(self.shares)
        return self._estimate(np.trace(self.proportions), float(np.sum(self.weights**2 * self._variance(users))))

    def of_class(self, place: int, stratum: Stratum, undecided: int) -> ClassAccuracy:
        """Gather what is known of the class at a place of the matrix."""
        n, right = int(self.n[place]), int(self.counts[place, place])
        others = np.delete(np.arange(len(self.n)), place)
        missed = self.counts[others, place].any() or not (self.n[others] < self.pixels[others]).any()
        return ClassAccuracy(
            class_id=stratum.class_id,
            mapped_pixels=stratum.pixels,
            mapped_ha=stratum.area_ha,
            drawn=stratum.drawn,
            judged=n,
            undecided=undecided,
            few=n < min(FEW, stratum.pixels),
            flawless=0 < n == right < stratum.pixels,
            unmissed=self.complete and right > 0 and not missed,
            users=self._users(place),
            producers=self._producers(place),
            f1=self._f1(place),
            area_ha=self._area(place),
        )

    def _users(self, i: int) -> Estimate | None:
        """Equations 2 and 6."""
        if not self.n[i]:
            return None
        share, n = float(self.shares[i, i]), int(self.n[i])
        if self.known[i] or n == 1 or 0 < share < 1:
            return _estimate(share, float(share * (1 - share) * self.spread[i]))
        # All points are alike: so many of them at a level of 95 %.
        bound = float((1 - LEVEL) ** (1 / n))
        return Estimate(share, 0.0, bound if share else None, None if share else 1 - bound, told=False)

    def _producers(self, j: int) -> Estimate | None:
        """Equations 3 and 7."""
        total = self.proportions[:, j].sum()
        if not self.complete or not total:
            return None
        share = self.proportions[j, j] / total
        return self._estimate(share, self._of_ratio(j, 1 - share, share) / total**2)

    def _f1(self, j: int) -> Estimate | None:
        """The harmonic mean of user's and producer's accuracy, 2 p_jj / (W_j + p_.j); its variance by linearising this
        ratio as equation 7 does for the producer's accuracy."""
        both = self.weights[j] + self.proportions[:, j].sum()
        if not self.complete or not both:
            return None
        share = 2 * self.proportions[j, j] / both
        return self._estimate(share, self._of_ratio(j, 2 - share, share) / both**2)

    def _area(self, j: int) -> Estimate | None:
        """Equations 9, 10 and 11."""
        if not self.complete:
            return None
        variance = float(np.sum(self.weights**2 * self._variance(self.shares[:, j])))
        return self._estimate(self.proportions[:, j].sum(), variance).times(self.area_ha)

    def _estimate(self, value: float, variance: float) -> Estimate:
        """Make an estimate over all strata: without any spread it tells of no error, unless every pixel was judged."""
        if variance == 0 and not self.known.all():
            return Estimate(float(value), 0.0, told=False)
        return _estimate(value, variance)

    def _of_ratio(self, j: int, inside: float, outside: float) -> float:
        """Sum the variances of a ratio's parts: of the class's own stratum by `inside`, of the others by `outside`."""
        factors = np.full(len(self.n), outside)
        factors[j] = inside
        return float(np.sum((factors * self.weights) ** 2 * self._variance(self.shares[:, j])))

    def _variance(self, shares: Floats) -> Floats:
        """Return the variance of the estimated share in each stratum, (q,)."""
        return shares * (1 - shares) * self.spread


def _estimate(value: float, variance: float) -> Estimate:
    if not np.isfinite(variance):
        return Estimate(float(value))
    error = float(np.sqrt(variance))
    return Estimate(float(value), error, max(float(value) - Z95 * error, 0.0), min(float(value) + Z95 * error, 1.0))


def sample_size(strata: Sequence[Stratum], expected: Mapping[int, float], standard_error: float) -> int:
    """Return how many points give the overall accuracy a wanted standard error (equation 13).

    `expected` holds the user's accuracy that each class is thought to have, 0-1. Raises InputError for values that
    make no sense.
    """
    if not 0 < standard_error < 0.5:
        raise InputError("bad_standard_error", standard_error=standard_error)
    if bad := [share for share in expected.values() if not 0 <= share <= 1]:
        raise InputError("bad_accuracy", value=bad[0])
    weights = _weights(strata)
    deviations = np.array([np.sqrt(expected[row.class_id] * (1 - expected[row.class_id])) for row in strata])
    pixels = sum(row.pixels for row in strata)
    above = float(weights @ deviations) ** 2
    below = standard_error**2 + float(weights @ deviations**2) / max(pixels, 1)
    # 1e-9: what is whole but for the computer's rounding stays what it is.
    return int(np.ceil(above / below - 1e-9))


def allocate(strata: Sequence[Stratum], size: int, minimum: int = FEW) -> dict[int, int]:
    """Share out `size` points over the classes by their area, but give a rare class `minimum` points.

    The minimum is taken from the larger classes, so that the sum is `size` wherever the minimums leave room for it;
    otherwise it is larger. No class gets more points than it has pixels. Returns points by class id.
    """
    pixels = np.array([row.pixels for row in strata], np.int64)
    least = np.minimum(minimum, pixels)
    points, fixed = least.copy(), np.zeros(len(strata), bool)
    weights = _weights(strata)
    while not fixed.all():
        left = size - points[fixed].sum()
        shares = np.where(fixed, 0.0, weights / max(weights[~fixed].sum(), 1e-300) * max(left, 0))
        wrong = ~fixed & ((shares < least) | (shares > pixels))
        if not wrong.any():
            points[~fixed] = _rounded(shares[~fixed], int(left))
            break
        # Those that get too few first: what they need is missing elsewhere.
        scarce = wrong & (shares < least)
        chosen = scarce if scarce.any() else wrong
        points[chosen] = np.where(shares < least, least, pixels)[chosen]
        fixed |= chosen
    return {row.class_id: int(count) for row, count in zip(strata, points, strict=True)}


def expected_error(strata: Sequence[Stratum], expected: Mapping[int, float], points: Mapping[int, int]) -> float:
    """Return the standard error of the overall accuracy that so many points by class id will give (equation 5).

    Differs from the wanted one, since equation 13 takes each class to get points by its area and its spread.
    """
    variance = 0.0
    for row, weight in zip(strata, _weights(strata), strict=True):
        share, n = expected[row.class_id], points[row.class_id]
        variance += float(weight) ** 2 * share * (1 - share) * (1 - n / row.pixels) / max(n, 1)
    return float(np.sqrt(variance))


def points_for(
    strata: Sequence[Stratum], expected: Mapping[int, float], standard_error: float, minimum: int = FEW
) -> int:
    """Return how many points in all, shared out as `allocate` does, give the overall accuracy a standard error; all
    pixels where no number of points does."""
    few, many = sample_size(strata, expected, standard_error), sum(row.pixels for row in strata)
    while few < many:
        middle = (few + many) // 2
        if expected_error(strata, expected, allocate(strata, middle, minimum)) <= standard_error:
            many = middle
        else:
            few = middle + 1
    return many


def _weights(strata: Sequence[Stratum]) -> Floats:
    areas = np.array([row.area_ha for row in strata], np.float64)
    if not len(areas) or not areas.sum():
        raise InputError("no_pixels")
    return areas / areas.sum()


def _rounded(shares: Floats, total: int) -> npt.NDArray[np.int64]:
    """Round to whole numbers with the given sum, the largest remainders up."""
    whole = np.floor(shares + 1e-9).astype(np.int64)
    largest = np.argsort(whole - shares, kind="stable")
    whole[largest[: total - int(whole.sum())]] += 1
    return whole
