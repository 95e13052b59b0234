"""The runs in a project."""

import json
from pathlib import Path

from qgis.core import QgsMapLayer, QgsProject, QgsProviderRegistry

from ..core.run_files import RUN_JSON
from . import RUN_DIR_PROPERTY


def runs_in_project() -> list[Path]:
    """List the folders of the runs that the project shows, from the top of the layer tree."""
    groups = QgsProject.instance().layerTreeRoot().findGroups(True)
    folders = [group.customProperty(RUN_DIR_PROPERTY) for group in groups]
    return [Path(folder) for folder in dict.fromkeys(folders) if folder]


def _pair_of(folder: Path) -> tuple[Path | None, Path | None]:
    try:
        inputs = json.loads((folder / RUN_JSON).read_text(encoding="utf-8"))["inputs"]
        return Path(inputs["before"]["path"]), Path(inputs["after"]["path"])
    except (OSError, ValueError, KeyError, TypeError):
        # Without its record a run can be reviewed as well, only not compared with a key.
        return None, None


def file_of(layer: QgsMapLayer) -> Path:
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return Path(parts.get("path") or layer.source()).resolve()
