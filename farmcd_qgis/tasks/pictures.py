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
        self._name = ""
        self._job: QgsMapRendererJob | None = None

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
            job.finished.disconnect(self._finish)
            job.finished.connect(job.deleteLater)
            job.cancelWithoutBlocking()

    def end(self) -> None:
        """Cancel, and wait for the threads to let go of the layers."""
        self.cancel()
        for job in self.findChildren(QgsMapRendererJob):
            job.cancel()

    def _next(self) -> None:
        if not self._waiting:
            return
        self._name, settings = self._waiting.pop(0)
        self._job = QgsMapRendererParallelJob(settings)
        # Qt keeps it until it says that it has ended: Python could collect it while its threads still run.
        self._job.setParent(self)
        self._job.finished.connect(self._finish)
        self._job.start()

    def _finish(self) -> None:
        job, self._job = self._job, None
        if job is None:
            return
        job.deleteLater()
        self.drawn.emit(self._name, job.renderedImage(), job.mapSettings())
        self._next()
