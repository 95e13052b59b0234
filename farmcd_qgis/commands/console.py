"""The terminal: wrong arguments, what a command shows, and the signals that stop it."""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from types import FrameType
from typing import Any, NoReturn

from ..core.errors import Cancelled, FarmCDError
from ..core.feedback import Feedback, Progress
from ..core.protocol import Event, Finding, encode

UNUSABLE = 2
# Seconds between reports of progress, and between lines where they cannot be written over each other.
REFRESH_S = 0.2
LINE_S = 10.0


class Parser(argparse.ArgumentParser):
    """Answers a wrong argument with one sentence instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        self.exit(UNUSABLE, f"{self.prog}: {message}. See {self.prog} --help.\n")


class Console:
    """What the person or the calling program sees: events as JSON on stdout, or text with progress on stderr."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._overwrites = sys.stderr.isatty()
        self._width = 0
        self._stage = ""
        self._shown = 0.0

    def feedback(self, is_cancelled: Callable[[], bool]) -> Feedback:
        """Return the feedback of a job that is shown here."""
        return Feedback(self.progress, is_cancelled, self.finding)

    def progress(self, progress: Progress) -> None:
        """Show how far the job is: one line that is written over on a terminal, else a line now and then."""
        moment = time.monotonic()
        pause = REFRESH_S if self._json or self._overwrites else LINE_S
        if progress.stage == self._stage and moment - self._shown < pause:
            return
        self._stage, self._shown = progress.stage, moment
        line = describe(progress)
        if self._json:
            self._event("progress", asdict(progress))
        elif self._overwrites:
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(line)
        else:
            print(line, file=sys.stderr, flush=True)

    def finding(self, finding: Finding) -> None:
        """Show a finding that does not stop the job."""
        if self._json:
            self._event("warning", {**asdict(finding), "message": finding.message})
        else:
            self._say(f"{finding.severity}: {finding.message}")

    def error(self, error: FarmCDError) -> None:
        """Show why the job ended without a result."""
        if self._json:
            self._event("error", {**error.sentence, "message": error.message})
        self._say(f"farmcd: {error.message}")

    def result(self, result: dict[str, Any], text: str) -> None:
        """Show the result."""
        self._end_line()
        if self._json:
            self._event("result", result)
        else:
            print(text, flush=True)

    def _event(self, kind: str, data: dict[str, Any]) -> None:
        sys.stdout.write(encode(Event(kind, data)))
        sys.stdout.flush()

    def _say(self, text: str) -> None:
        self._end_line()
        print(text, file=sys.stderr, flush=True)

    def _end_line(self) -> None:
        if self._width:
            print(file=sys.stderr)
            self._width = 0


class StopSignals:
    """Turns Ctrl-C and SIGTERM into a question that a job asks itself, so that it stops where it can tidy up.

    A job that has not asked yet, and any job at the second signal, is stopped where it is.
    """

    def __init__(self) -> None:
        self._stopped = False
        self._asked = False
        self._previous: dict[int, Any] = {}

    def asked(self) -> bool:
        """Tell whether the job is to stop."""
        self._asked = True
        return self._stopped

    def __enter__(self) -> "StopSignals":
        # Only the main thread may, and a caller within a program may be another one.
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _stop(self, number: int, _: FrameType | None) -> None:
        if self._stopped or not self._asked:
            raise Cancelled
        self._stopped = True


def describe(progress: Progress) -> str:
    """Say in a line how far a job is."""
    parts = [f"{progress.stage or 'working'} {progress.fraction:4.0%}"]
    if progress.rate is not None:
        parts.append(f"{progress.rate:.3g} megapixels/s")
    if progress.remaining_s is not None:
        minutes, seconds = divmod(round(progress.remaining_s), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    if progress.message:
        parts.append(progress.message)
    return ", ".join(parts)
