"""Putting a new GeoPackage in the place of one that others, QGIS above all, may have open.

A file that is replaced under an open connection is corrupted by it: the write-ahead log of the old file is applied to
the new one. So SQLite itself replaces the content, in one transaction that also looks for verdicts.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ...core.classes import ClassTable
from ...core.errors import FarmCDError, InputError
from ...core.protocol import Finding
from ...core.run_files import ACCURACY_SAMPLE, CANDIDATES, JUDGEMENT_LOG, RUN_GPKG, UNJUDGED, UNREVIEWED, VERDICT_LOG
from ..polygons.geopackage import FIELDS, GEOMETRY

WAIT_S = 10.0
# Fields of the polygons that review and referee add.
KNOWN_COLUMNS = {"fid", GEOMETRY, "reviewed_class_id", "referee_score", "referee_verdict", "referee_weights"}
# What SQLite keeps beside a file; of a file that is gone they would be applied to the next of its name.
JOURNALS = ("-wal", "-shm", "-journal")
# Tables that a spatial index keeps its content in, and that go and come with it.
SHADOWS = ("_node", "_rowid", "_parent")


@contextmanager
def replaced(fresh: Path, target: Path) -> Iterator[None]:
    """Give `target` the content of the GeoPackage `fresh`, which goes, when the block ends well; else nothing changes.

    Raises InputError where people have given verdicts in `target` meanwhile or another program keeps it locked or
    it may not be written to, FarmCDError where it is damaged, and OSError.
    """
    if not target.exists():
        for suffix in JOURNALS:
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        fresh.replace(target)
        try:
            yield
        except BaseException:
            target.replace(fresh)
            raise
        return
    with told(target), closing(sqlite3.connect(target, WAIT_S, isolation_level=None)) as database:
        database.execute("ATTACH DATABASE ? AS fresh", (str(fresh),))
        database.execute("BEGIN IMMEDIATE")
        try:
            if reviewed := _count(database):
                raise InputError("reviewed", count=reviewed, file=str(target))
            _empty(database)
            _fill(database)
            yield
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
    fresh.unlink()


def count_reviewed(package: Path) -> int:
    """Count what people have settled in a run's GeoPackage: candidates with a verdict, judged points of the accuracy
    sample; 0 if there is no file.

    Where all of it was taken back, the log still holds what a person did: it counts as one. Raises FarmCDError.
    """
    if not package.exists():
        return 0
    with told(package), closing(sqlite3.connect(package, WAIT_S)) as database:
        return _count(database)


def edits_lost(package: Path, classes: ClassTable) -> list[Finding]:
    """Say how many candidates and hard regions have a class name that a person wrote by hand, and fields that somebody
    added, where new polygons will replace them; nothing where there are none. Raises FarmCDError.
    """
    if not package.exists():
        return []
    with told(package), closing(sqlite3.connect(package, WAIT_S)) as database:
        renamed, added = 0, set[str]()
        for layer, fields in FIELDS.items():
            columns = {name for _, name, *_ in database.execute(f'PRAGMA table_info("{layer}")')}
            if not {"class_id", "class_name"} <= columns:
                continue
            rows = database.execute(f'SELECT class_id, class_name, count(*) FROM "{layer}" GROUP BY 1, 2')  # nosec B608
            renamed += sum(count for class_id, name, count in rows if name != _label(classes, class_id))
            added |= columns - fields.keys() - KNOWN_COLUMNS
    found = []
    if renamed:
        found.append(Finding("warning", "edits_lost", {"count": renamed, "file": package}))
    if added:
        found.append(Finding("warning", "fields_lost", {"names": sorted(added), "file": package}))
    return found


def _label(classes: ClassTable, class_id: object) -> str:
    return classes.label(class_id) if isinstance(class_id, int) else ""


def refuse_if_reviewed(out_dir: Path) -> None:
    """Raise InputError where computing a run anew would replace verdicts of a person."""
    if reviewed := count_reviewed(out_dir / RUN_GPKG):
        raise InputError("reviewed_run", count=reviewed, folder=out_dir)


@contextmanager
def told(package: Path) -> Iterator[None]:
    """Turn what SQLite says of a GeoPackage into a fault with its code."""
    try:
        yield
    # What SQLite says of a damaged text may be no text.
    except (sqlite3.Error, UnicodeDecodeError) as error:
        fault = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if fault == sqlite3.SQLITE_FULL:
            raise FarmCDError("disk_full", folder=str(package.parent)) from error
        # What the person can end has the terminal's status of an input that cannot be used.
        if fault in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise InputError("package_locked", file=package, reason=error) from error
        if fault in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise InputError("file_not_writable", path=package, reason=error) from error
        raise FarmCDError("package_damaged", file=package, reason=error) from error


@contextmanager
def read_soundly(package: Path) -> Iterator[None]:
    """Turn what reading a damaged GeoPackage raises, by GDAL or for values that are none, into FarmCDError."""
    try:
        yield
    except (RuntimeError, TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise FarmCDError("package_damaged", file=package, reason=error) from error


def _count(database: sqlite3.Connection) -> int:
    there = {name for (name,) in database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}

    def count(table: str, condition: str = "1") -> int:
        if table not in there:
            return 0
        return int(database.execute(f'SELECT count(*) FROM main."{table}" WHERE {condition}').fetchone()[0])  # nosec B608

    settled = count(CANDIDATES, f"status <> '{UNREVIEWED}'") + count(ACCURACY_SAMPLE, f"judgement <> '{UNJUDGED}'")
    return settled or min(1, count(VERDICT_LOG) + count(JUDGEMENT_LOG))


def _empty(database: sqlite3.Connection) -> None:
    for kind in ("trigger", "view"):
        for name, _ in _parts(database, "main", kind):
            database.execute(f'DROP {kind} main."{name}"')
    for name, _ in _tables(database, "main"):
        database.execute(f'DROP TABLE main."{name}"')


def _fill(database: sqlite3.Connection) -> None:
    for name, statement in _tables(database, "fresh"):
        database.execute(statement)
        database.execute(f'INSERT INTO main."{name}" SELECT * FROM fresh."{name}"')  # nosec B608 # names of our own file
    # Kept by SQLite for numbers that count up; there as soon as a table has one.
    if database.execute("SELECT 1 FROM fresh.sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        database.execute("DELETE FROM main.sqlite_sequence")
        database.execute("INSERT INTO main.sqlite_sequence SELECT * FROM fresh.sqlite_sequence")
    for kind in ("index", "view", "trigger"):
        for _, statement in _parts(database, "fresh", kind):
            database.execute(statement)


def _tables(database: sqlite3.Connection, schema: str) -> list[tuple[str, str]]:
    """List tables and the statements that make them, spatial indices first."""
    tables = _parts(database, schema, "table")
    indices = [row for row in tables if row[1].upper().startswith("CREATE VIRTUAL")]
    hidden = {name + shadow for name, _ in indices for shadow in SHADOWS}
    return [*indices, *(row for row in tables if row not in indices and row[0] not in hidden)]


def _parts(database: sqlite3.Connection, schema: str, kind: str) -> list[tuple[str, str]]:
    query = f"SELECT name, sql FROM {schema}.sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%'"  # nosec B608
    return [row for row in database.execute(query, (kind,)) if row[1]]
