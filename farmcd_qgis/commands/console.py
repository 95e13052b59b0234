"""The terminal: wrong arguments, what a command shows, and the signals that stop it."""

import argparse
import io
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import pairwise
from types import FrameType
from typing import Any, NoReturn, TextIO

from ..core.errors import Cancelled, FarmCDError
from ..core.feedback import Feedback, Progress
from ..core.messages import LANGUAGES, catalogue, fill, part, spoken
from ..core.protocol import Event, Finding, encode, finding_from_record

UNUSABLE, UNTOLD = 2, 4
# Seconds between reports of progress, and between lines where they cannot be written over each other.
REFRESH_S = 0.2
LINE_S = 10.0


class Parser(argparse.ArgumentParser):
    """Answers a wrong argument with one sentence, in the language of the terminal, instead of the whole usage."""

    _language = "en"

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read arguments as argparse does."""
        given = list(sys.argv[1:] if args is None else args)
        self._speak(asked_language(given))
        return super().parse_args(given, namespace)

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        said = part("wrong_argument", command=self.prog, fault=message)
        self.exit(UNUSABLE, f"{spoken(said, self._language)}\n")

    def _speak(self, language: str) -> None:
        """Let argparse speak a language; it asks gettext by these names, which know no language of our own."""
        Parser._language = language
        words = {row["en"]: row["zh"] for row in catalogue("arguments").values()} if language == "zh" else {}
        argparse._ = lambda text: words.get(text, text)  # type: ignore[attr-defined]
        argparse.ngettext = lambda one, many, count: words.get(one, one if count == 1 else many)  # type: ignore[attr-defined]

    def _print_message(self, message: str, file: Any = None) -> None:
        _write(file or sys.stderr, message)


class Console:
    """What the person or the calling program sees: events as JSON on stdout, or text with progress on stderr.

    Events carry codes, values and the English sentence, whatever the language of the texts.
    """

    def __init__(self, as_json: bool, language: str = "en") -> None:
        self._json = as_json
        self._language = language
        self._overwrites = bool(sys.stderr and sys.stderr.isatty())
        self._width = 0
        self._stage = ""
        self._shown = 0.0
        # Whether something of the result, or of the events, did not reach standard output.
        self.untold = False

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
        line = describe(progress, self._language)
        if self._json:
            self._event("progress", asdict(progress))
        elif self._overwrites:
            _write(sys.stderr, f"\r{line:<{self._width}}")
            self._width = len(line)
        else:
            _write(sys.stderr, f"{line}\n")

    def finding(self, finding: Finding) -> None:
        """Show a finding that does not stop the job."""
        if self._json:
            self._event("warning", {**asdict(finding), "message": finding.message})
        else:
            line = part("finding_line", severity=finding.severity, finding=finding)
            self._say(spoken(line, self._language))

    def error(self, error: FarmCDError) -> None:
        """Show why the job ended without a result."""
        if self._json:
            self._event("error", {**error.sentence, "message": error.message})
        self._say(f"farmcd: {error.text(self._language)}")

    def result(self, result: dict[str, Any], lines: list[Any]) -> None:
        """Show the result; `lines` are texts and sentences that a person reads of it."""
        self._end_line()
        if self._json:
            self._event("result", result)
        else:
            self._tell("\n".join(map(str, spoken(lines, self._language))) + "\n")

    def status(self, status: int) -> int:
        """Return the exit status of a job that ended with `status`: another one where it is done but was not told."""
        return UNTOLD if status == 0 and self.untold else status

    def _event(self, kind: str, data: dict[str, Any]) -> None:
        self._tell(encode(Event(kind, data)))

    def _tell(self, text: str) -> None:
        if not _write(sys.stdout, text):
            self.untold = True

    def _say(self, text: str) -> None:
        self._end_line()
        _write(sys.stderr, f"{text}\n")

    def _end_line(self) -> None:
        if self._width:
            _write(sys.stderr, "\n")
            self._width = 0


def guard_streams() -> None:
    """Make standard streams that are closed, or cannot spell what is said, such that a job is not harmed by them.

    A closed one is taken up by the null device: the next file that is opened would get its number else, and with it
    what libraries say on standard error.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # Only to be read from: who writes is told that it is lost.
            null = os.open(os.devnull, os.O_RDONLY)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _write(stream: TextIO | None, text: str) -> bool:
    """Write to a standard stream and say whether that went; what cannot be written is lost, and the job goes on."""
    if stream is None:
        return False
    try:
        stream.write(text)
        stream.flush()
    except UnicodeEncodeError:
        return _write(stream, ascii(text)[1:-1].replace("\\n", "\n"))
    except (OSError, ValueError):
        # What is kept of it would be written again at the end of the process, and fail there.
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
        return False
    return True


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


class WarningsToConsole(logging.Handler):
    """Shows logged warnings as the findings that they are; what libraries log goes to standard error as it is."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        if hasattr(record, "sentence"):
            self._console.finding(finding_from_record(record))
        else:
            print(f"{record.levelname}: {record.getMessage()}", file=sys.stderr, flush=True)


def terminal_language() -> str:
    """Return the language of the terminal: "zh" where the environment says so, else "en"."""
    said = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if said.lower().startswith("zh") else "en"


def asked_language(given: Sequence[str]) -> str:
    """Return the language that arguments ask for, before they are read, else that of the terminal."""
    asked = [value for name, value in pairwise(given) if name == "--language"]
    asked += [word.removeprefix("--language=") for word in given if word.startswith("--language=")]
    return asked[-1] if asked and asked[-1] in LANGUAGES else terminal_language()


def describe(progress: Progress, language: str = "en") -> str:
    """Say in a line how far a job is."""
    parts: list[Any] = [f"{progress.doing(language)} {progress.fraction:4.0%}"]
    if progress.rate is not None:
        parts.append(part("megapixels", rate=progress.rate))
    if progress.remaining_s is not None:
        minutes, seconds = divmod(round(progress.remaining_s), 60)
        parts.append(part("time_left", minutes=minutes, seconds=seconds))
    if progress.message:
        parts.append(progress.message)
    return str(fill({"en": "{parts}", "zh": "{parts}"}, {"parts": parts}, language))
