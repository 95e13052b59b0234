"""An append-only log in a run's GeoPackage: how it is read and written, by one program or several."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Generic

from ..core.classes import ClassTable, table_of
from ..core.errors import FarmCDError, InputError
from ..core.run_files import ACCURACY_SAMPLE, CANDIDATES, HARD_REGIONS, JUDGEMENT_LOG, RUN_TABLE, VERDICT_LOG
from .history import REDO, UNDO, History, R, Step, key_of

# For another program that writes: as long as a person need not notice where nothing else goes on meanwhile.
WAIT_SECONDS, AT_ONCE_SECONDS = 2.0, 0.05
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
PRIMARY = 0xFF
_hurry = ContextVar("hurry", default=False)
# Who pauses for longer does something else meanwhile.
BREAK_SECONDS = 300.0
VIEWS = "SELECT name FROM sqlite_master WHERE type = 'view'"
LAYERS = (CANDIDATES, HARD_REGIONS, ACCURACY_SAMPLE, VERDICT_LOG, JUDGEMENT_LOG, RUN_TABLE)
# In the place of a time that is none, and the year from which on no time is one.
NO_TIME = "1970-01-01T00:00:00.000000+00:00"
LAST_YEAR = 9999

# The triggers keep every program from changing what was said. QGIS and OGR list "attributes" tables.
GUARDS = """
CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END;
CREATE TRIGGER {table}_are_kept BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END;
INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('{table}', 'attributes', '{table}');
"""


class LogStore(Generic[R]):
    """A log in the GeoPackage at `path`, and what it says of each subject mirrored into the subjects' own layer.

    A row is on disk when it has been appended, in one transaction with the mirror. Rows are only ever added: undo and
    redo are rows, too, and work across restarts. Several programs may have the file open. Raises FarmCDError where
    the file cannot be written, InputError where there is none.

    `classes` is the class table of the run. The file is open only while it is written or read. A connection that stays
    open relies on locks, and on Unix those are lost when anything else in the same process opens and closes the file,
    as GDAL does all the time: another program then believes to be the last one and deletes a write-ahead log that is
    still needed.
    """

    # The log's name, its table without the guards, and what else SQL needs once: statements that end with ";\n".
    table: str
    columns: str

    def __init__(self, gpkg_path: str | Path, reviewer: str) -> None:
        self.path = Path(gpkg_path)
        self.reviewer = reviewer
        self._history = self._new_history()
        self._changed: set[int] = set()
        self._news: list[R] = []
        # What is in the log that no version known here wrote: words, and times that are none.
        self.strange: list[str] = []
        with self._reading() as file:
            self.classes = _classes(file, self.path)
            file.execute("BEGIN IMMEDIATE")
            self._prepare(file)
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (self.table,)).fetchone():
                for statement in (self.columns + GUARDS.format(table=self.table)).split(";\n"):
                    file.execute(statement)
            self._catch_up(file)
            file.execute("COMMIT")
        self._changed.clear()
        self._news.clear()

    def undo(self) -> R | None:
        """Take back the last step that holds, whoever gave it, and return its first row; None if there is none."""
        return self._refer(UNDO)

    def redo(self) -> R | None:
        """Give the step again that was taken back last, and return its first row; None if there is none, or a newer
        one."""
        return self._refer(REDO)

    def next_size(self, word: str) -> int:
        """Return how many rows the next "undo" or "redo" is about, as far as this store has read or written."""
        steps = self._steps(word)
        return len(steps[-1].rows) if steps else 0

    def next_word(self, word: str) -> str | None:
        """Return what was said in the step that the next "undo" or "redo" is about, None if there is none."""
        steps = self._steps(word)
        return steps[-1].rows[0].word if steps else None

    def current(self, subject: int) -> R | None:
        """Return the row that holds for a subject, as far as this store has read or written."""
        return self._history.current(subject)

    def holding(self) -> dict[int, R]:
        """Map the subjects that something holds for to it, as far as this store has read or written."""
        return self._history.holding()

    def rows(self) -> list[R]:
        """Return the whole log in the order in which it was said, as far as this store has read or written."""
        return self._history.rows()

    def statuses(self) -> dict[int, str]:
        """Map the subjects that something was said of to the word, what others said meanwhile included."""
        self.refresh()
        return self._history.statuses()

    def refresh(self) -> None:
        """Take in what others wrote meanwhile."""
        with self._reading() as file:
            self._news += self._catch_up(file)[0]

    def take_changes(self) -> set[int]:
        """Return the subjects that this store has learned something new of since it was asked last."""
        changed, self._changed = self._changed, set()
        return changed

    def mark_all(self) -> None:
        """Let `take_changes` return everything that something holds for."""
        self._changed |= set(self._history.holding())

    def gaps(self, reviewer: str, count: int | None = None) -> list[float]:
        """Return the seconds between a reviewer's last `count` steps that hold, or all, without breaks of
        BREAK_SECONDS."""
        keys = (key_of(step.rows[0]) for step in reversed(self._history.held))
        times = [datetime.fromisoformat(time) for time, who in islice(keys, count) if who == reviewer]
        gaps = ((later - earlier).total_seconds() for later, earlier in pairwise(times))
        return [gap for gap in gaps if 0 < gap < BREAK_SECONDS]

    def take_news(self) -> list[R]:
        """Return the rows that another program added, as far as they were not returned yet."""
        news, self._news = self._news, []
        return news

    def _new_history(self) -> History[R]:
        return History()

    def _prepare(self, file: sqlite3.Connection) -> None:
        """Check that the file holds the subjects, and add what their layer lacks."""
        raise NotImplementedError

    def _read(self, row: tuple[Any, ...]) -> R:
        """Make a row of the log from its columns."""
        raise NotImplementedError

    def _reference(self, word: str, row: R) -> R:
        """Make the row that takes the step of `row` back or repeats it."""
        raise NotImplementedError

    def _mirror(self, file: sqlite3.Connection, subjects: Iterable[int]) -> None:
        """Show in the layer what holds for the subjects."""
        raise NotImplementedError

    def _refer(self, word: str) -> R | None:
        with self._writing() as file:
            steps = self._steps(word)
            if not steps:
                return None
            first = steps[-1].rows[0]
            self._append(file, [self._reference(word, first)])
            return first

    def _steps(self, word: str) -> Sequence[Step[R]]:
        return self._history.held if word == UNDO else self._history.undone

    def _append(self, file: sqlite3.Connection, rows: Sequence[R]) -> list[R]:
        """Add rows to the log, mirror what becomes of their subjects, and return them as they were stored."""
        values = [(row.number or None, *astuple(row)[1:]) for row in rows]  # type: ignore[call-overload]
        marks = ", ".join("?" * len(values[0]))
        file.executemany(f"INSERT INTO {self.table} VALUES ({marks})", values)  # nosec B608 (own names)
        stored, changed = self._catch_up(file)
        self._mirror(file, changed)
        return stored

    def _catch_up(self, file: sqlite3.Connection) -> tuple[list[R], set[int]]:
        """Take in the rows that this store has not seen yet, its own or another's; returns them and their subjects."""
        unseen = f"SELECT * FROM {self.table} WHERE rowid > ? ORDER BY rowid"  # nosec B608 (own names)
        rows = [self._timed(self._read(row)) for row in file.execute(unseen, (self._history.last,))]
        changed = self._history.take(rows)
        self._changed |= changed
        return rows, changed

    def _timed(self, row: R) -> R:
        """Let a row whose time is none come first of all, so that those with one keep their order and undo works."""
        try:
            moment = datetime.fromisoformat(row.given_at)
            if moment.tzinfo is not None and moment.year < LAST_YEAR:
                return row
        except (TypeError, ValueError):
            pass
        self.strange.append(str(row.given_at))
        return replace(row, given_at=NO_TIME)  # type: ignore[type-var]

    def _now(self) -> str:
        """Return a time for the next step, later than all in the log, so that the order of times is that of steps."""
        latest = self._history.latest[0]
        time = now()
        if time <= latest:
            time = (datetime.fromisoformat(latest) + timedelta(microseconds=1)).isoformat(timespec="microseconds")
        return time

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as file:
            file.execute("BEGIN IMMEDIATE")
            self._news += self._catch_up(file)[0]
            known = self._history.last
            try:
                yield file
                file.execute("COMMIT")
            except BaseException:
                if self._history.last != known:
                    # What was taken in is not in the file: read it anew.
                    self._history = self._new_history()
                    with suppress(sqlite3.Error):
                        file.execute("ROLLBACK")
                        self._catch_up(file)
                raise
            # Where QGIS, editing the layer, has a write-ahead log: fold it in, so that nothing depends on that file.
            file.execute("PRAGMA wal_checkpoint(PASSIVE)")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with opened(self.path) as file:
            yield file


