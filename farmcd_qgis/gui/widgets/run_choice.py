"""The choice of a run: those that the project shows, or any folder."""

from pathlib import Path

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QSignalBlocker, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QHBoxLayout, QToolButton, QWidget

from ...layers.runs import runs_in_project
from .parts import combo
from .words import tr


class RunChoice(QWidget):
    """Lists the runs of the project as they come and go; `chosen` carries the folder that a person picks.

    `unload` takes the connections back.
    """

    chosen = pyqtSignal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._open: Path | None = None
        self.combo = combo(name)
        browse = QToolButton()
        browse.setText("…")
        browse.setToolTip(tr("Open the folder of a run"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo)
        layout.addWidget(browse)
        self.combo.activated.connect(self._pick)
        browse.clicked.connect(self._browse)
        # A timer, since the project speaks in the midst of its changes.
        self._changed = QTimer(self)
        self._changed.setSingleShot(True)
        self._changed.timeout.connect(self._list)
        for signal in self._signals():
            signal.connect(self._on_layers)
        self._list()

    def set_open(self, folder: Path | None) -> None:
        """Show which run is open, None if none is."""
        self._open = folder
        self._list()

    def unload(self) -> None:
        """Stop listening to the project."""
        for signal in self._signals():
            signal.disconnect(self._on_layers)

    def _list(self) -> None:
        blocker = QSignalBlocker(self.combo)
        self.combo.clear()
        folders = runs_in_project()
        if self._open and self._open not in folders:
            folders.append(self._open)
        if self._open is None:
            self.combo.addItem(tr("Choose a run…") if folders else tr("No run in the project"), None)
        for folder in folders:
            self.combo.addItem(folder.name, str(folder))
            self.combo.setItemData(self.combo.count() - 1, str(folder), Qt.ItemDataRole.ToolTipRole)
        self.combo.setCurrentIndex(self.combo.findData(str(self._open) if self._open else None))
        del blocker

    def _pick(self) -> None:
        if folder := self.combo.currentData():
            self.chosen.emit(folder)

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Open the folder of a run"), str(self._open or ""))
        if folder:
            self.chosen.emit(folder)

    def _on_layers(self) -> None:
        self._changed.start(0)

    def _signals(self) -> tuple:
        project = QgsProject.instance()
        return project.layersAdded, project.layersRemoved
