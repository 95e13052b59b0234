"""The surroundings of a child process: clean variables, a harmless working directory, no console window, its end."""

import contextlib
import os
import signal
import subprocess  # nosec B404 # starts nothing here
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.paths import PLUGIN, data_home

KILL_WAIT_S = 0.4

# What another Python's or QGIS's own start-up leaves behind and would mislead the worker's Python.
LEAKING = frozenset(
    {
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONEXECUTABLE",
        "PYTHONPLATLIBDIR",
        "PYTHONUSERBASE",
        "PYTHONSTARTUP",
        "PYTHONINSPECT",
        "PYTHONOPTIMIZE",
        "VIRTUAL_ENV",
        "__PYVENV_LAUNCHER__",
        "LD_PRELOAD",
        "DYLD_INSERT_LIBRARIES",
    }
)
# Where QGIS's GDAL and PROJ find their data: wrong for any other build of them.
OF_QGIS_GDAL = frozenset({"GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_LIB", "PROJ_DATA"})
# Where QGIS's libraries lie: another Python would load them in place of its own.
OF_QGIS_LIBRARIES = frozenset({"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"})


def child_environment(interpreter: Path) -> dict[str, str]:
    """Return the variables for a worker that runs under `interpreter`."""
    own = shares_qgis_libraries(interpreter)
    drop = LEAKING if own else LEAKING | OF_QGIS_GDAL | OF_QGIS_LIBRARIES
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in drop and not name.upper().startswith("PIP_")
    }
    if sys.platform == "win32" and not own:
        kept = {name: _without_qgis(value) if name.upper() == "PATH" else value for name, value in kept.items()}
    return kept | {
        "PYTHONPATH": str(PLUGIN.parent),
        # What somebody installed for himself, numpy 2 say, would stand before what the interpreter was built with.
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8:replace",
        "PYTHONUNBUFFERED": "1",
    }


def _without_qgis(path: str) -> str:
    """Take the folders of QGIS, whose libraries Windows looks for on the PATH, out of it."""
    prefix = Path(sys.base_prefix)
    # apps/Python312 of OSGeo4W and of the standalone installer.
    root = prefix.parent.parent if prefix.parent.name.lower() == "apps" else prefix
    roots = {root, Path(os.environ.get("OSGEO4W_ROOT") or root)}
    folders = path.split(os.pathsep)
    return os.pathsep.join(f for f in folders if not any(Path(f).is_relative_to(root) for root in roots))


def shares_qgis_libraries(interpreter: Path) -> bool:
    """Tell whether `interpreter` is QGIS's own Python, or a virtual environment made from it."""
    settings = interpreter.parent.parent / "pyvenv.cfg"
    home = interpreter.parent
    if settings.is_file():
        for line in settings.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home":
                home = Path(value.strip())
    prefix = Path(sys.base_prefix).resolve()
    if not home.resolve().is_relative_to(prefix):
        return False
    # /usr/local is in /usr, and another Python's.
    return home.resolve().relative_to(prefix).parts[:1] != ("local",)


def process_options(interpreter: Path, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the keyword arguments for `subprocess` that every child of ours gets; `variables` come on top."""
    folder = data_home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # A home that cannot be written to; whoever must write there says so.
        folder = Path(tempfile.gettempdir())
    options: dict[str, Any] = {
        "env": child_environment(interpreter) | dict(variables or {}),
        "cwd": folder,
        "close_fds": True,
    }
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    else:
        # A group of its own, so that ending it also ends whatever it started.
        options["start_new_session"] = True
    return options


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a child that was started with `process_options`, and all that it started, at once."""
    if process.poll() is None:
        kill_group(process)
        # One stuck in a system call, of a network drive say, ends once that returns: nobody waits for it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=KILL_WAIT_S)
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a child and what it started; also right after the child itself has ended, but never long after."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
