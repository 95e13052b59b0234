"""One person judging the sample of one run."""

from collections.abc import Sequence

import numpy as np

from ..review.session import Walk
from .judgements import SKIPPED as PASSED_OVER
from .judgements import STATES, UNJUDGED, Judgement, SampleStore


class SampleSession(Walk[Judgement]):
    """The way through a run's accuracy sample, in its own random order."""

    def __init__(self, store: SampleStore) -> None:
        self.store = store
        self.points = store.points()
        super().__init__(store, [point.sample_id for point in self.points], STATES)
        self.select()

    def select(self, statuses: Sequence[str] = (UNJUDGED,)) -> None:
        """Begin the queue of the points with one of the statuses."""
        self._begin(np.flatnonzero(self._fit(statuses)))

    def give(self, judgement: str, class_id: int | None = None, note: str = "") -> None:
        """Store a judgement of the shown point and go on. Passing over a judged point only goes on."""
        if self.row is None:
            return
        if judgement != PASSED_OVER or self.status(self.row) in (UNJUDGED, PASSED_OVER):
            self.store.judge(self.points[self.row].sample_id, judgement, class_id, note)
            self._learn()
        self.forward()
