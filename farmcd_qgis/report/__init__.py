"""The report of a run: what an office hands in."""

from .settings import CONFIRMED_ONES, NOT_REJECTED, OUTPUTS, ReportSettings, settings_from_dict
from .write import ReportResult, write_report

__all__ = [
    "CONFIRMED_ONES",
    "NOT_REJECTED",
    "OUTPUTS",
    "ReportResult",
    "ReportSettings",
    "settings_from_dict",
    "write_report",
]
