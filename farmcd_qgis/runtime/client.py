"""Talking to the worker process: start it, give it a job, hear of its progress, stop it. Knows no QGIS."""

import os
import queue
import subprocess  # nosec B404 # starts the worker from a list of arguments, without a shell
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ..core.errors import Cancelled, FarmCDError, error_from_dict
from ..core.feedback import SILENT, Feedback
from ..core.jobs import Process
from ..core.messages import part
from ..core.paths import logs
from ..core.protocol import PROTOCOL_VERSION, Command, Event, decode_event, encode, finding_from_dict
from .child import kill, kill_group, process_options
from .faults import why_it_ended

SILENCE_S = 60.0
# A worker that was asked to stop has this long to do so by itself; with what follows it stays below a second.
CANCEL_GRACE_S = 0.5
POLL_S = 0.05
# After such a gap between two looks the computer itself slept, and the worker with it.
ASLEEP_S = 5.0
LONGEST_LINE = 1 << 22
KEPT_LOGS = 20
COMMANDS = f"{__name__.split('.')[0]}.commands"
MODULES: dict[Process, str] = {"engine": "engine_worker", "networks": "network_worker", "report": "report_worker"}


def worker_argv(interpreter: Path, process: Process) -> list[str]:
    """Return the command line of a worker under `interpreter`."""
    return [str(interpreter), "-m", f"{COMMANDS}.{MODULES[process]}"]


class WorkerClient:
    """One worker process, warm between jobs. `run` blocks, so it belongs into a background thread.

    `end` may be called from any thread at any time. What the worker and its libraries print goes to the
    file `log`, as do lines that are no events. `variables` are added to the process's environment, `inherited` are
    descriptors that it gets, `folder` is where it works if not in a harmless one; it has `grace_s` to stop by itself
    when asked to.
    """

    def __init__(
        self,
        argv: Sequence[str],
        silence_s: float = SILENCE_S,
        variables: Mapping[str, str] | None = None,
        inherited: Sequence[int] = (),
        grace_s: float = CANCEL_GRACE_S,
        folder: Path | None = None,
    ) -> None:
        self.argv = list(argv)
        self._variables = variables
        self._inherited = tuple(inherited)
        self._folder = folder
        self._grace_s = grace_s
        self.log = _new_log()
        self.ready: dict[str, Any] = {}
        self._silence_s = silence_s
        self._ended = False
        self._closing = False
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._heard = self._checked = time.monotonic()
        self._log_file: BinaryIO = self.log.open("ab", buffering=0)
        self._process = self._start()
        threading.Thread(target=self._read, name="FarmCD worker events", daemon=True).start()

    def _start(self) -> subprocess.Popen[bytes]:
        options = process_options(Path(self.argv[0]), self._variables)
        if self._folder is not None:
            options["cwd"] = self._folder
        try:
            return subprocess.Popen(  # nosec B603 # a list, no shell; the interpreter passed the probe
                self.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log_file,
                pass_fds=self._inherited,
                **options,
            )
        except OSError as error:
            self._log_file.close()
            raise FarmCDError("worker_start", python=self.argv[0], reason=error.strerror) from error

    @property
    def alive(self) -> bool:
        """Tell whether the process still runs."""
        return not self._ended and self._process.poll() is None

    def run(self, command: Command, feedback: Feedback = SILENT) -> dict[str, Any]:
        """Run one job to its end and return the result's data; progress and warnings go to `feedback`.

        Raises Cancelled, the worker's own FarmCDError, or one with a code worker_* if the process failed;
        after anything but the worker's own error and a clean stop the process is gone.
        """
        try:
            return self._run(command, feedback)
        except FarmCDError:
            raise
        except BaseException:
            # The job still runs in there and nobody waits for it any more.
            self.end()
            raise

    def _run(self, command: Command, feedback: Feedback) -> dict[str, Any]:
        self._heard = self._checked = time.monotonic()
        self._send(command)
        give_up: float | None = None
        while True:
            if give_up is None and feedback.is_cancelled():
                self._send(Command("cancel"))
                give_up = time.monotonic() + self._grace_s
            try:
                event = self._events.get(timeout=POLL_S)
            except queue.Empty:
                self._check_patience(give_up)
                self._check_process()
                continue
            if event is None:
                raise Cancelled() if give_up or self._ended else self._crashed()
            if event.kind == "result":
                return event.data
            if event.kind == "error":
                raise self._own_error(event)
            if event.kind == "ready":
                self._welcome(event)
            elif event.kind == "progress":
                feedback.progress(**event.data)
            elif event.kind == "warning":
                feedback.finding(finding_from_dict(event.data))

    def end(self) -> None:
        """End the process and all that it started, at once."""
        self._ended = True
        kill(self._process)

    def _check_patience(self, give_up: float | None) -> None:
        now = time.monotonic()
        if now - self._checked > ASLEEP_S:
            self._heard = now
        self._checked = now
        if give_up is not None and now > give_up:
            self.end()
            raise Cancelled()
        if now - self._heard > self._silence_s:
            self.end()
            raise FarmCDError("worker_hangs", seconds=self._silence_s, log=self.log)

    def _check_process(self) -> None:
        # Children of a worker that died may hold its output open, so its end alone tells too little.
        if self._process.poll() is not None and not self._closing:
            self._closing = True
            kill_group(self._process)

    def _own_error(self, event: Event) -> FarmCDError:
        fault = error_from_dict(event.data)
        return FarmCDError("fault_in_worker", fault=fault, log=self.log) if fault.code == "internal" else fault

    def _crashed(self) -> FarmCDError:
        try:
            status = self._process.wait(timeout=1.0)
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
            fault = why_it_ended(status, tail, self.log)
        except subprocess.TimeoutExpired:
            self.end()
            fault = FarmCDError("worker_ended", reason=part("closed_its_line"), log=self.log)
        if self.ready:
            return fault
        return FarmCDError("worker_not_ready", reason=fault.values["reason"], log=self.log)

    def _welcome(self, event: Event) -> None:
        self.ready = event.data
        spoken = event.data.get("protocol")
        if spoken != PROTOCOL_VERSION:
            self.end()
            raise FarmCDError("worker_version", spoken=spoken, version=PROTOCOL_VERSION, python=self.argv[0])

    def _send(self, command: Command) -> None:
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(encode(command).encode("utf-8", "surrogateescape"))
                stdin.flush()
        except OSError:
            # The process is gone: the reader sees the end of its output and run() says why.
            return

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            return
        with stdout:
            while line := stdout.readline(LONGEST_LINE):
                self._heard = time.monotonic()
                try:
                    event = _event(line)
                except ValueError:
                    self._log_file.write(b"not an event: " + line.rstrip()[:500] + b"\n")
                    continue
                if event.kind != "heartbeat":
                    self._events.put(event)
        self._events.put(None)
        self._log_file.close()


def _event(line: bytes) -> Event:
    event = decode_event(line.decode("utf-8", "surrogateescape"))
    if not isinstance(event.kind, str) or not isinstance(event.data, dict):
        raise ValueError("a line of JSON that is no event")
    return event


def _new_log() -> Path:
    folder = logs()
    for old in sorted(folder.glob("worker-*.log"))[:-KEPT_LOGS]:
        old.unlink(missing_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return folder / f"worker-{stamp}-{os.getpid()}-{time.monotonic_ns() % 10**9:09d}.log"
