"""QGIS in a program without windows, and the progress of a report as other programs want it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from qgis.core import Qgis, QgsApplication, QgsFeedback

from ..core.feedback import IsCancelled, Progress, ProgressCallback

# Before this share is done, an estimate of the rest would only jump about.
TELLING = 0.05


@contextmanager
def start_qgis() -> Iterator[str]:
    """Start QGIS without windows and yield its version; paths come from the variables QGIS_*, where they are set."""
    application = QgsApplication([], True)
    application.initQgis()
    try:
        yield Qgis.QGIS_VERSION
    finally:
        application.exitQgis()


class Follower(QgsFeedback):
    """Hands the progress of a report on, with the time that is left, and asks at each step whether to stop."""

    def __init__(self, progress: ProgressCallback, is_cancelled: IsCancelled) -> None:
        super().__init__()
        self._progress, self._is_cancelled = progress, is_cancelled
        self._begun = time.monotonic()
        self.progressChanged.connect(self._tell)
        self._tell(0.0)

    def _tell(self, percent: float) -> None:
        if self._is_cancelled():
            self.cancel()
        share = percent / 100
        taken = time.monotonic() - self._begun
        remaining = taken * (1 - share) / share if share > TELLING else None
        self._progress(Progress("report", share, remaining_s=remaining))
