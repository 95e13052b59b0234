"""What is shown where no Python can run the engine: one sentence, and what can be done about it."""

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QEvent, QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QWidget

from ...core.errors import FarmCDError
from ...settings import settings
from ...translation import said
from ..environment import open_environment
from .notice import Notice
from .words import tr

# What is said of the Pythons when none of them serves, or the one that a person chose does not.
ENGINE_FAULTS = ("no_python", "named_python")


class EngineNotice(Notice):
    """Says that the engine is missing; hidden while it is not. `retry` asks to look for it again."""

    retry = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        buttons = {"install": tr("Install…"), "choose": tr("Choose Python…"), "details": tr("Copy details")}
        super().__init__("engineNotice", buttons, parent)
        self.error: FarmCDError | None = None
        does = {"install": self._install, "choose": self._choose, "details": self._copy}
        self.pressed.connect(lambda name: does[name]())

    def show_error(self, error: FarmCDError | None) -> None:
        """Show why there is no engine, None if there is one."""
        self.error = error
        self.window().removeEventFilter(self)
        if error is None:
            self.hide()
            return
        chosen = error.code == "named_python"
        self.say(tr("The chosen Python cannot run the engine.") if chosen else tr("The engine is not installed yet."))
        # A person may come back from installing it.
        self.window().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hear of it when QGIS's window is the active one again."""
        if event.type() == QEvent.Type.WindowActivate and self.error is not None:
            self.retry.emit()
        return False

    def _install(self) -> None:
        open_environment(self, install=True).page.became_ready.connect(self.retry)

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Choose a Python with PyTorch"), settings().python.value())
        if path:
            settings().python.setValue(path)
            self.retry.emit()

    def _copy(self) -> None:
        if self.error is not None:
            QgsApplication.clipboard().setText(said(self.error))
