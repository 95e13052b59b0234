"""An append-only log in a run's GeoPackage: which of its rows hold, what undo and redo mean, how it is written."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ..protocol import FarmCDError, InputError

UNDO = "undo"
REDO = "redo"

WAIT_SECONDS = 2.0

# The triggers keep every program from changing what was said. QGIS and OGR list "attributes" tables.
GUARDS = """
CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END;
CREATE TRIGGER {table}_are_kept BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END;
INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('{table}', 'attributes', '{table}');
"""


class Row(Protocol):
    """One row of a log: its `number`, the `subject` (a candidate, a point) it is about, and the `word` said of it.

    `word` is "undo" or "redo" where the row only takes back or repeats the row `refers_to`.
    """

    @property
    def number(self) -> int: ...
    @property
    def subject(self) -> int: ...
    @property
    def word(self) -> str: ...
    @property
    def refers_to(self) -> int | None: ...


R = TypeVar("R", bound=Row)


class History(Generic[R]):
    """The rows that hold, in the order they were given, and those taken back that may come again."""

    def __init__(self) -> None:
        self.held: list[R] = []
        self.undone: list[R] = []
        self.last = 0
        self._by_subject: dict[int, list[R]] = {}

    def add(self, row: R) -> None:
        """Take in the log's next row. A new one makes those taken back before it final."""
        if row.word == UNDO:
            self.undone.append(_expected(self.held, row))
            self._by_subject[row.subject].pop()
        else:
            if row.word == REDO:
                held = _expected(self.undone, row)
            else:
                self.undone.clear()
                held = row
            self.held.append(held)
            self._by_subject.setdefault(row.subject, []).append(held)
        self.last = row.number

    def current(self, subject: int, before: int = 0) -> R | None:
        """Return the row that holds for a subject, or would if its last `before` ones were taken back."""
        given = self._by_subject.get(subject, [])
        return given[-1 - before] if len(given) > before else None

    def holding(self) -> dict[int, R]:
        """Map the subjects that something holds for to it."""
        return {subject: given[-1] for subject, given in self._by_subject.items() if given}

    def statuses(self) -> dict[int, str]:
        """Map the subjects that something was said of to the word that holds."""
        return {subject: row.word for subject, row in self.holding().items()}

    def counts(self, statuses: Iterable[str], total: int) -> dict[str, int]:
        """Count `total` subjects by status; the first of `statuses` is for those that nothing was said of."""
        first, *words = statuses
        counted = Counter(self.statuses().values())
        return {first: total - counted.total()} | {word: counted[word] for word in words}


class LogStore(Generic[R]):
    """A log in the GeoPackage at `path`, and what it says of each subject mirrored into the subjects' own layer.

    A row is on disk when it has been appended, in one transaction with the mirror. Rows are only ever added: undo and
    redo are rows, too, and work across restarts. Several programs may have the file open. Raises FarmCDError where
    the file cannot be written, InputError where there is none.

    The file is open only while it is written or read. A connection that stays open relies on locks, and on Unix those
    are lost when anything else in the same process opens and closes the file, as GDAL does all the time: another
    program then believes to be the last one and deletes a write-ahead log that is still needed.
    """

    # The log's name, its table without the guards, and what else SQL needs once: statements that end with ";\n".
    table: str
    columns: str

    def __init__(self, gpkg_path: str | Path, reviewer: str) -> None:
        self.path = Path(gpkg_path)
        self.reviewer = reviewer
        self._history: History[R] = History()
        with self._reading() as file:
            file.execute("BEGIN IMMEDIATE")
            self._prepare(file)
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (self.table,)).fetchone():
                for statement in (self.columns + GUARDS.format(table=self.table)).split(";\n"):
                    file.execute(statement)
            file.execute("COMMIT")
            self._catch_up(file)

    def undo(self) -> R | None:
        """Take back the last row that holds, whoever gave it, and return it; None if there is none."""
        with self._writing() as file:
            if not self._history.held:
                return None
            last = self._history.held[-1]
            self._append(file, self._reference(UNDO, last), becomes=self._history.current(last.subject, before=1))
            return last

    def redo(self) -> R | None:
        """Give the row again that was taken back last, and return it; None if there is none, or a newer row."""
        with self._writing() as file:
            if not self._history.undone:
                return None
            last = self._history.undone[-1]
            self._append(file, self._reference(REDO, last), becomes=last)
            return last

    def current(self, subject: int) -> R | None:
        """Return the row that holds for a subject, as far as this store has read or written."""
        return self._history.current(subject)

    def statuses(self) -> dict[int, str]:
        """Map the subjects that something was said of to the word, what others said meanwhile included."""
        with self._reading() as file:
            self._catch_up(file)
        return self._history.statuses()

    def _prepare(self, file: sqlite3.Connection) -> None:
        """Check that the file holds the subjects, and add what their layer lacks."""
        raise NotImplementedError

    def _read(self, row: tuple[Any, ...]) -> R:
        """Make a row of the log from its columns."""
        raise NotImplementedError

    def _reference(self, word: str, row: R) -> R:
        """Make the row that takes `row` back or repeats it."""
        raise NotImplementedError

    def _mirror(self, file: sqlite3.Connection, subject: int, becomes: R | None) -> None:
        """Show in the layer what a subject `becomes`."""
        raise NotImplementedError

    def _append(self, file: sqlite3.Connection, row: R, becomes: R | None) -> int:
        """Add a row to the log and mirror what its subject `becomes`; returns the row's number."""
        values = astuple(row)[1:]  # type: ignore[call-overload]
        marks = ", ".join("?" * len(values))
        added = file.execute(f"INSERT INTO {self.table} VALUES (NULL, {marks})", values)  # nosec B608 (own names)
        self._mirror(file, row.subject, becomes)
        return added.lastrowid or 0

    def _catch_up(self, file: sqlite3.Connection) -> None:
        """Take in the rows that this store has not seen yet, its own or another's."""
        unseen = f"SELECT * FROM {self.table} WHERE rowid > ? ORDER BY rowid"  # nosec B608 (own names)
        for row in file.execute(unseen, (self._history.last,)):
            self._history.add(self._read(row))

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
        with opened(self.path) as file:
            yield file


@contextmanager
def opened(gpkg_path: Path) -> Iterator[sqlite3.Connection]:
    """Open a run's GeoPackage for a moment; raises InputError if there is none, FarmCDError if it cannot be used."""
    if not gpkg_path.is_file():
        raise InputError("no_run", f"There is no {gpkg_path}. Choose the folder of a finished run.")
    file = sqlite3.connect(gpkg_path, timeout=WAIT_SECONDS, isolation_level=None)
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
            f"{gpkg_path} could not be read or written ({error}), so nothing was stored. Save or stop editing the "
            "candidates, close other programs that use the file, check that it may be written, and try again.",
        ) from error
    finally:
        # An open transaction ends with nothing done.
        file.close()


def now() -> str:
    """Return the time in UTC as ISO 8601 text with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _expected(stack: list[R], row: R) -> R:
    if not stack or stack[-1].number != row.refers_to:
        raise FarmCDError(
            "bad_log",
            f"The log of the review is damaged: row {row.number} ({row.word}) refers to row {row.refers_to}, which is "
            "not the last one. Restore farmcd.gpkg from a copy.",
        )
    return stack.pop()


def _no_geometry(_blob: bytes) -> None:
    raise sqlite3.NotSupportedError("the review changes no geometry")
