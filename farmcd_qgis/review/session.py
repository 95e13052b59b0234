"""One person's way through what is to be reviewed: what is shown, and what an answer, back, undo and redo lead to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
import numpy.typing as npt

from ..core.classes import NO_CHANGE
from .history import REDO, UNDO, R
from .log import LogStore
from .outlines import Edit
from .queue import DOUBTFUL, Filter, Queue
from .store import ReviewStore
from .verdicts import OPEN, OUTLINE, SKIPPED, STATUSES, UNKNOWN, Verdict

# The time per candidate is that of so many of the last verdicts, if there are so many pauses between them.
LAST_STEPS = 30
FEWEST_GAPS = 3


class Walk(Generic[R]):
    """A queue over the subjects of a store's log, and the place in it.

    `subjects` are their numbers, `statuses` what can be said of them, the first of it where nothing was. `row` is the
    shown one's place (0-based) in `subjects`, None behind the end of the queue. A subject stays in the queue when its
    status no longer fits the filter, so that "back" finds it, but going on passes over it.
    """

    def __init__(self, log: LogStore[R], subjects: Sequence[int], statuses: Sequence[str]) -> None:
        self.position = 0
        self._log = log
        self._statuses = list(statuses)
        self._row_of = {number: row for row, number in enumerate(subjects)}
        self._status = np.zeros(len(subjects), np.int8)
        self._wanted = np.ones(len(statuses), np.bool_)
        self._rows: npt.NDArray[np.intp] = np.arange(len(subjects))
        self._aside: int | None = None
        log.mark_all()

    def __len__(self) -> int:
        return len(self._rows)

    def __bool__(self) -> bool:
        # With an empty queue, too.
        return True

    @property
    def row(self) -> int | None:
        if self._aside is not None:
            return self._aside
        return int(self._rows[self.position]) if self.position < len(self) else None

    @property
    def in_queue(self) -> bool:
        """Whether what is shown is one of the queue, and not brought up by undo or redo."""
        return self._aside is None

    def status(self, row: int) -> str:
        return self._statuses[self._status[row]]

    def forward(self) -> None:
        """Go to the next one of the queue that still fits its filter."""
        start = self.position + (1 if self.in_queue else 0)
        fitting = np.flatnonzero(self._wanted[self._status[self._rows[start:]]])
        self.position = start + int(fitting[0]) if len(fitting) else len(self)
        self._aside = None

    def back(self) -> None:
        """Go to the one before in the queue, or from one beside the queue into it."""
        if self.in_queue:
            self.position = max(self.position - 1, 0)
        self._aside = None

    def undo(self) -> R | None:
        """Take the last answer back and show what it was about; None if there is nothing to take back."""
        return self._take(self._log.undo())

    def redo(self) -> R | None:
        """Give the answer again that was taken back last and show what it is about; None if there is none."""
        return self._take(self._log.redo())

    def counts(self) -> dict[str, int]:
        """Count the subjects by status, all of them."""
        counted = np.bincount(self._status, minlength=len(self._statuses)).tolist()
        return dict(zip(self._statuses, counted, strict=True))

    def refresh(self) -> None:
        """Learn what others said meanwhile."""
        self._log.refresh()
        self._learn()

    def _fit(self, statuses: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Learn what others said meanwhile, and return which rows have one of the wanted `statuses`."""
        self.refresh()
        self._wanted = np.isin(self._statuses, statuses)
        wanted: npt.NDArray[np.bool_] = self._wanted[self._status]
        return wanted

    def _learn(self) -> None:
        """Bring the statuses up to date with the log."""
        for number in self._log.take_changes():
            row = self._row_of.get(number)
            if row is not None:
                holds = self._log.current(number)
                self._status[row] = self._statuses.index(holds.word) if holds else 0

    def _begin(self, rows: npt.NDArray[np.intp]) -> None:
        self._rows, self.position, self._aside = rows, 0, None

    def _take(self, given: R | None) -> R | None:
        """Show what was taken back or given again."""
        self._learn()
        if given is not None:
            self.show(given.subject)
        return given

    def show(self, number: int) -> None:
        """Go to a subject: to its place in the queue or, where it has none, beside the queue."""
        row = self._row_of.get(number)
        if row is None:
            return
        places = np.flatnonzero(self._rows == row)
        self._aside = None if len(places) else row
        self.position = int(places[0]) if len(places) else self.position


@dataclass(frozen=True)
class Bulk:
    """What a verdict on many candidates would be about: their rows, and the sum of their areas in ha."""

    rows: npt.NDArray[np.intp]
    area_ha: float


