"""How things are timed, what a row of the table is, and what machine this is."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch


@dataclass
class Row:
    """One line of the table: `found` is held against `target` in the same unit, if there is one; `parts` are the
    figures behind it.

    `at_least` tells which side of the target is good. `why` says what `found` is a ratio of and, where the target is
    missed, why.
    """

    name: str
    what: str
    target: float | None
    at_least: bool
    unit: str
    found: float | None
    why: str
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Met, missed and by how much, or not measured."""
        if self.found is None:
            return "not measured"
        if self.target is None:
            return "measured"
        met = self.found >= self.target if self.at_least else self.found <= self.target
        if met:
            return "met"
        away = self.found / self.target if not self.at_least else self.target / max(self.found, 1e-9)
        return f"missed by {away:.2f} times" if away >= 1.5 else f"missed by {away - 1:.0%}"

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return {**asdict(self), "verdict": self.verdict}


def best(job: Callable[[], Any], times: int, warm: bool = True) -> float:
    """Time a job in seconds: the least of `times` (a busy machine spoils it least), after one unmeasured call."""
    if warm:
        job()
    least = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        job()
        least = min(least, time.perf_counter() - begun)
    return least


def in_turn(jobs: dict[str, Callable[[], Any]], times: int) -> dict[str, float]:
    """Time several jobs as `best` does, in turn, so that a busy spell of the machine falls on all of them."""
    for job in jobs.values():
        job()
    least = dict.fromkeys(jobs, float("inf"))
    for _ in range(times):
        for name, job in jobs.items():
            least[name] = min(least[name], best(job, 1, warm=False))
    return least


def machine() -> dict[str, Any]:
    """Say what this ran on, and how busy it was."""
    about: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": _memory_gib(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU",
    }
    if hasattr(os, "getloadavg"):
        about["load_at_start"] = round(os.getloadavg()[0], 1)
    return about


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
