"""What this machine is: the graphics card, and the Pythons that an environment can be made from."""

import functools
import json
import os
import re
import shutil
import subprocess  # nosec B404 # asks nvidia-smi and candidates for a base Python, without a shell
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import FarmCDError
from ..child import process_options
from .locks import CPU, CUDA, has_lock

# The locks' CUDA builds are of CUDA 13.0, which begins with this driver and this compute capability.
OLDEST_DRIVER = 580
OLDEST_CAPABILITY = 7.5
ASK_LIMIT_S = 20.0
FLATPAK = Path("/.flatpak-info")
ASKED = (
    "import json, sys; "
    "print(json.dumps([sys.version_info[0], sys.version_info[1], sys.version.split()[0], "
    "getattr(sys, '_base_executable', sys.executable), sys.maxsize > 2**32, sys.implementation.name]))"
)


@dataclass(frozen=True)
class Graphics:
    """An NVIDIA card, as its driver tells."""

    name: str
    driver: str
    capability: float

    @property
    def serves(self) -> bool:
        """Tell whether the CUDA builds of the locks run on it."""
        return int(self.driver.partition(".")[0] or 0) >= OLDEST_DRIVER and self.capability >= OLDEST_CAPABILITY


@functools.cache
def graphics() -> Graphics | None:
    """Ask nvidia-smi for the first card; None where there is no card or no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
    try:
        told = subprocess.run(  # nosec B603 # a list, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_LIMIT_S
        ).stdout
        name, driver, capability = (each.strip() for each in told.splitlines()[0].rsplit(",", 2))
        return Graphics(name, driver, float(capability))
    except (OSError, subprocess.TimeoutExpired, IndexError, ValueError):
        return None


def variant_for(system: str, python: str) -> str:
    """Choose CUDA where the card and a lock allow it, else the build for the processor."""
    card = graphics()
    return CUDA if card and card.serves and has_lock(system, python, CUDA) else CPU


@dataclass(frozen=True)
class Base:
    """A Python that environments can be made from. `version` is "3.12", `full` "3.12.4"."""

    path: Path
    version: str
    full: str


def ask(path: Path) -> Base | None:
    """Ask a Python what it is; None where it is none that environments can be made from, or does not answer."""
    try:
        stamp = path.stat().st_mtime
    except OSError:
        return None
    return _ask(path, stamp)


@functools.cache
def _ask(path: Path, _: float) -> Base | None:
    try:
        told = subprocess.run(  # nosec B603 # a list, no shell; a known place or the person's choice
            [str(path), "-I", "-c", ASKED],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ASK_LIMIT_S,
            **process_options(path),
        ).stdout
        major, minor, full, executable, wide, kind = json.loads(told.decode("utf-8", "replace").splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return None
    # Of a virtual environment the Python that it was made from.
    return Base(Path(executable or path), f"{major}.{minor}", full) if wide and kind == "cpython" else None


def base_python(system: str, named: Path | None = None) -> Base:
    """Find a Python of which there is a lock: the one that is named, else QGIS's own, else one of the machine's.

    Raises FarmCDError: env_python_gone for a named one that does not answer, env_python_too_new (or too old) for one of
    which there is no lock, env_no_base where nothing was found.
    """
    if named is not None:
        base = ask(named)
        if base is None:
            raise FarmCDError("env_python_gone", path=named)
        if not has_lock(system, base.version, CPU):
            raise FarmCDError("env_python_version", path=named, version=base.full)
        return base
    seen = []
    for path in dict.fromkeys(_candidates()):
        base = ask(path)
        if base and has_lock(system, base.version, CPU):
            return base
        if base:
            seen.append(f"{path} ({base.full})")
    raise FarmCDError("env_no_base", seen=seen)


def in_sandbox() -> bool:
    """Tell whether this QGIS runs in a sandbox, which may forbid starting what lies in the person's folders."""
    return FLATPAK.is_file() or bool(os.environ.get("SNAP"))


def _candidates() -> Iterator[Path]:
    from ..pythons import KNOWN_FOLDERS, of_this_process  # late: it asks this package for the chosen one

    if sys.platform == "darwin":
        # QGIS's own refuses libraries that its makers have not signed; it comes last.
        for folder in sorted(
            Path("/Library/Frameworks/Python.framework/Versions").glob("3.*"), key=_number, reverse=True
        ):
            yield folder / "bin" / "python3"
        for folder in KNOWN_FOLDERS:
            yield from (folder / f"python3.{minor}" for minor in (13, 12, 11))
    yield from of_this_process()
    for name in ("python3", *(f"python3.{minor}" for minor in (13, 12, 11)), "python"):
        found = shutil.which(name)
        if found and "WindowsApps" not in found:
            yield Path(found)
    for folder in KNOWN_FOLDERS:
        yield from (folder / name for name in ("python3", *(f"python3.{minor}" for minor in (13, 12, 11))))


def _number(folder: Path) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", folder.name))
