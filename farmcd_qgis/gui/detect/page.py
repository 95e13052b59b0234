"""The page for detection: from two images to the layers of a run."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsProject, QgsRasterLayer
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QPushButton, QVBoxLayout, QWidget

from ... import tasks
from ...core.errors import FarmCDError, InputError
from ...core.feedback import Progress
from ...core.paths import data_home
from ...core.protocol import Finding, RunRequest, RunResult, finding_of
from ...core.run_files import is_resumable
from ...layers import add_run
from ...layers.web_maps import WebPlan, free_path, save
from ...translation import said
from ..widgets.job_page import JobPage
from ..widgets.page import Page
from ..widgets.parts import rule
from ..widgets.words import progress_words, result_words, tr
from .advanced_box import AdvancedBox
from .model_form import ModelForm
from .pair_form import PairForm

PREFLIGHT_DELAY_MS = 400
MESSAGE_S = 15
WEB_LAYER = "web_layer"


class DetectPage(Page):
    """Asks for a pair, checks it while the person chooses, runs the detection and shows its layers.

    Nothing is started before the page is seen for the first time. `finished` carries the folder of a run whose layers
    are shown, `review_wanted` that of one whose candidates the person wants to look at.
    """

    finished = pyqtSignal(str)
    review_wanted = pyqtSignal(str)

    def __init__(self, iface: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("FarmCDDetectPage")
        self._iface = iface
        self._task: tasks.WorkerTask | None = None
        self._preflight: tasks.PreflightTask | None = None
        self._begun = False
        self.pair = PairForm(iface.mapCanvas())
        self.model = ModelForm()
        self.advanced = AdvancedBox()
        self.page = JobPage((self.pair, rule(), self.model, self.advanced), tr("Run"), "runButton")
        self.findings, self.progress, self.status = self.page.findings, self.page.progress, self.page.status
        remedies = {"undeclared_fill": tr("Treat as nodata"), "shifted": tr("Correct it")}
        remedies |= {"matching_proposed": tr("Match them"), WEB_LAYER: tr("Save as a file")}
        self.findings.offer(remedies)
        self.findings.wanted.connect(self._mend)
        self.run_button, self.cancel_button = self.page.start, self.page.cancel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.page)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PREFLIGHT_DELAY_MS)
        self._timer.timeout.connect(self._check)
        for part in (self.pair, self.model, self.advanced):
            part.changed.connect(self._timer.start)
        self.model.card_shown.connect(self.advanced.fit)
        self.run_button.clicked.connect(self.run)
        self.cancel_button.clicked.connect(self.cancel)
        project = QgsProject.instance()
        project.layersAdded.connect(self._on_layers_added)
        project.layersRemoved.connect(self._timer.start)
        self._set_running(False)

    def showEvent(self, event: Any) -> None:
        """Begin with the first look: guess the pair, ask the worker for devices, check the inputs."""
        super().showEvent(event)
        if self._begun:
            return
        self._begun = True
        self._guess()
        self.model.begin()

    def request(self) -> RunRequest:
        """Build the request from what is chosen; raises InputError with a sentence if something is missing."""
        request = RunRequest(**self.pair.values(), **self.model.values(), **self.advanced.values())
        if not request.out_dir:
            raise InputError("no_out_dir")
        return request

    def run(self) -> None:
        """Start the detection."""
        if self._task is not None:
            return
        try:
            request = self.request()
        except InputError as error:
            self._show_findings([finding_of(error)])
            return
        self.model.keep()
        task = tasks.DetectTask(request, tr("FarmCD: detect changes"))
        task.progressed.connect(self._on_progress)
        task.succeeded.connect(self._on_success)
        task.failed.connect(self._on_failure)
        task.stopped.connect(self._on_stop)
        self._task = task
        self._set_running(True)
        self.status.setText(tr("Starting the worker"))
        tasks.start(task)

    def cancel(self) -> None:
        """Stop the detection; the rows that are finished stay for the next run into the same folder."""
        if self._task is not None:
            self.cancel_button.setEnabled(False)
            self.status.setText(tr("Stopping"))
            self._task.stop()

    def unload(self) -> None:
        """Let go of the project."""
        self._timer.stop()
        project = QgsProject.instance()
        with suppress(TypeError):
            project.layersAdded.disconnect(self._on_layers_added)
        with suppress(TypeError):
            project.layersRemoved.disconnect(self._timer.start)

    def _guess(self) -> None:
        self.pair.hide_results()
        self.pair.guess()
        after = self.pair.after.currentLayer()
        self.model.propose_output(after.name() if after else "")

    def _on_layers_added(self, layers: list[Any]) -> None:
        if self._begun and self._task is None:
            self._guess()

    def _check(self) -> None:
        """Start a preflight of what is chosen now; an earlier one is stopped."""
        if not self._begun or self._task is not None:
            return
        if self._preflight is not None:
            self._preflight.stop()
            self._preflight = None
        try:
            request = self.request()
        except InputError as error:
            self._show_findings([self._web_finding() or finding_of(error, "info")], can_run=False)
            return
        task = tasks.PreflightTask(request, tr("FarmCD: check the inputs"))
        self._preflight = task
        task.succeeded.connect(self._on_findings)
        task.failed.connect(self._on_check_failed)
        tasks.start(task)

    def _web_finding(self) -> Finding | None:
        """Say of an image that is a web map what saving it would take, or why it cannot be saved."""
        try:
            planned = self.pair.web_plan()
        except InputError as error:
            return finding_of(error, "info")
        return Finding("info", "web_layer", planned[1].told) if planned else None

    def _mend(self, code: str) -> None:
        """Do what mends what a finding tells of."""
        if code != WEB_LAYER:
            self.advanced.remedy(code)
        elif self._task is None and (found := self.pair.web_plan()) is not None:
            self._save_web_map(*found)

    def _save_web_map(self, role: str, planned: WebPlan) -> None:
        out_dir = self.model.values()["out_dir"]
        path = free_path(Path(out_dir).expanduser().parent if out_dir else data_home() / "maps", planned.name)
        task = tasks.FeedbackTask(lambda feedback: save(planned, path, feedback), tr("FarmCD: save a web map"))
        task.progressed.connect(self._on_progress)
        task.succeeded.connect(lambda made: self._on_saved(role, planned.name, made))
        task.failed.connect(self._on_failure)
        task.stopped.connect(lambda: self._on_end(tr("Stopped. Nothing was written.")))
        self._task = task
        self._set_running(True)
        self.status.setText("")
        tasks.start(task)

    def _on_saved(self, role: str, name: str, path: Path) -> None:
        self._on_end("")
        layer = QgsRasterLayer(str(path), name)
        QgsProject.instance().addMapLayer(layer)
        self.pair.show_instead(role, layer)

    def _on_check_failed(self, error: FarmCDError) -> None:
        self._on_findings([finding_of(error)])

    def _on_findings(self, findings: list[Finding]) -> None:
        self._preflight = None
        if self._task is None:
            self._show_findings(findings)

    def _show_findings(self, findings: list[Finding], can_run: bool = True) -> None:
        self.findings.show_findings(findings)
        errors = [finding for finding in findings if finding.severity == "error"]
        self.run_button.setEnabled(self._task is None and can_run and not errors)
        self.run_button.setToolTip(said(errors[0]) if errors else "")

    def _on_progress(self, progress: Progress) -> None:
        self.progress.setValue(round(1000 * progress.fraction))
        self.status.setText(progress_words(progress))

    def _on_success(self, result: RunResult) -> None:
        try:
            add_run(result.run_dir)
        except FarmCDError as error:
            self._on_failure(error)
            return
        # That folder is taken now, also if the person had named it.
        self.model.output.setFilePath("")
        self._on_end(result_words(result))
        self.finished.emit(result.run_dir)
        self._offer_review(result)

    def _offer_review(self, result: RunResult) -> None:
        bar = self._iface.messageBar()
        message = QgsMessageBar.createMessage("FarmCD", result_words(result))
        button = QPushButton(tr("Review the candidates"))
        button.clicked.connect(lambda: (self.review_wanted.emit(result.run_dir), bar.popWidget(message)))
        message.layout().addWidget(button)
        bar.pushWidget(message, Qgis.MessageLevel.Success, MESSAGE_S)

    def _on_stop(self) -> None:
        folder = self._task.request.out_dir if isinstance(self._task, tasks.DetectTask) else ""
        if not is_resumable(folder):
            self._on_end(tr("Stopped. Nothing was written."))
            return
        # The next press on Run shall go on: the folder must not be proposed anew.
        self.model.keep_output()
        self._on_end(tr("Stopped. What is finished stays in {0}; press Run to go on from there.").format(folder))

    def _on_failure(self, error: FarmCDError) -> None:
        self._on_end("")
        self._show_findings([finding_of(error)])
        # The inputs may be right and the fault elsewhere: another try must be possible.
        self.run_button.setEnabled(True)

    def _on_end(self, words: str) -> None:
        self._task = None
        self._set_running(False)
        self.status.setText(words)
        self._guess()

    def _set_running(self, running: bool) -> None:
        self.page.set_running(running, self._begun)
        for part in (self.pair, self.model, self.advanced):
            part.setEnabled(not running)
