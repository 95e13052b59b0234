"""Memory that two processes see, through which tiles go: it has no name in any folder and dies with them.

The one that starts the other makes it; what differs between systems is in `_Anonymous` and `_Tagged`.
"""

import mmap
import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

ALIGNMENT = 64

# Where it is: {"descriptor": 7} or {"tag": "farmcd-..."}, and its "size" in bytes; travels as JSON.
Place = dict[str, Any]


class _Anonymous:
    """POSIX: a file without a name, whose descriptor the other process inherits."""

    def __init__(self) -> None:
        if hasattr(os, "memfd_create"):
            self._file = os.fdopen(os.memfd_create("farmcd"), "r+b")
        else:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 # open as long as this is
        self.inherited: tuple[int, ...] = (self._file.fileno(),)
        self._size = 0

    def grow(self, size: int) -> tuple[mmap.mmap, Place]:
        """Make it larger; both processes map it anew, and keep what they have mapped before."""
        self._size = max(size, self._size)
        os.ftruncate(self._file.fileno(), self._size)
        return mmap.mmap(self._file.fileno(), self._size), {"descriptor": self._file.fileno(), "size": self._size}


class _Tagged:
    """Windows: memory with a tag, which is gone when the last process has closed it."""

    inherited: tuple[int, ...] = ()

    def grow(self, size: int) -> tuple[mmap.mmap, Place]:
        """Make another, larger one."""
        tag = f"farmcd-{os.getpid()}-{secrets.token_hex(8)}"
        return mmap.mmap(-1, size, tagname=tag), {"tag": tag, "size": size}  # type: ignore[call-arg]


def make() -> _Anonymous | _Tagged:
    """Return shared memory of no size yet; the other process is to inherit the descriptors `inherited`."""
    return _Tagged() if sys.platform == "win32" else _Anonymous()


def attach(place: Place) -> mmap.mmap:
    """Map what the process that started this one has made; raises OSError or ValueError where it is not there."""
    if "tag" in place:
        return mmap.mmap(-1, place["size"], tagname=place["tag"])  # type: ignore[call-arg]
    return mmap.mmap(place["descriptor"], place["size"])


def lay_out(sizes: Sequence[int]) -> tuple[list[int], int]:
    """Say where blocks of so many bytes begin one behind the other, aligned for any processor, and where they end."""
    ends = [0, *accumulate(-(-size // ALIGNMENT) * ALIGNMENT for size in sizes)]
    return ends[:-1], ends[-1]
