"""Which Python runs which process: QGIS's own the engine and the report, one with torch the networks.

What a Python for networks lacks is said in words.
"""

import json
import os
import shutil
import subprocess  # nosec B404 # runs a chosen Python on a file of ours, without a shell
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import Cancelled, FarmCDError
from ..core.feedback import SILENT, Feedback
from ..core.messages import part
from ..core.paths import PLUGIN, data_home
from . import qgis_python
from .child import kill, process_options
from .environment.manager import chosen_pythons

ENVIRONMENT_VARIABLE = "FARMCD_PYTHON"
WORKER_PYTHON_FILE = "worker-python"
PROBE = PLUGIN / "runtime" / "probe.py"
# The first import of torch from a cold, slow disk takes most of this.
PROBE_LIMIT_S = 90.0
POLL_S = 0.1
# Of the surroundings that QGIS was started with, what its Python needs again.
KEPT = ("PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
KNOWN_FOLDERS = (Path("/usr/bin"), Path("/usr/local/bin"), Path("/opt/homebrew/bin"))

HOW_TO_GET = {
    "numpy": "{python} -m pip install numpy",
    "PyTorch": "{python} -m pip install torch",
    "safetensors": "{python} -m pip install safetensors",
}


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run networks, with the versions it reported."""

    path: Path
    versions: dict[str, str | None]


_probed: dict[tuple[Path, float], Interpreter] = {}


def find(setting: str = "", feedback: Feedback = SILENT) -> Interpreter:
    """Choose the Python of the networks: `setting`, FARMCD_PYTHON, the managed environment, our scripts' file, or any.

    A Python that somebody named and that doesn't work is an error, not a reason to take another one quietly.
    Raises FarmCDError that says what is missing and how to get it, or Cancelled.
    """
    for origin, named in (
        (part("plugin_setting"), setting),
        (part("the_variable", name=ENVIRONMENT_VARIABLE), os.environ.get(ENVIRONMENT_VARIABLE, "")),
    ):
        if named:
            try:
                return probe(Path(named).expanduser(), feedback)
            except Cancelled:
                raise
            except FarmCDError as error:
                raise FarmCDError("named_python", fault=error, origin=origin) from error
    faults = []
    for path in dict.fromkeys([*chosen_pythons(), *_of_scripts(), *_on_this_machine()]):
        try:
            return probe(path, feedback)
        except Cancelled:
            raise
        except FarmCDError as error:
            faults.append(error)
    raise FarmCDError("no_python", tried=faults or [part("no_python_at_all")], variable=ENVIRONMENT_VARIABLE)


def probe(path: Path, feedback: Feedback = SILENT) -> Interpreter:
    """Let `path` import what networks need, in a child with a time limit; a success is remembered.

    Raises FarmCDError if it cannot, or Cancelled.
    """
    try:
        key = (path, path.stat().st_mtime)
    except OSError as error:
        raise FarmCDError("python_missing", path=path, reason=error.strerror) from error
    if key not in _probed:
        _probed[key] = _read_answer(path, *_ask(path, feedback))
    return _probed[key]


def _ask(path: Path, feedback: Feedback) -> tuple[int, bytes, bytes]:
    try:
        child = subprocess.Popen(  # nosec B603 # a list, no shell; the path is the person's choice or a known place
            [str(path), str(PROBE)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **process_options(path),
        )
    except OSError as error:
        raise FarmCDError("python_not_started", path=path, reason=error.strerror) from error
    give_up = time.monotonic() + PROBE_LIMIT_S
    while True:
        try:
            said, complained = child.communicate(timeout=POLL_S)
            return child.returncode, said, complained
        except subprocess.TimeoutExpired as error:
            if feedback.is_cancelled():
                kill(child)
                raise Cancelled() from error
            if time.monotonic() > give_up:
                kill(child)
                raise FarmCDError("python_silent", path=path, seconds=PROBE_LIMIT_S) from error


def _read_answer(path: Path, status: int, said: bytes, complained: bytes) -> Interpreter:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    try:
        found = json.loads(lines[-1])
        problems: dict[str, str] = found["problems"]
        versions: dict[str, str | None] = found["versions"]
    except (IndexError, ValueError, KeyError, TypeError) as error:
        complaints = complained.decode("utf-8", "replace").strip().splitlines()
        reason = complaints[-1] if complaints else part("exit_status", status=status)
        raise FarmCDError("python_unusable", path=path, reason=reason) from error
    for name, reason in problems.items():
        advice = HOW_TO_GET.get(name, "choose a newer Python").format(python=path)
        raise FarmCDError(
            "python_lacks", path=path, version=versions.get("python"), name=name, reason=reason, advice=advice
        )
    return Interpreter(path, versions)


def _of_scripts() -> Iterator[Path]:
    note = data_home() / WORKER_PYTHON_FILE
    if note.is_file():
        named = note.read_text(encoding="utf-8").strip()
        if named:
            yield Path(named)


def _on_this_machine() -> Iterator[Path]:
    # Never sys.executable: on Windows and macOS it is QGIS itself.
    names = ("python.exe", "python3.exe") if sys.platform == "win32" else ("python3", "python")
    for name in names:
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)
    for folder in _known_folders():
        for name in names:
            if (folder / name).is_file():
                yield folder / name


def _known_folders() -> Iterator[Path]:
    prefix = Path(sys.base_prefix)
    yield from (prefix, prefix / "bin")
    homes = [
        os.environ.get("CONDA_PREFIX"),
        *(Path.home() / name for name in ("miniforge3", "miniconda3", "anaconda3")),
    ]
    for home in homes:
        if home and Path(home).is_dir():
            for root in (Path(home), *sorted(Path(home).glob("envs/*"))):
                yield from (root, root / "bin")
    yield from KNOWN_FOLDERS


def of_this_process() -> Iterator[Path]:
    """Name the Pythons that this process, QGIS or a terminal's, may run on; they need not exist."""
    yield from _places_of_qgis()


def of_qgis() -> Path:
    """Find the Python that can import this QGIS; raises FarmCDError("no_qgis_python")."""
    for path in _places_of_qgis():
        if path.is_file():
            return path
    raise FarmCDError("no_qgis_python", folder=sys.base_prefix)


def qgis_variables() -> dict[str, str]:
    """Return the variables by which that Python finds QGIS, its GDAL, its data and the person's profile."""
    import qgis
    from qgis.core import QgsApplication

    packages = [str(PLUGIN.parent), *(str(Path(folder).parent) for folder in qgis.__path__)]
    path = [*packages, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    variables = {name: os.environ[name] for name in KEPT if name in os.environ}
    variables |= {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
        "QGIS_PREFIX_PATH": QgsApplication.prefixPath(),
        "QGIS_CUSTOM_CONFIG_PATH": QgsApplication.qgisSettingsDirPath(),
    }
    if sys.platform not in ("win32", "darwin"):
        # Elsewhere Qt draws without a window on its usual platform; its offscreen one has no fonts there.
        variables["QT_QPA_PLATFORM"] = "offscreen"
    return variables


def _places_of_qgis() -> Iterator[Path]:
    yield from qgis_python.candidates(qgis_python.here())
