"""What the report says: the figures of every table, each worked out once, and rounded so that columns add up."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsRectangle

from ..accuracy.estimates import Assessment
from ..accuracy.judgements import assessment
from ..core.classes import MU_PER_HECTARE, ClassTable, table_of
from ..core.errors import InputError
from ..core.feedback import SILENT, Feedback
from ..core.messages import part
from ..core.run_files import HARD_REGIONS, RUN_JSON
from ..core.run_record import read_record
from ..review.verdicts import OPEN, PSEUDO_CHANGE, REASONS, STATUSES, UNREVIEWED
from .candidates import Candidate, open_results, read_candidates
from .overlay import OUTSIDE, Farmland, Units, measure_farmland, read_region, split_by_units
from .rounding import DIGITS, FINE_DIGITS, add_up
from .settings import CONFIRMED_ONES, NOT_REJECTED, ReportSettings

NO_REASON = ""
TOTAL = "total"


@dataclass(frozen=True)
class Row:
    """One row of a table: a class id, a status, a unit's name, and what falls to it; shares are per cent."""

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

    `candidates` are those it counts, the largest first; `everything` those of the run. `fell_back` says that only
    confirmed ones were wanted but nobody has reviewed anything. `units` and `farmland` are None where no layer of them
    was given, `assessment` where no sample was judged.
    `sizes` holds each counted candidate's (hectares, mu) as they are printed, by number.
    """

    run_dir: Path
    record: dict[str, Any]
    classes: ClassTable
    crs: QgsCoordinateReferenceSystem
    candidates: tuple[Candidate, ...]
    everything: tuple[Candidate, ...]
    by_class: Table
    by_status: Table
    by_reason: Table | None
    by_unit: Table | None
    units: Units | None
    farmland: Farmland | None
    sizes: Mapping[int, tuple[float, float]]
    assessment: Assessment | None
    hard_count: int
    hard_ha: float
    only_confirmed: bool
    fell_back: bool

    @property
    def all_count(self) -> int:
        """Candidates of the run, counted or not."""
        return len(self.everything)

    @property
    def reviewed_count(self) -> int:
        """Candidates that somebody has given a verdict on."""
        return sum(row.count for row in self.by_status.rows if row.key not in OPEN)

    @property
    def left_out(self) -> Row | None:
        """The pseudo-changes, which no table of changes counts."""
        return next((row for row in self.by_status.rows if row.key == PSEUDO_CHANGE and row.count), None)

    @property
    def edited_count(self) -> int:
        """Counted candidates whose outline was changed after the run."""
        return sum(one.edited for one in self.candidates)

    @property
    def reviewers(self) -> Counter[str]:
        """How many verdicts that hold each reviewer has given."""
        return Counter(one.verdict.reviewer for one in self.everything if one.verdict)

    @property
    def carried(self) -> Counter[str]:
        """How many verdicts that hold were carried over from each earlier run, by its name."""
        return Counter(one.carried.run for one in self.everything if one.carried)

    def farmland_of(self, key: int | str) -> float:
        """Return how many per cent of the farmland the candidates of a class, or TOTAL, take; 0 without farmland."""
        if not self.farmland or not self.farmland.area_ha:
            return 0.0
        on_farmland = (
            self.farmland.by_candidate[one.number] for one in self.candidates if key in (TOTAL, one.class_id)
        )
        return 100 * math.fsum(on_farmland) / self.farmland.area_ha


def read_dossier(settings: ReportSettings, feedback: Feedback = SILENT) -> Dossier:
    """Work out a run's figures; raises InputError for no finished run or nothing to report, and Cancelled."""
    run_dir = settings.run_folder
    record = read_record(run_dir)
    classes = table_of(record, str(run_dir / RUN_JSON))
    settings.check_classes(classes)
    everything, crs = read_candidates(run_dir, classes)
    if not everything:
        raise InputError("nothing_to_report", folder=run_dir)
    statuses = Counter(candidate.status for candidate in everything)
    only_confirmed = set(settings.statuses) <= set(CONFIRMED_ONES)
    fell_back = only_confirmed and statuses[UNREVIEWED] == len(everything)
    kept = _select(everything, settings, NOT_REJECTED if fell_back else settings.statuses)
    if not kept:
        raise InputError(
            "none_left",
            count=len(everything),
            folder=run_dir,
            wanted=settings.statuses,
            present=[part("count_of", count=count, name=status) for status, count in statuses.items()],
        )
    kept.sort(key=lambda candidate: (-candidate.area_ha, candidate.number))
    units = None
    if settings.units and settings.unit_field:
        units = split_by_units(kept, settings.units, settings.unit_field, crs, feedback)
    rejected = [one for one in everything if one.status == PSEUDO_CHANGE]
    hard = [feature["area_ha"] for feature in open_results(run_dir, HARD_REGIONS).getFeatures()]
    return Dossier(
        run_dir=run_dir,
        record=record,
        classes=classes,
        crs=crs,
        candidates=tuple(kept),
        everything=tuple(everything),
        by_class=tabulate([(row.class_id, row.area_ha) for row in kept], _class_keys(classes, kept)),
        by_status=tabulate(
            [(row.status, row.area_ha) for row in everything], [*STATUSES, *sorted(statuses.keys() - set(STATUSES))]
        ),
        by_reason=tabulate([(_reason(one), one.area_ha) for one in rejected], [*REASONS, NO_REASON])
        if rejected
        else None,
        by_unit=_by_unit(units) if units else None,
        units=units,
        farmland=_farmland(settings, record, kept, crs, feedback),
        sizes=_sizes(kept),
        assessment=assessment(run_dir),
        hard_count=len(hard),
        hard_ha=math.fsum(hard),
        only_confirmed=only_confirmed and not fell_back,
        fell_back=fell_back,
    )


