"""Commands that need QGIS, which this side never imports: another program does them with QGIS's Python."""

import importlib.util
import os
import shutil
import subprocess  # nosec B404 # starts a Python on a module of ours, without a shell
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.errors import InputError
from ..core.paths import PLUGIN

VARIABLE = "QGIS_PYTHON"
PACKAGE = __name__.rpartition(".")[0]
# The module of this package that does each command, and what it is told before the command's own arguments.
COMMANDS = {
    "report": ("report_cli",),
    "compare": ("compare_cli", "compare"),
    "carry-over": ("compare_cli", "carry-over"),
}
MAC = ("QGIS-LTR", "QGIS")


def run_with_qgis(arguments: Sequence[str]) -> int:
    """Run one of COMMANDS, the first of `arguments`, and return its exit status; raises InputError without a QGIS."""
    # A numpy that the person installed for himself would stand before the one QGIS was built with.
    environment = {**os.environ, "PYTHONPATH": str(PLUGIN.parent), "PYTHONNOUSERSITE": "1"}
    environment.pop("PYTHONPLATLIBDIR", None)
    module, *told = COMMANDS[arguments[0]]
    command = [str(find_qgis_python()), "-m", f"{PACKAGE}.{module}", *told, *arguments[1:]]
    with subprocess.Popen(command, env=environment) as child:  # nosec B603 # a list, no shell
        while True:
            try:
                status = child.wait()
                # Ended by a signal, which is no status of ours.
                return status if status >= 0 else 1
            except KeyboardInterrupt:
                # The terminal has told the child too, which tidies up and says how it ended.
                continue


def find_qgis_python() -> Path:
    """Find a Python that can import QGIS: this one, that of QGIS_PYTHON, or one where QGIS is usually installed."""
    if importlib.util.find_spec("qgis"):
        return Path(sys.executable)
    for path in _places():
        if path.is_file() and _has_qgis(path):
            return path
    raise InputError("no_qgis", variable=VARIABLE)


def _places() -> Iterator[Path]:
    if os.environ.get(VARIABLE):
        yield Path(os.environ[VARIABLE]).expanduser()
    for name in (
        "/usr/bin/python3",
        shutil.which("python3"),
        shutil.which("python-qgis-ltr"),
        shutil.which("python-qgis"),
    ):
        if name:
            yield Path(name)
    for name in MAC:
        yield Path("/Applications", f"{name}.app", "Contents", "MacOS", "bin", "python3")


def _has_qgis(python: Path) -> bool:
    check = [str(python), "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('qgis') is None)"]
    try:
        return subprocess.run(check, capture_output=True, timeout=30).returncode == 0  # nosec B603 # a list, no shell
    except (OSError, subprocess.TimeoutExpired):
        return False
