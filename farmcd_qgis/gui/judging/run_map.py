"""What the review does on the map: goes to a candidate, outlines it, and takes layers away for a look beneath."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from qgis.core import (
    Qgis,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsLayerTreeLayer,
    QgsMapLayer,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRectangle,
    QgsReferencedRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtXml import QDomDocument

from ...core.run_files import CANDIDATES, CONFIDENCE_TIF, RUN_GPKG
from ...layers import add_run
from ...layers.run_group import refresh_candidates
from ...layers.runs import ROLES, file_of, pair_of
from ...layers.second_class import share_of_class
from ...layers.themes import set_themes
from ...review.log import read_classes
from ...review.queue import Candidates
from ..widgets.words import tr
from .canvas_marks import outline_band
from .place import Place, place_of

# Of more candidates than these only the centres are looked at: reading their outlines takes too long.
MEASURED = 500
# The referee's field in the layer of candidates, which is there once it was asked.
REFEREE_FIELD = "referee_verdict"


class ReviewMap:
    """A run's layers in the project, seen through one canvas; `close` takes back what was changed."""

    def __init__(self, canvas: QgsMapCanvas, run_dir: Path) -> None:
        self._canvas = canvas
        self._project = QgsProject.instance()
        folder = self.folder = run_dir.resolve()
        if self._find(folder / RUN_GPKG, CANDIDATES) is None:
            add_run(run_dir, self._project)
        layer = self._find(folder / RUN_GPKG, CANDIDATES)
        assert isinstance(layer, QgsVectorLayer)  # nosec B101 (add_run raises if it is not there)
        self.layer = layer
        self._refresh_layer()
        # By id, since a person may remove these from the project at any time.
        self._files = pair_of(folder)
        self._look_for_images()
        results = [layer for layer in self._project.mapLayers().values() if file_of(layer).parent == folder]
        self._cover = [result.id() for result in results if result.id() != self.layer.id()]
        self._taken: dict[str, list[str]] = {}
        # What the referee said of the shown candidate: "real", "pseudo_change", or "" where it was not asked.
        self.referee = ""
        self._band = outline_band(canvas)
        self._project.writeProject.connect(self._write_as_it_was)

    @property
    def pair(self) -> tuple[QgsRasterLayer, QgsRasterLayer] | None:
        """Before and after, None if the project has not both any more."""
        before, after = self._project.mapLayer(self._before), self._project.mapLayer(self._after)
        return (before, after) if before is not None and after is not None else None

    def show(self, candidate_id: int) -> Place | None:
        """Go to a candidate and outline it, all its pieces if it was split; returns where it is, None if nowhere."""
        if self.missing:
            # Somebody may have added them meanwhile.
            self._look_for_images()
        if not self.layer.isEditable():
            # Undo may have brought another outline back.
            self.layer.dataProvider().reloadData()
        self.layer.triggerRepaint()
        geometry = self._outline(candidate_id)
        if geometry.isEmpty():
            self._band.reset(Qgis.GeometryType.Polygon)
            return None
        after = self._project.mapLayer(self._after)
        pixel = after.rasterUnitsPerPixelX() if after and after.crs() == self.layer.crs() else 0.0
        place = place_of(geometry, self.layer.crs(), pixel)
        self._go(place)
        return place

    def _go(self, place: Place) -> None:
        """Outline a place and move the map there."""
        self._band.setToGeometry(place.outline, place.crs)
        try:
            self._canvas.setReferencedExtent(QgsReferencedRectangle(place.view, place.crs))
        except QgsCsException:
            self._band.reset(Qgis.GeometryType.Polygon)
        self._canvas.refresh()

    def second_share(self, place: Place | None, class_id: int) -> float | None:
        """Return which share (0-1) of a candidate has a class in the second place, None where the run does not say."""
        return share_of_class(self.folder / CONFIDENCE_TIF, place.outline, class_id) if place is not None else None

    def highlight(self, candidates: Candidates, rows: npt.NDArray[np.intp]) -> None:
        """Select some of the candidates in their layer and go to where they are; none: select nothing."""
        self.layer.selectByIds(candidates.fid[rows].tolist())
        if not len(rows):
            return
        self._band.reset(Qgis.GeometryType.Polygon)
        if len(rows) <= MEASURED:
            view = self.layer.boundingBoxOfSelected()
        else:
            x, y = candidates.x[rows], candidates.y[rows]
            view = QgsRectangle(float(x.min()), float(y.min()), float(x.max()), float(y.max()))
        view.grow(max(view.width(), view.height()) / 10)
        with suppress(QgsCsException):
            self._canvas.setReferencedExtent(QgsReferencedRectangle(view, self.layer.crs()))
        self._canvas.refresh()

    def seen(self) -> tuple[float, float, float, float] | None:
        """Return what the canvas shows as (xmin, ymin, xmax, ymax) in the candidates' coordinates, None if unknown."""
        settings = self._canvas.mapSettings()
        to_layer = QgsCoordinateTransform(settings.destinationCrs(), self.layer.crs(), self._project)
        try:
            box = to_layer.transformBoundingBox(self._canvas.extent())
        except QgsCsException:
            return None
        return box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()

    def clear(self) -> None:
        """Outline nothing; the layer shows the last verdict."""
        self.layer.triggerRepaint()
        self._band.reset(Qgis.GeometryType.Polygon)

    def set_cover(self, shown: bool) -> None:
        """Show or hide what else the run laid over the pair: class colours, hatching."""
        self._set("cover", shown, self._cover)

    def set_outline(self, shown: bool) -> None:
        """Show or hide the outline, and with it those of all candidates."""
        self._band.setVisible(shown)
        self._set("candidates", shown, [self.layer.id()])

    def set_after(self, shown: bool) -> None:
        """Show the after raster or, with it hidden, the before raster beneath."""
        self._set("after", shown, [self._after])

    @property
    def can_flicker(self) -> bool:
        return self._node(self._after) is not None

    def close(self) -> None:
        """Show again what was hidden, and take the outline off the canvas."""
        self._project.writeProject.disconnect(self._write_as_it_was)
        for what in list(self._taken):
            self._set(what, True, [])
        if self._canvas.scene() is not None:
            self._canvas.scene().removeItem(self._band)

    def _write_as_it_was(self, document: QDomDocument) -> None:
        """Let a project that is saved meanwhile show what is only hidden for a look beneath."""
        hidden = {layer_id for taken in self._taken.values() for layer_id in taken}
        nodes = document.elementsByTagName("layer-tree-layer")
        for place in range(nodes.count()):
            element = nodes.at(place).toElement()
            if element.attribute("id") in hidden:
                element.setAttribute("checked", "Qt::Checked")

    def _refresh_layer(self) -> None:
        """Let an opened layer know of the field that the review adds."""
        if not self.layer.isEditable():
            refresh_candidates(self.layer, read_classes(self.folder / RUN_GPKG))
            set_themes(self._project)

    def _outline(self, candidate_id: int) -> QgsGeometry:
        """Read a candidate's outline from the layer, and beside it what the referee said."""
        request = QgsFeatureRequest().setFilterExpression(f'"candidate_id" = {candidate_id}')
        field = self.layer.fields().indexOf(REFEREE_FIELD)
        request.setSubsetOfAttributes([field] if field >= 0 else [])
        pieces = list(self.layer.getFeatures(request))
        said = pieces[0].attribute(field) if pieces and field >= 0 else None
        self.referee = said if isinstance(said, str) else ""
        outlines = [piece.geometry() for piece in pieces]
        return outlines[0] if len(outlines) == 1 else QgsGeometry.collectGeometry(outlines)

    def _set(self, what: str, shown: bool, layer_ids: list[str]) -> None:
        """Hide those of the layers that are seen, or show again what was hidden as `what`."""
        if shown:
            for node in map(self._node, self._taken.pop(what, [])):
                if node:
                    node.setItemVisibilityChecked(True)
        elif what not in self._taken:
            nodes = [node for node in map(self._node, layer_ids) if node and node.isVisible()]
            self._taken[what] = [node.layerId() for node in nodes]
            for node in nodes:
                node.setItemVisibilityChecked(False)

    def _node(self, layer_id: str) -> QgsLayerTreeLayer | None:
        return self._project.layerTreeRoot().findLayer(layer_id)

    def _look_for_images(self) -> None:
        self._before, self._after = (layer.id() if layer else "" for layer in map(self._image, self._files))
        # The images that neither lie where the record says nor are in the project, by role.
        self.missing = {
            role: file
            for role, file, layer_id in zip(ROLES, self._files, (self._before, self._after), strict=True)
            if file is not None and not layer_id
        }

    def _image(self, file: Path | None) -> QgsMapLayer | None:
        """Find an image of the pair in the project, where it has been moved by its name."""
        layer = self._find(file)
        if layer is None and file is not None:
            rasters = (one for one in self._project.mapLayers().values() if isinstance(one, QgsRasterLayer))
            layer = next((one for one in rasters if file_of(one).name == file.name), None)
        return layer

    def _find(self, path: Path | None, name: str | None = None) -> QgsMapLayer | None:
        wanted = path.resolve() if path else None
        # From the top of the layer tree, where a person has the same file twice.
        for layer in self._project.layerTreeRoot().layerOrder():
            parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
            if file_of(layer) == wanted and (name is None or parts.get("layerName") == name):
                return layer
        return None


def missing_words(missing: Mapping[str, Path]) -> str:
    """Say which images of a run are not there, "" where all are."""
    roles = {"before": tr("Before"), "after": tr("After")}
    files = ", ".join(f"{roles[role]}: {file.name}" for role, file in missing.items())
    words = tr("Not found on this computer: {files}. Add the image to the project to compare the dates.")
    return words.format(files=files) if missing else ""
