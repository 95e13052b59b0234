"""The report of a run: what an office hands in."""

from .write import ReportOptions, ReportResult, write_report

__all__ = ["ReportOptions", "ReportResult", "write_report"]
