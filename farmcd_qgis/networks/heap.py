"""How the C library keeps memory that was freed: for the next layer, and back to the system after the job.

A layer's maps are tens of megabytes. By default glibc hands such blocks back at once, and the next layer then pays for
every page again: a third of the network's time on a CPU. Elsewhere than with glibc nothing is done.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_KEPT = 2**30


@cache
def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


def keep_freed() -> None:
    """From now on keep freed blocks in the process, for its next ones; the peak stays what it was."""
    if library := _glibc():
        # Older versions of glibc take no more than 32 MiB here.
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT) or library.mallopt(M_MMAP_THRESHOLD, 2**25)
        library.mallopt(M_TRIM_THRESHOLD, LARGEST_KEPT)


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage inside the block: importing torch makes none, and looking takes a seventh of its time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def give_back() -> None:
    """Give what is kept and unused back to the system: after a job, since the worker stays warm."""
    if library := _glibc():
        library.malloc_trim(0)
