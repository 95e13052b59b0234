"""The review in a run's GeoPackage: an append-only table of verdicts, mirrored into the candidates' fields."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from secrets import randbelow
from typing import Any

import numpy as np

from ..core.classes import NO_CHANGE, ClassTable
from ..core.errors import InputError
from ..core.run_files import CANDIDATES, JUDGEMENT_LOG, VERDICT_LOG
from . import carried
from .agreement import VerdictHistory, missing
from .carried import Carried, Origins
from .history import REDO, UNDO, History, Key, key_of
from .log import GUARDS, LogStore, opened
from .outlines import COLUMNS as OUTLINE_COLUMNS
from .outlines import TABLE as OUTLINES
from .outlines import Edit, LoggedEdit, Outlines, read_edits
from .queue import Candidates
from .verdicts import (
    CONFIRMED,
    CONFLICT,
    OTHER_CLASS,
    OUTLINE,
    PSEUDO_CHANGE,
    REASONS,
    STATUSES,
    UNKNOWN,
    UNREVIEWED,
    VERDICTS,
    Verdict,
)

# Fewer candidates than these are looked up one after the other.
ONE_BY_ONE = 500
# New candidates get nine digits at random, so that those of two copies of a file differ.
NEW_NUMBERS = 500_000_000

COLUMNS = """
CREATE TABLE verdicts (
    verdict_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    candidate_id INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    class_id INTEGER,
    reason TEXT,
    note TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    given_at TEXT NOT NULL,
    refers_to INTEGER
);
"""
# Pieces of a candidate that was split share its number.
CANDIDATE_ROWS = """
SELECT candidate_id, class_id, coalesce(second_class_id, 0), total(area_ha), coalesce(confidence_mean, 0),
       coalesce(hard_share, 0), arbitration, disagreement,
       coalesce(avg(minx + maxx) / 2, 0), coalesce(avg(miny + maxy) / 2, 0), min(fid)
