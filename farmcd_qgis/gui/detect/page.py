"""The page for detection: from two images to the layers of a run."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
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
from ...layers.known_runs import keep_recent
from ...layers.web_maps import WebPlan, free_path, save
from ...translation import said
from ..widgets.engine_notice import ENGINE_FAULTS, EngineNotice
from ..widgets.job_page import JobPage
from ..widgets.page import Page
from ..widgets.parts import rule
from ..widgets.words import duration_words, found_words, language, progress_words, result_words, tr
from .advanced_box import AdvancedBox
from .model_form import ModelForm
from .pace import expected_s, keep_pace
from .pair_form import PairForm
from .unfinished import UnfinishedRun

PREFLIGHT_DELAY_MS = 400
MESSAGE_S = 15
WEB_LAYER = "web_layer"


class DetectPage(Page):
    """Asks for a pair, checks it while the person chooses, runs the detection and shows its layers.

    Nothing is started before the page is seen for the first time. `finished` carries the folder of a run whose layers
    are shown, `review_wanted` that of one whose candidates the person wants to look at, and `run_wanted` that of one
    that was finished for another project and that the person wants to see in this one.
    """

    finished = pyqtSignal(str)
    review_wanted = pyqtSignal(str)
    run_wanted = pyqtSignal(str)

    def __init__(self, iface: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("FarmCDDetectPage")
        self._iface = iface
        self._task: tasks.WorkerTask | None = None
        self._preflight: tasks.PreflightTask | None = None
        self._begun = False
        # Of the chosen pair, as the last check has found it: {"width", "height", "resolution_m", "area_ha"}.
        self._size: dict[str, Any] = {}
        self._project_changed = False
        # Whether all that a run needs is chosen.
        self._complete = True
        self.engine = EngineNotice()
        self.unfinished = UnfinishedRun()
        self.pair = PairForm(iface.mapCanvas())
        self.model = ModelForm()
        self.advanced = AdvancedBox()
        self.page = JobPage(
            (self.engine, self.unfinished, self.pair, rule(), self.model, self.advanced), tr("Run"), "runButton"
        )
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
        self.model.engine_looked_for.connect(self._on_engine)
        self.engine.retry.connect(self.look_for_engine)
        self.unfinished.wanted.connect(self._go_on)
        self.run_button.clicked.connect(self.run)
        self.cancel_button.clicked.connect(self.cancel)
        project = QgsProject.instance()
        project.layersAdded.connect(self._on_layers_added)
        project.layersRemoved.connect(self._on_layers_removed)
        project.cleared.connect(self._on_cleared)
        self._set_running(False)

    def showEvent(self, event: Any) -> None:
        """Begin with the first look: guess the pair, ask the worker for devices, check the inputs."""
        super().showEvent(event)
        if self._begun:
            return
        self._begun = True
        self._guess()
        self.model.begin()
        self.unfinished.look()

    def look_for_engine(self) -> None:
        """Ask again which devices there are: a person may have installed or chosen another Python."""
        if self._begun and self._task is None:
            self.model.begin()

    def request(self) -> RunRequest:
        """Build the request from what is chosen; raises InputError with a sentence if something is missing."""
        request = RunRequest(**self.pair.values(), **self.model.values(), **self.advanced.values())
        if not request.out_dir:
            raise InputError("no_out_dir")
        return request

    def run(self) -> None:
        """Start the detection of what is chosen."""
        try:
            request = self.request()
        except InputError as error:
            self._show_findings([finding_of(error)])
            return
        self.model.keep()
        self.start(request)

    def _go_on(self, request: RunRequest) -> None:
        # What the check has found is about the pair that is chosen now.
        self._size = {}
        self.start(request)

    def start(self, request: RunRequest) -> None:
        """Start a detection."""
        if self._task is not None:
            return
        self._stop_check()
        self.unfinished.keep(request)
        self._project_changed = False
        self.findings.show_findings([])
        # QGIS says so when it is to be closed meanwhile.
        words = tr("FarmCD: detect changes (what is finished stays, and can go on another time)")
        task = tasks.DetectTask(request, words)
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
            project.layersRemoved.disconnect(self._on_layers_removed)
        with suppress(TypeError):
            project.cleared.disconnect(self._on_cleared)

    def _guess(self) -> None:
        self.pair.hide_results()
        self.pair.guess()
        after = self.pair.after.currentLayer()
        self.model.propose_output(after.name() if after else "")

    def _on_cleared(self) -> None:
        self._project_changed = True

    def _on_layers_added(self, layers: list[Any]) -> None:
        if self._begun and self._task is None:
            self._guess()

    def _on_layers_removed(self, _: list[str]) -> None:
        if self._begun and self._task is None:
            self.pair.guess()
        self._timer.start()

    def _check(self) -> None:
        """Start a preflight of what is chosen now; an earlier one is stopped."""
        if not self._begun or self._task is not None:
            return
        self._stop_check()
        self._size = {}
        try:
            request = self.request()
        except InputError as error:
            self.page.hint.setText("")
            self._show_findings([self._web_finding() or finding_of(error, "info")], can_run=False)
            return
        task = tasks.PreflightTask(request, tr("FarmCD: check the inputs"))
        self._preflight = task
        if not self._complete:
            # What was missing is there now.
            self.findings.show_findings([])
        self.page.hint.setText(tr("Looking at the images"))
        task.progressed.connect(lambda progress: self._on_checking(task, progress))
        task.succeeded.connect(self._on_findings)
        task.failed.connect(self._on_check_failed)
        tasks.start(task)

    def _stop_check(self) -> None:
        if self._preflight is not None:
            self._preflight.stop()
            self._preflight = None

    def _on_checking(self, task: tasks.PreflightTask, progress: Progress) -> None:
        """Say what is looked at and, at the end, how much there is to do."""
        if task is not self._preflight:
            return
        words = said(progress.message) or progress.doing(language())
        if isinstance(progress.message, dict) and progress.message["code"] == "scene_ready":
            self._size = progress.message["values"]
            words = tr("{0}; about {1}").format(words, duration_words(self._expected_s()))
        self.page.hint.setText(words)

    def _expected_s(self) -> float:
        chosen, device = self.model.values(), self.model.device
        names = [device.itemData(place) for place in range(device.count())]
        return expected_s(chosen["checkpoint"], chosen["device"], names, _megapixels(self._size))

    def _web_plan(self) -> tuple[str, WebPlan] | None:
        return self.pair.web_plan(self.advanced.resolution.value() or None)

    def _web_finding(self) -> Finding | None:
        """Say of an image that is a web map what saving it would take, or why it cannot be saved."""
        try:
            planned = self._web_plan()
        except InputError as error:
            return finding_of(error, "info")
        return Finding("info", "web_layer", planned[1].told) if planned else None

    def _mend(self, code: str) -> None:
        """Do what mends what a finding tells of."""
        if code != WEB_LAYER:
            self.advanced.remedy(code)
        elif self._task is None and (found := self._web_plan()) is not None:
            self._save_web_map(*found)

    def _save_web_map(self, role: str, planned: WebPlan) -> None:
        self.pair.keep_choice()
        out_dir = self.model.values()["out_dir"]
        path = free_path(Path(out_dir).expanduser().parent if out_dir else data_home() / "maps", planned.name)
        task = tasks.FeedbackTask(lambda feedback: save(planned, path, feedback), tr("FarmCD: save a web map"))
        task.progressed.connect(self._on_progress)
        warned: list[Finding] = []
        task.warned.connect(warned.append)
        task.succeeded.connect(lambda made: self._on_saved(role, planned.name, made, "\n".join(map(said, warned))))
        task.failed.connect(self._on_failure)
        task.stopped.connect(lambda: self._on_end(tr("Stopped. Nothing was written.")))
        self._task = task
        self._set_running(True)
        self.status.setText("")
        tasks.start(task)

    def _on_saved(self, role: str, name: str, path: Path, warnings: str) -> None:
        self._on_end(warnings)
        layer = QgsRasterLayer(str(path), name)
        QgsProject.instance().addMapLayer(layer)
        self.pair.show_instead(role, layer)

    def _on_check_failed(self, error: FarmCDError) -> None:
        self._on_findings([finding_of(error)])

    def _on_engine(self, error: FarmCDError | None) -> None:
        """Hear whether there is an engine; without one no run can begin."""
        self.engine.show_error(error)
        self._timer.start()

    def _on_findings(self, findings: list[Finding]) -> None:
        self._preflight = None
        if not self._size:
            self.page.hint.setText("")
        if self._task is None:
            self._show_findings(findings)

    def _show_findings(self, findings: list[Finding], can_run: bool = True) -> None:
        self.findings.show_findings(findings)
        self._complete = can_run
        errors = [finding for finding in findings if finding.severity == "error"]
        self.run_button.setEnabled(self._task is None and can_run and not errors and self.engine.error is None)
        self.run_button.setToolTip(said(errors[0]) if errors else "" if can_run else said(findings[0]))

    def _on_progress(self, progress: Progress) -> None:
        self.progress.setValue(round(1000 * progress.fraction))
        self.status.setText(progress_words(progress, self._size.get("area_ha", 0.0)))

    def _on_success(self, result: RunResult) -> None:
        self.unfinished.forget()
        keep_recent(Path(result.run_dir))
        self._learn_pace(result)
        # That folder is taken now, also if the person had named it.
        self.model.output.setFilePath("")
        if self._project_changed:
            self._on_end(result_words(result))
            self._offer_elsewhere(result)
            return
        try:
            add_run(result.run_dir)
        except FarmCDError as error:
            self._on_failure(error)
            return
        self._on_end(result_words(result))
        self.finished.emit(result.run_dir)
        self._offer_review(result)

    def _learn_pace(self, result: RunResult) -> None:
        # What was finished or begun before took less time than it would have.
        if isinstance(self._task, tasks.DetectTask) and not result.findings:
            request = self._task.request
            keep_pace(request.checkpoint, request.device, _megapixels(self._size), result.seconds)

    def _offer_elsewhere(self, result: RunResult) -> None:
        """Offer the layers of a run that was begun in another project, which nobody has asked for in this one."""
        words = tr("A run of the project before is finished: {0}.").format(result_words(result))
        self._offer(words, tr("Show it here"), partial(self.run_wanted.emit, result.run_dir), 0)

    def _offer_review(self, result: RunResult) -> None:
        self._offer(
            found_words(result),
            tr("Review the candidates"),
            partial(self.review_wanted.emit, result.run_dir),
            MESSAGE_S,
        )

    def _offer(self, words: str, button_words: str, does: Callable[[], None], seconds: int) -> None:
        bar = self._iface.messageBar()
        message = QgsMessageBar.createMessage("FarmCD", words)
        button = QPushButton(button_words)
        button.clicked.connect(lambda: does())
        button.clicked.connect(lambda: bar.popWidget(message))
        message.layout().addWidget(button)
        bar.pushWidget(message, Qgis.MessageLevel.Success, seconds)

    def _on_stop(self) -> None:
        folder = self._task.request.out_dir if isinstance(self._task, tasks.DetectTask) else ""
        if not is_resumable(folder):
            self.unfinished.forget()
            self._on_end(tr("Stopped. Nothing was written."))
            return
        # The next press on Run shall go on: the folder must not be proposed anew.
        self.model.keep_output()
        self._on_end(tr("Stopped. What is finished stays in {0}; press Run to go on from there.").format(folder))

    def _on_failure(self, error: FarmCDError) -> None:
        if isinstance(self._task, tasks.DetectTask) and not is_resumable(self._task.request.out_dir):
            self.unfinished.forget()
        self._on_end("")
        if error.code in ENGINE_FAULTS:
            self._on_engine(error)
            return
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


def _megapixels(size: dict[str, Any]) -> float:
    return float(size.get("width", 0) * size.get("height", 0) / 1e6)
