"""QGIS in a program without windows, and how long a report still takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from qgis.core import Qgis, QgsApplication

from ..core.feedback import Feedback, Progress
from .preview import Preview, draw_preview
from .settings import settings_from_dict
from .write import write_report

# Before this share is done, an estimate of the rest would only jump about.
TELLING = 0.05


@contextmanager
def start_qgis() -> Iterator[str]:
    """Start QGIS without windows and yield its version; paths come from the variables QGIS_*, where they are set."""
    application = QgsApplication([], True)
    application.initQgis()
    try:
        yield Qgis.QGIS_VERSION
    finally:
        application.exitQgis()


def report(settings: dict[str, Any], feedback: Feedback) -> dict[str, Any]:
    """Write a report, and return its files by output and what the reader should know, as plain values."""
    result = write_report(settings_from_dict(settings), with_remaining(feedback))
    return {
        "files": {name: str(path) for name, path in result.files.items()},
        "findings": [asdict(finding) for finding in result.findings],
    }


def preview(settings: dict[str, Any], folder: str, width: int, feedback: Feedback) -> Preview:
    """Draw a preview of a report into `folder`."""
    return draw_preview(settings_from_dict(settings), folder, width, with_remaining(feedback))


def with_remaining(feedback: Feedback) -> Feedback:
    """Return a feedback that hands a report's progress on with the time that is left, by what was done so far."""
    begun = time.monotonic()

    def tell(step: Progress) -> None:
        taken, share = time.monotonic() - begun, step.fraction
        remaining = taken * (1 - share) / share if share > TELLING else None
        feedback.on_progress(replace(step, remaining_s=remaining))

    tell(Progress("report", 0.0))
    return replace(feedback, on_progress=tell)