class Session(Walk[Verdict]):
    """The way through a run's candidates."""

    def __init__(self, store: ReviewStore) -> None:
        self.store = store
        self.units: npt.NDArray[np.int64] | None = None
        self._read()

    def reload(self) -> None:
        """Read the candidates anew after their outlines have changed, and stay where one is."""
        shown, order, chosen = self.number, self._order, self.chosen
        self._read()
        self.select(order, chosen)
        if shown is not None:
            self.show(shown)

    @property
    def number(self) -> int | None:
        """The shown candidate's number, None behind the end of the queue."""
        return None if self.row is None else int(self.candidates.candidate_id[self.row])

    def select(self, order: str = DOUBTFUL, chosen: Filter | None = None) -> None:
        """Begin the queue of an order and filter; candidates that others reviewed meanwhile are known then."""
        self._order, self.chosen = order, chosen or Filter()
        kept = self._fit(self.chosen.statuses) & self.chosen.fits(self.candidates)
        if self.chosen.unit is not None and self.units is not None:
            kept &= self.units == self.chosen.unit
        if self.chosen.reviewer is not None:
            kept &= self._spoken_of_by(self.chosen.reviewer)
        self._begin(self._queue.rows(order, kept))

    def give(self, verdict: str, class_id: int | None = None, reason: str | None = None, note: str = "") -> None:
        """Store a verdict on the shown candidate and go on. Skipping a candidate that is settled only goes on."""
        if self.row is None or self.number is None:
            return
        if verdict != SKIPPED or self.status(self.row) in OPEN:
            self.store.give(self.number, verdict, class_id, reason, note)
            self._learn()
        self.forward()

    def undo(self) -> Verdict | None:
        """Take the last step back and show its candidate; after a step on many, begin the queue again."""
        return self._refer(UNDO, super().undo)

    def redo(self) -> Verdict | None:
        """Give the step again that was taken back last; otherwise as `undo`."""
        return self._refer(REDO, super().redo)

    def _refer(self, word: str, refer: Callable[[], Verdict | None]) -> Verdict | None:
        many = self.store.next_size(word) > 1
        first = refer()
        if first is not None and first.verdict == OUTLINE:
            self.reload()
            self.show(first.candidate_id)
        elif many:
            self.select(self._order, self.chosen)
        return first

    def rows_of(self, word: str) -> int:
        """Return how many rows the next "undo" or "redo" reads or writes."""
        changes_outline = self.store.next_word(word) == OUTLINE
        return len(self.candidates) if changes_outline else self.store.next_size(word)

    def edit(self, edits: Sequence[Edit]) -> None:
        """Store changed outlines as one step, and show the first candidate that is there then."""
        self.store.edit(edits)
        self.reload()
        shown = next((one.candidate_id for one in edits if one.after is not None), None)
        row = self._row_of.get(shown) if shown is not None else None
        if row is not None and row != self.row:
            # Beside the queue, which goes on from where one was.
            self._aside = row

    def open_rows(self) -> npt.NDArray[np.intp]:
        """Return the rows of the queue that still fit its filter, in its order."""
        return self._rows[self._wanted[self._status[self._rows]]]

    def bulk(self, threshold: float, above: bool) -> Bulk:
        """Return which of the queue's candidates have at least this mean confidence (0-1), or less than it."""
        rows = self.open_rows()
        sure = self.candidates.confidence_mean[rows] >= threshold
        # Whoever drew a candidate by hand says what it is.
        rows = rows[(sure if above else ~sure) & (self.candidates.class_id[rows] != NO_CHANGE)]
        return Bulk(rows, float(self.candidates.area_ha[rows].sum()))

    def give_all(self, bulk: Bulk, verdict: str, class_id: int | None = None, reason: str | None = None) -> None:
        """Store the same verdict on many candidates as one step, and begin the queue again."""
        self.store.give_all(self.candidates.candidate_id[bulk.rows].tolist(), verdict, class_id, reason)
        self.select(self._order, self.chosen)

    def reviewers(self) -> list[str]:
        """List whose verdicts hold."""
        return sorted({verdict.reviewer for verdict in self.store.holding().values()})

    def seconds_each(self) -> float | None:
        """Return the median time that this reviewer's last verdicts took, without breaks; None if they are too few."""
        gaps = self.store.gaps(self.store.reviewer, LAST_STEPS)
        return float(np.median(gaps)) if len(gaps) >= FEWEST_GAPS else None

    def _read(self) -> None:
        self.candidates = self.store.candidates()
        self._queue = Queue(self.candidates)
        super().__init__(self.store, self.candidates.candidate_id.tolist(), (*STATUSES, UNKNOWN))
        self.select()

    def _spoken_of_by(self, reviewer: str) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(self.candidates), np.bool_)
        for number, verdict in self.store.holding().items():
            if verdict.reviewer == reviewer and number in self._row_of:
                found[self._row_of[number]] = True
        return found
