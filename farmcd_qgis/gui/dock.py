"""FarmCD's dock: the run on top, the steps of the work below it, and the page of one step."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt.QtCore import QEvent, QSize, Qt
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..core.errors import FarmCDError
from ..layers import add_run
from ..layers.known_runs import keep_recent
from ..layers.runs import runs_in_project
from ..translation import said
from .accuracy.page import AccuracyPage
from .compare.dialog import CompareDialog
from .detect.page import DetectPage
from .help import help_button, show_help
from .learn.page import LearnPage
from .report.page import ReportPage
from .review.page import ReviewPage
from .run_menu import RunMenu
from .widgets.icons import icon
from .widgets.page import Page
from .widgets.parts import rule
from .widgets.run_choice import RunChoice
from .widgets.words import tr

ICON_SIZE = 22


@dataclass(frozen=True)
class Step:
    """One step of the work: its name in code and icons, its short word, what it is for, and its page."""

    name: str
    words: str
    purpose: str
    page: Page


class FarmCDDock(QgsDockWidget):
    """One run is the current one, and all steps are about it. `show_step` opens the dock at a step."""

    def __init__(self, iface: QgisInterface) -> None:
        super().__init__(tr("FarmCD"), iface.mainWindow())
        self.setObjectName("FarmCDDock")
        self._iface = iface
        self.detect, self.review, self.accuracy = DetectPage(iface), ReviewPage(iface), AccuracyPage(iface)
        self.report, self.learn = ReportPage(iface), LearnPage()
        self._menu = RunMenu(iface, self.review_run, self.compare_runs)
        self.steps = (
            Step("detect", tr("Detect"), tr("Detect changes"), self.detect),
            Step("review", tr("Review"), tr("Review candidates"), self.review),
            Step("accuracy", tr("Accuracy"), tr("Assess accuracy"), self.accuracy),
            Step("report", tr("Report"), tr("Write a report"), self.report),
            Step("learn", tr("Learn"), tr("Use verdicts for training"), self.learn),
        )
        self.compare_words = tr("Compare two runs…")
        self.run = RunChoice()
        self.help = help_button(self._help)
        self.pages = QStackedWidget()
        self.buttons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        self._lay_out()
        self.run.chosen.connect(self.set_run)
        self.run.changed.connect(self._on_run_changed)
        self.detect.finished.connect(self._on_finished)
        self.detect.review_wanted.connect(self.review_run)
        self.detect.run_wanted.connect(self.set_run)
        self.learn.adopted.connect(self.detect.model.select)
        self.closed.connect(lambda: self.page.leave())
        self.opened.connect(lambda: self.page.enter(self.run.current))

    @property
    def page(self) -> Page:
        """The page that is on top."""
        page: Any = self.pages.currentWidget()
        return page

    def show_step(self, name: str) -> None:
        """Open the dock at a step."""
        step = next(step for step in self.steps if step.name == name)
        self.buttons[name].setChecked(True)
        if step.page is not self.page:
            self.page.leave()
            self.pages.setCurrentWidget(step.page)
        # Of a dock that is closed, QGIS says by itself that it opens.
        opened = not self.isHidden()
        self.setUserVisible(True)
        if opened:
            step.page.enter(self.run.current)
        # Else its keys and F1 would be QGIS's.
        step.page.setFocus()

    def set_run(self, run_dir: str) -> None:
        """Make a run the current one, show it in the project, and go on with it at the step that is on top."""
        folder = Path(run_dir).resolve()
        if folder not in runs_in_project():
            try:
                add_run(folder)
            except FarmCDError as error:
                self._iface.messageBar().pushWarning("FarmCD", said(error))
                self.run.list_runs()
                return
        keep_recent(folder)
        self.run.set_current(folder)
        self.page.enter(folder)

    def review_run(self, run_dir: str, candidate: int | None = None) -> None:
        """Make a run the current one and review it, beginning with a candidate where one is named."""
        self.show_step("review")
        self.set_run(run_dir)
        if candidate is not None:
            self.review.show_candidate(candidate)

    def compare_runs(self, run_dir: str = "") -> None:
        """Compare a run, the current one if none is named, with another one of its area."""
        dialog = CompareDialog(self, Path(run_dir) if run_dir else self.run.current)
        dialog.review_wanted.connect(self.review_run)
        dialog.show()

    def unload(self) -> None:
        """Let go of QGIS; the plugin calls this before the dock is deleted."""
        self.run.unload()
        self._menu.unload()
        for step in self.steps:
            step.page.unload()

    def event(self, event: QEvent) -> bool:
        """Take F1, which would else open QGIS's own manual, wherever the focus is in the dock."""
        pressed = event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)
        if pressed and event.matches(QKeySequence.StandardKey.HelpContents):
            event.accept()
            if event.type() == QEvent.Type.KeyPress:
                self._help()
            return True
        return super().event(event)

    def _help(self) -> None:
        """Open the manual at the step that is on top."""
        show_help(self, next(step.name for step in self.steps if step.page is self.page))

    def _on_finished(self, run_dir: str) -> None:
        # Who is at another step meanwhile goes on with the run that they are at.
        if self.page is self.detect:
            self.run.set_current(Path(run_dir))

    def _on_run_changed(self, run_dir: str) -> None:
        # Nobody has asked for it: the map stays as it is.
        if self.page in (self.report, self.learn):
            self.page.enter(Path(run_dir) if run_dir else None)

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(0)
        for step in self.steps:
            button = self._button(step)
            self.buttons[step.name] = button
            self._group.addButton(button)
            bar.addWidget(button)
            # Else the first field takes the focus, and what is typed next.
            step.page.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.pages.addWidget(step.page)
        self.buttons["detect"].setChecked(True)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(2)
        top = QHBoxLayout()
        top.setContentsMargins(6, 0, 6, 0)
        top.setSpacing(2)
        top.addWidget(self.run, 1)
        top.addWidget(self.help)
        column.addLayout(top)
        column.addLayout(bar)
        column.addWidget(rule())
        column.addWidget(self.pages, 1)
        self.setWidget(body)

    def _button(self, step: Step) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"{step.name}StepButton")
        button.setIcon(icon(step.name))
        button.setIconSize(QSize(ICON_SIZE, ICON_SIZE))
        button.setText(step.words)
        button.setToolTip(step.purpose)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setCheckable(True)
        button.setAutoRaise(True)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # The keys stay with the page.
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(partial(self.show_step, step.name))
        return button
