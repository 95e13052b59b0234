"""FarmCD: farmland change between two dates, found, reviewed and reported in QGIS."""

from typing import Any

__version__ = "0.1.0"


def classFactory(iface: Any) -> Any:
    """Give QGIS the plugin; imported late, since the worker imports this package without qgis."""
    from .plugin import FarmCDPlugin

    return FarmCDPlugin(iface)
