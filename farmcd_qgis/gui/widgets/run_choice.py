"""The choice of a run, on top of the dock: those that the project shows, recent ones, or any folder."""

from pathlib import Path

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QSignalBlocker, Qt, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QFileDialog, QHBoxLayout, QToolButton, QWidget

from ...core.errors import InputError
from ...layers.known_runs import KnownRun, known_run, recent_runs, run_details, run_words
from ...layers.runs import runs_in_project
from .icons import icon
from .layer_combo import ElidedCombo
from .words import tr


class RunChoice(QWidget):
    """Lists the runs of the project as they come and go, and recent ones below them.

    `chosen` carries the folder that a person picks; `changed` that of the run that became the current one without
    that, "" for none: the first of the project's where the one before has gone. `unload` takes the connections back.
    """

    chosen = pyqtSignal(str)
    changed = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.current: Path | None = None
        self._known: dict[Path, KnownRun | None] = {}
        # The beginning tells the dates, the end the time of day.
        self.combo = ElidedCombo("runCombo")
        self.open_button = _button("openRunButton", "open", tr("Open run…"))
        self.folder_button = _button("openFolderButton", "folder", tr("Open folder"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.open_button)
        layout.addWidget(self.folder_button)
        self.combo.activated.connect(self._pick)
        self.open_button.clicked.connect(self.browse)
        self.folder_button.clicked.connect(self.show_folder)
        # A timer, since the project speaks in the midst of its changes.
        self._timer = QTimer(self, singleShot=True, interval=0, timeout=self.list_runs)
        for signal in self._signals():
            signal.connect(self._on_layers)
        QgsProject.instance().cleared.connect(self._on_cleared)
        self.list_runs()

    def set_current(self, folder: Path) -> None:
        """Make a run the current one."""
        self.current = folder.resolve()
        self._known.pop(self.current, None)
        self.list_runs()

    def list_runs(self) -> None:
        """Show the runs of the project and the recent ones."""
        shown = runs_in_project()
        before, gone = self.current, self.current in self._known and self.current not in shown
        if self.current is None or gone:
            self.current = shown[0] if shown else None
        folders = [*shown, *([self.current] if self.current and self.current not in shown else [])]
        self._known = {folder: self._known.get(folder) or _known(folder) for folder in shown}
        blocker = QSignalBlocker(self.combo)
        self.combo.clear()
        if self.current is None:
            self.combo.addItem(tr("No run in the project"), None)
        for folder in folders:
            run = self._known.get(folder) or _known(folder)
            self._add(run_words(run, True) if run else folder.name, run_details(run) if run else "", str(folder))
        recent = [run for run in recent_runs() if Path(run.folder) not in folders]
        if recent:
            self.combo.insertSeparator(self.combo.count())
        for run in recent:
            self._add(tr("Recent: {0}").format(run_words(run, True)), run_details(run), run.folder)
        self.combo.setCurrentIndex(max(self.combo.findData(str(self.current) if self.current else None), 0))
        del blocker
        self.combo.setToolTip(self.combo.currentData(Qt.ItemDataRole.ToolTipRole) or "")
        self.folder_button.setEnabled(self.current is not None)
        if self.current != before:
            self.changed.emit(str(self.current or ""))

    def browse(self) -> None:
        """Ask for the folder of a run."""
        folder = QFileDialog.getExistingDirectory(self, tr("Open the folder of a run"), str(self.current or ""))
        if folder:
            self.chosen.emit(folder)

    def show_folder(self) -> None:
        """Open the folder of the current run in the computer's file manager."""
        if self.current is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.current)))

    def unload(self) -> None:
        """Stop listening to the project."""
        self._timer.stop()
        for signal in self._signals():
            signal.disconnect(self._on_layers)
        QgsProject.instance().cleared.disconnect(self._on_cleared)

    def _add(self, words: str, details: str, folder: str) -> None:
        self.combo.addItem(words, folder)
        self.combo.setItemData(self.combo.count() - 1, details or folder, Qt.ItemDataRole.ToolTipRole)

    def _pick(self) -> None:
        if folder := self.combo.currentData():
            self.chosen.emit(folder)

    def _on_layers(self) -> None:
        self._timer.start()

    def _on_cleared(self) -> None:
        self.current = None
        self._timer.start()

    def _signals(self) -> tuple:
        project = QgsProject.instance()
        return project.layersAdded, project.layersRemoved


def _known(folder: Path) -> KnownRun | None:
    try:
        return known_run(folder)
    except InputError:
        # A run can be reviewed without its record.
        return None


def _button(name: str, picture: str, words: str) -> QToolButton:
    made = QToolButton()
    made.setObjectName(name)
    made.setIcon(icon(picture))
    made.setToolTip(words)
    made.setAutoRaise(True)
    return made
