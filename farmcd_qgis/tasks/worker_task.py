"""A job of the worker as a QgsTask: QGIS stays responsive, whatever the worker does."""

import threading
from dataclasses import replace
from typing import Any

from qgis.core import Qgis, QgsMessageLog, QgsTask
from qgis.PyQt import sip
from qgis.PyQt.QtCore import pyqtSignal

from ..core.errors import Cancelled, FarmCDError
from ..core.feedback import Feedback, Progress
from ..core.jobs import read_result
from ..runtime import pool as jobs

LOG_TAG = "FarmCD"


class WorkerTask(QgsTask):
    """Runs `command` with `arguments` in a worker; hand it to `tasks.start`, which keeps it alive.

    Exactly one of `succeeded` (RunResult for detect, list[Finding] for preflight, else the result's dictionary),
    `failed` (FarmCDError) and `stopped` is emitted, in the main thread; before it any number of `progressed`
    (Progress) and `warned` (Finding). Nothing is ever raised. `result` and `error` hold the same afterwards.
    """

    progressed = pyqtSignal(object)
    warned = pyqtSignal(object)
    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)
    stopped = pyqtSignal()

    def __init__(
        self, command: str, arguments: dict[str, Any], description: str, hidden: bool = False, asks: bool = False
    ) -> None:
        # Silent: whoever started the task says how it ended. Hidden: nobody is to know of it. With `asks`, QGIS asks
        # before it closes, and again wants to be closed afterwards: for what a person would miss.
        flags = QgsTask.Flag.Hidden if hidden else QgsTask.Flag.Silent
        if not asks:
            flags |= QgsTask.Flag.CancelWithoutPrompt
        super().__init__(description, QgsTask.Flag.CanCancel | flags)
        self.result: Any = None
        self.error: FarmCDError | None = None
        self.asks = asks
        # Not by `stop`: in QGIS's list of tasks, or because QGIS is being left.
        self.stopped_by_qgis = False
        self._command = command
        self._arguments = arguments
        self._idle = threading.Event()
        self._idle.set()

    def run(self) -> bool:
        """Do the job; called by QGIS in a background thread, where nothing may be raised."""
        self._idle.clear()
        try:
            self.result = self._work()
        except Cancelled:
            return False
        except FarmCDError as error:
            self.error = error
            return False
        except Exception as error:
            # An exception that leaves run() would end QGIS.
            self.error = FarmCDError("internal", kind=type(error).__name__, reason=error)
            return False
        finally:
            self._idle.set()
        return True

    def _work(self) -> Any:
        feedback = Feedback(self._on_progress, self.isCanceled, self.warned.emit)
        return read_result(self._command, jobs.run_job(self._command, self._arguments, feedback))

    def stop(self) -> None:
        """Cancel, also where QGIS has deleted its half of a task that ended already."""
        if not sip.isdeleted(self):
            super().cancel()

    def cancel(self) -> None:
        """Stop; called by QGIS."""
        self.stopped_by_qgis = True
        super().cancel()

    def wait(self, timeout_s: float) -> None:
        """Block until `run` is over, at most so long; unlike waitForFinished this lets the other thread go on."""
        self._idle.wait(timeout_s)

    def finished(self, result: bool) -> None:
        """Tell the listeners how it ended; called by QGIS in the main thread."""
        if result:
            self.succeeded.emit(self.result)
        elif self.error is not None:
            QgsMessageLog.logMessage(f"{self.description()}: {self.error.message}", LOG_TAG, Qgis.MessageLevel.Critical)
            self.failed.emit(self.error)
        else:
            self.stopped.emit()

    def _on_progress(self, progress: Progress) -> None:
        # The worker already sends at most five a second.
        fraction = min(max(progress.fraction, 0.0), 1.0)
        self.setProgress(100.0 * fraction)
        self.progressed.emit(replace(progress, fraction=fraction))
