"""The peak memory of a process."""

import resource
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_mib() -> float:
    """Return the most memory, in MiB, that was resident in this process so far.

    From /proc where there is one: to Linux a program's greatest `ru_maxrss` includes that of the process that started
    it, which hides all that is smaller.
    """
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
