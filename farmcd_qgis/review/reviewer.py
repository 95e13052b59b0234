"""Who reviews: a name in QGIS's settings, or the name of whoever is logged in where that is a person's."""

from qgis.core import QgsApplication

from ..settings import settings

# Of verdicts that were recorded for the demonstration: a report with any of them says so.
DEMO_REVIEWER = "demo (recorded)"
# Accounts that several people work with: a verdict under such a name says of nobody who gave it.
NOBODY = frozenset({"root", "admin", "administrator", "user", "guest", "test", "ubuntu", "debian", "qgis", "default"})


def reviewer_name() -> str:
    """Return the name that verdicts are given under; "" where nobody has said one and the account is no person's."""
    names = (settings().reviewer.value(), QgsApplication.userFullName(), QgsApplication.userLoginName())
    chosen, *accounts = (name.strip() for name in names)
    return chosen or next((name for name in accounts if name and name.lower() not in NOBODY), "")
