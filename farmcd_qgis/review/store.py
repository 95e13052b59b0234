"""The review in a run's GeoPackage: an append-only table of verdicts, mirrored into the candidates' fields."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ..classes import CHANGES, NO_CHANGE
from ..protocol import FarmCDError, InputError
from .queue import Candidates
from .verdicts import (
    CONFIRMED,
    OTHER_CLASS,
    PSEUDO_CHANGE,
    REASONS,
    REDO,
    UNDO,
    UNREVIEWED,
    VERDICTS,
    History,
    Verdict,
)

WAIT_SECONDS = 2.0

# A GeoPackage "attributes" table: QGIS and OGR list it. The triggers keep every program from changing what was said.
TABLE = """
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
CREATE TRIGGER verdicts_stay BEFORE UPDATE ON verdicts
BEGIN SELECT RAISE(ABORT, 'verdicts are only ever added'); END;
CREATE TRIGGER verdicts_are_kept BEFORE DELETE ON verdicts
BEGIN SELECT RAISE(ABORT, 'verdicts are only ever added'); END;
INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('verdicts', 'attributes', 'verdicts');
"""
# Pieces of a candidate that was split share its number.
CANDIDATE_ROWS = """
SELECT candidate_id, class_id, coalesce(second_class_id, 0), total(area_ha), coalesce(confidence_mean, 0),
       coalesce(hard_share, 0), coalesce(arbitration, 0), coalesce(disagreement, 0),
       coalesce(avg(minx + maxx) / 2, 0), coalesce(avg(miny + maxy) / 2, 0)
