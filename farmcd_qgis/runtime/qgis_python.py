"""The Python that QGIS itself runs on, started beside it to draw a report while QGIS stays responsive."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import qgis
from qgis.core import QgsApplication

from ..core.errors import FarmCDError
from ..core.paths import PLUGIN

REPORT_MODULE = f"{__name__.split('.')[0]}.commands.report_worker"
# Of the surroundings that QGIS was started with, what its Python needs again.
KEPT = ("PYTHONHOME",)


def report_argv() -> list[str]:
    """Return the command line of the report's process; raises FarmCDError("no_qgis_python") if there is no Python."""
    return [str(qgis_python()), "-m", REPORT_MODULE]


def qgis_python() -> Path:
    """Find the Python that can import this QGIS; raises FarmCDError("no_qgis_python")."""
    for path in _places():
        if path.is_file():
            return path
    raise FarmCDError("no_qgis_python", folder=sys.base_prefix)


def report_variables() -> dict[str, str]:
    """Return the variables by which that Python finds QGIS, its data and the person's profile."""
    packages = [str(PLUGIN.parent), *(str(Path(folder).parent) for folder in qgis.__path__)]
    path = [*packages, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    variables = {name: os.environ[name] for name in KEPT if name in os.environ}
    variables |= {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
        "QGIS_PREFIX_PATH": QgsApplication.prefixPath(),
        "QGIS_CUSTOM_CONFIG_PATH": QgsApplication.qgisSettingsDirPath(),
    }
    if sys.platform not in ("win32", "darwin"):
        # Elsewhere Qt draws without a window on its usual platform; its offscreen one has no fonts there.
        variables["QT_QPA_PLATFORM"] = "offscreen"
    return variables


def _places() -> Iterator[Path]:
    # In QGIS on Windows and macOS sys.executable is QGIS itself.
    if Path(sys.executable).stem.lower().startswith("python"):
        yield Path(sys.executable)
    prefix, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    if sys.platform == "win32":
        for name in ("python3.exe", "python.exe"):
            yield prefix / name
            yield Path(QgsApplication.applicationDirPath()) / name
        return
    for folder in (prefix / "bin", Path(QgsApplication.applicationDirPath()) / "bin"):
        for name in (version, "python3"):
            yield folder / name
