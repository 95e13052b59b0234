"""QgsTask wrappers around jobs of the worker.

task = start(DetectTask(request))
task.succeeded.connect(self._show)
"""

import time
from typing import TypeVar

from qgis.core import QgsApplication

from ..runtime import pool as jobs
from .call_task import CallTask, FeedbackTask
from .detect_task import DetectTask, PreflightTask
from .worker_task import WorkerTask

__all__ = ["CallTask", "DetectTask", "FeedbackTask", "PreflightTask", "WorkerTask", "asking", "end_all", "start"]

Task = TypeVar("Task", bound=WorkerTask)

# QGIS holds no Python reference: without this a task would be collected and silently never run.
_running: list[WorkerTask] = []


def start(task: Task) -> Task:
    """Hand the task to QGIS's task manager and keep it until it has finished; returns it."""

    def forget() -> None:
        if task in _running:
            _running.remove(task)

    _running.append(task)
    task.taskCompleted.connect(forget)
    task.taskTerminated.connect(forget)
    QgsApplication.taskManager().addTask(task)
    return task


def asking() -> list[WorkerTask]:
    """List the tasks that are under way and that QGIS asks about before it closes."""
    return [task for task in _running if task.asks]


def end_all(timeout_s: float = 3.0) -> None:
    """Cancel every task and end every worker, for `unload()`; waits at most `timeout_s` for the tasks to end."""
    tasks = list(_running)
    for task in tasks:
        task.cancel()
    jobs.end_all()
    give_up = time.monotonic() + timeout_s
    for task in tasks:
        task.wait(max(0.0, give_up - time.monotonic()))
    # A worker that a task was only just starting has become an idle one.
    jobs.end_all()
    # QGIS takes down what holds its authentication database before the idle threads that have asked it something, and
    # crashes when such a thread ends then. Ended now, they find it.
    QgsApplication.taskManager().threadPool().waitForDone(max(0, round(1000 * (give_up - time.monotonic()))))
