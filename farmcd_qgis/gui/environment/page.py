"""What there is of an environment, and the buttons that make, repair and remove it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsApplication, QgsNetworkAccessManager
from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkProxy
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ... import __version__
from ...core.errors import FarmCDError
from ...core.feedback import Feedback, Progress
from ...core.messages import render
from ...runtime import pythons
from ...runtime.environment import manager as managers
from ...runtime.environment.diagnostics import report
from ...runtime.environment.locks import read_lock, this_system
from ...runtime.environment.machine import base_python, variant_for
from ...runtime.environment.manager import CERTIFICATE, Manager, Plan, Wish
from ...runtime.environment.sources import FAULTS_OF_SERVERS, presets, sources
from ...runtime.environment.store import Store
from ...settings import settings
from ...tasks import FeedbackTask, start
from ...translation import said
from ..widgets.words import tr
from .consent import ConsentDialog, megabytes
from .network import QgisTransport

ZIPS = "ZIP (*.zip)"
# What another address may mend.
OF_THE_ADDRESSES = FAULTS_OF_SERVERS | {"env_hash", "env_index_address", "env_no_index", "env_not_offered"}


class EnvironmentPage(QWidget):
    """Shows the state and drives the manager, one task at a time."""

    became_ready = pyqtSignal()
    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("environmentPage")
        self.state = ""
        self.task: FeedbackTask | None = None
        self._fault: FarmCDError | None = None
        self._make_widgets()
        self._lay_out()
        self.refresh()

    def refresh(self) -> None:
        """Look again at what there is."""
        status = self._manager().status()
        own = settings().python.value()
        self._show(status.state)
        lines = []
        if own:
            lines.append(tr("Your own Python is used: {0}").format(own))
        if status.state in (managers.READY, managers.OUTDATED):
            versions = {name: status.versions.get(name, "?") for name in ("python", "torch", "numpy")}
            about = {"lock": status.lock, "size": status.size / 1e6, **versions}
            lines.append(render("env_about", about, QgsApplication.instance().locale()))
            lines.append(str(status.python))
        if status.problem:
            lines.append(said(status.problem))
        self.details.setText("\n".join(lines))
        self.own.setText(tr("Use FarmCD's own") if own else tr("Choose own Python..."))
        self.changed.emit()

    def refresh_if_idle(self) -> None:
        """Look again unless something runs, which says itself how far it is, or has just said how it ended."""
        if self.task is None and not self.fault.isVisible():
            self.refresh()

    def install(self) -> None:
        """Find out what an installation would do, ask for consent, and install."""
        self._run(tr("Looking at this computer"), lambda feedback: self._manager().plan(self._wish()), self._ask)

    def look(self) -> None:
        """Ask the servers that the addresses name whether they have what an installation needs; fetch nothing."""

        def work(feedback: Feedback) -> str:
            manager = self._manager()
            plan = manager.plan(self._wish())
            told = {"count": manager.look(plan, feedback), "size": plan.to_fetch / 1e6}
            servers = ", ".join(plan.sources.names)
            return f"{servers}: {render('env_all_there', told, QgsApplication.instance().locale())}"

        self._run(tr("Asking the servers"), work, self._tell)

    def repair(self) -> None:
        """Check every file, and make the environment anew where one is not as it should be."""

        def work(feedback: Feedback) -> Any:
            manager = self._manager()
            return manager.repair(manager.plan(self._wish()), feedback)

        self._run(tr("Checking the environment"), work, self._done)

    def import_zip(self, path: str = "") -> None:
        """Install from a zip that FarmCD exported elsewhere."""
        path = path or QFileDialog.getOpenFileName(self, tr("Import a zip"), "", ZIPS)[0]
        if path:
            work = lambda feedback: self._manager().import_zip(Path(path), self._wish(), feedback)  # noqa: E731
            self._run(tr("Installing from a zip"), work, self._done)

    def export(self, path: str = "") -> None:
        """Write a zip for computers without a network."""
        path = path or QFileDialog.getSaveFileName(self, tr("Export a zip"), "farmcd-environment.zip", ZIPS)[0]
        if not path:
            return

        def work(feedback: Feedback) -> Path:
            wish, system = self._wish(), this_system()
            base = base_python(system, wish.python)
            lock = read_lock(system, base.version, variant_for(system, base.version))
            where = sources(base.path, wish.index, wish.torch_index, Store().home)
            return self._manager().export(lock, where, Path(path), feedback)

        self._run(tr("Writing a zip"), work, lambda made: self._tell(tr("Written: {0}").format(made)))

    def remove(self) -> None:
        """Remove everything, after a question."""
        answer = QMessageBox.question(
            self,
            tr("Remove the environment"),
            tr("Networks cannot run any more until it is installed again. Remove it?"),
        )
        if answer == QMessageBox.StandardButton.Yes:
            removed = tr("Removed; {0} are free again.")
            work = lambda feedback: self._manager().remove()  # noqa: E731
            self._run(tr("Removing"), work, lambda freed: self._tell(removed.format(megabytes(freed))))

    def choose_own(self, path: str = "") -> None:
        """Take a Python of the person's for networks, or FarmCD's own again."""
        if settings().python.value() and not path:
            settings().python.setValue("")
            self.refresh()
            return
        path = path or QFileDialog.getOpenFileName(self, tr("Choose a Python with PyTorch"))[0]
        if path:

            def taken(found: pythons.Interpreter) -> None:
                settings().python.setValue(str(found.path))
                self.refresh()
                self.became_ready.emit()

            self._run(tr("Trying that Python"), lambda feedback: pythons.probe(Path(path), feedback), taken)

    def copy_diagnostics(self) -> None:
        """Put a block to paste when asking for help onto the clipboard."""
        proxied = QgsNetworkAccessManager.instance().fallbackProxy().type() not in (
            QNetworkProxy.ProxyType.NoProxy,
            QNetworkProxy.ProxyType.DefaultProxy,
        )
        about = {
            "FarmCD": __version__,
            "QGIS": Qgis.version(),
            "Index": self.index.text().strip() or "as pip is set",
            "Proxy in QGIS": "yes" if proxied else "no",
        }
        store, fault = Store(), self._fault

        def copied(text: str) -> None:
            QgsApplication.clipboard().setText(text)
            self._tell(tr("The diagnostics are on the clipboard."))

        self._run(tr("Collecting diagnostics"), lambda feedback: report(store, about, fault), copied)

    def cancel(self) -> None:
        """Stop what runs."""
        if self.task is not None:
            self.cancel_button.setEnabled(False)
            self.task.stop()

    def _ask(self, plan: Plan) -> None:
        self._show("consent")
        dialog = ConsentDialog(plan, self.window())
        dialog.accepted.connect(partial(self._install, plan))
        dialog.rejected.connect(self.refresh)
        self._consent = dialog
        dialog.open()

    def _install(self, plan: Plan) -> None:
        self._run(
            tr("Installing the environment"), lambda feedback: self._manager().install(plan, feedback), self._done
        )

    def _done(self, _: Any) -> None:
        self.refresh()
        self._tell(tr("The environment is ready. Press Run."))
        self.became_ready.emit()

    def _run(self, description: str, work: Callable[[Feedback], Any], then: Callable[[Any], None]) -> None:
        """Do something in the background; `then` hears of its result in the main thread."""
        if self.task is not None:
            return
        self._fault = None
        self.fault.hide()
        self._show("checking")
        self._keep_settings()
        self.details.setText(description)
        task = FeedbackTask(work, description)
        task.progressed.connect(self._progress)

        def over() -> None:
            self.task = None

        def succeeded(result: Any) -> None:
            over()
            self.refresh()
            then(result)

        def failed(error: FarmCDError) -> None:
            over()
            self.refresh()
            self._fault = error
            self._tell(said(error), bad=True)
            self._show("failed")
            if error.code in OF_THE_ADDRESSES:
                self.where.setCollapsed(False)

        def stopped() -> None:
            over()
            self.refresh()
            self._tell(tr("Stopped. What was fetched is kept, so that it goes on from there."))
            self._show("cancelled")

        task.succeeded.connect(succeeded)
        task.failed.connect(failed)
        task.stopped.connect(stopped)
        self.task = task
        self._show("checking")
        start(task)

    def _progress(self, progress: Progress) -> None:
        if self.task is None:
            return
        self._show(progress.stage if progress.stage in ("fetching", "building", "verifying") else "checking")
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(progress.fraction * 1000))
        parts = [progress.doing(QgsApplication.instance().locale()), said(progress.message) if progress.message else ""]
        self.details.setText(" · ".join(filter(None, parts)))

    def _show(self, state: str) -> None:
        """Say the state, and offer what makes sense in it."""
        self.state = state
        words, colour = self._words(state)
        self.headline.setText(words)
        self.headline.setStyleSheet(f"font-weight: bold; color: {colour}")
        running = self.task is not None
        self.bar.setVisible(running)
        if running and state == "checking":
            self.bar.setRange(0, 0)
        self.cancel_button.setVisible(running)
        self.cancel_button.setEnabled(running)
        there = self._manager().store.chosen() is not None
        for button in (*self._buttons, self.look_button):
            button.setEnabled(not running)
        self.install_button.setVisible(not running)
        self.install_button.setText(tr("Update") if state == managers.OUTDATED else tr("Install"))
        self.install_button.setEnabled(not running and state != managers.READY)
        self.repair_button.setEnabled(not running and there)
        self.remove_button.setEnabled(not running and (there or self._manager().store.wheels.is_dir()))

    def _words(self, state: str) -> tuple[str, str]:
        good, bad, plain = "#1b7a34", "#b00020", "palette(text)"
        return {
            "absent": (tr("Not installed: networks cannot run yet"), bad),
            "checking": (tr("One moment"), plain),
            "consent": (tr("Waiting for your consent"), plain),
            "fetching": (tr("Fetching packages"), plain),
            "building": (tr("Unpacking packages"), plain),
            "verifying": (tr("Checking every file"), plain),
            "ready": (tr("Ready: networks can run"), good),
            "outdated": (tr("Works, but this FarmCD was tested with newer packages"), plain),
            "broken": (tr("Damaged: choose Repair"), bad),
            "failed": (tr("That did not work"), bad),
            "cancelled": (tr("Stopped"), plain),
        }[state]

    def _tell(self, text: str, bad: bool = False) -> None:
        self.fault.setText(text)
        self.fault.setStyleSheet("color: #b00020" if bad else "")
        self.fault.show()

    def _manager(self) -> Manager:
        store = Store()
        return Manager(store, QgisTransport(store.home / CERTIFICATE))

    def _wish(self) -> Wish:
        return Wish(None, "", settings().env_index.value(), settings().env_torch_index.value())

    def _keep_settings(self) -> None:
        settings().env_index.setValue(self.index.text().strip())
        settings().env_torch_index.setValue(self.torch_index.text().strip())

    def _take_preset(self, number: int) -> None:
        chosen = self.preset.itemData(number)
        if chosen is not None:
            self.index.setText(chosen.usual)
            self.torch_index.setText(chosen.torch)
            self._keep_settings()

    def _make_widgets(self) -> None:
        self.headline, self.details, self.fault = QLabel(), QLabel(), QLabel()
        for label, name in ((self.headline, "stateLabel"), (self.details, "detailsLabel"), (self.fault, "faultLabel")):
            label.setObjectName(name)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.fault.hide()
        self.bar = QProgressBar()
        self.bar.setObjectName("environmentProgress")
        self.bar.setTextVisible(False)
        self.index, self.torch_index = QLineEdit(settings().env_index.value()), QLineEdit()
        self.torch_index.setText(settings().env_torch_index.value())
        self.index.setPlaceholderText(tr("as pip is set on this computer"))
        self.torch_index.setPlaceholderText(tr("only where the index has no small build of PyTorch"))
        for line in (self.index, self.torch_index):
            line.editingFinished.connect(self._keep_settings)
        self.look_button = self._button(tr("Check these addresses"), "lookButton", self.look)
        self.preset = QComboBox()
        self.preset.addItem(tr("Choose..."), None)
        self._presets = presets(Store().home)
        for preset in self._presets:
            self.preset.addItem(preset.name, preset)
        self.preset.currentIndexChanged.connect(self._take_preset)
        self.install_button = self._button(tr("Install"), "installButton", self.install)
        self.repair_button = self._button(tr("Repair"), "repairButton", self.repair)
        self.remove_button = self._button(tr("Remove"), "removeButton", self.remove)
        self.import_button = self._button(tr("Import a zip..."), "importButton", self.import_zip)
        self.export_button = self._button(tr("Export a zip..."), "exportButton", self.export)
        self.own = self._button(tr("Choose own Python..."), "ownPythonButton", self.choose_own)
        self.copy = self._button(tr("Copy diagnostics"), "diagnosticsButton", self.copy_diagnostics)
        self.cancel_button = self._button(tr("Cancel"), "cancelEnvironmentButton", self.cancel)
        self._buttons = (
            self.install_button,
            self.repair_button,
            self.remove_button,
            self.import_button,
            self.export_button,
            self.own,
            self.copy,
        )

    def _button(self, text: str, name: str, pressed: Callable[[], None]) -> QPushButton:
        made = QPushButton(text)
        made.setObjectName(name)
        made.setAutoDefault(False)
        made.clicked.connect(lambda _checked=False: pressed())
        return made

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.addWidget(self.install_button, 0, 0)
        grid.addWidget(self.cancel_button, 0, 0)
        for number, button in enumerate(self._buttons[1:], start=1):
            grid.addWidget(button, number // 3, number % 3)
        self.where = QgsCollapsibleGroupBox(tr("Where packages come from"))
        form = QFormLayout(self.where)
        if self._presets:
            form.addRow(tr("Known indexes"), self.preset)
        form.addRow(tr("Package index"), self.index)
        form.addRow(tr("Index of PyTorch's own builds"), self.torch_index)
        form.addRow(self.look_button)
        self.where.setCollapsed(True)
        column = QVBoxLayout(self)
        for widget in (self.headline, self.details, self.bar, self.fault):
            column.addWidget(widget)
        column.addLayout(grid)
        column.addWidget(self.where)
        column.addStretch(1)
