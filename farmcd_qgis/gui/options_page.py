"""The page "FarmCD" in QGIS's options: the engine's Python, where runs go, and the names in reviews and reports."""

from collections.abc import Callable
from pathlib import Path

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt import sip
from qgis.PyQt.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from .. import tasks
from ..core.errors import FarmCDError
from ..core.feedback import Feedback
from ..core.messages import part
from ..review.reviewer import reviewer_name
from ..runtime import pythons
from ..runtime.environment.manager import Manager
from ..settings import runs_home, settings
from ..translation import said
from .environment import EnvironmentDialog, open_environment
from .help import help_button, show_help
from .widgets.icons import icon
from .widgets.words import tr
from .widgets.wrapping_label import WrappingLabel

# The title of the page, by which QGIS opens it.
TITLE = "FarmCD"
TROUBLE = "color: #b00020"


class OptionsFactory(QgsOptionsWidgetFactory):
    """Hands QGIS's options dialog the page; register it with iface and keep it until it is unregistered.

    `applied` is called when a person has accepted the page.
    """

    def __init__(self, applied: Callable[[], None] = lambda: None) -> None:
        super().__init__(TITLE, icon("farmcd"))
        self._applied = applied

    def createWidget(self, parent: QWidget | None = None) -> "OptionsPage":
        """Make the page for one opening of the dialog."""
        return OptionsPage(self._applied, parent)


class OptionsPage(QgsOptionsPageWidget):
    """Shows what is kept and keeps what is shown when the dialog is accepted."""

    def __init__(self, applied: Callable[[], None] = lambda: None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("FarmCDOptions")
        self._applied = applied
        self._checking: tasks.WorkerTask | None = None
        self.python, self.folder = QgsFileWidget(), QgsFileWidget()
        self.python.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.python.lineEdit().setPlaceholderText(tr("found by itself"))
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.lineEdit().setPlaceholderText(str(runs_home()))
        self.folder.setToolTip(tr("A project that is saved keeps its runs beside it."))
        self.check, self.environment = QPushButton(tr("Check")), QPushButton()
        self.found = WrappingLabel()
        self.reviewer, self.office = QLineEdit(), QLineEdit()
        self.reviewer.setPlaceholderText(reviewer_name())
        names = {"pythonWidget": self.python, "runsFolderWidget": self.folder, "checkPythonButton": self.check}
        names |= {"environmentButton": self.environment, "foundLabel": self.found}
        names |= {"reviewerEdit": self.reviewer, "officeEdit": self.office}
        for name, widget in names.items():
            widget.setObjectName(name)
        self._lay_out()
        self._show_kept()
        self.python.fileChanged.connect(lambda _: self._look())
        self.check.clicked.connect(self.check_python)
        self.environment.clicked.connect(lambda: self._watch(open_environment(self)))
        self._say_environment()

    def apply(self) -> None:
        """Keep what is shown; a worker that runs already stays as it is until its job ends."""
        settings().python.setValue(self.python.filePath().strip())
        settings().folder.setValue(self.folder.filePath().strip())
        settings().reviewer.setValue(self.reviewer.text().strip())
        settings().office.setValue(self.office.text().strip())
        self._applied()

    def check_python(self) -> None:
        """Let the Python that is shown, or the one that is found by itself, say what it has, in the background."""
        if self._checking is not None:
            self._checking.stop()
        named = self.python.filePath().strip()
        task = tasks.FeedbackTask(lambda feedback: _find(named, feedback), tr("FarmCD: check a Python"))
        task.succeeded.connect(self._on_found)
        task.failed.connect(self._on_missing)
        self._checking = task
        self._say(tr("Looking…"))
        tasks.start(task)

    def _on_found(self, found: pythons.Interpreter) -> None:
        self._checking = None
        names = {"python": "Python", "torch": "PyTorch", "numpy": "numpy", "numba": "numba"}
        had = [f"{words} {found.versions[name]}" for name, words in names.items() if found.versions.get(name)]
        self._say(tr("Ready: {versions}\n{path}").format(versions=", ".join(had), path=found.path))

    def _on_missing(self, error: FarmCDError) -> None:
        self._checking = None
        self._say(said(error), TROUBLE)

    def _say(self, words: str, style: str = "") -> None:
        self.found.setText(words)
        self.found.setStyleSheet(style)

    def _lay_out(self) -> None:
        python = QHBoxLayout()
        python.addWidget(self.python, 1)
        python.addWidget(self.check)
        form = QFormLayout()
        form.addRow(tr("Python of the engine"), python)
        form.addRow("", self.found)
        form.addRow(tr("Environment"), self.environment)
        form.addRow(tr("Folder for runs"), self.folder)
        form.addRow(tr("Reviewer"), self.reviewer)
        form.addRow(tr("Office"), self.office)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(help_button(lambda: show_help(self, "install")))
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addStretch(1)
        column.addLayout(foot)

    def _show_kept(self) -> None:
        self.python.setFilePath(settings().python.value())
        self.folder.setFilePath(settings().folder.value())
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
        self._say(tr("There is no such file.") if missing else "", TROUBLE)


def _find(named: str, feedback: Feedback) -> pythons.Interpreter:
    return pythons.find(named, feedback)
