"""The runs in a project."""

from pathlib import Path

from qgis.core import QgsMapLayer, QgsProject, QgsProviderRegistry

from ..core.errors import InputError
from ..core.run_record import read_record
from . import RUN_DIR_PROPERTY


def runs_in_project() -> list[Path]:
    """List the folders of the runs that the project shows, from the top of the layer tree."""
    groups = QgsProject.instance().layerTreeRoot().findGroups(True)
    folders = [group.customProperty(RUN_DIR_PROPERTY) for group in groups]
    return [Path(folder) for folder in dict.fromkeys(folders) if folder]


def _pair_of(folder: Path) -> tuple[Path | None, Path | None]:
    try:
        inputs = read_record(folder)["inputs"]
    except InputError:
        # Without its record a run can be reviewed as well, only not compared with a key.
        return None, None
    return Path(inputs["before"]["path"]), Path(inputs["after"]["path"])


def file_of(layer: QgsMapLayer) -> Path:
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return Path(parts.get("path") or layer.source()).resolve()
