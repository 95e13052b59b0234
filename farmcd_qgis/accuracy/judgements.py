"""The accuracy sample in a run's GeoPackage: its points, what was judged of them, and what follows for the map."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.run_files import ACCURACY_STRATA, JUDGEMENT_LOG, RUN_GPKG, UNJUDGED
from ..review.log import LogStore, opened
from .estimates import Assessment, Stratum, assess

JUDGED = "class"
UNSURE = "unsure"
SKIPPED = "skipped"
ANSWERS = (JUDGED, UNSURE, SKIPPED)
# What a point's field `judgement` holds.
STATES = (UNJUDGED, *ANSWERS)

COLUMNS = """
CREATE TABLE judgements (
    judgement_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    sample_id INTEGER NOT NULL,
    judgement TEXT NOT NULL,
    class_id INTEGER,
    note TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    given_at TEXT NOT NULL,
    refers_to INTEGER
);
"""


@dataclass(frozen=True)
class Judgement:
    """One row of the log of judgements.

    `judgement` is one of ANSWERS, or "undo" / "redo" of the row `refers_to`; `class_id`, one that the map tells
    apart, is what the place became in the eyes of whoever judged, None where they do not say. `given_at` is ISO 8601 in
    UTC.
    """

    judgement_id: int
    sample_id: int
    judgement: str
    class_id: int | None
    note: str
    reviewer: str
    given_at: str
    refers_to: int | None = None

    @property
    def number(self) -> int:
        """The row's number in the log."""
        return self.judgement_id

    @property
    def subject(self) -> int:
        """What the row is about."""
        return self.sample_id

    @property
    def word(self) -> str:
        """What was said."""
        return self.judgement


@dataclass(frozen=True)
class Point:
    """A point of the sample: the centre of a pixel of change.tif, in map units, and the class mapped there."""

    sample_id: int
    map_class_id: int
    x: float
    y: float


class SampleStore(LogStore[Judgement]):
    """The sample of one run's farmcd.gpkg and the judgements on it.

    A judgement is on disk when `judge` returns, in one transaction with the point's fields `judgement` and
    `reference_class_id`. Raises InputError if no sample was drawn, and FarmCDError where the file cannot be written.
    """

    table = JUDGEMENT_LOG
    columns = COLUMNS

    def judge(self, sample_id: int, judgement: str, class_id: int | None = None, note: str = "") -> Judgement:
        """Add a judgement and return it as it was stored; `class_id`, one that the map tells apart, belongs to "class".

        Raises InputError for one that makes no sense.
        """
        if judgement not in ANSWERS or (class_id is not None) != (judgement == JUDGED):
            raise InputError("bad_judgement", judgement=judgement, number=class_id)
        told = len(self.classes.predicted)
        if class_id is not None and not 0 <= class_id < told:
            raise InputError("bad_class", number=class_id, last=told - 1)
        with self._writing() as file:
            if not file.execute("SELECT 1 FROM accuracy_sample WHERE sample_id = ?", (sample_id,)).fetchone():
                raise InputError("no_point", path=self.path, sample_id=sample_id)
            given = Judgement(0, sample_id, judgement, class_id, note, self.reviewer, self._now())
            return self._append(file, [given])[0]

    def points(self) -> list[Point]:
        """Read the sample in the order in which it is to be judged: at random over the classes."""
        with self._reading() as file:
            rows = file.execute("SELECT sample_id, map_class_id, x, y FROM accuracy_sample ORDER BY sample_id")
            return [Point(*row) for row in rows]

    def assess(self) -> Assessment:
        """Estimate accuracies and areas from the judgements that hold, those of others included."""
        with self._reading() as file:
            self._catch_up(file)
            mapped = dict(file.execute("SELECT sample_id, map_class_id FROM accuracy_sample").fetchall())
        held = self._history.holding()
        judged = [(mapped[sample_id], row.class_id) for sample_id, row in held.items() if row.class_id is not None]
        undecided = Counter(mapped[sample_id] for sample_id, row in held.items() if row.class_id is None)
        strata, seed = read_strata(self.path)
        return replace(
            assess(strata, judged, undecided),
            seed=seed,
            table=self.classes,
            reviewers=tuple(sorted({row.reviewer for row in held.values()})),
            last_judged_at=max((row.given_at for row in held.values()), default=""),
        )

    def _prepare(self, file: sqlite3.Connection) -> None:
        if not _has_sample(file):
            raise InputError("no_sample", path=self.path)

    def _read(self, row: tuple[Any, ...]) -> Judgement:
        return Judgement(*row)

    def _reference(self, word: str, row: Judgement) -> Judgement:
        return Judgement(0, row.sample_id, word, None, "", self.reviewer, self._now(), row.judgement_id)

    def _mirror(self, file: sqlite3.Connection, subjects: Iterable[int]) -> None:
        held = [(subject, self.current(subject)) for subject in subjects]
        file.executemany(
            "UPDATE accuracy_sample SET judgement = ?, reference_class_id = ? WHERE sample_id = ?",
            [(row.judgement if row else UNJUDGED, row.class_id if row else None, subject) for subject, row in held],
        )


def assessment(run_dir: str | Path) -> Assessment | None:
    """Return the accuracy assessment of a run as it stands; None if no sample was drawn or no point has an answer.

    Fields for a report: `overall` (Estimate: value, standard_error, lower, upper, margin), `classes` (ClassAccuracy per
    class id: mapped_ha, drawn, judged, undecided, few, flawless, users, producers, f1, area_ha, area_mu), `matrix` of
    counts (map in rows, reference in columns, in the order of `classes`), `finished`, `drawn`, `judged`, `undecided`,
    `reviewers`, `last_judged_at`, `seed`, `table` (ClassTable). Estimates are None where the judged points do not allow
    one. Reads only. Raises InputError if the folder holds no farmcd.gpkg, FarmCDError if it cannot be read.
    """
    path = Path(run_dir) / RUN_GPKG
    with opened(path) as file:
        if not _has_sample(file):
            return None
        logged = file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (JUDGEMENT_LOG,)).fetchone()
    if not logged:
        return None
    found = SampleStore(path, "").assess()
    return found if found.judged else None


def read_strata(gpkg_path: Path) -> tuple[list[Stratum], int]:
    """Read the strata of a drawn sample and its seed; an empty list and 0 if none was drawn."""
    with opened(gpkg_path) as file:
        if not _has_sample(file):
            return [], 0
        rows = file.execute(f"SELECT class_id, pixels, area_ha, drawn, seed FROM {ACCURACY_STRATA} ORDER BY class_id")  # nosec B608
        found = rows.fetchall()
    return [Stratum(*row[:4]) for row in found], found[0][4] if found else 0


def _has_sample(file: sqlite3.Connection) -> bool:
    return bool(file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (ACCURACY_STRATA,)).fetchone())
