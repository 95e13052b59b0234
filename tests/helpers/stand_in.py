"""A stand-in for the worker processes: `fake_worker.py`, which does what the test wants."""

from pathlib import Path

import pytest

from farmcd_qgis.core.jobs import JOBS, Job
from farmcd_qgis.runtime import pool

FAKE = Path(__file__).parent / "fake_worker.py"
# Jobs that only the stand-in has.
OWN = ("echo", "fail", "die")


def use_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pool start the stand-in for every process."""
    monkeypatch.setattr(pool, "worker_argv", lambda interpreter, process: [str(interpreter), str(FAKE)])
    for name in OWN:
        monkeypatch.setitem(JOBS, name, Job("networks", ""))
