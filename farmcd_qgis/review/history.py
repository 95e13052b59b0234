"""Which rows of an append-only log hold: what undo and redo mean, also where the logs of two files were united."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..core.errors import FarmCDError

UNDO = "undo"
REDO = "redo"

# When and by whom something was said: the name of a step, the same in every copy of a log.
Key = tuple[str, str]


class Row(Protocol):
    """One row of a log: its `number`, the `subject` (a candidate, a point) it is about, and the `word` said of it.

    `word` is "undo" or "redo" where the row only takes back or repeats the step of the row `refers_to`. Rows said by
    one person at one time are one step.
    """

    @property
    def number(self) -> int: ...
    @property
    def subject(self) -> int: ...
    @property
    def word(self) -> str: ...
    @property
    def reviewer(self) -> str: ...
    @property
    def given_at(self) -> str: ...
    @property
    def refers_to(self) -> int | None: ...


R = TypeVar("R", bound=Row)


@dataclass(eq=False)
class Step(Generic[R]):
    """What one person said at one time: one row, or those of a bulk, which are undone together."""

    key: Key
    rows: list[R]


class History(Generic[R]):
    """The steps that hold, in the order they were given, and those taken back that may come again.

    What holds follows from the set of rows alone: they are read in the order of their times, not of their numbers.
    """

    def __init__(self) -> None:
        self.last = 0
        self._rows: list[R] = []
        self._reset()

    def _reset(self) -> None:
        self.held: list[Step[R]] = []
        self.undone: list[Step[R]] = []
        self.latest: Key = ("", "")
        self.by_number: dict[int, R] = {}
        self._steps: dict[Key, Step[R]] = {}
        self._by_subject: dict[int, list[R]] = {}
        self._current: dict[int, R] = {}

    def take(self, rows: Iterable[R]) -> set[int]:
        """Take in further rows of the log, and return the subjects that they are about."""
        new = list(rows)
        if not new:
            return set()
        self._rows += new
        self.last = max(self.last, new[-1].number)
        ordered = sorted(new, key=key_of)
        if key_of(ordered[0]) < self.latest:
            # Another log was united with this one: its rows belong between those that are known.
            ordered = sorted(self._rows, key=key_of)
            self._reset()
        self.by_number |= {row.number: row for row in ordered}
        changed: set[int] = set()
        for row in ordered:
            changed.update(self._add(row))
        for subject in changed:
            self._settle(subject)
        return changed

    def current(self, subject: int) -> R | None:
        """Return what holds for a subject, None if nothing does."""
        return self._current.get(subject)

    def holding(self) -> dict[int, R]:
        """Map the subjects that something holds for to it."""
        return self._current

    def statuses(self) -> dict[int, str]:
        """Map the subjects that something was said of to the word that holds."""
        return {subject: row.word for subject, row in self._current.items()}

    def counts(self, statuses: Iterable[str], total: int) -> dict[str, int]:
        """Count `total` subjects by status; the first of `statuses` is for those that nothing was said of."""
        first, *words = statuses
        counted = Counter(self.statuses().values())
        return {first: total - counted.total()} | {word: counted[word] for word in words}

    def rows(self) -> list[R]:
        """Return every row in the order of their times."""
        return sorted(self._rows, key=key_of)

    def resolve(self, given: list[R]) -> R | None:
        """Say what holds for a subject, of which the rows `given` hold, in their order: here the last one."""
        return given[-1] if given else None

    def _lane(self, row: R) -> dict[int, list[R]]:
        """Return where the rows of this kind are kept by subject."""
        return self._by_subject

    def _add(self, row: R) -> Iterable[int]:
        """Take in the next row. A new one makes those taken back before it final."""
        self.latest = key_of(row)
        if row.word in (UNDO, REDO):
            return self._refer(row)
        step = self._steps.get(self.latest)
        if step is None:
            step = self._steps[self.latest] = Step(self.latest, [])
            self.held.append(step)
            self.undone.clear()
        step.rows.append(row)
        self._lane(row).setdefault(row.subject, []).append(row)
        return (row.subject,)

    def _refer(self, row: R) -> Iterable[int]:
        referred = self.by_number.get(row.refers_to or 0)
        step = self._steps.get(key_of(referred)) if referred else None
        if step is None:
            raise FarmCDError("bad_log", number=row.number, word=row.word, refers_to=row.refers_to)
        # From the end, where it nearly always is.
        place = next((place for place in reversed(range(len(self.held))) if self.held[place] is step), None)
        if row.word == UNDO and place is not None:
            del self.held[place]
            self.undone.append(step)
            for one in step.rows:
                self._lane(one)[one.subject].remove(one)
        elif row.word == REDO and place is None:
            if step in self.undone:
                self.undone.remove(step)
            self.held.append(step)
            for one in step.rows:
                self._lane(one).setdefault(one.subject, []).append(one)
        return {one.subject for one in step.rows}

    def _settle(self, subject: int) -> None:
        holds = self.resolve(self._by_subject.get(subject, []))
        if holds is None:
            self._current.pop(subject, None)
        else:
            self._current[subject] = holds


def key_of(row: Row) -> Key:
    """Return the name of the step that a row belongs to."""
    return row.given_at, row.reviewer