FROM candidates LEFT JOIN rtree_candidates_geom ON id = fid
WHERE candidate_id IS NOT NULL AND class_id IS NOT NULL GROUP BY candidate_id
"""


class ReviewStore(LogStore[Verdict]):
    """The verdicts of one run's farmcd.gpkg.

    A verdict is on disk when `give` returns, in one transaction with the candidate's fields `status` and
    `reviewed_class_id`; the fields of the model stay as they were. Raises InputError if the file holds no candidates,
    and FarmCDError where it cannot be written.
    """

    table = VERDICT_LOG
    columns = COLUMNS

    def give(
        self, candidate_id: int, verdict: str, class_id: int | None = None, reason: str | None = None, note: str = ""
    ) -> Verdict:
        """Add a verdict and return it as it was stored.

        `class_id`, a change of the run's class table, belongs to "other_class", where the model's own class counts as
        "confirmed"; `reason`, one of REASONS or None, to "pseudo_change". Raises InputError for a verdict that makes
        no sense.
        """
        return self.give_all([candidate_id], verdict, class_id, reason, note)[0]

    def give_all(
        self,
        candidate_ids: Iterable[int],
        verdict: str,
        class_id: int | None = None,
        reason: str | None = None,
        note: str = "",
    ) -> list[Verdict]:
        """Add the same verdict on many candidates as one step, which is undone as one; otherwise as `give`."""
        _check(self.classes, verdict, class_id, reason)
        numbers = list(dict.fromkeys(candidate_ids))
        # What the reviewer may have seen: another program's verdicts that are only found now are not replaced.
        replaced = {number: [head.verdict_id for head in self._verdicts.heads(number)] for number in numbers}
        with self._writing() as file:
            own = _classes(file, numbers)
            time = self._now()
            rows = []
            for number in numbers:
                if number not in own:
                    raise InputError("no_candidate", path=self.path, number=number)
                row = self._row(number, own[number], verdict, class_id, reason, note, time)
                rows += [replace(row, refers_to=known) for known in replaced[number]] or [row]
            return self._append(file, rows) if rows else []

    def _row(
        self, number: int, own: int, verdict: str, class_id: int | None, reason: str | None, note: str, time: str
    ) -> Verdict:
        """Make the row of a verdict on one candidate, whose class in the model's eyes is `own`."""
        if verdict == CONFIRMED and own == NO_CHANGE and self.classes.unknown is not None:
            verdict, class_id = OTHER_CLASS, self.classes.unknown
        if verdict == CONFIRMED and own == NO_CHANGE:
            raise InputError("no_class", number=number)
        if verdict == CONFIRMED or class_id == own:
            verdict, class_id = CONFIRMED, own
        elif verdict == PSEUDO_CHANGE:
            class_id = NO_CHANGE
        return Verdict(0, number, verdict, class_id, reason, note, self.reviewer, time)

    def carry(self, given: Sequence[tuple[Verdict, Carried]], noted: Callable[[int], None]) -> list[Verdict]:
        """Give verdicts that come from an earlier run as one step, which is undone as one; returns them as stored.

        Of each Verdict candidate, word, class, reason and note count. A candidate that somebody has spoken of meanwhile
        keeps what holds. `noted` is called with their count, if any, before anything is stored: what it raises leaves
        all as it was. Otherwise as `give`.
        """
        with self._writing() as file:
            free = [(row, origin) for row, origin in given if self.current(row.candidate_id) is None]
            if not free:
                return []
            time = self._now()
            rows = [replace(row, reviewer=self.reviewer, given_at=time) for row, _ in free]
            noted(len(rows))
            carried.append(file, [((time, self.reviewer), origin) for _, origin in free])
            return self._append(file, rows)

    def take_back_carried(self) -> int:
        """Take back what was carried over, whatever was said after it; returns how many verdicts that were."""
        with self._writing() as file:
            steps = {key for key, _ in carried.read_origins(file)}
            held = [step for step in self._history.held if step.key in steps]
            for step in held:
                self._append(file, [self._reference(UNDO, step.rows[0])])
        return sum(len(step.rows) for step in held)

    def origins(self) -> Origins:
        """Read where the verdicts that were carried over come from, by step and candidate."""
        with self._reading() as file:
            return carried.read_origins(file)

    def edit(self, edits: Sequence[Edit]) -> list[Verdict]:
        """Change outlines as one step, which is undone as one, and the layer with them, areas included.

        What the layer holds already is only logged. Raises FarmCDError where the file cannot be written.
        """
        with self._writing() as file:
            time = self._now()
            self._log_outlines(file, [LoggedEdit((time, self.reviewer), one) for one in edits])
            for one in edits:
                if one.before is None:
                    Outlines(file).adopt(one)
            numbers = [one.candidate_id for one in edits]
            rows = [Verdict(0, number, OUTLINE, None, None, "", self.reviewer, time) for number in numbers]
            return self._append(file, rows) if rows else []

    def edits(self) -> dict[tuple[Key, int], Edit]:
        """Read the log of outlines by step and candidate."""
        with self._reading() as file:
            return read_edits(file)

    def free_number(self) -> int:
        """Return a number for a new candidate that no copy of the file is likely to have."""
        return randbelow(NEW_NUMBERS) + NEW_NUMBERS

    def _log_outlines(self, file: sqlite3.Connection, rows: Sequence[LoggedEdit]) -> None:
        if not file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (OUTLINES,)).fetchone():
            for statement in (OUTLINE_COLUMNS + GUARDS.format(table=OUTLINES)).split(";\n"):
                file.execute(statement)
        Outlines(file).append(rows)

    def unite(self, theirs: list[Verdict], edits: Mapping[tuple[Key, int], Edit], origins: Origins) -> int:
        """Add the rows of another copy of the log that this one lacks, with what they did to outlines and where they
        were carried over from, in one transaction; returns how many."""
        with self._writing() as file:
            new = missing(self.rows(), theirs, self._history.last + 1)
            steps = [(key_of(row), row.candidate_id) for row in new if row.verdict == OUTLINE]
            if steps:
                self._log_outlines(file, [LoggedEdit(step[0], edits[step]) for step in steps])
            if brought := [
                (step, origins[step]) for row in new if (step := (key_of(row), row.candidate_id)) in origins
            ]:
                carried.append(file, [(step[0], origin) for step, origin in brought])
            if new:
                self._append(file, new)
        return len(new)

    def conflicts(self) -> dict[int, list[Verdict]]:
        """Map the candidates in conflict to the verdicts that contradict each other, the earliest first."""
        self.refresh()
        found = (number for number, status in self._history.statuses().items() if status == CONFLICT)
        return {number: self._verdicts.standing(number) for number in sorted(found)}

    def standing(self, candidate_id: int) -> list[Verdict]:
        """Return the verdicts on a candidate that count side by side; more than one only after a merge."""
        return self._verdicts.standing(candidate_id)

    @property
    def _verdicts(self) -> VerdictHistory:
        assert isinstance(self._history, VerdictHistory)  # nosec B101 (made by _new_history)
        return self._history

    def _new_history(self) -> History[Verdict]:
        return VerdictHistory()

    def counts(self) -> dict[str, int]:
        """Count the candidates by status, all of STATUSES."""
        with self._reading() as file:
            self._catch_up(file)
            numbers = {number for (number,) in file.execute("SELECT candidate_id FROM candidates")}
        found = Counter(status for number, status in self._history.statuses().items() if number in numbers)
        return {UNREVIEWED: len(numbers) - found.total()} | {status: found[status] for status in STATUSES[1:]}

    def candidates(self) -> Candidates:
        """Read what the queue needs of all candidates, in the order of their numbers."""
        with self._reading() as file:
            rows = np.array(file.execute(CANDIDATE_ROWS).fetchall(), np.float64).reshape(-1, len(fields(Candidates)))
        columns: list[Any] = [*rows.T]
        for at in (0, 1, 2, -1):
            columns[at] = columns[at].astype(np.int64)
        candidates = Candidates(*columns)
        stray = [class_id for class_id in np.unique(candidates.class_id).tolist() if class_id not in self.classes]
        if stray:
            raise InputError("stray_class", path=str(self.path), class_id=stray[0], last=len(self.classes) - 1)
        return candidates

    def _prepare(self, file: sqlite3.Connection) -> None:
        columns = {row[1] for row in file.execute("PRAGMA table_info(candidates)")}
        if "candidate_id" not in columns:
            raise InputError("no_candidates", path=self.path)
        if "reviewed_class_id" not in columns:
            file.execute("ALTER TABLE candidates ADD COLUMN reviewed_class_id MEDIUMINT")
        file.execute("CREATE INDEX IF NOT EXISTS candidates_by_number ON candidates (candidate_id)")

    def _read(self, row: tuple[Any, ...]) -> Verdict:
        verdict = Verdict(*row)
        if verdict.verdict in (*VERDICTS, OUTLINE, UNDO, REDO):
            return verdict
        self.strange.append(verdict.verdict)
        return replace(verdict, verdict=UNKNOWN, class_id=None, reason=None)

    def _reference(self, word: str, row: Verdict) -> Verdict:
        return Verdict(0, row.candidate_id, word, None, None, "", self.reviewer, self._now(), row.verdict_id)

    def _mirror(self, file: sqlite3.Connection, subjects: Iterable[int]) -> None:
        subjects = list(subjects)
        outlined = [subject for subject in subjects if self._verdicts.outlined(subject)]
        if outlined:
            self._show_outlines(file, outlined)
        held = [(subject, self.current(subject)) for subject in subjects]
        file.executemany(
            "UPDATE candidates SET status = ?, reviewed_class_id = ? WHERE candidate_id = ?",
            [(row.verdict if row else UNREVIEWED, row.class_id if row else None, subject) for subject, row in held],
        )

    def _show_outlines(self, file: sqlite3.Connection, subjects: Iterable[int]) -> None:
        layer, edits = Outlines(file), read_edits(file)
        for subject in subjects:
            holds = self._verdicts.outline(subject)
            if holds is not None:
                one = edits[key_of(holds), subject]
                layer.put(one, one.after)
            else:
                one = edits[min(step for step in edits if step[1] == subject)]
                layer.put(one, one.before)


