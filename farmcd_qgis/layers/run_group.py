"""A finished run in the layer tree: one group with its results, and the pair below them."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsLayerTreeGroup,
    QgsMapLayer,
    QgsMessageLog,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtXml import QDomDocument

from ..core.classes import ClassTable, table_of
from ..core.errors import InputError
from ..core.plain_files import plain_file
from ..core.run_files import (
    ARBITRATION_TIF,
    ATTENTION_TIF,
    CANDIDATES,
    CHANGE_TIF,
    CONFIDENCE_TIF,
    HARD_REGIONS,
    RUN_GPKG,
    RUN_JSON,
)
from ..core.run_record import read_record
from ..core.styles import style_of
from .attribute_table import set_table
from .known_runs import known_run, run_words
from .legend import name_classes
from .metadata import between, dates_of, describe, set_period
from .runs import RUN_DIR_PROPERTY, file_of
from .sources import as_it_was_set
from .themes import set_themes

translate = QCoreApplication.translate

# Rasters for a closer look: they would hide the image, and show what a review has rejected.
UNCHECKED = (CHANGE_TIF, CONFIDENCE_TIF, ARBITRATION_TIF, ATTENTION_TIF)


def add_run(run_dir: str | Path, project: QgsProject | None = None) -> QgsLayerTreeGroup:
    """Show a finished run on top of the layer tree, as one group of styled layers, and return that group.

    The pair goes below the results unless the project shows it already. Raises InputError, with the project left
    as it was, if the folder holds no finished run or something of it is missing.
    """
    folder = Path(run_dir).expanduser().absolute()
    project = project or QgsProject.instance()
    record = read_record(folder)
    classes = table_of(record, str(folder / RUN_JSON))
    results = _open_results(folder, classes)
    for layer in results:
        describe(layer, record)
    pair = _pair(folder, record, project)
    period = between(*dates_of(record))
    for layer in results:
        if isinstance(layer, QgsRasterLayer):
            set_period(layer, period)

    root, run = project.layerTreeRoot(), known_run(folder, record)
    name = run_words(run)
    if root.findGroup(name) is not None:
        # Of another day, at the same time of day.
        name = run_words(run, with_day=True)
    group = root.insertGroup(0, name)
    group.setCustomProperty(RUN_DIR_PROPERTY, str(folder))
    project.addMapLayers([*results, *pair], False)
    for layer in (*results, *pair):
        layer.setCustomProperty(RUN_DIR_PROPERTY, str(folder))
        node = group.addLayer(layer)
        node.setExpanded(isinstance(layer, QgsVectorLayer))
        node.setItemVisibilityChecked(Path(layer.source()).name not in UNCHECKED)
    set_themes(project)
    return group


def _open_results(folder: Path, classes: ClassTable) -> list[QgsMapLayer]:
    names = (CHANGE_TIF, CONFIDENCE_TIF, RUN_GPKG)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError("run_incomplete", folder=folder, missing=missing)
    # A network without text priors arbitrates nothing.
    arbitrated = (folder / ARBITRATION_TIF).exists()
    polygons = f"{folder / RUN_GPKG}|layername="
    titles = {
        CANDIDATES: translate("FarmCD", "Candidates"),
        HARD_REGIONS: translate("FarmCD", "Hard regions"),
        CHANGE_TIF: translate("FarmCD", "Change classes"),
        CONFIDENCE_TIF: translate("FarmCD", "Confidence"),
        **({ARBITRATION_TIF: translate("FarmCD", "Arbitration")} if arbitrated else {}),
        **({ATTENTION_TIF: translate("FarmCD", "Attention")} if (folder / ATTENTION_TIF).exists() else {}),
    }
    layers: list[QgsMapLayer] = []
    for name, title in titles.items():
        if name in (CANDIDATES, HARD_REGIONS):
            layer = QgsVectorLayer(polygons + name, title, "ogr", QgsVectorLayer.LayerOptions(loadDefaultStyle=False))
        else:
            layer = QgsRasterLayer(str(folder / name), title, "gdal", QgsRasterLayer.LayerOptions(False))
        if not layer.isValid():
            raise InputError("run_unreadable", path=layer.source())
        style_result(layer, Path(name).stem, classes, arbitrated)
        layers.append(layer)
    return layers


def style_result(layer: QgsMapLayer, name: str, classes: ClassTable, arbitrated: bool) -> None:
    """Give a result of a run its style, its words in the language of QGIS and, if it is of polygons, its table."""
    language = QgsApplication.instance().locale()
    own_style(layer, style_of(name, classes, arbitrated))
    name_classes(layer, language, classes)
    if isinstance(layer, QgsVectorLayer):
        set_table(layer, classes, language)


def refresh_candidates(layer: QgsVectorLayer, classes: ClassTable) -> None:
    """Bring a layer of candidates up to date that a project held: its fields, and the style of an earlier version."""
    layer.dataProvider().reloadData()
    layer.updateFields()
    renderer = layer.renderer()
    of_model = isinstance(renderer, QgsCategorizedSymbolRenderer) and renderer.classAttribute() == "class_id"
    folder = file_of(layer).parent
    if of_model:
        style_result(layer, CANDIDATES, classes, (folder / ARBITRATION_TIF).exists())
    else:
        set_table(layer, classes, QgsApplication.instance().locale())


def own_style(layer: QgsMapLayer, qml: str | None) -> None:
    """Give a layer our own style: one from a file that somebody sent may fetch pictures or hold code of a form."""
    document = QDomDocument()
    if qml is not None and document.setContent(qml)[0]:
        layer.importNamedStyle(document)


def _pair(folder: Path, record: dict[str, Any], project: QgsProject) -> list[QgsRasterLayer]:
    """Open the rasters of the pair that the project does not hold yet, with their time."""
    shown = {_file_of(layer): layer for layer in project.mapLayers().values() if isinstance(layer, QgsRasterLayer)}
    before, after = dates_of(record)
    added = []
    for when, name, day in (
        ("after", translate("FarmCD", "After"), after),
        ("before", translate("FarmCD", "Before"), before),
    ):
        source = record["inputs"][when]["path"]
        file = plain_file(source, folder)
        layer = shown.get(_absolute(str(file or source)))
        if layer is None:
            layer = QgsRasterLayer(str(file or ""), f"{name} {day}" if day else name)
            if not layer.isValid():
                message = translate("FarmCD", "{file} is no file on this computer; the run is shown without it.")
                QgsMessageLog.logMessage(message.format(file=source), "FarmCD", Qgis.MessageLevel.Warning, False)
                continue
            set_period(layer, between(day, day))
            as_it_was_set(layer, record["request"], when)
            added.append(layer)
    return added


def _file_of(layer: QgsRasterLayer) -> Path:
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return _absolute(parts.get("path") or layer.source())


def _absolute(source: str) -> Path:
    # Works for what is no file too, such as /vsizip/ names: they only need to be compared.
    return Path(source).resolve()
