"""Comparing two runs of one area, by two checkpoints or of two periods: what both found, and what only one did.

Two candidates have the same outline where the area that they share, by the area that they cover together
(intersection over union), is at least a given value; the pairs that are most alike are made first, and nobody is in
two such pairs. What lies in the other run's candidates all the same, with another outline, is told with the one of them
that it is most alike; that one may be told again, where it was split or merged. A class is the same where both runs'
class tables call it by one name.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsSpatialIndex, QgsVectorLayer

from ..core.classes import CHANGE
from ..core.errors import InputError
from ..core.feedback import SILENT, Feedback
from ..core.protocol import Finding
from .compared_run import STRIDE, Found, Look, Side, open_candidates, read_found, read_side

# What becomes of a candidate in a comparison.
BOTH = "both"
CLASS_CHANGED = "class_changed"
OTHER_OUTLINE = "other_outline"
ONLY_FIRST = "only_first"
ONLY_SECOND = "only_second"
UNSEEN_FIRST = "unseen_first"
UNSEEN_SECOND = "unseen_second"
# Of a candidate of the first and of the second run, by whether the other run looked there.
ALONE = ((UNSEEN_SECOND, ONLY_FIRST), (UNSEEN_FIRST, ONLY_SECOND))
# One candidate of each run, and nobody twice.
PAIRS = (BOTH, CLASS_CHANGED)
KINDS = (BOTH, CLASS_CHANGED, OTHER_OUTLINE, ONLY_FIRST, ONLY_SECOND, UNSEEN_FIRST, UNSEEN_SECOND)

SAME_OUTLINE = 0.5
# What lies in the other run's candidates with less of its area than this was found by one run only.
TOUCHES = 0.1


@dataclass(frozen=True)
class Place:
    """What the runs say of one place: a candidate of each, or of one only; `likeness` is the intersection over union
    with the most alike one of the other run, 0..1. Its outline is that of the second run, unless only the first has one
    or the second's stands for another place already (`drawn_by_first`)."""

    kind: str
    first: Found | None
    second: Found | None
    likeness: float
    drawn_by_first: bool = False

    @property
    def outline(self) -> QgsGeometry:
        """What is drawn of the place."""
        found = self.first if self.drawn_by_first or self.second is None else self.second
        assert found is not None  # nosec B101 (a place is of one of them at least)
        return found.outline

    @property
    def class_told(self) -> bool:
        """Whether both runs name the class of the place, so that the names can be compared."""
        return all(one is not None and one.class_name != CHANGE for one in (self.first, self.second))


