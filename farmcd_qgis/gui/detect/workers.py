"""How many worker processes a computer allows, and why."""

import ctypes
import os
import site
from importlib.util import find_spec

from ..widgets.words import tr

# What a worker with a network of the usual size takes, and which share of the memory all of them may have.
WORKER_GB = 1.0
SHARE = 0.5


def most_workers() -> tuple[int, str]:
    """Return the number, and the sentence that says so; one where QGIS's Python lacks dask."""
    if not has_dask():
        return 1, tr("More than one needs the package distributed, which QGIS's Python does not have (docs/scale.md).")
    cores, memory = os.cpu_count() or 1, memory_gb()
    most = cores if memory is None else max(1, min(cores, int(SHARE * memory / WORKER_GB)))
    if memory is None:
        return most, tr("This computer allows {0}: it has {1} cores.").format(most, cores)
    words = tr("This computer allows {0}: it has {1} cores and {2:.0f} GB of memory.")
    return most, words.format(most, cores, memory)


def has_dask() -> bool:
    """Tell whether the engine's process will find dask: it does not look at what somebody installed for himself."""
    found = find_spec("distributed")
    return found is not None and not str(found.origin).startswith(site.getusersitepackages())


def memory_gb() -> float | None:
    """Return the memory of this computer, None where it cannot be told."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, OSError, ValueError):
        pass
    if not hasattr(ctypes, "windll"):
        return None
    kilobytes = ctypes.c_ulonglong()
    known = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
    return kilobytes.value / 2**20 if known else None
