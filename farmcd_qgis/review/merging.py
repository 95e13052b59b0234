"""Merging the reviews of two copies of a run's GeoPackage: their logs are united, and what holds follows from that."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..core.errors import InputError
from ..core.run_files import RUN_TABLE
from .log import opened
from .store import ReviewStore
from .verdicts import Verdict

# The keys of a run's record that two copies of its file share, whatever was done with them later.
SAME_RUN = ("run", "finished")
# Clocks differ; one that is further ahead would put its verdicts behind all that others give meanwhile.
AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class Merged:
    """What a merge brought: how many rows of the log were new, and the candidates whose reviewers disagree."""

    added: int
    conflicts: dict[int, list[Verdict]]


def merge_reviews(into: str | Path, other: str | Path) -> Merged:
    """Take the verdicts and outlines of the GeoPackage `other` into `into`, a copy of the same run's.

    A row of the log that both have, by its reviewer, time, candidate and word, is one row. What holds then is said in
    `agreement`. Merging again changes nothing, and the order of merges does not matter. Raises InputError if the files
    are not of one run, or where `other` holds words or times that are not understood here: then nothing is taken.
    Raises FarmCDError where a file cannot be used.
    """
    into, other = Path(into), Path(other)
    _check_same_run(into, other)
    theirs = ReviewStore(other, "")
    _check_understood(theirs, other)
    store = ReviewStore(into, "")
    return Merged(store.unite(theirs.rows(), theirs.edits(), theirs.origins()), store.conflicts())


def _check_understood(theirs: ReviewStore, path: Path) -> None:
    """Refuse what would stay in the own log for ever without being understood: a log loses no row."""
    if theirs.strange:
        raise InputError("review_not_understood", path=path, what=theirs.strange[0])
    later = (datetime.now(UTC) + AHEAD).isoformat()
    if ahead := [row for row in theirs.rows() if row.given_at > later]:
        raise InputError("review_of_the_future", path=path, reviewer=ahead[0].reviewer, time=ahead[0].given_at)


def _check_same_run(into: Path, other: Path) -> None:
    if into.resolve() == other.resolve():
        raise InputError("same_review", into=into)
    one, two = _identity(into), _identity(other)
    if one != two:
        raise InputError("other_run", into=into, other=other, run=one, other_run=two)


def _identity(path: Path) -> str:
    with opened(path) as file:
        if not file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (RUN_TABLE,)).fetchone():
            return ""
        found = dict(file.execute(f"SELECT key, value FROM {RUN_TABLE}"))  # nosec B608 (own names)
    return " ".join(str(found[key]) for key in SAME_RUN if key in found)