def _class_keys(classes: ClassTable, kept: Iterable[Candidate]) -> list[int]:
    """List the classes that the model tells apart, and of the others those that occur."""
    found = {one.class_id for one in kept}
    listed = [row.id for row in classes.changes if row.predicted or row.id in found]
    return [*listed, *sorted(found - set(listed))]


def tabulate(keyed: Iterable[tuple[int | str, float]], keys: Sequence[int | str]) -> Table:
    """Count and sum hectares by key, in the order of `keys`; every key has a row."""
    groups: dict[int | str, list[float]] = {key: [] for key in keys}
    for key, area in keyed:
        groups[key].append(area)
    hectares = [math.fsum(areas) for areas in groups.values()]
    mu = [area * MU_PER_HECTARE for area in hectares]
    whole = math.fsum(hectares)
    shares = add_up([100 * area / whole if whole else 0.0 for area in hectares], 1)
    columns = zip(groups.items(), add_up(hectares, DIGITS), add_up(mu, DIGITS), shares, strict=True)
    rows = tuple(Row(key, len(areas), ha, in_mu, share) for (key, areas), ha, in_mu, share in columns)
    count = sum(row.count for row in rows)
    return Table(rows, Row(TOTAL, count, round(whole, DIGITS), round(math.fsum(mu), DIGITS), 100.0))


def bands_read(record: Mapping[str, Any], role: str) -> tuple[int, int, int]:
    """Return the bands of a date that a run read as red, green, blue."""
    read = (record["inputs"].get(role) or {}).get("bands") or record["request"].get(f"{role}_bands") or (1, 2, 3)
    red, green, blue = read
    return red, green, blue


def extent_of(record: Mapping[str, Any]) -> QgsRectangle | None:
    """Return the extent that a run looked at, in its CRS; None where its record does not say."""
    grid = record.get("grid") or {}
    try:
        x, dx, _, y, _, dy = grid["geotransform"]
        window = grid["window"]
    except (KeyError, ValueError):
        return None
    left, top = x + window["column"] * dx, y + window["row"] * dy
    return QgsRectangle(left, top + window["height"] * dy, left + window["width"] * dx, top)


def _by_unit(units: Units) -> Table:
    names = sorted({part.unit for part in units.parts}, key=lambda name: (name == OUTSIDE, name))
    return tabulate([(part.unit, part.area_ha) for part in units.parts], names)


def _farmland(
    settings: ReportSettings,
    record: Mapping[str, Any],
    candidates: Sequence[Candidate],
    crs: QgsCoordinateReferenceSystem,
    feedback: Feedback,
) -> Farmland | None:
    """Measure the farmland asked for, or that of the run where it is still there."""
    request, extent = record["request"], extent_of(record)
    of_run = request.get("farmland")
    source = settings.farmland or (of_run if _is_there(of_run) else None)
    if not source or extent is None:
        return None
    region = QgsGeometry.fromRect(extent)
    if request.get("aoi") and not _is_there(request["aoi"]):
        # What was compared is not known any more, nor is the farmland within it.
        return None
    if request.get("aoi"):
        region = region.intersection(read_region(request["aoi"], crs, extent))
    return measure_farmland(candidates, source, region, crs, feedback)


def _is_there(source: str | None) -> bool:
    return bool(source) and Path(str(source).partition("|")[0]).exists()


def _sizes(candidates: Sequence[Candidate]) -> dict[int, tuple[float, float]]:
    hectares = add_up([one.area_ha for one in candidates], FINE_DIGITS)
    mu = add_up([one.area_mu for one in candidates], DIGITS)
    return {one.number: pair for one, pair in zip(candidates, zip(hectares, mu, strict=True), strict=True)}


def _reason(candidate: Candidate) -> str:
    return (candidate.verdict.reason if candidate.verdict else None) or NO_REASON


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
