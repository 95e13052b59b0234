"""What the report says: the candidates it counts, and the figures of every table, each worked out once."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)

from ..classes import CHANGES
from ..layers.run_group import read_record
from ..protocol import CANDIDATES, HARD_REGIONS, RUN_GPKG, FarmCDError, InputError
from ..review.verdicts import CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, STATUSES, UNREVIEWED
from .settings import NOT_REJECTED, ReportSettings

REVIEWED_CLASS = "reviewed_class_id"
WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")
# In the tables; an ha and a mu have two decimals, as offices print them.
DIGITS = 2


@dataclass(frozen=True)
class Candidate:
    """One candidate of the report.

    `class_id` is the reviewer's class where there is one and the model's elsewhere; `point` lies inside the outline, in
    the run's CRS, and `place` is (longitude, latitude) of it. Confidences and shares are 0..1, None where unknown.
    """

    number: int
    class_id: int
    second_class_id: int | None
    area_ha: float
    area_mu: float
    confidence_mean: float | None
    confidence_min: float | None
    hard_share: float | None
    arbitration: float | None
    disagreement: float | None
    status: str
    geometry: QgsGeometry
    point: QgsPointXY
    place: tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One row of a table: a class id or a status, and what falls to it; areas rounded so that columns add up."""

    key: int | str
    count: int
    area_ha: float
    area_mu: float
    share: float


@dataclass(frozen=True)
class Table:
    """Rows and their total."""

    rows: tuple[Row, ...]
    total: Row


@dataclass(frozen=True)
class Dossier:
    """All that the report tells of a run.

    `candidates` are those it counts, the largest first; `all_count` those of the run. `fell_back` says that only
    confirmed ones were wanted but nobody has reviewed anything.
    """

    run_dir: Path
    record: dict[str, Any]
    crs: QgsCoordinateReferenceSystem
    candidates: tuple[Candidate, ...]
    by_class: Table
    by_status: Table
    hard_count: int
    hard_ha: float
    only_confirmed: bool
    fell_back: bool

    @property
    def all_count(self) -> int:
        """Candidates of the run, counted or not."""
        return self.by_status.total.count

    @property
    def reviewed_count(self) -> int:
        """Candidates that somebody has given a verdict on."""
        return sum(row.count for row in self.by_status.rows if row.key not in (UNREVIEWED, "skipped"))

    @property
    def left_out(self) -> Row | None:
        """The pseudo-changes, which no table of changes counts."""
        return next((row for row in self.by_status.rows if row.key == PSEUDO_CHANGE and row.count), None)


def read_dossier(settings: ReportSettings) -> Dossier:
    """Read a run folder's figures; raises InputError if it is no finished run or holds nothing to report."""
    run_dir = settings.run_folder
    only_confirmed = set(settings.statuses) <= {CONFIRMED, OTHER_CLASS}
    record = read_record(run_dir)
    layer = _open(run_dir, CANDIDATES)
    everything = _read(layer)
    if not everything:
        raise InputError(
            "no_candidates",
            f"The run {run_dir} holds no candidates: there is nothing to report. "
            "Run the detection with other images, or make its polygons anew with a smaller minimum area.",
        )
    statuses = Counter(candidate.status for candidate in everything)
    fell_back = only_confirmed and statuses[UNREVIEWED] == len(everything)
    kept = _select(everything, settings, NOT_REJECTED if fell_back else settings.statuses)
    if not kept:
        raise InputError(
            "none_left",
            f"None of the {len(everything)} candidates of {run_dir} passes the filter: wanted are "
            f"{', '.join(settings.statuses)}, there are {_in_words(statuses)}. "
            "Review more of them, or choose more statuses and classes or a smaller area.",
        )
    kept.sort(key=lambda candidate: (-candidate.area_ha, candidate.number))
    hard = [feature["area_ha"] for feature in _open(run_dir, HARD_REGIONS).getFeatures()]
    return Dossier(
        run_dir,
        record,
        layer.crs(),
        tuple(kept),
        tabulate([(row.class_id, row) for row in kept], [row.id for row in CHANGES]),
        tabulate([(row.status, row) for row in everything], [*STATUSES, *sorted(statuses.keys() - set(STATUSES))]),
        len(hard),
        math.fsum(hard),
        only_confirmed and not fell_back,
        fell_back,
    )


