"""The report's process: QGIS without windows, which draws layouts in its main thread while the person's QGIS goes on.

`python -m farmcd_qgis.commands.report_worker` serves the jobs below; QGIS's own Python has to run it.
"""

import platform
import sys
from dataclasses import asdict
from typing import Any

from ..core.feedback import Feedback
from ..report.headless import start_qgis, with_remaining
from .serving import Job, serve


def _report(feedback: Feedback, settings: dict[str, Any]) -> dict[str, Any]:
    from ..report import settings_from_dict, write_report

    result = write_report(settings_from_dict(settings), with_remaining(feedback))
    return {"files": {name: str(path) for name, path in result.files.items()}, "messages": list(result.messages)}


def _preview(feedback: Feedback, settings: dict[str, Any], folder: str, width: int) -> dict[str, Any]:
    from ..report import settings_from_dict
    from ..report.preview import draw_preview

    return asdict(draw_preview(settings_from_dict(settings), folder, width, with_remaining(feedback)))


JOBS: dict[str, Job] = {"report": _report, "preview": _preview}


def main() -> int:
    """Serve the process that started this one until it leaves."""
    with start_qgis() as version:
        serve(JOBS, {"python": platform.python_version(), "qgis": version}, "farmcd_qgis.report")
    return 0


if __name__ == "__main__":
    sys.exit(main())
