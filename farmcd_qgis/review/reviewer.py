"""Who reviews: a name in QGIS's settings, or the name of whoever is logged in."""

from qgis.core import QgsApplication

from ..settings import settings

# Of verdicts that were recorded for the demonstration: a report with any of them says so.
DEMO_REVIEWER = "demo (recorded)"


def reviewer_name() -> str:
    """Return the name that verdicts are given under."""
    chosen = settings().reviewer.value().strip()
    return chosen or QgsApplication.userFullName() or QgsApplication.userLoginName() or "?"
