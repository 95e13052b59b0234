"""The worker process of the engine: `python -m farmcd_qgis.commands.engine_worker` serves its jobs of the table.

Its Python needs GDAL and numpy, and no torch: networks run in a process that this one starts and keeps warm, under the
Python that a job names in `networks_python`. Without a name they run here.
"""

import sys
from typing import Any

from ..core.feedback import Feedback
from ..core.jobs import JOBS as TABLE
from ..core.jobs import call
from ..engine.prepare import prepare
from ..runtime import probe
from ..runtime.network_worker import NetworkWorker
from .serving import Served, jobs_of, serve


class _Warm:
    """The process of the networks, kept until another Python is named."""

    def __init__(self) -> None:
        self._worker: NetworkWorker | None = None

    def under(self, interpreter: str) -> NetworkWorker:
        """Return the process that runs under an interpreter."""
        worker = NetworkWorker(interpreter)
        if self._worker is None or self._worker.interpreter != worker.interpreter:
            self.end()
            self._worker = worker
        return self._worker

    def end(self) -> None:
        """End it."""
        if self._worker is not None:
            self._worker.end()


_warm = _Warm()


def _with_networks(name: str) -> Served:
    def served(feedback: Feedback, networks_python: str = "", **arguments: Any) -> dict[str, Any]:
        networks = _warm.under(networks_python) if networks_python else None
        request = arguments.get("request", {})
        workers, scheduler = request.get("workers", 1), request.get("scheduler", "")
        if not TABLE[name].spreads or (workers == 1 and not scheduler):
            return call(name, arguments, feedback, networks=networks)
        from .cluster import cluster

        with cluster(workers, scheduler, networks_python or None) as spread:
            return call(name, arguments, feedback, networks=networks, spread=spread)

    return served


JOBS = jobs_of("engine") | {name: _with_networks(name) for name, job in TABLE.items() if job.uses_networks}


def main() -> int:
    """Serve the process that started this one until it leaves."""
    prepare()
    try:
        serve(JOBS, probe.versions(), "farmcd_qgis")
    finally:
        _warm.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
