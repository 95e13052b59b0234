"""Running a job in a worker process: the one way for tasks and Processing algorithms alike.

Workers stay warm: a job takes an idle one if there is one and starts another otherwise, so that a preflight
never waits for a detection.
"""

import threading
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ..core.feedback import Feedback
from ..core.jobs import JOBS, folder_of
from ..core.protocol import Command, RunRequest
from ..settings import settings
from . import pythons
from .client import WorkerClient, worker_argv
from .environment.manager import Manager
from .leftovers import Leftovers

# How long an idle worker is kept warm before its memory goes back.
IDLE_S = 600.0

_lock = threading.Lock()
_idle: list[WorkerClient] = []
_busy: set[WorkerClient] = set()
_timers: dict[WorkerClient, threading.Timer] = {}


def detect_arguments(request: RunRequest) -> dict[str, Any]:
    """Return the arguments of the jobs `detect` and `preflight` for a request."""
    return {"request": asdict(request)}


def run_job(command: str, arguments: dict[str, Any], feedback: Feedback) -> dict[str, Any]:
    """Run `command` in a worker and return its result's data; blocks, so it belongs into a background thread.

    Raises FarmCDError (Cancelled if `feedback` said so). However the job fails, no half-made file of it stays.
    """
    feedback.check()
    folder = folder_of(command, arguments)
    leftovers = Leftovers(folder) if folder else None
    if JOBS[command].uses_networks:
        arguments = {**arguments, "networks_python": str(_networks_python(feedback))}
    worker = _borrow(command, feedback)
    try:
        result = worker.run(Command(command, arguments), feedback)
    except BaseException:
        if leftovers:
            leftovers.remove()
        raise
    finally:
        _give_back(worker)
    if "networks_python" in arguments:
        # The environment before this one has served its time; removing it takes seconds.
        served = partial(Manager().served, Path(arguments["networks_python"]))
        threading.Thread(target=served, daemon=True).start()
    return result


def end_all() -> None:
    """End every worker, idle or busy; a job that runs in one ends as cancelled."""
    with _lock:
        workers = [*_idle, *_busy]
        _idle.clear()
        for timer in _timers.values():
            timer.cancel()
        _timers.clear()
    for worker in workers:
        worker.end()


def _networks_python(feedback: Feedback) -> Path:
    return pythons.find(settings().python.value(), feedback).path


def _borrow(command: str, feedback: Feedback) -> WorkerClient:
    process = JOBS[command].process
    if process == "networks":
        argv, variables = worker_argv(_networks_python(feedback), process), {}
    else:
        argv, variables = worker_argv(pythons.of_qgis(), process), pythons.qgis_variables()
    with _lock:
        same_kind = [idle for idle in _idle if idle.argv[1:] == argv[1:]]
        worker = next((idle for idle in same_kind if idle.alive and idle.argv == argv), None)
        for idle in same_kind:
            _idle.remove(idle)
            _cancel_retirement(idle)
    for other in same_kind:
        if other is not worker:
            other.end()
    worker = worker or WorkerClient(argv, variables=variables)
    with _lock:
        _busy.add(worker)
    return worker


def _give_back(worker: WorkerClient) -> None:
    with _lock:
        _busy.discard(worker)
        keep = worker.alive and all(idle.argv[1:] != worker.argv[1:] for idle in _idle)
        if keep:
            _idle.append(worker)
            _retire_later(worker)
    if not keep:
        worker.end()


def _cancel_retirement(worker: WorkerClient) -> None:
    if timer := _timers.pop(worker, None):
        timer.cancel()


def _retire_later(worker: WorkerClient) -> None:
    """End a worker that nobody needed for a while, since it holds the network's memory."""

    def retire() -> None:
        with _lock:
            overdue = worker in _idle and _timers.get(worker) is timer
            if overdue:
                _idle.remove(worker)
            if _timers.get(worker) is timer:
                del _timers[worker]
        if overdue:
            worker.end()

    timer = threading.Timer(IDLE_S, retire)
    timer.daemon = True
    _timers[worker] = timer
    timer.start()