@contextmanager
def at_once() -> Iterator[None]:
    """Let what is done inside fail soon where another program writes, instead of waiting for it; see `is_busy`."""
    before = _hurry.set(True)
    try:
        yield
    finally:
        _hurry.reset(before)


def is_busy(error: FarmCDError) -> bool:
    """Say whether a fault is only that another program was writing, so that the same can be tried again."""
    return getattr(error.__cause__, "sqlite_errorcode", 0) & PRIMARY in BUSY


@contextmanager
def opened(gpkg_path: Path) -> Iterator[sqlite3.Connection]:
    """Open a run's GeoPackage for a moment; raises InputError if there is none, FarmCDError if it cannot be used."""
    if not gpkg_path.is_file():
        raise InputError("no_geopackage", path=gpkg_path)
    wait = AT_ONCE_SECONDS if _hurry.get() else WAIT_SECONDS
    file = sqlite3.connect(gpkg_path, timeout=wait, isolation_level=None)
    try:
        # The triggers of GeoPackage's spatial index name these; they run only when a geometry or an fid changes.
        for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
            file.create_function(name, 1, _no_geometry)
        # A damaged file holds texts that are none.
        file.text_factory = lambda text: text.decode("utf-8", "replace")
        # A view in the place of a layer may compute for ever.
        if views := [name for (name,) in file.execute(VIEWS) if name in LAYERS]:
            raise InputError("bad_package", path=gpkg_path, views=views)
        # Outlives a power cut, too.
        file.execute("PRAGMA synchronous = EXTRA")
        yield file
    # What SQLite says of a damaged text may be no text.
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise FarmCDError("review_not_stored", path=gpkg_path, reason=error) from error
    finally:
        # An open transaction ends with nothing done.
        file.close()


def _classes(file: sqlite3.Connection, path: Path) -> ClassTable:
    """Read the class table that travels with a run's GeoPackage; raises InputError for one that is none."""
    if not file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (RUN_TABLE,)).fetchone():
        return table_of({})
    rows = file.execute(f"SELECT value FROM {RUN_TABLE} WHERE key = 'classes'").fetchone()  # nosec B608 (own names)
    try:
        return table_of({"classes": json.loads(rows[0])} if rows else {}, str(path))
    except (TypeError, ValueError, RecursionError):
        return table_of({"classes": ""}, str(path))


def read_classes(gpkg_path: Path) -> ClassTable:
    """Read the class table of a run's GeoPackage, the five classes where it is old; raises FarmCDError."""
    with opened(gpkg_path) as file:
        return _classes(file, gpkg_path)


def now() -> str:
    """Return the time in UTC as ISO 8601 text with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _no_geometry(_blob: bytes) -> None:
    raise sqlite3.NotSupportedError("the review changes no geometry")
