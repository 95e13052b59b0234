"""What judging a sample does on the map: goes to a pixel, marks it, and hides all that a model said."""

from pathlib import Path

from qgis.core import (
    QgsGeometry,
    QgsPointXY,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas

from ...accuracy.judgements import Point
from ...core.run_files import CHANGE_TIF
from ...layers.runs import made_by_run
from ..judging.place import Place
from ..judging.run_map import ReviewMap

# So many pixels of the map are seen around the one to judge, and the mark leaves this one free.
VIEW_PIXELS = 90
MARK_PIXELS = 3


class AccuracyMap(ReviewMap):
    """A run's pair without its results, and the pixel to judge; `close` takes back what was changed."""

    def __init__(self, canvas: QgsMapCanvas, run_dir: Path) -> None:
        super().__init__(canvas, run_dir)
        change = self._find(run_dir.resolve() / CHANGE_TIF)
        self._crs = self.layer.crs()
        self._pixel = (change.rasterUnitsPerPixelX(), change.rasterUnitsPerPixelY()) if change else (0.0, 0.0)

    def go_to(self, point: Point) -> Place:
        """Go to a point of the sample, put a mark around its pixel and hide what models said; returns where it is."""
        self.set_cover(False)
        centre = QgsPointXY(point.x, point.y)
        outline = QgsGeometry.fromRect(self._around(centre, MARK_PIXELS))
        place = Place(outline, self._around(centre, VIEW_PIXELS), self._crs)
        self._go(place)
        return place

    def set_cover(self, shown: bool) -> None:
        """Show or hide what the models of all runs in the project said, also what was shown again meanwhile."""
        if shown:
            self._set("results", True, [])
            return
        hidden = self._taken.setdefault("results", [])
        for layer in self._project.mapLayers().values():
            node = self._node(layer.id())
            if node is not None and node.isVisible() and made_by_run(layer):
                node.setItemVisibilityChecked(False)
                if layer.id() not in hidden:
                    hidden.append(layer.id())

    def set_outline(self, shown: bool) -> None:
        """Show or hide the mark."""
        self._band.setVisible(shown)

    def _around(self, centre: QgsPointXY, pixels: int) -> QgsRectangle:
        width, height = self._pixel
        return QgsRectangle.fromCenterAndSize(centre, pixels * width, pixels * height)
