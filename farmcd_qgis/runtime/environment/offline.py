"""The zip that carries an environment to a machine without a network: the wheels of one lock, and uv."""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...core.errors import FarmCDError, InputError
from ...core.feedback import Feedback
from .fetch import disk_fault, is_whole, wheel_path
from .locks import Lock, Wheel
from .store import Store

ABOUT = "farmcd-environment.json"
FORMAT = 1
PIECE = 1 << 20
LARGEST_ABOUT = 10_000
# What zipfile and json raise for files that are damaged, encrypted or made to harm.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    RecursionError,
)


class About(NamedTuple):
    """Which lock a zip is of, by its id and its hash."""

    lock: str
    digest: str


def write(store: Store, lock: Lock, wheels: Sequence[Wheel], target: Path, feedback: Feedback) -> Path:
    """Write the zip; an older one of that name stays whole until this one is."""
    half = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_STORED) as archive:
            told = {"format": FORMAT, "lock": lock.id, "digest": lock.digest}
            archive.writestr(ABOUT, json.dumps(told))
            for count, wheel in enumerate(wheels):
                feedback.progress("exporting", count / len(wheels))
                entry = f"wheels/{wheel.file}"
                with (
                    wheel_path(store, wheel).open("rb") as source,
                    archive.open(entry, "w", force_zip64=True) as inside,
                ):
                    while piece := source.read(PIECE):
                        feedback.check()
                        inside.write(piece)
        half.replace(target)
    except OSError as error:
        raise disk_fault(error, target.parent, lock.download_bytes) from error
    finally:
        half.unlink(missing_ok=True)
    return target


def about(source: Path) -> About:
    """Read which lock a zip is of; raises InputError("env_no_zip") for a file that is no such zip."""
    try:
        with zipfile.ZipFile(source) as archive:
            if archive.getinfo(ABOUT).file_size > LARGEST_ABOUT:
                raise ValueError(ABOUT)
            about = json.loads(archive.read(ABOUT))
        if about["format"] != FORMAT:
            raise ValueError(about["format"])
        return About(str(about["lock"]), str(about["digest"]))
    except (OSError, TypeError, *DAMAGED) as error:
        raise InputError("env_no_zip", path=source) from error


def take(store: Store, source: Path, lock: Lock, wheels: Sequence[Wheel], feedback: Feedback) -> None:
    """Bring the wheels of a zip into the store; only those of the lock, and only with their hashes.

    Raises InputError("env_other_zip") for a zip of another system, Python or FarmCD; FarmCDError("env_hash").
    """
    theirs = about(source)
    if theirs != About(lock.id, lock.digest):
        raise InputError("env_other_zip", path=source, theirs=theirs.lock, needed=lock.id)
    with zipfile.ZipFile(source) as archive:
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
        inner = archive.getinfo(f"wheels/{wheel.file}")
        # Nothing is unpacked that could fill the disk, nor by a way that we do not write.
        if inner.file_size != wheel.size or inner.compress_type != zipfile.ZIP_STORED:
            raise ValueError(inner)
        with archive.open(inner) as inside, half.open("wb") as target:
            while piece := inside.read(PIECE):
                feedback.check()
                digest.update(piece)
                target.write(piece)
    except DAMAGED as error:
        half.unlink(missing_ok=True)
        raise FarmCDError("env_hash", file=wheel.file, host=source.name) from error
    except OSError as error:
        raise disk_fault(error, path.parent, wheel.size) from error
    if digest.hexdigest() != wheel.sha256:
        half.unlink(missing_ok=True)
        raise FarmCDError("env_hash", file=wheel.file, host=source.name)
    half.replace(path)
