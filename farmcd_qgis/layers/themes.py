"""Map themes of a project with runs: all candidates, those that wait for a person, those that are confirmed."""

from qgis.core import QgsCategorizedSymbolRenderer, QgsMapThemeCollection, QgsProject
from qgis.PyQt.QtCore import QCoreApplication

from ..core.run_files import PSEUDO_CHANGE, UNREVIEWED
from .runs import is_candidates

translate = QCoreApplication.translate

# The categories of the style whose candidates wait for an answer; a pseudo-change is settled, every other one a class.
OPEN = (UNREVIEWED, "unsure", "conflict")


def set_themes(project: QgsProject) -> None:
    """Make the three map themes of the project's runs anew, each with the layers that are shown now."""
    layers = [layer for layer in project.mapLayers().values() if is_candidates(layer)]
    collection, root = project.mapThemeCollection(), project.layerTreeRoot()
    # Held: a wrapper of a node is of no use once that of its tree is gone.
    nodes = root.findLayers()
    kinds = {
        translate("FarmCD", "All"): lambda value: True,
        translate("FarmCD", "To review"): lambda value: value in OPEN,
        translate("FarmCD", "Confirmed"): lambda value: value not in (*OPEN, PSEUDO_CHANGE),
    }
    for name, wanted in kinds.items():
        records = []
        for node in nodes:
            layer = node.layer()
            if layer is None or not (node.isVisible() or (layer in layers and node.parent().isVisible())):
                continue
            record = QgsMapThemeCollection.MapThemeLayerRecord(layer)
            record.isVisible = True
            if layer in layers and isinstance(layer.renderer(), QgsCategorizedSymbolRenderer):
                items = layer.renderer().legendSymbolItems()
                values = [category.value() for category in layer.renderer().categories()]
                record.usingLegendItems = True
                record.checkedLegendItems = {
                    item.ruleKey() for item, value in zip(items, values, strict=False) if wanted(value)
                }
            records.append(record)
        theme = QgsMapThemeCollection.MapThemeRecord()
        theme.setLayerRecords(records)
        collection.insert(name, theme)