def tabulate(keyed: Iterable[tuple[int | str, Candidate]], keys: Sequence[int | str]) -> Table:
    """Count and sum candidates by key, in the order of `keys`; every key has a row."""
    groups: dict[int | str, list[Candidate]] = {key: [] for key in keys}
    for key, candidate in keyed:
        groups[key].append(candidate)
    hectares = [math.fsum(candidate.area_ha for candidate in group) for group in groups.values()]
    mu = [math.fsum(candidate.area_mu for candidate in group) for group in groups.values()]
    whole = math.fsum(hectares)
    shares = add_up([100 * area / whole if whole else 0.0 for area in hectares], 1)
    columns = zip(groups.items(), add_up(hectares, DIGITS), add_up(mu, DIGITS), shares, strict=True)
    rows = tuple(Row(key, len(group), ha, in_mu, share) for (key, group), ha, in_mu, share in columns)
    total = Row("total", sum(row.count for row in rows), round(whole, DIGITS), round(math.fsum(mu), DIGITS), 100.0)
    return Table(rows, total)


def add_up(values: Sequence[float], digits: int) -> list[float]:
    """Round values to `digits` so that they add up to their rounded sum (largest remainders)."""
    scale = 10**digits
    scaled = [value * scale for value in values]
    whole = [math.floor(value) for value in scaled]
    missing = round(round(math.fsum(values), digits) * scale) - sum(whole)
    by_remainder = sorted(range(len(values)), key=lambda index: whole[index] - scaled[index])
    for index in by_remainder[:missing]:
        whole[index] += 1
    return [value / scale for value in whole]


def _open(run_dir: Path, name: str) -> QgsVectorLayer:
    path = run_dir / RUN_GPKG
    layer = QgsVectorLayer(f"{path}|layername={name}", name, "ogr")
    if not layer.isValid():
        raise InputError("run_incomplete", f"{path} has no readable layer {name}. Make the run's polygons anew.")
    return layer


def _read(layer: QgsVectorLayer) -> list[Candidate]:
    to_wgs84 = QgsCoordinateTransform(layer.crs(), WGS84, QgsProject())
    has_review = layer.fields().indexOf(REVIEWED_CLASS) >= 0
    try:
        return [_candidate(feature, to_wgs84, has_review) for feature in layer.getFeatures()]
    except QgsCsException as error:
        raise FarmCDError(
            "no_transform", f"The CRS of {layer.source()} cannot be brought to WGS 84 ({error}). Assign the right CRS."
        ) from error
    except KeyError as error:
        raise InputError(
            "run_unreadable", f"The candidates of {layer.source()} lack the field {error}. Make its polygons anew."
        ) from error


def _candidate(feature: QgsFeature, to_wgs84: QgsCoordinateTransform, has_review: bool) -> Candidate:
    status = _value(feature, "status") or UNREVIEWED
    reviewed = _value(feature, REVIEWED_CLASS) if has_review and status == OTHER_CLASS else None
    point = feature.geometry().pointOnSurface().asPoint()
    place = to_wgs84.transform(point)
    return Candidate(
        feature["candidate_id"],
        reviewed or feature["class_id"],
        _value(feature, "second_class_id"),
        feature["area_ha"],
        feature["area_mu"],
        _value(feature, "confidence_mean"),
        _value(feature, "confidence_min"),
        _value(feature, "hard_share"),
        _value(feature, "arbitration"),
        _value(feature, "disagreement"),
        status,
        feature.geometry(),
        point,
        (place.x(), place.y()),
    )


def _value(feature: QgsFeature, name: str) -> Any:
    value = feature[name]
    return None if value == NULL else value


def _select(candidates: list[Candidate], settings: ReportSettings, statuses: Iterable[str]) -> list[Candidate]:
    """Keep what passes the filter; a status of other programs counts as not rejected."""
    wanted = set(statuses)
    others = wanted.issuperset(NOT_REJECTED)
    return [
        one
        for one in candidates
        if (one.status in wanted or (others and one.status not in STATUSES))
        and (not settings.classes or one.class_id in settings.classes)
        and one.area_ha * 10_000 >= settings.minimum_m2
    ]


def _in_words(statuses: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in statuses.most_common())
