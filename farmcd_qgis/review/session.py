"""One person's way through what is to be reviewed: what is shown, and what an answer, back, undo and redo lead to."""

from collections.abc import Sequence
from typing import Generic

import numpy as np
import numpy.typing as npt

from .judgements import SKIPPED as PASSED_OVER
from .judgements import STATES, UNJUDGED, Judgement, SampleStore
from .log import LogStore, R
from .queue import DOUBTFUL, Queue
from .store import ReviewStore
from .verdicts import OPEN, SKIPPED, STATUSES, UNREVIEWED, Verdict


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

    def __len__(self) -> int:
        return len(self._rows)

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
        return self._take(self._log.undo(), show=True)

    def redo(self) -> R | None:
        """Give the answer again that was taken back last and show what it is about; None if there is none."""
        return self._take(self._log.redo(), show=True)

    def counts(self) -> dict[str, int]:
        """Count the subjects by status, all of them."""
        counted = np.bincount(self._status, minlength=len(self._statuses)).tolist()
        return dict(zip(self._statuses, counted, strict=True))

    def _refresh(self, statuses: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Learn what others said meanwhile, and return which rows have one of the wanted `statuses`."""
        self._status[:] = 0
        for number, status in self._log.statuses().items():
            if number in self._row_of:
                self._status[self._row_of[number]] = self._statuses.index(status)
        self._wanted = np.isin(self._statuses, statuses)
        wanted: npt.NDArray[np.bool_] = self._wanted[self._status]
        return wanted

    def _begin(self, rows: npt.NDArray[np.intp]) -> None:
        self._rows, self.position, self._aside = rows, 0, None

    def _take(self, given: R | None, show: bool = False) -> R | None:
        row = self._row_of.get(given.subject) if given else None
        if given is None or row is None:
            return given
        holds = self._log.current(given.subject)
        self._status[row] = self._statuses.index(holds.word) if holds else 0
        if show:
            places = np.flatnonzero(self._rows == row)
            self._aside = None if len(places) else row
            self.position = int(places[0]) if len(places) else self.position
        return given


class Session(Walk[Verdict]):
    """The way through a run's candidates."""

    def __init__(self, store: ReviewStore) -> None:
        self.store = store
        self.candidates = store.candidates()
        self._queue = Queue(self.candidates)
        super().__init__(store, self.candidates.candidate_id.tolist(), STATUSES)
        self.select()

    def select(
        self,
        order: str = DOUBTFUL,
        class_id: int | None = None,
        statuses: Sequence[str] = (UNREVIEWED,),
        minimum_ha: float = 0.0,
    ) -> None:
        """Begin the queue of an order and filter; candidates that others reviewed meanwhile are known then."""
        wanted = self._refresh(statuses)
        self._begin(self._queue.rows(order, class_id=class_id, wanted=wanted, minimum_ha=minimum_ha))

    def give(self, verdict: str, class_id: int | None = None, reason: str | None = None, note: str = "") -> None:
        """Store a verdict on the shown candidate and go on. Skipping a candidate that is settled only goes on."""
        if self.row is None:
            return
        if verdict != SKIPPED or self.status(self.row) in OPEN:
            candidate_id = int(self.candidates.candidate_id[self.row])
            self._take(self.store.give(candidate_id, verdict, class_id, reason, note))
        self.forward()


class SampleSession(Walk[Judgement]):
    """The way through a run's accuracy sample, in its own random order."""

    def __init__(self, store: SampleStore) -> None:
        self.store = store
        self.points = store.points()
        super().__init__(store, [point.sample_id for point in self.points], STATES)
        self.select()

    def select(self, statuses: Sequence[str] = (UNJUDGED,)) -> None:
        """Begin the queue of the points with one of the statuses."""
        self._begin(np.flatnonzero(self._refresh(statuses)))

    def give(self, judgement: str, class_id: int | None = None, note: str = "") -> None:
        """Store a judgement of the shown point and go on. Passing over a judged point only goes on."""
        if self.row is None:
            return
        if judgement != PASSED_OVER or self.status(self.row) in (UNJUDGED, PASSED_OVER):
            self._take(self.store.judge(self.points[self.row].sample_id, judgement, class_id, note))
        self.forward()
