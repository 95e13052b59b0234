"""An ordinary function in one of QGIS's background threads."""

from collections.abc import Callable
from typing import Any

from ..core.feedback import Feedback
from .worker_task import WorkerTask


class FeedbackTask(WorkerTask):
    """Calls `work` with a feedback that shows its progress and stops it; otherwise as CallTask."""

    def __init__(self, work: Callable[[Feedback], Any], description: str) -> None:
        super().__init__("", {}, description)
        self._call = work

    def _work(self) -> Any:
        return self._call(Feedback(self._on_progress, self.isCanceled, self.warned.emit))


class CallTask(WorkerTask):
    """Calls `work`, which knows no widgets; `succeeded` brings what it returned, `failed` its FarmCDError."""

    def __init__(self, work: Callable[[], Any], description: str) -> None:
        super().__init__("", {}, description, hidden=True)
        self._call = work

    def _work(self) -> Any:
        return self._call()