def _classes(file: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Map the candidates that there are to their class in the model's eyes."""
    if len(numbers) > ONE_BY_ONE:
        return dict(file.execute("SELECT candidate_id, class_id FROM candidates"))
    one = "SELECT candidate_id, class_id FROM candidates WHERE candidate_id = ?"
    return dict(row for number in numbers for row in file.execute(one, (number,)))


def review_size(gpkg_path: Path) -> int:
    """Count what opening the review of a run has to read: candidates and rows of the log. Raises FarmCDError."""
    with opened(gpkg_path) as file:
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        counted = [
            file.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # nosec B608 (own names)
            for name in tables.intersection((CANDIDATES, VERDICT_LOG))
        ]
    return sum(counted)


def logged(gpkg_path: Path) -> tuple[int, ...]:
    """Count the rows of the logs of a run, verdicts and judgements: the same as long as nobody says more. Raises
    FarmCDError."""
    with opened(gpkg_path) as file:
        there = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return tuple(
            file.execute(f"SELECT count(*) FROM {name}").fetchone()[0] if name in there else 0  # nosec B608 (own names)
            for name in (VERDICT_LOG, JUDGEMENT_LOG)
        )


def read_history(gpkg_path: Path) -> History[Verdict]:
    """Read the log of verdicts without changing the file; empty where nobody has reviewed. Raises FarmCDError."""
    history = VerdictHistory()
    with opened(gpkg_path) as file:
        if file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERDICT_LOG,)).fetchone():
            history.take(Verdict(*row) for row in file.execute("SELECT * FROM verdicts ORDER BY verdict_id"))
    return history


def read_carried(gpkg_path: Path) -> Origins:
    """Read where verdicts were carried over from without changing the file. Raises FarmCDError."""
    with opened(gpkg_path) as file:
        return carried.read_origins(file)


def _check(classes: ClassTable, verdict: str, class_id: int | None, reason: str | None) -> None:
    if verdict not in VERDICTS:
        raise InputError("bad_verdict", verdict=verdict, known=VERDICTS)
    if class_id is not None and verdict != OTHER_CLASS:
        raise InputError("verdict_with_class", verdict=verdict, number=class_id)
    if verdict == OTHER_CLASS and class_id not in [row.id for row in classes.changes]:
        raise InputError("bad_change_class", number=class_id, last=len(classes) - 1)
    if reason is not None and (verdict != PSEUDO_CHANGE or reason not in REASONS):
        raise InputError("bad_reason", reason=reason, verdict=verdict, known=REASONS)
