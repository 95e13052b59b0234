"""The runs in a project."""

from pathlib import Path

from qgis.core import QgsLayerTreeGroup, QgsLayerTreeLayer, QgsMapLayer, QgsProject, QgsProviderRegistry

from ..core.errors import InputError
from ..core.plain_files import plain_file
from ..core.run_files import (
    ARBITRATION_TIF,
    ATTENTION_TIF,
    CANDIDATES,
    CHANGE_TIF,
    CONFIDENCE_TIF,
    RUN_GPKG,
    RUN_JSON,
)
from ..core.run_record import read_record

# Custom property of a run's group and layers: the run folder.
RUN_DIR_PROPERTY = "farmcd/run_dir"
ROLES = ("before", "after")
RESULTS = (CHANGE_TIF, CONFIDENCE_TIF, ARBITRATION_TIF, ATTENTION_TIF, RUN_GPKG)


def runs_in_project() -> list[Path]:
    """List the folders of the runs that the project shows, from the top of the layer tree."""
    root = QgsProject.instance().layerTreeRoot()
    return list(dict.fromkeys(filter(None, map(run_folder, [*root.findGroups(True), root]))))


def run_folder(group: QgsLayerTreeGroup) -> Path | None:
    """Return the folder of the run that a group shows, None if it shows none.

    It is where the candidates are read from: a project that was copied with its runs reads the copies. A group that
    Processing has made is one of a run where candidates of ours lie in it.
    """
    named = group.customProperty(RUN_DIR_PROPERTY)
    if not named:
        nodes = [node for node in group.children() if isinstance(node, QgsLayerTreeLayer)]
        layers = [node.layer() for node in nodes]
        ours = (layer for layer in layers if layer is not None and layer.customProperty(RUN_DIR_PROPERTY))
        return next((file_of(layer).parent for layer in ours if is_candidates(layer)), None)
    layers = [node.layer() for node in group.findLayers()]
    files = [file_of(layer) for layer in layers if layer is not None]
    return next((file.parent for file in files if file.name == RUN_GPKG), Path(named))


def made_by_run(layer: QgsMapLayer) -> bool:
    """Say whether a layer is a result of a run, however it was opened, not one of the images that it compared."""
    file = file_of(layer)
    known = bool(layer.customProperty(RUN_DIR_PROPERTY)) or (file.parent / RUN_JSON).is_file()
    return known and file.name in RESULTS


def is_candidates(layer: QgsMapLayer) -> bool:
    """Say whether a layer shows the candidates of a run."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return parts.get("layerName") == CANDIDATES and made_by_run(layer)


def pair_of(folder: Path) -> tuple[Path | None, Path | None]:
    """Return the images that a run compared, also where they were moved along with it; None for both without a record.

    What is not there is returned as the record names it.
    """
    try:
        inputs = read_record(folder)["inputs"]
    except InputError:
        # Without its record a run can be reviewed as well, only not compared with a key.
        return None, None
    before, after = (plain_file(name, folder) or Path(name) for name in (inputs[role]["path"] for role in ROLES))
    return before, after


def file_of(layer: QgsMapLayer) -> Path:
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return Path(parts.get("path") or layer.source()).resolve()
