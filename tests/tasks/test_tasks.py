"""The tasks in a real event loop, with a worker that does what the test wants."""

import gc
import sys
import threading
from pathlib import Path

import pytest
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt, QThread, QTimer

from farmcd_qgis import tasks
from farmcd_qgis.core.errors import FarmCDError
from farmcd_qgis.core.feedback import Progress
from farmcd_qgis.core.protocol import Finding, RunRequest, RunResult
from farmcd_qgis.runtime import pool as jobs
from farmcd_qgis.tasks import DetectTask, PreflightTask, WorkerTask
from tests.helpers.stand_in import use_stand_in


@pytest.fixture(autouse=True)
def fake_worker(tmp_path, monkeypatch, qgis_app):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("FARMCD_PYTHON", sys.executable)
    use_stand_in(monkeypatch)
    yield
    tasks.end_all()


class Listener:
    """Collects what a task tells, and in which thread."""

    def __init__(self, task: WorkerTask) -> None:
        self.told: list[tuple[str, object]] = []
        self.threads: set[threading.Thread] = set()
        for name in ("progressed", "warned", "succeeded", "failed"):
            getattr(task, name).connect(lambda value, name=name: self._hear(name, value))
        task.stopped.connect(lambda: self._hear("stopped", None))

    def _hear(self, name: str, value: object) -> None:
        self.told.append((name, value))
        self.threads.add(threading.current_thread())

    def ended(self) -> bool:
        """Tell whether the task has said how it ended."""
        return any(name in ("succeeded", "failed", "stopped") for name, _ in self.told)


def request(folder: Path, behaviour: str = "echo") -> RunRequest:
    return RunRequest("before.tif", "after.tif", str(folder), behaviour)


def run(task: WorkerTask, qtbot) -> Listener:
    listener = Listener(task)
    tasks.start(task)
    qtbot.waitUntil(listener.ended)
    return listener


def test_success_tells_progress_then_the_result_in_the_main_thread(qtbot):
    task = WorkerTask("echo", {"a": 1}, "echo")
    listener = run(task, qtbot)
    assert [name for name, _ in listener.told] == ["progressed"] * 3 + ["warned", "succeeded"]
    assert listener.told[1][1] == Progress("predict", 0.5, 1.5, 1.0, "")
    assert listener.told[3][1] == Finding("warning", "same_pair", {"path": "a.tif"})
    assert listener.told[4][1] == {"a": 1}
    assert listener.threads == {threading.main_thread()}
    assert task.result == {"a": 1}
    assert task.error is None


def test_results_of_detect_and_preflight_are_dataclasses(qtbot, monkeypatch, tmp_path):
    values = {
        "detect": {"run_dir": "r", "device": "cpu", "seconds": 1.0, "candidates": 2, "hard_regions": 1, "findings": []},
        "preflight": {"findings": [{"severity": "error", "code": "no_area", "values": {}}]},
    }
    monkeypatch.setattr(jobs, "run_job", lambda command, *rest: values[command])
    assert run(DetectTask(request(tmp_path)), qtbot).told == [("succeeded", RunResult("r", "cpu", 1.0, 2, 1))]
    findings = run(PreflightTask(request(tmp_path)), qtbot).told
    assert findings == [("succeeded", [Finding("error", "no_area")])]


def test_typed_error_and_crash_are_stored_and_told(qtbot, tmp_path):
    task = WorkerTask("fail", {"code": "no_common_ground"}, "fail")
    assert [name for name, _ in run(task, qtbot).told] == ["failed"]
    assert task.error.code == "no_common_ground"
    crash = WorkerTask("die", {"signal": "SIGSEGV"}, "die")
    ((name, error),) = run(crash, qtbot).told
    assert name == "failed"
    assert "segmentation fault" in error.message
    # QGIS lives on, and so does the next job.
    assert run(WorkerTask("echo", {}, "echo"), qtbot).told[-1] == ("succeeded", {})


def test_exception_in_the_run_is_told_as_an_error(qtbot, monkeypatch):
    def broken(*arguments):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(jobs, "run_job", broken)
    ((name, error),) = run(WorkerTask("echo", {}, "echo"), qtbot).told
    assert name == "failed"
    assert isinstance(error, FarmCDError)
    assert "ZeroDivisionError" in error.message


def test_missing_python_is_told(qtbot, monkeypatch):
    monkeypatch.setenv("FARMCD_PYTHON", "/nowhere/python")
    ((name, error),) = run(WorkerTask("echo", {}, "echo"), qtbot).told
    assert (name, error.code) == ("failed", "named_python")


def test_cancel_ends_a_stubborn_worker_and_leaves_nothing(qtbot, tmp_path):
    task = DetectTask(request(tmp_path / "run", "stubborn"))
    listener = Listener(task)
    tasks.start(task)
    qtbot.waitUntil(lambda: bool(listener.told))
    assert (tmp_path / "run" / "confidence.tif").exists()
    task.cancel()
    qtbot.waitUntil(listener.ended)
    assert listener.told[-1] == ("stopped", None)
    assert not (tmp_path / "run").exists()


