"""The page for the report: from a reviewed run to the files that an office hands in."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qgis.core import Qgis
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QCoreApplication, QTimer, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QPushButton, QVBoxLayout, QWidget

from ... import tasks
from ...core.errors import Cancelled, FarmCDError, InputError
from ...core.feedback import Feedback, Progress
from ...core.protocol import finding_from_dict, finding_of
from ...core.run_files import RUN_GPKG
from ...report import ReportSettings, write_report
from ...report.headless import with_remaining
from ...review.log import at_once
from ...review.store import logged
from ...translation import said
from ..widgets.job_page import JobPage
from ..widgets.page import Page
from ..widgets.words import progress_words, tr
from .form import ReportForm
from .preview import DRAWN_WIDTH, ReportPreview

PREVIEW_DELAY_MS = 500
WATCH_MS = 2000
# A process of its own cannot be had: the report is drawn here, and QGIS stalls from page to page.
NO_PROCESS = ("no_qgis_python", "worker_start", "worker_not_ready", "worker_version")


class ReportPage(Page):
    """Asks what a report shall hold, shows its first pages, and writes it while QGIS stays responsive."""

    def __init__(self, iface: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("FarmCDReportPage")
        self._iface = iface
        self._task: tasks.WorkerTask | None = None
        self._preview: tasks.WorkerTask | None = None
        self._previewed: dict[str, Any] = {}
        self._here = self._stopped_here = False
        self._pictures = tempfile.TemporaryDirectory(prefix="farmcd-preview-")
        self.form = ReportForm()
        self.preview = ReportPreview()
        self.page = JobPage((self.form, self.preview), tr("Export"), "exportButton")
        self.findings, self.progress, self.status = self.page.findings, self.page.progress, self.page.status
        self.export_button, self.cancel_button = self.page.start, self.page.cancel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.page)
        self._timer = _timer(self, PREVIEW_DELAY_MS, self._draw_preview)
        self.form.changed.connect(self._timer.start)
        # Verdicts are given elsewhere, by other programs even: what is shown must not be older than they are.
        self._watch = QTimer(self, interval=WATCH_MS, timeout=self._look_for_verdicts)
        self._watch.start()
        self.export_button.clicked.connect(self.export)
        self.cancel_button.clicked.connect(self.cancel)
        self._set_running(False)

    def enter(self, run_dir: Path | None) -> None:
        """Report the current run."""
        self.form.set_run(run_dir)
        self._timer.start()

    def export(self) -> None:
        """Write the report."""
        if self._task is not None or self._here:
            return
        try:
            settings = self.form.settings()
        except InputError as error:
            self._show_error(error)
            return
        self.form.keep()
        self.findings.show_findings([])
        self._stop_preview()
        task = tasks.WorkerTask("report", {"settings": asdict(settings)}, tr("FarmCD: write the report"), asks=True)
        task.progressed.connect(self._on_progress)
        task.succeeded.connect(lambda made: self._on_success(made, settings.out_folder))
        task.failed.connect(lambda error: self._on_failure(error, settings))
        task.stopped.connect(self._on_stop)
        self._task = task
        self._set_running(True)
        self.status.setText(tr("Starting"))
        tasks.start(task)

    def cancel(self) -> None:
        """Stop the export; outputs that are finished stay."""
        self.cancel_button.setEnabled(False)
        self.status.setText(tr("Stopping"))
        self._stopped_here = True
        if self._task is not None:
            self._task.stop()

    def unload(self) -> None:
        """Stop what is drawn."""
        self._timer.stop()
        self._watch.stop()
        self._stop_preview()
        self._pictures.cleanup()

    # The preview

    def _draw_preview(self) -> None:
        """Draw the pages anew if something they show has changed; an earlier drawing is stopped."""
        if not self.isVisible() or self._task is not None or self._here:
            return
        try:
            settings = asdict(self.form.settings())
        except InputError as error:
            self._previewed = {}
            self.preview.show_pages([], "" if error.code == "no_run_chosen" else said(error))
            self.findings.show_findings([finding_of(error, "info")] if error.code == "no_run_chosen" else [])
            self.export_button.setEnabled(False)
            return
        self.export_button.setEnabled(True)
        shown = {name: value for name, value in settings.items() if name not in ("out_dir", "outputs")}
        shown["said"] = said_of(settings["run_dir"])
        if shown == self._previewed:
            return
        self._stop_preview()
        self._previewed = shown
        self.preview.say(tr("Drawing the preview"))
        arguments = {"settings": settings, "folder": self._pictures.name, "width": DRAWN_WIDTH}
        task = tasks.WorkerTask("preview", arguments, tr("FarmCD: preview of the report"), hidden=True)
        task.succeeded.connect(lambda drawn: self._on_preview(task, drawn))
        task.failed.connect(lambda error: self._on_no_preview(task, error))
        self._preview = task
        tasks.start(task)

    def _look_for_verdicts(self) -> None:
        """Draw the preview anew where the review has gone on since."""
        said_now = said_of(self._previewed["run_dir"]) if self.seen and self._previewed else ()
        # Nothing is said of a run that another program is writing to, or that has gone.
        if said_now and said_now != self._previewed["said"]:
            self.preview.say(tr("The review has gone on: the preview is drawn anew."))
            self._timer.start()

    def _stop_preview(self) -> None:
        if self._preview is not None:
            self._preview.stop()
            self._preview = None
            self._previewed = {}

    def _on_preview(self, task: tasks.WorkerTask, drawn: dict[str, Any]) -> None:
        if task is not self._preview:
            return
        self._preview = None
        self.findings.show_findings([])
        words = tr("{pages} pages, {candidates} candidates").format(**drawn)
        if drawn["fell_back"]:
            words += "\n" + tr("Nothing is reviewed yet: all candidates are shown, and the report says so.")
        self.preview.show_pages(drawn["pictures"], words)

    def _on_no_preview(self, task: tasks.WorkerTask, error: FarmCDError) -> None:
        if task is not self._preview:
            return
        self._preview = None
        self.preview.show_pages([], "")
        if error.code in NO_PROCESS:
            self.preview.say(tr("No preview: QGIS's own Python could not be started beside it."))
        else:
            self._show_error(error)

    # The export

    def _on_progress(self, progress: Progress) -> None:
        self.progress.setValue(round(1000 * progress.fraction))
        self.status.setText(progress_words(progress))

    def _on_success(self, made: dict[str, Any], folder: Path) -> None:
        self._on_end(tr("The report is written."))
        self.findings.show_findings([finding_from_dict(finding) for finding in made["findings"]])
        files = {name: Path(path) for name, path in made["files"].items()}
        bar = self._iface.messageBar()
        message = QgsMessageBar.createMessage("FarmCD", tr("The report is written."))
        first = files.get("pdf") or files.get("html")
        targets = [(tr("Open the report"), first)] if first else []
        targets.append((tr("Open the folder"), folder))
        for words, target in targets:
            button = QPushButton(words)
            button.clicked.connect(lambda _=False, target=target: _open(target))
            message.layout().addWidget(button)
        bar.pushWidget(message, Qgis.MessageLevel.Success)

    def _on_stop(self) -> None:
        self._on_end(tr("Stopped. Files that were finished are kept."))

    def _on_failure(self, error: FarmCDError, settings: ReportSettings) -> None:
        self._on_end("")
        if error.code in NO_PROCESS:
            self._export_here(settings)
        else:
            self._show_error(error)

    def _export_here(self, settings: ReportSettings) -> None:
        """Write the report in QGIS's own thread, which hears of clicks only between the pages."""
        self._stopped_here = False

        def follow(progress: Progress) -> None:
            self._on_progress(progress)
            QCoreApplication.processEvents()

        self._here = True
        self._set_running(True)
        try:
            feedback = with_remaining(Feedback(follow, lambda: self._stopped_here))
            made = write_report(settings, feedback)
        except Cancelled:
            self._on_stop()
        except FarmCDError as error:
            self._on_end("")
            self._show_error(error)
        else:
            files = {name: str(path) for name, path in made.files.items()}
            self._on_success(
                {"files": files, "findings": [asdict(finding) for finding in made.findings]}, settings.out_folder
            )

    def _show_error(self, error: FarmCDError) -> None:
        self.findings.show_findings([finding_of(error)])

    def _on_end(self, words: str) -> None:
        self._task = None
        self._here = False
        self._set_running(False)
        self.status.setText(words)
        # The preview that the export stopped.
        self._timer.start()

    def _set_running(self, running: bool) -> None:
        self.page.set_running(running)
        self.form.setEnabled(not running)


def said_of(run_dir: str) -> tuple[int, ...]:
    """Count what people have said of a run; nothing of one that cannot be read."""
    try:
        with at_once():
            return logged(Path(run_dir) / RUN_GPKG)
    except FarmCDError:
        return ()


def _open(target: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(target)))


def _timer(parent: QWidget, delay_ms: int, act: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(delay_ms)
    timer.timeout.connect(lambda: act())
    return timer
