"""The worker process of the engine: `python -m farmcd_qgis.commands.engine_worker` serves the jobs of the table."""

import sys

from ..engine.prepare import prepare
from ..runtime import probe
from .serving import jobs_of, serve

# A job imports late: the worker is ready before torch is, and a preflight never waits for torch.
JOBS = jobs_of("engine") | jobs_of("networks")


def main() -> int:
    """Serve the process that started this one until it leaves."""
    prepare()
    serve(JOBS, probe.versions(), "farmcd_qgis")
    return 0


if __name__ == "__main__":
    sys.exit(main())
