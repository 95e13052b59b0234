"""Leaving QGIS in the midst of a job that it asks about."""

from qgis.PyQt.QtCore import QEvent, QObject, QTimer
from qgis.PyQt.QtWidgets import QAction, QMainWindow

from .. import tasks

LOOK_MS = 100


class Leaving(QObject):
    """Closes QGIS once the jobs have ended that a person, asked by QGIS, let it stop in order to leave.

    QGIS alone would stop them and stay, until it is asked to close once more. `leave` is its action for that.
    """

    def __init__(self, window: QMainWindow, leave: QAction) -> None:
        super().__init__(window)
        self._window, self._leave = window, leave
        self._timer = QTimer(self, interval=LOOK_MS, timeout=self._look)
        window.installEventFilter(self)
        leave.triggered.connect(self._on_leave)

    def unload(self) -> None:
        """Leave QGIS's ways alone."""
        self._timer.stop()
        self._window.removeEventFilter(self)
        self._leave.triggered.disconnect(self._on_leave)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Send who closes the window by its frame the way of the menu, whose end is heard of."""
        if watched is self._window and event.type() == QEvent.Type.Close and tasks.asking():
            event.ignore()
            QTimer.singleShot(0, self._leave.trigger)
            return True
        return super().eventFilter(watched, event)

    def _on_leave(self) -> None:
        # QGIS has asked by now: its own slot comes first.
        if any(task.stopped_by_qgis for task in tasks.asking()):
            self._timer.start()

    def _look(self) -> None:
        if not tasks.asking():
            self._timer.stop()
            self._leave.trigger()
