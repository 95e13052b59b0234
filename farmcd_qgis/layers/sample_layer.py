"""The accuracy sample as a layer of its run's group."""

from pathlib import Path

from qgis.core import QgsApplication, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication

from ..core.run_files import ACCURACY_SAMPLE, RUN_GPKG
from ..core.run_record import run_classes
from ..core.styles import style_of
from .legend import name_classes
from .run_group import own_style
from .runs import RUN_DIR_PROPERTY, run_folder

translate = QCoreApplication.translate


def add_sample(run_dir: str | Path, project: QgsProject | None = None) -> QgsVectorLayer | None:
    """Show a run's accuracy sample on top of the run's group, once, and return its layer; None if there is none."""
    folder = Path(run_dir).expanduser().absolute()
    project = project or QgsProject.instance()
    source = f"{folder / RUN_GPKG}|layername={ACCURACY_SAMPLE}"
    for layer in project.mapLayers().values():
        if layer.source() == source:
            # The file's table may have been made anew.
            layer.dataProvider().reloadData()
            layer.triggerRepaint()
            return layer
    layer = QgsVectorLayer(
        source, translate("FarmCD", "Accuracy sample"), "ogr", QgsVectorLayer.LayerOptions(loadDefaultStyle=False)
    )
    if not layer.isValid():
        return None
    own_style(layer, style_of(ACCURACY_SAMPLE, run_classes(folder)))
    name_classes(layer, QgsApplication.instance().locale())
    layer.setCustomProperty(RUN_DIR_PROPERTY, str(folder))
    root = project.layerTreeRoot()
    groups = [group for group in root.findGroups(True) if run_folder(group) == folder]
    project.addMapLayer(layer, False)
    (groups[0] if groups else root).insertLayer(0, layer)
    return layer
