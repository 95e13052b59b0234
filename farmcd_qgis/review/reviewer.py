"""Who reviews: a name in QGIS's settings, or the name of whoever is logged in."""

from qgis.core import QgsApplication, QgsSettings

REVIEWER_SETTING = "farmcd/reviewer"
OFFICE_SETTING = "farmcd/office"


def reviewer_name() -> str:
    """Return the name that verdicts are given under."""
    chosen = QgsSettings().value(REVIEWER_SETTING, "", type=str).strip()
    return chosen or QgsApplication.userFullName() or QgsApplication.userLoginName() or "?"
