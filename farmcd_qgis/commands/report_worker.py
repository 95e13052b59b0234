"""The report's process: QGIS without windows, which draws layouts in its main thread while the person's QGIS goes on.

`python -m farmcd_qgis.commands.report_worker` serves its jobs of the table; QGIS's own Python has to run it.
"""

import platform
import sys

from ..report.headless import start_qgis
from .serving import jobs_of, serve


def main() -> int:
    """Serve the process that started this one until it leaves."""
    with start_qgis() as version:
        serve(jobs_of("report"), {"python": platform.python_version(), "qgis": version}, "farmcd_qgis.report")
    return 0


if __name__ == "__main__":
    sys.exit(main())
