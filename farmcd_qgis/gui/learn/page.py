"""The page that learns from a review: samples from its verdicts, a checkpoint trained on, and whether that helped."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ... import tasks
from ...core.errors import FarmCDError, InputError
from ...core.feedback import Progress
from ...core.paths import bundled_checkpoints, own_checkpoints
from ...core.protocol import finding_of
from ...core.run_files import CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, RUN_GPKG
from ...core.run_record import read_record
from ...review.log import at_once, is_busy
from ...review.reviewer import reviewer_name
from ...review.session import Session
from ...review.store import ReviewStore
from ...settings import settings
from ..widgets.engine_notice import ENGINE_FAULTS, EngineNotice
from ..widgets.findings_list import FindingsList
from ..widgets.page import Page
from ..widgets.panel_scroll import PanelScroll
from ..widgets.words import progress_words, tr
from ..widgets.wrapping_label import WrappingLabel
from .figures import FiguresTable, outcome_words

STEPS, MINUTES = 150, 15
# With fewer verdicts a quarter of them, which is held out, says next to nothing.
FEW_VERDICTS = 100
# The export's share of the bar; it takes seconds, the training minutes.
EXPORT_SHARE = 0.05
SUFFIX = ".safetensors"


class LearnPage(Page):
    """Exports samples and trains a checkpoint on with them in the worker; leaving the page lets that go on.

    The new checkpoint is a file like any other until a person, who has seen the figures, presses "Use for new runs";
    then `adopted` carries its path.
    """

    adopted = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("FarmCDLearnPage")
        self._run_dir: Path | None = None
        self._session: Session | None = None
        self._opening: tasks.CallTask | None = None
        self._task: tasks.WorkerTask | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._proposed = self._made = ""
        self.about, self.status, self.outcome = WrappingLabel(), WrappingLabel(), WrappingLabel()
        self.engine = EngineNotice()
        self.engine.retry.connect(lambda: self.engine.show_error(None))
        self.checkpoint = _file("learnCheckpoint", QgsFileWidget.StorageMode.GetFile)
        self.mix = _file("learnMix", QgsFileWidget.StorageMode.GetDirectory)
        self.samples = _file("learnSamples", QgsFileWidget.StorageMode.GetDirectory)
        self.rest = QCheckBox(tr("Also from the rest of the run, without labels"))
        self.unlabelled = _file("learnUnlabelled", QgsFileWidget.StorageMode.GetDirectory)
        self.target = _file("learnTarget", QgsFileWidget.StorageMode.SaveFile)
        self.steps, self.minutes = QSpinBox(), QSpinBox()
        self.findings, self.table, self.progress = FindingsList(), FiguresTable(), QProgressBar()
        self.start_button, self.cancel_button = QPushButton(tr("Start training")), QPushButton(tr("Cancel"))
        self.export_button, self.adopt_button = (
            QPushButton(tr("Export samples only")),
            QPushButton(tr("Use for new runs")),
        )
        self._lay_out()
        self.start_button.clicked.connect(self.start)
        self.export_button.clicked.connect(self.export)
        self.cancel_button.clicked.connect(self.cancel)
        self.adopt_button.clicked.connect(self.adopt)
        self.refresh()

    def enter(self, run_dir: Path | None) -> None:
        """Count the verdicts of the current run, unless something runs."""
        if self._task is not None:
            return
        if run_dir != self._run_dir:
            self._run_dir, self._session = run_dir, None
            self._show_result(None)
            self.status.clear()
            self._propose(run_dir)
        if run_dir is not None and self._session is None:
            self._open(run_dir)
        self.refresh()

    def refresh(self) -> None:
        """Show the run and its verdicts, unless something runs."""
        if self._task is not None:
            return
        if self._session is not None:
            try:
                with at_once():
                    self._session.refresh()
            except FarmCDError as error:
                # What was read before is shown; the run may have gone, or another program be writing.
                if not is_busy(error):
                    self._show_error(error)
        counts = self._session.counts() if self._session is not None else {}
        judged = [counts.get(status, 0) for status in (CONFIRMED, PSEUDO_CHANGE, OTHER_CLASS)]
        self.about.setText(_about(self._run_dir, *judged))
        self._enable(sum(judged) > 0)

    def _open(self, run_dir: Path) -> None:
        """Read the verdicts in the background: of a large run that takes a while."""
        words = tr("FarmCD: count the verdicts")
        task = tasks.CallTask(lambda: Session(ReviewStore(run_dir / RUN_GPKG, reviewer_name())), words)
        self._opening = task
        task.succeeded.connect(lambda session: self._on_open(task, session))
        task.failed.connect(self._show_error)
        tasks.start(task)

    def _on_open(self, task: tasks.CallTask, session: Session) -> None:
        if task is self._opening:
            self._session = session
            self.refresh()

    def start(self) -> None:
        """Export the samples and train on with them."""
        target = Path(self.target.filePath().strip())
        if not self.checkpoint.filePath().strip():
            self._show_error(InputError("no_start_chosen"))
        elif target.suffix != SUFFIX or not target.is_absolute():
            self._show_error(InputError("no_target_named"))
        elif target.exists():
            self._show_error(InputError("target_exists", path=target))
        else:
            self._export(then=self._train)

    def export(self) -> None:
        """Export the samples into the folder that is named, and no more."""
        if self.samples.filePath().strip():
            self._export(then=self._on_exported)
        else:
            self._show_error(InputError("no_samples_folder"))

    def cancel(self) -> None:
        """Stop what runs; no checkpoint is written then."""
        if self._task is not None:
            self.cancel_button.setEnabled(False)
            self.status.setText(tr("Stopping"))
            self._task.stop()

    def adopt(self) -> None:
        """Make the new checkpoint the one that new runs begin with."""
        settings().checkpoint.setValue(self._made)
        self.adopted.emit(self._made)
        self.adopt_button.setEnabled(False)
        self.status.setText(tr("New runs use {0} from now on.").format(Path(self._made).name))

    # The jobs, one after the other

    def _export(self, then: Callable[[dict[str, Any]], None]) -> None:
        kept = self.samples.filePath().strip()
        if not kept:
            self._temporary = tempfile.TemporaryDirectory(prefix="farmcd-samples-", ignore_cleanup_errors=True)
        folder = Path(kept) if kept else Path(self._temporary.name, "samples")  # type: ignore[union-attr]
        self._show_result(None)
        self.findings.show_findings([])
        self.status.setText(tr("Starting"))
        more = self.unlabelled.filePath().strip()
        arguments = {
            "run_dirs": [str(self._run_dir)],
            "out_dir": str(folder),
            "rest": self.rest.isChecked(),
            "unlabelled": [more] if more else [],
        }
        self._run("export_samples", arguments, tr("FarmCD: export samples"), then)

    def _train(self, exported: dict[str, Any]) -> None:
        if self._task is not None and self._task.isCanceled():
            # Cancelled in the moment in which the samples were ready.
            self._on_stop()
            return
        target = self.target.filePath().strip()
        try:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._on_end("")
            self._show_error(InputError("folder_not_made", folder=Path(target).parent, reason=error.strerror))
            return
        self.status.setText(tr("Measuring the checkpoint as it is"))
        arguments = {
            "checkpoint": self.checkpoint.filePath().strip(),
            "samples": exported["out_dir"],
            "out": target,
            "mix": self.mix.filePath().strip() or None,
            "steps": self.steps.value(),
            "minutes": self.minutes.value() or None,
        }
        words = tr("FarmCD: train with verdicts (nothing is kept of a training that is stopped)")
        self._run("finetune", arguments, words, self._on_trained)

    def _run(self, job: str, arguments: dict[str, Any], words: str, then: Callable[[dict[str, Any]], None]) -> None:
        task = self._task = tasks.WorkerTask(job, arguments, words, asks=job == "finetune")
        task.progressed.connect(self._on_progress)
        task.succeeded.connect(then)
        task.failed.connect(self._on_failure)
        task.stopped.connect(self._on_stop)
        self._enable(False)
        tasks.start(task)

    def _on_progress(self, progress: Progress) -> None:
        exporting = progress.stage == "export_samples"
        low, high = (0.0, EXPORT_SHARE) if exporting else (EXPORT_SHARE, 1.0)
        self.progress.setValue(round(1000 * (low + (high - low) * progress.fraction)))
        if self.cancel_button.isEnabled():
            # The worker's own message tells the loss, which says nothing to who reviews.
            self.status.setText(progress_words(replace(progress, message="")))

    def _on_exported(self, made: dict[str, Any]) -> None:
        self._on_end(tr("{0} samples are in {1}.").format(made["samples"], made["out_dir"]))
        # Else the next export would find it full.
        self.samples.setFilePath("")

    def _on_trained(self, record: dict[str, Any]) -> None:
        self._made = record["checkpoint"]
        self._on_end(tr("The new checkpoint is in {0}.").format(self._made))
        self._show_result(record)
        self._propose(self._run_dir, name_only=True)

    def _on_stop(self) -> None:
        self._on_end(tr("Stopped. No checkpoint was written."))

    def _on_failure(self, error: FarmCDError) -> None:
        self._on_end("")
        self._show_error(error)

    def _on_end(self, words: str) -> None:
        self._task = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None
        self.refresh()
        self.status.setText(words)

    # What is seen

    def _show_result(self, record: dict[str, Any] | None) -> None:
        self.table.show_figures(record)
        self.outcome.setText(outcome_words(record) if record else "")
        self.outcome.setVisible(record is not None)
        self.adopt_button.setVisible(record is not None)
        self.adopt_button.setEnabled(record is not None)

    def _show_error(self, error: FarmCDError) -> None:
        if error.code in ENGINE_FAULTS:
            self.engine.show_error(error)
        else:
            self.findings.show_findings([finding_of(error)])

    def _propose(self, folder: Path | None, name_only: bool = False) -> None:
        """Fill in the run's checkpoint and a new file; what a person named stays."""
        start = _checkpoint_of(folder)
        if start and not name_only:
            self.checkpoint.setFilePath(start)
        if self.target.filePath() in ("", self._proposed, self._made):
            moment = datetime.now().strftime("%Y%m%d-%H%M%S")
            path = own_checkpoints() / f"farmcd-{moment}{SUFFIX}"
            while path.exists():
                path = path.with_stem(path.stem + "b")
            self._proposed = str(path)
            self.target.setFilePath(self._proposed)

    def _enable(self, judged: bool) -> None:
        running = self._task is not None
        for button in (self.start_button, self.export_button):
            button.setEnabled(judged and not running)
        self.cancel_button.setEnabled(running)
        self.fields.setEnabled(not running)
        self.progress.setVisible(running)
        if not running:
            self.progress.setValue(0)

    def _lay_out(self) -> None:
        self.steps.setRange(1, 100_000)
        self.steps.setValue(STEPS)
        self.minutes.setRange(0, 24 * 60)
        self.minutes.setValue(MINUTES)
        self.minutes.setSuffix(" " + tr("minutes"))
        self.minutes.setSpecialValueText(tr("no limit"))
        self.checkpoint.setFilter(tr("Checkpoints") + " (*.safetensors *.pth *.pt)")
        self.target.setFilter(tr("Checkpoints") + " (*.safetensors)")
        self.mix.lineEdit().setPlaceholderText(tr("none: what was known may fade"))
        self.samples.lineEdit().setPlaceholderText(tr("not kept"))
        self.rest.setObjectName("learnRest")
        self.rest.setToolTip(
            tr("The network learns to say the same of a place in any light; a step takes three times as long")
        )
        self.unlabelled.lineEdit().setPlaceholderText(tr("none; else a run, or a folder with images A and B"))
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.fields = QWidget()
        form = QFormLayout(self.fields)
        form.setContentsMargins(0, 0, 0, 0)
        # Else its long labels would widen the dock for every step.
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        limits = QHBoxLayout()
        limits.addWidget(self.steps)
        limits.addWidget(QLabel(tr("at most")))
        limits.addWidget(self.minutes)
        limits.addStretch(1)
        form.addRow(tr("Begin with"), self.checkpoint)
        form.addRow(tr("Mix with older data"), self.mix)
        form.addRow(self.rest)
        form.addRow(tr("Other pairs without labels"), self.unlabelled)
        form.addRow(tr("Training steps"), limits)
        form.addRow(tr("New checkpoint"), self.target)
        form.addRow(tr("Keep the samples in"), self.samples)
        buttons = QGridLayout()
        for place, button in enumerate((self.start_button, self.cancel_button, self.export_button, self.adopt_button)):
            # Return in a field must not start anything.
            button.setAutoDefault(False)
            buttons.addWidget(button, place // 2, place % 2)
        panel = QWidget()
        column = QVBoxLayout(panel)
        for part in (
            self.engine,
            self.about,
            self.fields,
            self.findings,
            self.progress,
            self.status,
            self.outcome,
            self.table,
        ):
            column.addWidget(part)
        column.addLayout(buttons)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(PanelScroll(panel))


def _about(folder: Path | None, confirmed: int, rejected: int, reclassified: int) -> str:
    """Say of which run how many verdicts there are, and whether these are enough."""
    if folder is None:
        return tr("Choose a run above to learn from its verdicts.")
    judged = confirmed + rejected + reclassified
    words = [
        tr(
            "Run {0}: {1} verdicts that say what is there ({2} confirmed, {3} rejected, {4} given another class)."
        ).format(folder.name, judged, confirmed, rejected, reclassified)
    ]
    if not judged:
        words.append(tr("There is nothing to learn from yet: review some candidates first."))
    elif judged < FEW_VERDICTS:
        words.append(tr("That is few: the figures will hardly show whether the new checkpoint is better."))
    return " ".join(words)


def _checkpoint_of(folder: Path | None) -> str:
    """Find the checkpoint of a run, also where the plugin has moved since; "" where it is gone."""
    if folder is None:
        return ""
    try:
        named = Path(read_record(folder)["request"]["checkpoint"])
    except (InputError, KeyError):
        return ""
    if named.is_file():
        return str(named)
    return next((str(path) for path in bundled_checkpoints() if path.name == named.name), "")


def _file(name: str, mode: QgsFileWidget.StorageMode) -> QgsFileWidget:
    made = QgsFileWidget()
    made.setObjectName(name)
    made.setStorageMode(mode)
    return made
