"""Fetching wheels: resumed where they broke off, and used only with the hash that the lock names."""

import errno
import hashlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from ...core.errors import FarmCDError
from ...core.feedback import Feedback
from ...core.messages import part
from .locks import Wheel
from .sources import FAULTS_OF_SERVERS, Finder
from .store import Store
from .transport import OK, OUT_OF_RANGE, PARTIAL, Transport, host_of

ATTEMPTS = 4
# The first may have gone on from a part of something else.
WRONG_ATTEMPTS = 2
PAUSE_S = 0.5
TELL_S = 0.2
# The speed is that of this last while.
SPEED_S = 4.0


def wheel_path(store: Store, wheel: Wheel) -> Path:
    """Return where a fetched wheel lies."""
    return store.wheels / wheel.sha256 / wheel.file


def missing_bytes(store: Store, wheels: Sequence[Wheel]) -> int:
    """Add up what is still to be fetched."""
    return sum(wheel.size for wheel in wheels if not wheel_path(store, wheel).is_file())


def is_whole(path: Path, sha256: str, feedback: Feedback | None = None) -> bool:
    """Tell whether a file has a hash."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                if feedback:
                    feedback.check()
                digest.update(piece)
    except OSError:
        return False
    return digest.hexdigest() == sha256


class Fetch:
    """Brings the wheels of a lock into the store."""

    def __init__(self, store: Store, finder: Finder, transport: Transport, feedback: Feedback) -> None:
        self._store, self._finder, self._transport, self._feedback = store, finder, transport, feedback
        self._total = self._done = 0
        self._moments: list[tuple[float, int]] = []
        self._told = 0.0

    def all(self, wheels: Sequence[Wheel]) -> None:
        """Fetch what is missing or damaged; raises FarmCDError, or Cancelled within a second."""
        self._total = sum(wheel.size for wheel in wheels)
        self._finder.look([wheel for wheel in wheels if not wheel_path(self._store, wheel).is_file()])
        for wheel in wheels:
            self._feedback.check()
            path = wheel_path(self._store, wheel)
            if is_whole(path, wheel.sha256, self._feedback):
                self._advance(wheel.size)
                continue
            path.unlink(missing_ok=True)
            self._one(wheel, path)

    def _one(self, wheel: Wheel, path: Path) -> None:
        fault: FarmCDError | None = None
        for address in self._finder.addresses(wheel):
            try:
                self._from(address, wheel, path)
                return
            except FarmCDError as error:
                if error.code not in FAULTS_OF_SERVERS | {"env_hash"}:
                    raise
                fault = error
        if fault:
            raise fault

    def _from(self, address: str, wheel: Wheel, path: Path) -> None:
        self._store.note(f"fetching {wheel.file} from {host_of(address)}")
        partial = path.with_suffix(".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        before = self._done
        wrong = 0
        for attempt in range(ATTEMPTS):
            if attempt:
                self._wait(PAUSE_S * attempt)
            try:
                whole = self._attempt(address, partial)
            except FarmCDError:
                self._done = before
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            except OSError as error:
                raise disk_fault(error, path.parent, wheel.size) from error
            self._done = before
            if not whole:
                continue
            if is_whole(partial, wheel.sha256, self._feedback):
                partial.replace(path)
                self._advance(wheel.size)
                return
            partial.unlink(missing_ok=True)
            self._store.note(f"wrong hash: {wheel.file} from {host_of(address)}")
            wrong += 1
            if wrong == WRONG_ATTEMPTS:
                break
        if partial.is_file():  # All that ever came was less than promised.
            raise FarmCDError("env_stalled", host=host_of(address))
        raise FarmCDError("env_hash", file=wheel.file, host=host_of(address))

    def _attempt(self, address: str, partial: Path) -> bool:
        """Fetch once, going on where an earlier attempt stopped; tells whether all came that was promised."""
        begin = partial.stat().st_size if partial.is_file() else 0
        with self._transport.get(address, begin, check=self._feedback.check) as answer:
            if answer.status == OUT_OF_RANGE:
                return True  # All is there, or too much: the hash decides.
            if answer.status not in (OK, PARTIAL):
                raise FarmCDError("env_refused", host=host_of(address), status=answer.status)
            goes_on = answer.status == PARTIAL and begin > 0
            promised = answer.headers.get("content-length")
            came = 0
            if goes_on:
                self._advance(begin)
            with partial.open("ab" if goes_on else "wb") as file:
                for piece in answer.pieces:
                    self._feedback.check()
                    file.write(piece)
                    came += len(piece)
                    self._advance(len(piece))
        return promised is None or came >= int(promised)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._feedback.check()
            time.sleep(0.05)

    def _advance(self, size: int) -> None:
        self._done += size
        now = time.monotonic()
        self._moments.append((now, self._done))
        if now - self._told < TELL_S and self._done < self._total:
            return
        self._told = now
        while len(self._moments) > 2 and now - self._moments[0][0] > SPEED_S:
            self._moments.pop(0)
        since, then = self._moments[0]
        speed = max(self._done - then, 0) / (now - since) if now > since else 0.0
        left = max(self._total - self._done, 0) / speed if speed else None
        moved = {"done": self._done / 1e6, "total": self._total / 1e6}
        message = part("env_begun", **moved)
        if left is not None:
            minutes, seconds = divmod(round(left), 60)
            message = part(
                "env_bytes", **moved, speed=speed / 1e6, left=part("time_left", minutes=minutes, seconds=seconds)
            )
        self._feedback.progress("fetching", min(self._done / max(self._total, 1), 1.0), None, left, message)


def disk_fault(error: OSError, folder: Path, needed: int) -> FarmCDError:
    """Say why a file could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FarmCDError("env_disk", folder=folder, needed=needed / 1e9, free=free_bytes(folder) / 1e9)
    if error.errno == errno.ENAMETOOLONG:
        return FarmCDError("env_long_path", folder=folder)
    if error.errno in (errno.EACCES, errno.EPERM):
        return FarmCDError("env_blocked_by_policy", what=error.filename or folder, reason=error.strerror)
    return FarmCDError("env_not_written", what=error.filename or folder, reason=error.strerror or str(error))


def free_bytes(folder: Path) -> int:
    """Tell how much is free where a folder is, or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
