"""Making an environment of fetched wheels, and checking every file of it."""

import base64
import csv
import hashlib
import json
import shutil
import subprocess  # nosec B404 # runs uv and the new Python, without a shell
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import Cancelled, FarmCDError
from ...core.feedback import Feedback
from ...core.messages import part
from ..child import child_environment, kill, process_options
from .fetch import disk_fault, wheel_path
from .locks import Wheel, uv_wheel
from .machine import Base, in_sandbox
from .store import Store, home_in, python_in, write_json

POLL_S = 0.1
# The first run compiles the networks' kernels, a minute's work on a slow computer.
TRIAL_LIMIT_S = 900.0
# How long the longest path within an environment is, and how long Windows lets a path be.
LONGEST_INSIDE, LONGEST_ON_WINDOWS = 190, 259
MISSING_RUNTIME = ("WinError 1114", "WinError 126", "DLL load failed", "0xC0000135")


def make(store: Store, folder: Path, base: Base, wheels: Sequence[Wheel], system: str, feedback: Feedback) -> None:
    """Make the environment in a new folder; raises FarmCDError, or Cancelled within a second."""
    if sys.platform == "win32" and len(str(folder)) + LONGEST_INSIDE > LONGEST_ON_WINDOWS:
        raise FarmCDError("env_long_path", folder=folder)
    uv = install_uv(store, system)
    feedback.progress("building", 0.0)
    scratch = folder / ".scratch"
    try:
        scratch.mkdir(parents=True)
        requirements = scratch / "requirements.txt"
        lines = (f"{w.name} @ {wheel_path(store, w).as_uri()} --hash=sha256:{w.sha256}\n" for w in wheels)
        requirements.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise disk_fault(error, folder, 0) from error
    quiet = ["--offline", "--no-config", "--no-python-downloads", "--cache-dir", str(scratch / "cache")]
    _run(
        store, [str(uv), "venv", *quiet, "--allow-existing", "--python", str(base.path), str(folder)], scratch, feedback
    )
    feedback.progress("building", 0.1)
    install = [
        str(uv),
        "pip",
        "install",
        "-q",
        *quiet,
        "--no-index",
        "--no-deps",
        "--require-hashes",
        "--link-mode",
        "copy",
    ]
    install += ["--python", str(python_in(folder)), "-r", str(requirements)]
    _run(store, install, scratch, feedback)
    shutil.rmtree(scratch, ignore_errors=True)
    feedback.progress("building", 1.0)


def install_uv(store: Store, system: str) -> Path:
    """Unpack uv from its wheel into the tools, and return it."""
    wheel = uv_wheel(system)
    name = "uv.exe" if system.startswith("windows") else "uv"
    place = store.tools / f"uv-{wheel.version}" / name
    if place.is_file():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_suffix(".part")
        with zipfile.ZipFile(wheel_path(store, wheel)) as archive, half.open("wb") as target:
            inside = next(each for each in archive.namelist() if each.endswith(f".data/scripts/{name}"))
            with archive.open(inside) as source:
                shutil.copyfileobj(source, target, 1 << 20)
        half.chmod(0o700)
        half.replace(place)
    except OSError as error:
        raise disk_fault(error, store.tools, wheel.size) from error
    return place


def check_files(folder: Path, feedback: Feedback) -> int:
    """Compare every file with the hash that its package noted; returns how many were compared.

    Raises FarmCDError: env_files_gone for missing ones, env_files_changed for others than they were, env_broken where
    no package is there.
    """
    rows = [row for site in _site_packages(folder) for row in _recorded(site, folder)]
    if not rows:
        raise FarmCDError("env_broken", folder=folder)
    total = sum(size for _, _, size in rows)
    done = 0
    gone, changed = [], []
    for path, digest, size in rows:
        found = _hash(path, feedback)
        if found is None:
            gone.append(path.name)
        elif found != digest:
            changed.append(path.name)
        done += size
        feedback.progress("verifying", done / max(total, 1) * 0.9)
    if gone:
        raise FarmCDError("env_files_gone", count=len(gone), files=gone[:3], folder=folder)
    if changed:
        raise FarmCDError("env_files_changed", count=len(changed), files=changed[:3], folder=folder)
    return len(rows)


