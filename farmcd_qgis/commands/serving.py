"""A process that does jobs for QGIS: commands come in as JSON lines, events go out as JSON lines.

One job at a time; the process stays warm between jobs. Jobs run in the main thread; one thread listens for commands,
another sends a heartbeat and watches the parent. The process ends when it is told to, when its standard input closes,
or when its parent is gone. Neither qgis nor torch is known here: each kind of worker brings its jobs along.
"""

import faulthandler
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import IO, Any

from ..core.errors import Cancelled, FarmCDError, InputError
from ..core.feedback import Feedback, Progress
from ..core.jobs import JOBS, Process, call
from ..core.protocol import PROTOCOL_VERSION, Command, Event, Finding, decode_command, encode, finding_from_record

HEARTBEAT_S = 1.0
PROGRESS_S = 0.2
GRACE_S = 5.0
NICE = 5

# Called with a feedback, and the command's arguments by name.
Served = Callable[..., dict[str, Any]]

logger = logging.getLogger(__name__)


class Channel:
    """The line to QGIS; any thread may send. `closed` is called once nobody listens any more."""

    def __init__(self, stream: IO[str], closed: Callable[[], None]) -> None:
        self._stream = stream
        self._closed = closed
        self._lock = threading.Lock()
        self._last_progress = ("", 0.0)

    def send(self, kind: str, data: dict[str, Any] | None = None) -> None:
        """Write one event."""
        line = encode(Event(kind, data or {}))
        try:
            with self._lock:
                self._stream.write(line)
                self._stream.flush()
        except OSError:
            self._closed()

    def progress(self, progress: Progress) -> None:
        """Send how far the job is, at most five times a second except where a stage begins or ends."""
        stage, sent = self._last_progress
        now = time.monotonic()
        if progress.stage == stage and now - sent < PROGRESS_S and progress.fraction < 1.0:
            return
        self._last_progress = (progress.stage, now)
        self.send("progress", asdict(progress))

    def finding(self, finding: Finding) -> None:
        """Send what the person should know."""
        self.send("warning", asdict(finding))


class WarningsToChannel(logging.Handler):
    """Carries the engine's logged warnings to the person, as findings."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(logging.WARNING)
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record's message as a warning event."""
        self._channel.finding(finding_from_record(record))


class Worker:
    """One of `jobs` after the other as `commands` says, events to `events`; `versions` is what it says of itself."""

    def __init__(
        self, commands: IO[str], events: IO[str], jobs: Mapping[str, Served], versions: Mapping[str, str | None]
    ) -> None:
        self.channel = Channel(events, closed=self.leave)
        self._commands = commands
        self._known = jobs
        self._versions = dict(versions)
        self._jobs: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._leaving = threading.Event()
        self._parent = os.getppid()
        self._feedback = Feedback(self.channel.progress, self._cancelled.is_set, self.channel.finding)

    def leave(self) -> None:
        """End after the present job, which is asked to stop; end anyway if it does not stop soon."""
        if self._leaving.is_set():
            return
        self._leaving.set()
        self._cancelled.set()
        self._jobs.put(None)
        # A daemon, so that a worker that ends by itself doesn't wait for it.
        overdue = threading.Timer(GRACE_S, os._exit, args=(Cancelled.exit_status,))
        overdue.daemon = True
        overdue.start()

    def serve(self) -> None:
        """Run jobs until told to leave."""
        for loop in (self._listen, self._beat):
            threading.Thread(target=loop, daemon=True).start()
        self.channel.send("ready", {"protocol": PROTOCOL_VERSION, "pid": os.getpid(), "versions": self._versions})
        while (command := self._jobs.get()) is not None:
            self._run(command)

    def _listen(self) -> None:
        for line in self._commands:
            try:
                command = decode_command(line)
            except ValueError as error:
                logger.error("%s", error)
                continue
            if command.name == "quit":
                break
            if command.name == "cancel":
                self._cancelled.set()
            else:
                # Cleared here and not when the job begins: a cancel that follows at once must count.
                self._cancelled.clear()
                self._jobs.put(command)
        self.leave()

    def _beat(self) -> None:
        while not self._leaving.wait(HEARTBEAT_S):
            self.channel.send("heartbeat")
            if os.getppid() != self._parent:
                self.leave()

    def _run(self, command: Command) -> None:
        try:
            self.channel.send("result", self._call(command))
        except FarmCDError as error:
            self.channel.send("error", error.sentence | {"exit_status": error.exit_status})
        except Exception as error:
            logger.exception("the job %r failed", command.name)
            fault = explain(error)
            self.channel.send("error", fault.sentence)
            if fault.code == "gpu_fault":
                # After such a fault every later call to the card fails too: only a new process helps.
                self.leave()

    def _call(self, command: Command) -> dict[str, Any]:
        job = self._known.get(command.name)
        if job is None:
            raise InputError("unknown_command", job=command.name, known=list(self._known))
        return job(self._feedback, **command.arguments)


def jobs_of(process: Process) -> dict[str, Served]:
    """Return the jobs of the table that belong to a process."""

    def served(name: str) -> Served:
        return lambda feedback, **arguments: call(name, arguments, feedback)

    return {name: served(name) for name, job in JOBS.items() if job.process == process}


def explain(error: Exception) -> FarmCDError:
    """Make a fault with a sentence of an exception that no part of the engine foresaw."""
    text = str(error).strip().splitlines()
    first = text[0] if text else type(error).__name__
    if type(error).__name__ == "OutOfMemoryError":
        return FarmCDError("gpu_memory", reason=first)
    if isinstance(error, MemoryError):
        return FarmCDError("memory")
    if any(mark in str(error) for mark in ("CUDA error", "HIP error", "cuDNN error", "CUBLAS_STATUS")):
        return FarmCDError("gpu_fault", reason=first)
    if isinstance(error, ImportError):
        return FarmCDError("missing_module", python=sys.executable, reason=first)
    return FarmCDError("internal", kind=type(error).__name__, reason=first)


def _claim(descriptor: int, mode: str) -> IO[str]:
    # Libraries keep printing to descriptor 1 and child processes keep reading 0; neither may touch the protocol.
    own = os.dup(descriptor)
    if mode == "w":
        os.dup2(sys.stderr.fileno(), descriptor)
    else:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)
    # Names of files may hold bytes that are no UTF-8: they must come out as they went in.
    return os.fdopen(own, mode, encoding="utf-8", errors="surrogateescape", newline="\n")


def serve(jobs: Mapping[str, Served], versions: Mapping[str, str | None], log: str) -> None:
    """Serve the process that started this one until it leaves; warnings of the logger `log` go to the person."""
    faulthandler.enable()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if hasattr(os, "nice"):
        # QGIS must stay responsive while every core works; one that a worker started is so already.
        os.nice(max(0, NICE - os.nice(0)))
    worker = Worker(_claim(0, "r"), _claim(1, "w"), jobs, versions)
    logging.getLogger(log).addHandler(WarningsToChannel(worker.channel))
    worker.serve()
