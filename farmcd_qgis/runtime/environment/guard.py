"""One process at a time changes the environments: a lock that the system itself lets go when its holder dies."""

import errno
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...core.errors import FarmCDError

UNKNOWN = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the lock of a store; raises FarmCDError("env_busy") where another process holds it.

    The file tells who holds it and since when; whether it is held the system alone knows, so that neither a crash nor a
    process that got the same number later can leave it held.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+b") as file:
        try:
            free = _try(file.fileno())
        except OSError as error:
            if error.errno not in UNKNOWN:
                raise
            free = True  # Some network drives know no locks: an installation still goes into a folder of its own.
        if not free:
            raise FarmCDError("env_busy", **_holder(home / "lock.json"))
        try:
            told = {"pid": os.getpid(), "since": time.strftime("%H:%M")}
            (home / "lock.json").write_text(json.dumps(told), encoding="utf-8")
            yield
        finally:
            with suppress(OSError):
                (home / "lock.json").unlink(missing_ok=True)
            _release(file.fileno())


def _holder(path: Path) -> dict[str, object]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {"pid": told["pid"], "since": told["since"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"pid": "?", "since": "?"}


if sys.platform == "win32":
    import msvcrt

    def _try(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _release(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        with suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _release(descriptor: int) -> None:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
