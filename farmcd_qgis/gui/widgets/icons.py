"""FarmCD's own icons."""

from qgis.PyQt.QtGui import QIcon

from ...core.paths import resources


def icon(name: str) -> QIcon:
    """Return an icon of resources/icons."""
    return QIcon(str(resources() / "icons" / f"{name}.svg"))
