"""The review in a run's GeoPackage: an append-only table of verdicts, mirrored into the candidates' fields."""

import sqlite3
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..classes import CHANGES, NO_CHANGE
from ..protocol import VERDICT_LOG, InputError
from .log import History, LogStore, now, opened
from .queue import Candidates
from .verdicts import CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, REASONS, STATUSES, UNREVIEWED, VERDICTS, Verdict

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
       coalesce(hard_share, 0), coalesce(arbitration, 0), coalesce(disagreement, 0),
       coalesce(avg(minx + maxx) / 2, 0), coalesce(avg(miny + maxy) / 2, 0)
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

        `class_id` (1-5) belongs to "other_class", where the model's own class counts as "confirmed"; `reason`, one of
        REASONS or None, to "pseudo_change". Raises InputError for a verdict that makes no sense.
        """
        _check(verdict, class_id, reason)
        with self._writing() as file:
            row = file.execute("SELECT class_id FROM candidates WHERE candidate_id = ?", (candidate_id,)).fetchone()
            if row is None:
                raise InputError("no_candidate", f"{self.path} holds no candidate {candidate_id}.")
            if verdict == CONFIRMED or class_id == row[0]:
                verdict, class_id = CONFIRMED, row[0]
            elif verdict == PSEUDO_CHANGE:
                class_id = NO_CHANGE
            given = Verdict(0, candidate_id, verdict, class_id, reason, note, self.reviewer, now())
            return replace(given, verdict_id=self._append(file, given, becomes=given))

    def counts(self) -> dict[str, int]:
        """Count the candidates by status, all of STATUSES."""
        with self._reading() as file:
            self._catch_up(file)
            (total,) = file.execute("SELECT count(DISTINCT candidate_id) FROM candidates").fetchone()
        return self._history.counts(STATUSES, total)

    def candidates(self) -> Candidates:
        """Read what the queue needs of all candidates, in the order of their numbers."""
        with self._reading() as file:
            rows = np.array(file.execute(CANDIDATE_ROWS).fetchall(), np.float64).reshape(-1, len(fields(Candidates)))
        whole, rest = rows[:, :3].astype(np.int64).T, rows[:, 3:].T
        return Candidates(*whole, *rest)

    def _prepare(self, file: sqlite3.Connection) -> None:
        columns = {row[1] for row in file.execute("PRAGMA table_info(candidates)")}
        if "candidate_id" not in columns:
            raise InputError("no_candidates", f"{self.path} holds no candidates. Make the run's polygons first.")
        if "reviewed_class_id" not in columns:
            file.execute("ALTER TABLE candidates ADD COLUMN reviewed_class_id MEDIUMINT")
        file.execute("CREATE INDEX IF NOT EXISTS candidates_by_number ON candidates (candidate_id)")

    def _read(self, row: tuple[Any, ...]) -> Verdict:
        return Verdict(*row)

    def _reference(self, word: str, row: Verdict) -> Verdict:
        return Verdict(0, row.candidate_id, word, None, None, "", self.reviewer, now(), row.verdict_id)

    def _mirror(self, file: sqlite3.Connection, subject: int, becomes: Verdict | None) -> None:
        file.execute(
            "UPDATE candidates SET status = ?, reviewed_class_id = ? WHERE candidate_id = ?",
            (becomes.verdict if becomes else UNREVIEWED, becomes.class_id if becomes else None, subject),
        )


def read_history(gpkg_path: Path) -> History[Verdict]:
    """Read the log of verdicts without changing the file; empty where nobody has reviewed. Raises FarmCDError."""
    history: History[Verdict] = History()
    with opened(gpkg_path) as file:
        if file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERDICT_LOG,)).fetchone():
            for row in file.execute("SELECT * FROM verdicts ORDER BY verdict_id"):
                history.add(Verdict(*row))
    return history


def _check(verdict: str, class_id: int | None, reason: str | None) -> None:
    if verdict not in VERDICTS:
        raise InputError("bad_verdict", f"{verdict!r} is no verdict. Give one of {', '.join(VERDICTS)}.")
    if (class_id is not None) != (verdict == OTHER_CLASS):
        raise InputError("bad_verdict", f"The verdict {verdict} with class {class_id}: only other_class has a class.")
    if class_id is not None and class_id not in {row.id for row in CHANGES}:
        raise InputError("bad_class", f"{class_id} is no class of change. Give one of 1-{len(CHANGES)}.")
    if reason is not None and (verdict != PSEUDO_CHANGE or reason not in REASONS):
        raise InputError(
            "bad_reason", f"{reason!r} is no reason for {verdict}. A pseudo_change may have: {', '.join(REASONS)}."
        )
