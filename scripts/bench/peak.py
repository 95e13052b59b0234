"""The peak memory of a process."""

import resource
from pathlib import Path


def peak_mib(pid: int | None = None) -> float:
    """Return the most memory, in MiB, that was resident in a process so far, by default in this one; 0 once it is over.

    From /proc where there is one: to Linux a program's greatest `ru_maxrss` includes that of the process that started
    it, which hides all that is smaller. Of other processes only /proc knows.
    """
    if Path("/proc/self/status").exists():
        try:
            lines = Path(f"/proc/{pid or 'self'}/status").read_text().splitlines()
        except OSError:
            return 0.0
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
    if pid is not None:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
