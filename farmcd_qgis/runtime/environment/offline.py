"""The zip that carries an environment to a machine without a network: the wheels of one lock, and uv."""

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ...core.errors import FarmCDError, InputError
from ...core.feedback import Feedback
from .fetch import disk_fault, is_whole, wheel_path
from .locks import Lock, Wheel
from .store import Store

ABOUT = "farmcd-environment.json"
FORMAT = 1
PIECE = 1 << 20


def write(store: Store, lock: Lock, wheels: Sequence[Wheel], target: Path, feedback: Feedback) -> Path:
    """Write the zip; an older one of that name stays whole until this one is."""
    half = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_STORED) as archive:
            about = {"format": FORMAT, "lock": lock.id, "digest": lock.digest}
            archive.writestr(ABOUT, json.dumps(about))
            for count, wheel in enumerate(wheels):
                feedback.progress("exporting", count / len(wheels))
                with wheel_path(store, wheel).open("rb") as source, archive.open(f"wheels/{wheel.file}", "w") as inside:
                    while piece := source.read(PIECE):
                        feedback.check()
                        inside.write(piece)
        half.replace(target)
    except OSError as error:
        raise disk_fault(error, target.parent, lock.download_bytes) from error
    finally:
        half.unlink(missing_ok=True)
    return target


def lock_id(source: Path) -> str:
    """Read which lock a zip is of; raises InputError("env_no_zip") for a file that is no such zip."""
    try:
        with zipfile.ZipFile(source) as archive:
            about = json.loads(archive.read(ABOUT))
        if about["format"] != FORMAT:
            raise ValueError(about["format"])
        return str(about["lock"])
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise InputError("env_no_zip", path=source) from error


def take(store: Store, source: Path, lock: Lock, wheels: Sequence[Wheel], feedback: Feedback) -> None:
    """Bring the wheels of a zip into the store; only those of the lock, and only with their hashes.

    Raises InputError("env_other_zip") for a zip of another system, Python or FarmCD; FarmCDError("env_hash").
    """
    theirs = lock_id(source)
    with zipfile.ZipFile(source) as archive:
        if theirs != lock.id or json.loads(archive.read(ABOUT)).get("digest") != lock.digest:
            raise InputError("env_other_zip", path=source, theirs=theirs, needed=lock.id)
        for count, wheel in enumerate(wheels):
            feedback.progress("importing", count / len(wheels))
            path = wheel_path(store, wheel)
            if is_whole(path, wheel.sha256, feedback):
                continue
            _one(archive, wheel, path, source, feedback)


def _one(archive: zipfile.ZipFile, wheel: Wheel, path: Path, source: Path, feedback: Feedback) -> None:
    half = path.with_suffix(".part")
    digest = hashlib.sha256()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(f"wheels/{wheel.file}") as inside, half.open("wb") as target:
            while piece := inside.read(PIECE):
                feedback.check()
                digest.update(piece)
                target.write(piece)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FarmCDError("env_hash", file=wheel.file, host=source.name) from error
    except OSError as error:
        raise disk_fault(error, path.parent, wheel.size) from error
    if digest.hexdigest() != wheel.sha256:
        half.unlink(missing_ok=True)
        raise FarmCDError("env_hash", file=wheel.file, host=source.name)
    half.replace(path)