def test_crash_leaves_nothing(qtbot, tmp_path, monkeypatch):
    task = DetectTask(request(tmp_path / "run", "stubborn"))
    listener = Listener(task)
    tasks.start(task)
    qtbot.waitUntil(lambda: bool(listener.told))
    (worker,) = jobs._busy
    worker._process.kill()
    qtbot.waitUntil(listener.ended)
    assert listener.told[-1][0] == "failed"
    assert "SIGKILL" in task.error.message
    assert not (tmp_path / "run").exists()


def test_queued_task_that_is_cancelled_says_stopped(qtbot, monkeypatch):
    blocker = threading.Event()
    monkeypatch.setattr(jobs, "run_job", lambda *arguments: blocker.wait(60) and {})
    crowd = [tasks.start(WorkerTask("echo", {}, "fills the pool")) for _ in range(64)]
    last = WorkerTask("echo", {}, "waits")
    listener = Listener(last)
    tasks.start(last)
    last.cancel()
    blocker.set()
    qtbot.waitUntil(listener.ended)
    assert listener.told == [("stopped", None)]
    qtbot.waitUntil(lambda: not tasks._running)
    assert len(crowd) == 64


def test_task_runs_without_a_reference_of_the_caller(qtbot):
    heard = []

    def go() -> None:
        task = WorkerTask("echo", {"kept": True}, "echo")
        task.succeeded.connect(heard.append)
        tasks.start(task)

    go()
    gc.collect()
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [{"kept": True}]
    qtbot.waitUntil(lambda: not tasks._running)


def test_worker_stays_warm_and_two_jobs_take_two_workers(qtbot, tmp_path):
    first = run(WorkerTask("echo", {}, "echo"), qtbot)
    assert first.told[-1][0] == "succeeded"
    (warm,) = jobs._idle
    run(WorkerTask("echo", {}, "echo"), qtbot)
    assert jobs._idle == [warm]
    busy = DetectTask(request(tmp_path / "run", "stubborn"))
    listener = Listener(busy)
    tasks.start(busy)
    qtbot.waitUntil(lambda: bool(listener.told))
    assert jobs._busy == {warm}
    assert run(WorkerTask("echo", {"b": 2}, "echo"), qtbot).told[-1] == ("succeeded", {"b": 2})


def test_idle_worker_is_ended_after_a_while_but_not_while_it_is_needed(qtbot, monkeypatch):
    monkeypatch.setattr(jobs, "IDLE_S", 3600.0)
    run(WorkerTask("echo", {}, "echo"), qtbot)
    (warm,) = jobs._idle
    overdue = jobs._timers[warm]
    run(WorkerTask("echo", {}, "echo"), qtbot)
    overdue.function()
    assert jobs._idle == [warm], "it was needed meanwhile"
    monkeypatch.setattr(jobs, "IDLE_S", 0.01)
    run(WorkerTask("echo", {}, "echo"), qtbot)
    qtbot.waitUntil(lambda: not jobs._idle)
    qtbot.waitUntil(lambda: not warm.alive)
    assert run(WorkerTask("echo", {"b": 2}, "echo"), qtbot).told[-1] == ("succeeded", {"b": 2})


def test_end_all_ends_tasks_and_workers_in_bounded_time(qtbot, tmp_path):
    run(WorkerTask("echo", {}, "echo"), qtbot)
    task = DetectTask(request(tmp_path / "run", "stubborn"))
    listener = Listener(task)
    tasks.start(task)
    qtbot.waitUntil(lambda: bool(listener.told))
    (worker,) = jobs._busy
    tasks.end_all(3.0)
    assert worker._process.poll() is not None
    assert not jobs._idle
    assert not jobs._busy
    assert not (tmp_path / "run").exists()
    qtbot.waitUntil(listener.ended)
    assert listener.told[-1] == ("stopped", None)


def test_event_loop_goes_on_while_a_job_runs(qtbot):
    ticks: list[None] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(None))
    timer.start(10)
    run(WorkerTask("echo", {"pause_s": 1.0}, "echo"), qtbot)
    timer.stop()
    # How long a stall is, is measured in the desktop test: a crowded machine makes some of its own.
    assert len(ticks) > 20


def test_tasks_are_in_the_task_manager(qtbot, tmp_path):
    task = tasks.start(DetectTask(request(tmp_path / "run", "stubborn"), "FarmCD: test"))
    assert task in QgsApplication.taskManager().tasks()
    assert task.canCancel()


def test_no_thread_of_a_task_outlives_the_plugin(qtbot):
    threads: list[QThread] = []
    ended: list[bool] = []

    def work() -> None:
        threads.append(QThread.currentThread())
        threads[0].finished.connect(lambda: ended.append(True), Qt.ConnectionType.DirectConnection)

    task = tasks.start(tasks.CallTask(work, "say in which thread"))
    listener = Listener(task)
    qtbot.waitUntil(listener.ended)
    assert not ended
    tasks.end_all()
    assert ended
