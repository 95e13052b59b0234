"""What survives a power cut, and what only one process may touch: syncing to disk, and a lock."""

import errno
import logging
import os
import platform
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ...core.messages import tell

logger = logging.getLogger(__name__)

TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk itself; raises OSError as `open` does."""
    if path.is_dir():
        if sys.platform == "win32":  # It keeps names in order by itself, and opens no folder.
            return
        descriptor = os.open(path, os.O_RDONLY)
    else:
        descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put(partial: Path, target: Path) -> None:
    """Give a whole file its final name so that, whatever happens, `target` is whole or not there."""
    sync(partial)
    partial.replace(target)
    sync(target.parent)


def unique(target: Path) -> Path:
    """Return a name beside `target` that no other process uses, for what is to become it; see `settle`."""
    return target.with_name(f"{target.name}.{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}.part")


def settle(private: Path, target: Path) -> None:
    """Give a finished folder its final name; where another process was first, what it made stays."""
    try:
        private.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(private, ignore_errors=True)


@contextmanager
def sole(path: Path) -> Iterator[bool]:
    """Hold the lock at `path` and tell whether it was to be had; the system frees it when the process dies.

    A file system that knows no locks is used without one, with a warning.
    """
    with _open(path) as file:
        yield _lock(file) and _is_still_there(file, path)


def _open(path: Path) -> BinaryIO:
    return path.open("ab")


def _is_still_there(file: BinaryIO, path: Path) -> bool:
    # Who held the lock may have removed the file while it was being opened here.
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in TAKEN:
            return False
        tell(logger, "not_locked", path=file.name, reason=error.strerror)
    return True
