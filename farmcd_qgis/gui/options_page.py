"""The page "FarmCD" in QGIS's options: the worker's Python, and the names that reviews and reports carry."""

from pathlib import Path

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QFormLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ..core.messages import part
from ..core.paths import resources
from ..review.reviewer import reviewer_name
from ..runtime.environment.manager import Manager
from ..settings import settings
from ..translation import said
from .environment import EnvironmentDialog, open_environment
from .widgets.words import tr


class OptionsFactory(QgsOptionsWidgetFactory):
    """Hands QGIS's options dialog the page; register it with iface and keep it until it is unregistered."""

    def __init__(self) -> None:
        super().__init__("FarmCD", QIcon(str(resources() / "icons" / "farmcd.svg")))

    def createWidget(self, parent: QWidget | None = None) -> "OptionsPage":
        """Make the page for one opening of the dialog."""
        return OptionsPage(parent)


class OptionsPage(QgsOptionsPageWidget):
    """Shows what is kept and keeps what is shown when the dialog is accepted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("FarmCDOptions")
        self.python = QgsFileWidget()
        self.python.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.python.lineEdit().setPlaceholderText(tr("found by itself"))
        self.reviewer, self.office = QLineEdit(), QLineEdit()
        self.reviewer.setPlaceholderText(reviewer_name())
        for widget, name in (
            (self.python, "pythonWidget"),
            (self.reviewer, "reviewerEdit"),
            (self.office, "officeEdit"),
        ):
            widget.setObjectName(name)
        self.trouble = QLabel()
        self.trouble.setWordWrap(True)
        self.trouble.setStyleSheet("color: #b00020")
        form = QFormLayout()
        form.addRow(tr("Python of the networks"), self.python)
        form.addRow("", self.trouble)
        form.addRow(tr("Reviewer"), self.reviewer)
        form.addRow(tr("Office"), self.office)
        self.environment = QPushButton()
        self.environment.setObjectName("environmentButton")
        self.environment.clicked.connect(lambda: self._watch(open_environment(self)))
        form.addRow(tr("Environment"), self.environment)
        hint = QLabel(
            tr("Networks run in a Python of their own, with PyTorch. FarmCD installs one when you ask for it.")
        )
        hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(hint)
        column.addStretch(1)
        self._say_environment()
        self._show_kept()
        self.python.fileChanged.connect(lambda _: self._look())

    def apply(self) -> None:
        """Keep what is shown; a worker that runs already stays as it is until its job ends."""
        settings().python.setValue(self.python.filePath().strip())
        settings().reviewer.setValue(self.reviewer.text().strip())
        settings().office.setValue(self.office.text().strip())

    def _show_kept(self) -> None:
        self.python.setFilePath(settings().python.value())
        self.reviewer.setText(settings().reviewer.value())
        self.office.setText(settings().office.value())
        self._look()

    def _watch(self, dialog: EnvironmentDialog) -> None:
        dialog.page.changed.connect(self._say_environment)

    def _say_environment(self) -> None:
        if not sip.isdeleted(self):
            self.environment.setText(said(part("env_state", state=Manager().status().state)))

    def _look(self) -> None:
        named = self.python.filePath().strip()
        missing = bool(named) and not Path(named).expanduser().is_file()
        self.trouble.setText(tr("There is no such file.") if missing else "")
        self.trouble.setVisible(missing)
