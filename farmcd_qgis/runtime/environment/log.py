"""The log of installations, and what no text that leaves the machine may hold."""

import getpass
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

LARGEST = 500_000
CREDENTIALS = re.compile(r"(?<=://)[^/\s]+@")


def append(path: Path, line: str) -> None:
    """Add a line with its time; an old log that has become long makes way."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.stat().st_size > LARGEST:
            path.replace(path.with_suffix(".old.log"))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            for row in without_credentials(line).splitlines():
                file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {row}\n")


def tail(path: Path, lines: int = 60) -> list[str]:
    """Return the last lines of the log."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def without_credentials(text: str) -> str:
    """Take user names and passwords out of addresses."""
    return CREDENTIALS.sub("", text)


def without_person(text: str) -> str:
    """Take the person's name and home folder out of a text, and credentials."""
    masked = without_credentials(text)
    with suppress(RuntimeError, OSError):
        masked = masked.replace(str(Path.home()), "~")
    with suppress(OSError, KeyError, ImportError):
        name = getpass.getuser()
        masked = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "USER", masked) if len(name) > 1 else masked
    return masked
