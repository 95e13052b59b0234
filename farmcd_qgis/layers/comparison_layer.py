"""A comparison of two runs on the map."""

from pathlib import Path

from qgis.core import QgsProject, QgsVectorLayer


def add_comparison(package: Path, layer_name: str, title: str, project: QgsProject | None = None) -> QgsVectorLayer:
    """Show the layer of a GeoPackage that we wrote, with the style stored in it, on top of the layer tree."""
    project = project or QgsProject.instance()
    layer = QgsVectorLayer(f"{package}|layername={layer_name}", title, "ogr")
    # The same file may have been shown and written anew.
    for other in list(project.mapLayers().values()):
        if other.source() == layer.source():
            project.removeMapLayer(other.id())
    project.addMapLayer(layer, False)
    project.layerTreeRoot().insertLayer(0, layer)
    return layer
