"""Which verdicts of a log were carried over from an earlier run, and from where: a table beside the log."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass

from .history import Key
from .log import GUARDS

TABLE = "carried"
COLUMNS = """
CREATE TABLE carried (
    carried_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    candidate_id INTEGER NOT NULL,
    reviewer TEXT NOT NULL,
    given_at TEXT NOT NULL,
    run TEXT NOT NULL,
    earlier_candidate_id INTEGER NOT NULL,
    earlier_reviewer TEXT NOT NULL,
    earlier_given_at TEXT NOT NULL,
    likeness REAL NOT NULL
);
"""


@dataclass(frozen=True)
class Carried:
    """Where a verdict on `candidate_id` comes from: the earlier run (its name in its record), the candidate there, who
    gave it there and when; `likeness` is the intersection over union of both outlines, 0..1."""

    candidate_id: int
    run: str
    earlier_candidate_id: int
    earlier_reviewer: str
    earlier_given_at: str
    likeness: float


# By the step of the log and the candidate.
Origins = dict[tuple[Key, int], Carried]


def append(file: sqlite3.Connection, rows: Iterable[tuple[Key, Carried]]) -> None:
    """Note where verdicts of steps of the log come from."""
    if not file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,)).fetchone():
        for statement in (COLUMNS + GUARDS.format(table=TABLE)).split(";\n"):
            file.execute(statement)
    file.executemany(
        f"INSERT INTO {TABLE} VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",  # nosec B608 (own names)
        [(one.candidate_id, key[1], key[0], *astuple(one)[1:]) for key, one in rows],
    )


def read_origins(file: sqlite3.Connection) -> Origins:
    """Read where the verdicts that were carried over come from; empty where none was."""
    if not file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,)).fetchone():
        return {}
    names = "candidate_id, run, earlier_candidate_id, earlier_reviewer, earlier_given_at, likeness"
    found = file.execute(f"SELECT given_at, reviewer, {names} FROM {TABLE}")  # nosec B608 (own names)
    return {((row[0], row[1]), row[2]): Carried(*row[2:]) for row in found}
