"""Pictures of maps, drawn by QGIS's own threads one after the other."""

from collections.abc import Iterable

from qgis.core import QgsMapRendererJob, QgsMapRendererParallelJob, QgsMapSettings
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QImage


class Pictures(QObject):
    """Draws what was asked for last; `drawn` brings each picture with its name and settings.

    Asking again cancels what is under way. Only one picture is drawn at a time, so that canvases go first.
    """

    drawn = pyqtSignal(str, QImage, QgsMapSettings)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[tuple[str, QgsMapSettings]] = []
        self._name = ""
        self._job: QgsMapRendererJob | None = None
        # A job that is deleted before it has ended blocks until it has.
        self._ending: list[QgsMapRendererJob] = []
        # No job may be deleted while it says that it has finished.
        self._reaping = QTimer(self)
        self._reaping.setSingleShot(True)
        self._reaping.timeout.connect(self._reap)

    def draw(self, wanted: Iterable[tuple[str, QgsMapSettings]]) -> None:
        """Draw named pictures in the given order, instead of those that are not drawn yet."""
        self.cancel()
        self._waiting = list(wanted)
        self._next()

    def cancel(self) -> None:
        """Drop what is not drawn yet; returns at once."""
        self._waiting = []
        if self._job is not None:
            job, self._job = self._job, None
            self._ending.append(job)
            job.cancelWithoutBlocking()

    def end(self) -> None:
        """Cancel, and wait for the threads to let go of the layers."""
        self.cancel()
        self._reaping.stop()
        for job in self._ending:
            job.finished.disconnect(self._on_finished)
            job.cancel()
        self._ending.clear()

    def _next(self) -> None:
        if not self._waiting:
            return
        self._name, settings = self._waiting.pop(0)
        self._job = QgsMapRendererParallelJob(settings)
        self._job.finished.connect(self._on_finished)
        self._job.start()

    def _on_finished(self) -> None:
        # Jobs that were cancelled say so, too.
        self._reaping.start(0)
        job = self._job
        if job is not None and not job.isActive():
            self._job = None
            self._ending.append(job)
            self.drawn.emit(self._name, job.renderedImage(), job.mapSettings())
            self._next()

    def _reap(self) -> None:
        self._ending = [job for job in self._ending if job.isActive()]