def trial(store: Store, folder: Path, feedback: Feedback) -> dict[str, Any]:
    """Let the new Python compute a known tile and predict one; returns what it told: device and versions."""
    from ...core.paths import PLUGIN

    feedback.progress("verifying", 0.92)
    python = python_in(folder)
    home = home_in(folder)
    if home is None or not home.is_dir():
        raise FarmCDError("env_python_gone", path=home or python)
    command = [str(python), "-m", f"{PLUGIN.name}.commands.environment_trial"]
    status, said, complained = _child(command, process_options(python), feedback, TRIAL_LIMIT_S)
    lines = complained.strip().splitlines()
    reason = lines[-1] if lines else part("exit_status", status=status)
    if status != 0:
        store.note(f"trial failed: {complained[-2000:]}")
        if any(sign in complained for sign in MISSING_RUNTIME):
            raise FarmCDError("env_vcredist", reason=reason)
        raise FarmCDError("env_trial_failed", reason=reason)
    try:
        told = json.loads(said.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise FarmCDError("env_trial_failed", reason=reason) from error
    feedback.progress("verifying", 1.0)
    return {str(key): value for key, value in told.items()}


def note_ready(folder: Path, told: dict[str, Any]) -> None:
    """Write down that an environment has passed every check; before that it is none."""
    write_json(folder / "ready", told)


def _run(store: Store, command: list[str], scratch: Path, feedback: Feedback) -> None:
    variables = {name: value for name, value in child_environment(Path(command[0])).items() if not _misleads(name)}
    variables |= {"TMPDIR": str(scratch), "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    options = process_options(Path(command[0])) | {"env": variables}
    status, _, complained = _child(command, options, feedback, None)
    store.note(f"{Path(command[0]).name} {command[1]} ended with {status}: {complained[-4000:]}")
    if status == 0:
        return
    free_is_short = "No space left" in complained or "os error 28" in complained or "os error 112" in complained
    if free_is_short:
        raise disk_fault(OSError(28, "No space left on device"), scratch, 0)
    if "os error 206" in complained or "File name too long" in complained:
        raise FarmCDError("env_long_path", folder=scratch.parent)
    if "ermission denied" in complained or "os error 5" in complained or "os error 1260" in complained:
        raise _forbidden(scratch.parent, complained.strip().splitlines()[-1])
    lines = [line.strip() for line in complained.splitlines() if line.strip()]
    raise FarmCDError("env_build_failed", status=status, reason=lines[-1] if lines else "", log=store.log)


def _misleads(name: str) -> bool:
    return name.upper().startswith(("UV_", "PYTHON", "CONDA", "VIRTUAL_ENV"))


def _forbidden(what: Path, reason: str) -> FarmCDError:
    if in_sandbox():
        return FarmCDError("env_sandboxed", what=what, reason=reason)
    return FarmCDError("env_blocked_by_policy", what=what, reason=reason)


def _child(
    command: list[str], options: dict[str, Any], feedback: Feedback, limit_s: float | None
) -> tuple[int, str, str]:
    """Run a program to its end, or end it when cancelled; returns its status and what it wrote."""
    feedback.check()
    try:
        child = subprocess.Popen(  # nosec B603 # a list, no shell; a file of ours or the chosen Python
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
        )
    except FileNotFoundError as error:
        raise FarmCDError("env_python_gone", path=command[0]) from error
    except OSError as error:
        # Windows: 5 access denied, 225 a virus scanner, 1260 a rule of the office.
        raise _forbidden(Path(command[0]), error.strerror or str(error)) from error
    end = time.monotonic() + limit_s if limit_s else None
    while True:
        try:
            said, complained = child.communicate(timeout=POLL_S)
            return child.returncode, said.decode("utf-8", "replace"), complained.decode("utf-8", "replace")
        except subprocess.TimeoutExpired as error:
            if feedback.is_cancelled():
                kill(child)
                raise Cancelled from error
            if end and time.monotonic() > end:
                kill(child)
                raise FarmCDError("env_trial_failed", reason=part("env_no_answer", seconds=limit_s)) from error


def _site_packages(folder: Path) -> list[Path]:
    return [*folder.glob("lib/python3*/site-packages"), *folder.glob("Lib/site-packages")][:1]


def _recorded(site: Path, folder: Path) -> Iterator[tuple[Path, bytes, int]]:
    for record in site.glob("*.dist-info/RECORD"):
        try:
            with record.open(encoding="utf-8", newline="") as file:
                for name, digest, size in csv.reader(file):
                    kind, _, value = digest.partition("=")
                    if kind == "sha256":
                        yield site / name, base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)), int(size or 0)
        except (OSError, ValueError, csv.Error) as error:
            damaged = f"{record.parent.name}/{record.name}"
            raise FarmCDError("env_files_changed", count=1, files=[damaged], folder=folder) from error


def _hash(path: Path, feedback: Feedback) -> bytes | None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                feedback.check()
                digest.update(piece)
    except OSError:
        return None
    return digest.digest()