@dataclass(frozen=True)
class Count:
    """How many candidates of each run fall to a kind, and their areas in ha."""

    kind: str
    first: int
    second: int
    first_ha: float
    second_ha: float


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side: `places` in the CRS of the second, the largest first, and what a reader should know."""

    first: Side
    second: Side
    crs: QgsCoordinateReferenceSystem
    same_outline: float
    places: Sequence[Place]
    findings: Sequence[Finding] = ()

    def counts(self) -> list[Count]:
        """Count by kind, all of KINDS, every candidate once: OTHER_OUTLINE names some that fall to another kind."""
        groups: dict[str, list[Place]] = {kind: [] for kind in KINDS}
        for place in self.places:
            groups[place.kind].append(place)
        others = [place for place in self.places if place.kind != OTHER_OUTLINE]
        told = tuple({found.number for found in founds if found} for founds in _sides(others))
        return [_count(kind, places, told if kind == OTHER_OUTLINE else ((), ())) for kind, places in groups.items()]


def compare(
    first: str | Path, second: str | Path, same_outline: float = SAME_OUTLINE, feedback: Feedback = SILENT
) -> Comparison:
    """Compare the candidates of two run folders; what differs in CRS is brought to that of the second.

    A candidate where the other run did not look (outside its extent, area of interest or farmland, or nodata there) is
    "unseen" by it, not found by one only. Raises InputError for folders that are no finished runs, one run twice, runs
    without a common area, or a `same_outline` that is not above 0 and at most 1, and Cancelled.
    """
    if not 0 < same_outline <= 1:
        raise InputError("bad_same_outline", value=same_outline)
    sides = [read_side(Path(folder).expanduser().absolute()) for folder in (first, second)]
    if sides[0].folder.resolve() == sides[1].folder.resolve() or _name(sides[0]) == _name(sides[1]):
        raise InputError("compared_with_itself", folder=sides[1].folder)
    layers = [open_candidates(side) for side in sides]
    crs = layers[1].crs()
    looks = [Look(side, crs) for side in sides]
    if not looks[0].whole.intersects(looks[1].whole):
        raise InputError("runs_apart", first=sides[0].folder, second=sides[1].folder)
    reading, pairing = feedback.split(1, 4)
    one, two = (read_found(layer, side, crs, reading) for layer, side in zip(layers, sides, strict=True))
    places = list(_places(one, two, looks, same_outline, pairing))
    places.sort(key=lambda place: -max(found.area_ha for found in (place.first, place.second) if found))
    return Comparison(sides[0], sides[1], crs, same_outline, places, tuple(_findings(sides, layers, places)))


def _places(
    one: list[Found], two: list[Found], looks: Sequence[Look], same_outline: float, feedback: Feedback
) -> Iterator[Place]:
    overlaps = _overlaps(one, two, feedback)
    paired: tuple[set[int], set[int]] = (set(), set())
    for (row, column), alike in sorted(overlaps.likeness.items(), key=lambda pair: (-pair[1], pair[0])):
        if alike >= same_outline and row not in paired[0] and column not in paired[1]:
            paired[0].add(row)
            paired[1].add(column)
            yield _pair(one[row], two[column], alike)
    told: set[tuple[int, int]] = set()
    # The second run first: its outlines are drawn.
    for side, founds in ((1, two), (0, one)):
        most = overlaps.most(side)
        for number in sorted(set(range(len(founds))) - paired[side]):
            feedback.check()
            found, pair = founds[number], most.get(number)
            alike = overlaps.likeness[pair] if pair else 0.0
            if pair is None or overlaps.covered[side][number] < TOUCHES:
                kind = ALONE[side][looks[1 - side].saw(found.outline)]
                yield Place(kind, None if side else found, found if side else None, alike)
            elif pair not in told:
                told.add(pair)
                yield Place(OTHER_OUTLINE, one[pair[0]], two[pair[1]], alike, drawn_by_first=not side)


@dataclass(frozen=True)
class _Overlaps:
    """How alike the candidates of two runs are, by their places in both lists, and what share of each is covered."""

    likeness: dict[tuple[int, int], float]
    covered: tuple[dict[int, float], dict[int, float]]

    def most(self, side: int) -> dict[int, tuple[int, int]]:
        """Return the pair of each candidate of a side with the most alike one of the other."""
        return {pair[side]: pair for pair in sorted(self.likeness, key=lambda pair: (self.likeness[pair], pair))}


def _overlaps(one: list[Found], two: list[Found], feedback: Feedback) -> _Overlaps:
    index = QgsSpatialIndex()
    for place, found in enumerate(two):
        feature = QgsFeature(place)
        feature.setGeometry(found.outline)
        index.addFeature(feature)
    overlaps = _Overlaps({}, (defaultdict(float), defaultdict(float)))
    for row, found in enumerate(one):
        if row % STRIDE == 0:
            feedback.check()
            feedback.progress("comparing", row / len(one))
        for column in index.intersects(found.outline.boundingBox()):
            shared = _shared(found.outline, two[column].outline)
            if shared > 0:
                areas = found.outline.area(), two[column].outline.area()
                overlaps.likeness[row, column] = shared / (areas[0] + areas[1] - shared)
                overlaps.covered[0][row] += shared / areas[0]
                overlaps.covered[1][column] += shared / areas[1]
    return overlaps


def _pair(first: Found, second: Found, likeness: float) -> Place:
    place = Place(BOTH, first, second, likeness)
    differs = place.class_told and first.class_name != second.class_name
    return Place(CLASS_CHANGED, first, second, likeness) if differs else place


def _shared(one: QgsGeometry, two: QgsGeometry) -> float:
    both = one.intersection(two)
    return float(both.area()) if not both.isNull() else 0.0


def _name(side: Side) -> tuple[str, str]:
    # Copies of a run share these.
    return str(side.record["run"]), str(side.record["finished"])


def _findings(sides: Sequence[Side], layers: Sequence[QgsVectorLayer], places: Sequence[Place]) -> Iterator[Finding]:
    if layers[0].crs() != layers[1].crs():
        names = {"first": layers[0].crs().userFriendlyIdentifier(), "second": layers[1].crs().userFriendlyIdentifier()}
        yield Finding("info", "runs_crs_differ", names)
    names_of = [{row.name for row in side.classes.changes} for side in sides]
    if names_of[0] != names_of[1] or sides[0].classes.predicted != sides[1].classes.predicted:
        untold = sum(place.kind == BOTH and not place.class_told for place in places)
        yield Finding("warning", "runs_classes_differ", {"count": untold})
    if sides[0].days != sides[1].days and all(sides[0].days) and all(sides[1].days):
        values = {"first": "–".join(sides[0].days), "second": "–".join(sides[1].days)}
        yield Finding("info", "runs_periods_differ", values)


def _sides(places: Sequence[Place]) -> tuple[list[Found | None], list[Found | None]]:
    return [place.first for place in places], [place.second for place in places]


def _count(kind: str, places: Sequence[Place], counted: Sequence[Collection[int]]) -> Count:
    """Count the candidates of a kind, without those of both sides that are `counted` elsewhere."""
    areas = [
        {found.number: found.area_ha for found in founds if found and found.number not in known}
        for founds, known in zip(_sides(places), counted, strict=True)
    ]
    firsts, seconds = (list(one.values()) for one in areas)
    return Count(kind, len(firsts), len(seconds), round(math.fsum(firsts), 4), round(math.fsum(seconds), 4))
