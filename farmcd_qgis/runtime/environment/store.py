"""Where the environments lie, which one is chosen, and the files that say so.

env/tools/uv-VERSION   the tool that unpacks wheels
env/wheels/SHA256/     a fetched wheel under its own name, or a part of it
env/e/NAME/            an environment: its hash, and a number where it was made again
env/current.json       the chosen one; replaced at once, never changed
env/lock               held by whoever changes something
env/install.log        what happened, without credentials
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ...core.paths import data_home

READY = "ready"
DOOMED = ".gone-"


@dataclass(frozen=True)
class Chosen:
    """Which environment serves, and the one before, which serves again where this one cannot.

    `lock` is the id of the lock, `digest` that lock's hash, `base` the Python that it was made from.
    """

    name: str
    lock: str
    digest: str
    base: str
    previous: str = ""
    served: bool = False


class Store:
    """The folder of the managed environments."""

    def __init__(self, home: Path | None = None, wheels: Path | None = None) -> None:
        self.home = home or data_home() / "env"
        self.tools = self.home / "tools"
        # Several stores may share the fetched files: each is checked before it is used.
        self.wheels = wheels or self.home / "wheels"
        self.environments = self.home / "e"
        self.log = self.home / "install.log"
        self._current = self.home / "current.json"

    def chosen(self) -> Chosen | None:
        """Read which environment is chosen, None for none."""
        told = _read_json(self._current) or {}
        # A younger FarmCD may say more.
        known = {each.name: told[each.name] for each in fields(Chosen) if each.name in told}
        whole = all(isinstance(known.get(name), str) for name in ("name", "lock", "digest", "base"))
        return Chosen(**known) if whole and known["name"] else None

    def choose(self, chosen: Chosen | None) -> None:
        """Choose an environment, or none."""
        if chosen is None:
            self._current.unlink(missing_ok=True)
        else:
            write_json(self._current, asdict(chosen))

    def folder(self, name: str) -> Path:
        """Return the folder of an environment."""
        return self.environments / name

    def python(self, name: str) -> Path:
        """Return the Python of an environment."""
        return python_in(self.folder(name))

    def ready(self, name: str) -> dict[str, Any] | None:
        """Read what was noted when an environment had passed every check; None for one that has not."""
        return _read_json(self.folder(name) / READY)

    def new_name(self, digest: str, base: Path) -> str:
        """Name a new environment: the hash of its lock and its Python, and a number if that folder is taken."""
        short = hashlib.sha256(f"{digest}\n{base}".encode()).hexdigest()[:8]
        number = 1
        while self.folder(name := short if number == 1 else f"{short}-{number}").exists():
            number += 1
        return name

    def sweep(self, *keep: str) -> None:
        """Remove every environment but those named; call it with the lock held."""
        for folder in self._folders():
            if folder.name not in keep:
                self.discard(folder)

    def discard(self, folder: Path) -> None:
        """Remove a folder; one that is held open, as Windows does, is renamed and swept another time."""
        # "ready" goes first: a half removed environment is none.
        with contextlib.suppress(OSError):
            (folder / READY).unlink(missing_ok=True)
        doomed = folder.with_name(f"{DOOMED}{uuid.uuid4().hex[:8]}")
        with contextlib.suppress(OSError):
            folder.rename(doomed)
            folder = doomed
        shutil.rmtree(folder, ignore_errors=True)

    def discard_later(self, folder: Path) -> None:
        """Put a folder aside at once, and remove it in the background; what is left is swept another time."""
        doomed = folder.with_name(f"{DOOMED}{uuid.uuid4().hex[:8]}")
        with contextlib.suppress(OSError):
            folder.rename(doomed)
            folder = doomed
        threading.Thread(target=shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, daemon=True).start()

    def size(self, name: str) -> int:
        """Add up the bytes of an environment."""
        return folder_size(self.folder(name))

    def note(self, line: str) -> None:
        """Write a line into the log."""
        from .log import append

        append(self.log, line)

    def _folders(self) -> Iterator[Path]:
        if self.environments.is_dir():
            yield from self.environments.iterdir()


def python_in(folder: Path) -> Path:
    """Return where the Python of a virtual environment lies."""
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def home_in(folder: Path) -> Path | None:
    """Read which folder a virtual environment's Python comes from; None for no virtual environment."""
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    entries = dict(line.split("=", 1) for line in lines if "=" in line)
    return next((Path(value.strip()) for name, value in entries.items() if name.strip() == "home"), None)


def folder_size(folder: Path) -> int:
    """Add up the bytes of the files in a folder."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 # a hundred thousand files
    return total


def write_json(path: Path, told: Any) -> None:
    """Write a file such that a reader, and a crash, find the old one whole or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(told, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None
