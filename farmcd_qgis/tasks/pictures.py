"""Pictures of maps, drawn by QGIS's own threads one after the other."""

from collections.abc import Iterable

from qgis.core import QgsMapRendererJob, QgsMapRendererParallelJob, QgsMapSettings
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QImage


class Pictures(QObject):
    """Draws what was asked for last; `drawn` brings each picture with its name and settings.

    Asking again cancels what is under way. Only one picture is drawn at a time, so that canvases go first.
    """

    drawn = pyqtSignal(str, QImage, QgsMapSettings)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[tuple[str, QgsMapSettings]] = []
        self._job: QgsMapRendererJob | None = None
        # A job that is deleted before it has ended blocks until it has.
        self._ending: list[QgsMapRendererJob] = []

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
        for job in list(self._ending):
            job.cancel()

    def _next(self) -> None:
        if not self._waiting:
            return
        name, settings = self._waiting.pop(0)
        job = self._job = QgsMapRendererParallelJob(settings)
        job.finished.connect(lambda: self._finish(job, name))
        job.start()

    def _finish(self, job: QgsMapRendererJob, name: str) -> None:
        if job == self._job:
            self._job = None
            job.deleteLater()
            self.drawn.emit(name, job.renderedImage(), job.mapSettings())
            self._next()
        # Cancelled; a job that was waited for says so twice.
        elif job in self._ending:
            self._ending.remove(job)
            job.deleteLater()
