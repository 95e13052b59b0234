"""The worker process of the networks: `python -m farmcd_qgis.commands.network_worker` serves their jobs of the table.

Its Python needs torch, and neither GDAL nor QGIS.
"""

import sys

from ..runtime import probe
from .serving import jobs_of, serve

# A job imports late: the worker is ready before torch is.
JOBS = jobs_of("networks")


def main() -> int:
    """Serve the process that started this one until it leaves."""
    serve(JOBS, probe.versions(), "farmcd_qgis")
    return 0


if __name__ == "__main__":
    sys.exit(main())
