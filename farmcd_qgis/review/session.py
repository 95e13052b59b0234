"""One person's way through the queue: which candidate is shown, and what a verdict, back, undo and redo lead to."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .queue import DOUBTFUL, Queue
from .store import ReviewStore
from .verdicts import OPEN, SKIPPED, STATUSES, UNREVIEWED, Verdict


class Session:
    """A queue over the candidates of a store, and the place in it.

    `row` is the shown candidate's row (0-based) in `candidates`, None behind the end of the queue. A candidate stays
    in the queue when its verdict no longer fits the filter, so that "back" finds it, but going on passes over it.
    """

    def __init__(self, store: ReviewStore) -> None:
        self.store = store
        self.candidates = store.candidates()
        self.position = 0
        self._queue = Queue(self.candidates)
        self._row_of = {int(number): row for row, number in enumerate(self.candidates.candidate_id)}
        self._status = np.zeros(len(self.candidates), np.int8)
        self._aside: int | None = None
        self.select()

    def select(
        self,
        order: str = DOUBTFUL,
        class_id: int | None = None,
        statuses: Sequence[str] = (UNREVIEWED,),
        minimum_ha: float = 0.0,
    ) -> None:
        """Begin the queue of an order and filter; candidates that others reviewed meanwhile are known then."""
        self._status[:] = 0
        for candidate_id, status in self.store.statuses().items():
            if candidate_id in self._row_of:
                self._status[self._row_of[candidate_id]] = STATUSES.index(status)
        self._wanted = np.isin(STATUSES, statuses)
        wanted: npt.NDArray[np.bool_] = self._wanted[self._status]
        self._rows = self._queue.rows(order, class_id=class_id, wanted=wanted, minimum_ha=minimum_ha)
        self.position, self._aside = 0, None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def row(self) -> int | None:
        if self._aside is not None:
            return self._aside
        return int(self._rows[self.position]) if self.position < len(self) else None

    @property
    def in_queue(self) -> bool:
        """Whether the shown candidate is one of the queue, and not one that undo or redo brought up."""
        return self._aside is None

    def status(self, row: int) -> str:
        return STATUSES[self._status[row]]

    def give(self, verdict: str, class_id: int | None = None, reason: str | None = None, note: str = "") -> None:
        """Store a verdict on the shown candidate and go on. Skipping a candidate that is settled only goes on."""
        if self.row is None:
            return
        if verdict != SKIPPED or self.status(self.row) in OPEN:
            candidate_id = int(self.candidates.candidate_id[self.row])
            self._take(self.store.give(candidate_id, verdict, class_id, reason, note))
        self.forward()

    def forward(self) -> None:
        """Go to the next candidate of the queue that still fits its filter."""
        start = self.position + (1 if self.in_queue else 0)
        fitting = np.flatnonzero(self._wanted[self._status[self._rows[start:]]])
        self.position = start + int(fitting[0]) if len(fitting) else len(self)
        self._aside = None

    def back(self) -> None:
        """Go to the candidate before in the queue, or from one beside the queue into it."""
        if self.in_queue:
            self.position = max(self.position - 1, 0)
        self._aside = None

    def undo(self) -> Verdict | None:
        """Take the last verdict back and show its candidate; None if there is nothing to take back."""
        return self._take(self.store.undo(), show=True)

    def redo(self) -> Verdict | None:
        """Give the verdict again that was taken back last and show its candidate; None if there is none."""
        return self._take(self.store.redo(), show=True)

    def counts(self) -> dict[str, int]:
        """Count the candidates by status, all of STATUSES."""
        return dict(zip(STATUSES, np.bincount(self._status, minlength=len(STATUSES)).tolist(), strict=True))

    def _take(self, verdict: Verdict | None, show: bool = False) -> Verdict | None:
        row = self._row_of.get(verdict.candidate_id) if verdict else None
        if verdict is None or row is None:
            return verdict
        holds = self.store.current(verdict.candidate_id)
        self._status[row] = STATUSES.index(holds.verdict if holds else UNREVIEWED)
        if show:
            places = np.flatnonzero(self._rows == row)
            self._aside = None if len(places) else row
            self.position = int(places[0]) if len(places) else self.position
        return verdict