FROM candidates LEFT JOIN rtree_candidates_geom ON id = fid
WHERE candidate_id IS NOT NULL AND class_id IS NOT NULL GROUP BY candidate_id
"""


class ReviewStore:
    """The verdicts of one run's farmcd.gpkg.

    A verdict is on disk when `give` returns, in one transaction with the candidate's fields `status` and
    `reviewed_class_id`; the fields of the model stay as they were. Rows are only ever added: undo and redo are rows,
    too, and work across restarts. Several programs may have the file open. Raises InputError if the file holds no
    candidates, and FarmCDError where it cannot be written.

    The file is open only while it is written or read. A connection that stays open relies on locks, and on Unix those
    are lost when anything else in the same process opens and closes the file, as GDAL does all the time: another
    program then believes to be the last one and deletes a write-ahead log that is still needed.
    """

    def __init__(self, gpkg_path: str | Path, reviewer: str) -> None:
        self.path = Path(gpkg_path)
        self.reviewer = reviewer
        self._history = History()
        with self._reading() as file:
            self._prepare(file)

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
            given = self._verdict(candidate_id, verdict, class_id, reason, note)
            return self._append(file, given, becomes=given)

    def undo(self) -> Verdict | None:
        """Take back the last verdict that holds, whoever gave it, and return it; None if there is none."""
        with self._writing() as file:
            if not self._history.held:
                return None
            last = self._history.held[-1]
            row = self._verdict(last.candidate_id, UNDO, refers_to=last.verdict_id)
            self._append(file, row, becomes=self._history.current(last.candidate_id, before=1))
            return last

    def redo(self) -> Verdict | None:
        """Give the verdict again that was taken back last, and return it; None if there is none, or a newer verdict."""
        with self._writing() as file:
            if not self._history.undone:
                return None
            last = self._history.undone[-1]
            row = self._verdict(last.candidate_id, REDO, refers_to=last.verdict_id)
            self._append(file, row, becomes=last)
            return last

    def current(self, candidate_id: int) -> Verdict | None:
        """Return the verdict that holds for a candidate, as far as this store has read or written."""
        return self._history.current(candidate_id)

    def statuses(self) -> dict[int, str]:
        """Map the numbers of the candidates that have a verdict to it, those given by others meanwhile included."""
        with self._reading() as file:
            self._catch_up(file)
        return self._history.statuses()

    def counts(self) -> dict[str, int]:
        """Count the candidates by status, all of STATUSES."""
        with self._reading() as file:
            self._catch_up(file)
            (total,) = file.execute("SELECT count(DISTINCT candidate_id) FROM candidates").fetchone()
        return self._history.counts(total)

    def candidates(self) -> Candidates:
        """Read what the queue needs of all candidates, in the order of their numbers."""
        with self._reading() as file:
            rows = np.array(file.execute(CANDIDATE_ROWS).fetchall(), np.float64).reshape(-1, len(fields(Candidates)))
        whole, rest = rows[:, :3].astype(np.int64).T, rows[:, 3:].T
        return Candidates(*whole, *rest)

    def _prepare(self, file: sqlite3.Connection) -> None:
        """Add what the review needs to a file that lacks it."""
        file.execute("BEGIN IMMEDIATE")
        columns = {row[1] for row in file.execute("PRAGMA table_info(candidates)")}
        if "candidate_id" not in columns:
            raise InputError("no_candidates", f"{self.path} holds no candidates. Make the run's polygons first.")
        if "reviewed_class_id" not in columns:
            file.execute("ALTER TABLE candidates ADD COLUMN reviewed_class_id MEDIUMINT")
        file.execute("CREATE INDEX IF NOT EXISTS candidates_by_number ON candidates (candidate_id)")
        if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'verdicts'").fetchone():
            for statement in TABLE.split(";\n"):
                file.execute(statement)
        file.execute("COMMIT")
        self._catch_up(file)

    def _verdict(
        self,
        candidate_id: int,
        verdict: str,
        class_id: int | None = None,
        reason: str | None = None,
        note: str = "",
        refers_to: int | None = None,
    ) -> Verdict:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return Verdict(0, candidate_id, verdict, class_id, reason, note, self.reviewer, now, refers_to)

    def _append(self, file: sqlite3.Connection, row: Verdict, becomes: Verdict | None) -> Verdict:
        """Add a row to the log, number it, and show in the layer what the candidate `becomes`."""
        added = file.execute("INSERT INTO verdicts VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(row)[1:])
        file.execute(
            "UPDATE candidates SET status = ?, reviewed_class_id = ? WHERE candidate_id = ?",
            (becomes.verdict if becomes else UNREVIEWED, becomes.class_id if becomes else None, row.candidate_id),
        )
        return replace(row, verdict_id=added.lastrowid or 0)

    def _catch_up(self, file: sqlite3.Connection) -> None:
        """Take in the rows that this store has not seen yet, its own or another's."""
        rows = file.execute("SELECT * FROM verdicts WHERE verdict_id > ? ORDER BY verdict_id", (self._history.last_id,))
        for row in rows:
            self._history.add(Verdict(*row))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as file:
            file.execute("BEGIN IMMEDIATE")
            self._catch_up(file)
            yield file
            file.execute("COMMIT")
            self._catch_up(file)
            # Where QGIS, editing the layer, has a write-ahead log: fold it in, so that nothing depends on that file.
            file.execute("PRAGMA wal_checkpoint(PASSIVE)")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if not self.path.is_file():
            raise InputError("no_run", f"There is no {self.path}. Choose the folder of a finished run.")
        file = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
        try:
            # The triggers of GeoPackage's spatial index name these; they run only when a geometry or an fid changes.
            for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
                file.create_function(name, 1, _no_geometry)
            # Outlives a power cut, too.
            file.execute("PRAGMA synchronous = EXTRA")
            yield file
        except sqlite3.Error as error:
            raise FarmCDError(
                "review_not_stored",
                f"{self.path} could not be read or written ({error}), so nothing was stored. Save or stop editing the "
                "candidates, close other programs that use the file, check that it may be written, and try again.",
            ) from error
        finally:
            # An open transaction ends with nothing done.
            file.close()


def read_history(gpkg_path: Path) -> History:
    """Read the log of verdicts without changing the file; empty where nobody has reviewed. Raises FarmCDError."""
    history = History()
    try:
        file = sqlite3.connect(f"{gpkg_path.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS)
        try:
            if file.execute("SELECT 1 FROM sqlite_master WHERE name = 'verdicts'").fetchone():
                for row in file.execute("SELECT * FROM verdicts ORDER BY verdict_id"):
                    history.add(Verdict(*row))
        finally:
            file.close()
    except sqlite3.Error as error:
        raise FarmCDError(
            "review_not_read",
            f"The review in {gpkg_path} could not be read ({error}). Close other programs that use the file.",
        ) from error
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


def _no_geometry(_blob: bytes) -> None:
    raise sqlite3.NotSupportedError("the review changes no geometry")
