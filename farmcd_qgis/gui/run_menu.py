"""What FarmCD adds to QGIS's context menus and tooltips: of a run in the layer tree, and of a candidate in the map."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsLayerTreeGroup,
    QgsProject,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface, QgsMapMouseEvent
from qgis.PyQt.QtCore import QEvent, QObject, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QMenu, QToolTip

from ..core.errors import FarmCDError
from ..layers.known_runs import known_run, run_details
from ..layers.runs import RUN_DIR_PROPERTY, file_of, is_candidates, run_folder
from .widgets.icons import icon
from .widgets.words import tr


class RunMenu(QObject):
    """Adds its entries when QGIS opens a menu; `review` is called with a run and a candidate of it, or None, `compare`
    with a run. A run's name, which is short in the layer tree, is told whole under the mouse.

    `unload` takes the connections back.
    """

    def __init__(
        self, iface: QgisInterface, review: Callable[[str, int | None], None], compare: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._tree, self._canvas = iface.layerTreeView(), iface.mapCanvas()
        self._review, self._compare = review, compare
        self._tree.contextMenuAboutToShow.connect(self._on_tree)
        self._canvas.contextMenuAboutToShow.connect(self._on_map)
        self._tree.viewport().installEventFilter(self)

    def unload(self) -> None:
        """Leave QGIS's menus alone."""
        self._tree.contextMenuAboutToShow.disconnect(self._on_tree)
        self._canvas.contextMenuAboutToShow.disconnect(self._on_map)
        self._tree.viewport().removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tell a run whole where QGIS, which tells nothing of groups, is asked for a tooltip."""
        if event.type() == QEvent.Type.ToolTip:
            node = self._tree.index2node(self._tree.indexAt(event.pos()))
            if isinstance(node, QgsLayerTreeGroup) and (folder := run_folder(node)) is not None:
                QToolTip.showText(event.globalPos(), _details(folder), self._tree)
                return True
        return super().eventFilter(watched, event)

    def _on_tree(self, menu: QMenu) -> None:
        node = self._tree.currentNode()
        while node is not None and not (isinstance(node, QgsLayerTreeGroup) and run_folder(node)):
            node = node.parent()
        if isinstance(node, QgsLayerTreeGroup) and (folder := run_folder(node)) is not None:
            menu.addSeparator()
            menu.addAction(icon("review"), tr("Review this"), lambda: self._review(str(folder), None))
            menu.addAction(icon("compare"), tr("Compare with another run…"), lambda: self._compare(str(folder)))
            menu.addAction(icon("folder"), tr("Open folder"), lambda: _show(folder))
            menu.addAction(tr("Remove run from project"), lambda: remove_run(folder))

    def _on_map(self, menu: QMenu, event: QgsMapMouseEvent) -> None:
        for layer in self._canvas.layers():
            if not isinstance(layer, QgsVectorLayer) or not is_candidates(layer):
                continue
            number = self._candidate_at(layer, event)
            if number is not None:
                folder = file_of(layer).parent
                menu.addSeparator()
                words = tr("Review candidate {0}").format(number)
                menu.addAction(icon("review"), words, partial(self._review, str(folder), number))
                return

    def _candidate_at(self, layer: QgsVectorLayer, event: QgsMapMouseEvent) -> int | None:
        """Return the number of the candidate under the mouse."""
        settings = self._canvas.mapSettings()
        to_layer = QgsCoordinateTransform(settings.destinationCrs(), layer.crs(), QgsProject.instance())
        try:
            point = QgsGeometry.fromPointXY(to_layer.transform(event.mapPoint()))
        except QgsCsException:
            return None
        request = QgsFeatureRequest().setFilterRect(point.boundingBox())
        hit = (feature for feature in layer.getFeatures(request) if feature.geometry().intersects(point))
        found = next(hit, None)
        return int(found["candidate_id"]) if found is not None else None


def remove_run(folder: Path, project: QgsProject | None = None) -> None:
    """Take a run's results out of the project, and the images that came with it; its files stay as they are."""
    project = project or QgsProject.instance()
    root = project.layerTreeRoot()
    for group in [group for group in root.findGroups(True) if run_folder(group) == folder]:
        nodes = group.findLayers()
        layers = [node.layer() for node in nodes if node.layer() is not None]
        ours = [layer.id() for layer in layers if layer.customProperty(RUN_DIR_PROPERTY)]
        project.removeMapLayers(ours)
        if not group.findLayers():
            group.parent().removeChildNode(group)


def _details(folder: Path) -> str:
    try:
        return run_details(known_run(folder))
    except FarmCDError:
        return str(folder)


def _show(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
