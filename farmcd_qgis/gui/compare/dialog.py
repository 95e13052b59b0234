"""The window that compares two runs, and carries the verdicts of the earlier one over."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsProject
from qgis.gui import QgsDoubleSpinBox, QgsFileWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ... import tasks
from ...core.errors import FarmCDError
from ...core.feedback import Feedback, Progress
from ...core.messages import part
from ...core.protocol import Finding, finding_of
from ...layers.comparison_layer import add_comparison
from ...layers.known_runs import KnownRun, known_run, recent_runs, run_details, run_words
from ...layers.runs import runs_in_project
from ...report.comparison import GPKG, LAYER, summary, write_comparison
from ...report.words import Words
from ...review.carrying import SAME_PLACE, CarriedOver, carry_over, take_back
from ...review.comparison import SAME_OUTLINE, Comparison, compare
from ...translation import said
from ..help import help_button, show_help
from ..judging.reviewer import asked_reviewer
from ..widgets.findings_list import FindingsList
from ..widgets.parts import combo, rule
from ..widgets.words import language, tr


class CompareDialog(QDialog):
    """Asks for two runs of one area; what takes longer is done in the background. `review_wanted` carries a run."""

    review_wanted = pyqtSignal(str)

    def __init__(self, parent: QWidget | None, run: Path | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("FarmCDCompareDialog")
        self.setWindowTitle(tr("Compare two runs"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._task: tasks.FeedbackTask | None = None
        self._proposed = ""
        self._make()
        self._lay_out()
        self._list(run)
        for box in (self.first, self.second):
            box.currentIndexChanged.connect(self._on_choice)
        self._on_choice()

    # What a person does

    def compare(self) -> None:
        """Compare the runs, write the layer and the tables, and show the layer."""
        first, second, share = self._first, self._second, self.share.value() / 100
        folder, spoken = Path(self.folder.filePath().strip()), language()

        def work(feedback: Feedback) -> tuple[Comparison, dict[str, Path]]:
            found = compare(first, second, share, feedback)
            return found, write_comparison(found, folder, spoken)

        self._start(work, self._on_compared, tr("FarmCD: compare two runs"))

    def carry_over(self) -> None:
        """Take the verdicts of the first run over into the second."""
        run_dir, earlier, share, name = (
            self._second,
            self._first,
            self.carried_share.value() / 100,
            asked_reviewer(self),
        )
        spoken = language()
        self._start(
            lambda feedback: carry_over(run_dir, earlier, name, spoken, share, feedback),
            self._on_carried,
            tr("FarmCD: carry verdicts over"),
        )

    def take_back(self) -> None:
        """Take back what was carried over into the second run."""
        run_dir, name = self._second, asked_reviewer(self)
        self._start(lambda _: take_back(run_dir, name), self._on_taken_back, tr("FarmCD: carry verdicts over"))

    def done(self, result: int) -> None:
        """Stop what runs, and close."""
        if self._task is not None:
            self._task.stop()
            self._task = None
        super().done(result)

    # What comes of it

    def _on_compared(self, made: tuple[Comparison, dict[str, Path]]) -> None:
        found, files = made
        lines = summary(found, Words(language()))
        self._tell(found.findings, "\n".join(lines))
        add_comparison(files[GPKG], LAYER, tr("Comparison"))

    def _on_carried(self, carried: CarriedOver) -> None:
        share = self.carried_share.value()
        words = part("carried_done", count=carried.verdicts, rest=carried.to_review, percent=share)
        self._tell(carried.findings, said(words))
        self._repaint()
        self.review.setVisible(True)
        self._grow()

    def _on_taken_back(self, count: int) -> None:
        self._tell((), said(part("carried_taken_back", count=count)))
        self._repaint()

    def _start(self, work: Callable[[Feedback], Any], then: Callable[[Any], None], words: str) -> None:
        task = tasks.FeedbackTask(work, words)
        task.progressed.connect(self._on_progress)
        task.succeeded.connect(lambda found: self._on_end(task, then, found))
        task.failed.connect(lambda error: self._on_end(task, self._show_error, error))
        task.stopped.connect(lambda: self._on_end(task, lambda _: None, None))
        self._task = task
        self._tell((), "")
        self._enable()
        tasks.start(task)

    def _on_end(self, task: tasks.FeedbackTask, then: Callable[[Any], None], found: Any) -> None:
        if task is self._task:
            self._task = None
            self._enable()
            then(found)

    def _on_progress(self, progress: Progress) -> None:
        self.progress.setValue(round(100 * progress.fraction))

    def _show_error(self, error: FarmCDError) -> None:
        self._tell((finding_of(error),), "")

    def _tell(self, findings: Any, words: str) -> None:
        told: list[Finding] = list(findings)
        self.findings.show_findings(told)
        self.outcome.setText(words)
        self.review.setVisible(False)
        self._grow()

    def _grow(self) -> None:
        """Make room for what is said; a window does not do so for wrapped words."""
        layout = self.layout()
        layout.activate()
        self.resize(self.width(), max(self.height(), layout.heightForWidth(self.width())))

    def _repaint(self) -> None:
        for layer in QgsProject.instance().mapLayers().values():
            if str(self._second) in layer.source():
                layer.dataProvider().reloadData()
                layer.triggerRepaint()

    # Setting up

    @property
    def _first(self) -> Path:
        return Path(self.first.currentData() or "")

    @property
    def _second(self) -> Path:
        return Path(self.second.currentData() or "")

    def _list(self, run: Path | None) -> None:
        known: dict[str, KnownRun] = {}
        for folder in [*runs_in_project(), *([run] if run else [])]:
            try:
                known[str(folder)] = known_run(folder)
            except FarmCDError:
                continue
        known |= {one.folder: one for one in recent_runs() if one.folder not in known}
        for box in (self.first, self.second):
            for run_dir, one in known.items():
                self._add(box, run_dir, one)
        self.second.setCurrentIndex(max(self.second.findData(str(run)) if run else 0, 0))
        others = [place for place in range(self.first.count()) if place != self.second.currentIndex()]
        self.first.setCurrentIndex(others[0] if others else 0)

    def _add(self, box: QComboBox, folder: str, run: KnownRun) -> None:
        box.addItem(run_words(run, True), folder)
        box.setItemData(box.count() - 1, run_details(run), Qt.ItemDataRole.ToolTipRole)

    def _browse(self, box: QComboBox) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Open the folder of a run"), box.currentData() or "")
        if not folder:
            return
        try:
            one = known_run(Path(folder))
        except FarmCDError as error:
            self._show_error(error)
            return
        if box.findData(folder) < 0:
            for each in (self.first, self.second):
                self._add(each, folder, one)
        box.setCurrentIndex(box.findData(folder))

    def _on_choice(self) -> None:
        if self.folder.filePath() in ("", self._proposed) and self.second.currentData():
            name = f"{self._second.name} vs {self._first.name}"
            self._proposed = str(self._second.parent / name)
            self.folder.setFilePath(self._proposed)
        self._tell((), "")
        self._enable()

    def _enable(self) -> None:
        idle = self._task is None
        two = bool(self.first.currentData() and self.second.currentData()) and self._first != self._second
        for button in (self.compare_button, self.carry_button):
            button.setEnabled(idle and two)
        self.back_button.setEnabled(idle and bool(self.second.currentData()))
        self.progress.setVisible(not idle)
        if not two and idle:
            self.outcome.setText(tr("Choose two runs of one area."))

    def _make(self) -> None:
        self.first, self.second = combo("firstRunCombo"), combo("secondRunCombo")
        self.share, self.carried_share = _percent(SAME_OUTLINE), _percent(SAME_PLACE)
        self.folder = QgsFileWidget()
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.compare_button = _button("compareButton", tr("Compare"), self.compare)
        self.carry_button = _button("carryButton", tr("Carry the verdicts over"), self.carry_over)
        self.back_button = _button("takeBackButton", tr("Take back"), self.take_back)
        self.review = _button("reviewNewButton", tr("Review what is new"), self._want_review)
        self.findings, self.outcome, self.progress = FindingsList(), QLabel(), QProgressBar()
        self.outcome.setObjectName("outcomeLabel")
        self.outcome.setWordWrap(True)
        self.outcome.setTextFormat(Qt.TextFormat.PlainText)
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _want_review(self) -> None:
        self.review_wanted.emit(str(self._second))

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(tr("First run"), self._with_browse(self.first))
        form.addRow(tr("Second run"), self._with_browse(self.second))
        form.addRow(rule())
        form.addRow(tr("Same outline from"), self.share)
        form.addRow(tr("Output folder"), self.folder)
        form.addRow("", _row(self.compare_button))
        form.addRow(rule())
        about = QLabel(
            tr(
                "Since last time: what the review of the first run says is carried over to the candidates of the "
                "second that have the same class and outline, so that only what is new is left to review."
            )
        )
        about.setWordWrap(True)
        carry = QFormLayout()
        carry.addRow(tr("Same outline from"), self.carried_share)
        carry.addRow("", _row(self.carry_button, self.back_button))
        column = QVBoxLayout(self)
        column.addLayout(form)
        # Not a row of a form, which gives wrapped words too little room.
        column.addWidget(about)
        column.addLayout(carry)
        for widget in (self.progress, self.findings, self.outcome):
            column.addWidget(widget)
        foot = _row(self.review)
        help_ = help_button(lambda: show_help(self, "compare"))
        help_.setShortcut(QKeySequence.StandardKey.HelpContents)
        foot.addWidget(help_)
        column.addLayout(foot)
        column.addStretch(1)
        self.setMinimumWidth(560)

    def _with_browse(self, box: QComboBox) -> QHBoxLayout:
        browse = QToolButton()
        browse.setText("…")
        browse.setToolTip(tr("Open the folder of a run"))
        browse.clicked.connect(lambda: self._browse(box))
        row = QHBoxLayout()
        row.addWidget(box, 1)
        row.addWidget(browse)
        return row


def _percent(share: float) -> QgsDoubleSpinBox:
    made = QgsDoubleSpinBox()
    made.setDecimals(0)
    made.setRange(1, 100)
    made.setSuffix(" %")
    made.setClearValue(100 * share)
    made.setValue(100 * share)
    made.setToolTip(tr("The area that two outlines share, by the area that they cover together"))
    return made


def _button(name: str, words: str, act: Callable[[], None]) -> QPushButton:
    made = QPushButton(words)
    made.setObjectName(name)
    made.setAutoDefault(False)
    made.clicked.connect(act)
    return made


def _row(*buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    for button in buttons:
        row.addWidget(button)
    row.addStretch(1)
    return row
