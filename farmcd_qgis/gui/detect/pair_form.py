"""The part of the dock that asks for the images and where to look."""

from typing import Any

from qgis.core import Qgis, QgsMapLayer, QgsProject, QgsRasterLayer
from qgis.gui import QgsExtentWidget, QgsMapCanvas, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QSizePolicy, QToolButton, QWidget

from ...core.errors import InputError
from ...layers import RUN_DIR_PROPERTY
from ...layers.sources import polygon_settings, raster_settings
from ...layers.web_maps import WebPlan, is_web_map, plan
from ..widgets.words import label, tr
from .guess import guess_pair


class PairForm(QWidget):
    """Before, after, extent, area of interest and farmland; `values()` are fields of a RunRequest."""

    changed = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.before = self._layer_combo("beforeCombo", Qgis.LayerFilter.RasterLayer)
        self.after = self._layer_combo("afterCombo", Qgis.LayerFilter.RasterLayer)
        self.swap = QToolButton()
        self.swap.setObjectName("swapButton")
        self.swap.setText("⇅")
        self.swap.setToolTip(tr("Swap before and after"))
        self.swap.setAutoRaise(True)
        self.swap.clicked.connect(self._swap)
        self.extent = QgsExtentWidget(None, QgsExtentWidget.WidgetStyle.CondensedStyle)
        self.extent.setObjectName("extentWidget")
        self.extent.setNullValueAllowed(True, tr("whole overlap"))
        if canvas is not None:
            self.extent.setMapCanvas(canvas)
        self.extent.clear()
        self.aoi = self._layer_combo("aoiCombo", Qgis.LayerFilter.PolygonLayer, tr("none"))
        self.farmland = self._layer_combo("farmlandCombo", Qgis.LayerFilter.PolygonLayer, tr("none"))
        self._chosen = False
        self.before.activated.connect(self._keep_choice)
        self.after.activated.connect(self._keep_choice)
        self._lay_out()
        self.extent.extentChanged.connect(lambda _: self.changed.emit())

    def guess(self) -> None:
        """Choose before and after by the dates and names of the project's rasters, unless the person has chosen."""
        if self._chosen:
            return
        layers = [layer for layer in QgsProject.instance().mapLayers().values() if _could_be(layer)]
        layers.sort(key=lambda layer: layer.name())
        pair = guess_pair([layer.name() for layer in layers], [_day_of(layer) for layer in layers])
        if pair is not None:
            self.before.setLayer(layers[pair[0]])
            self.after.setLayer(layers[pair[1]])

    def hide_results(self) -> None:
        """Keep the rasters that a run made out of the choice."""
        rasters = [layer for layer in QgsProject.instance().mapLayers().values() if isinstance(layer, QgsRasterLayer)]
        made = [layer for layer in rasters if layer.customProperty(RUN_DIR_PROPERTY) and not _could_be(layer)]
        for combo in (self.before, self.after):
            combo.setExceptedLayerList(made)

    def values(self) -> dict[str, Any]:
        """Return the fields of a RunRequest that are set here; raises InputError for a layer that is no file."""
        before, after = self.before.currentLayer(), self.after.currentLayer()
        if before is None or after is None:
            raise InputError("no_pair")
        values: dict[str, Any] = {**raster_settings(before, "before"), **raster_settings(after, "after")}
        for name, combo in (("aoi", self.aoi), ("farmland", self.farmland)):
            if combo.currentLayer() is not None:
                values |= polygon_settings(combo.currentLayer(), name)
        box = self.extent.outputExtent()
        if self.extent.isValid() and not box.isNull():
            values["extent"] = (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum())
            values["extent_crs"] = self.extent.outputCrs().authid() or self.extent.outputCrs().toWkt()
        return values

    def web_plan(self) -> tuple[str, WebPlan] | None:
        """Plan to save the first of both images that is a web map, "before" or "after"; None where none is.

        Raises InputError where that cannot be.
        """
        layers = {"before": self.before.currentLayer(), "after": self.after.currentLayer()}
        role = next((role for role, layer in layers.items() if is_web_map(layer)), None)
        if role is None:
            return None
        other = layers["after" if role == "before" else "before"]
        box = self.extent.outputExtent() if self.extent.isValid() else None
        return role, plan(layers[role], other, box, self.extent.outputCrs())

    def show_instead(self, role: str, layer: QgsRasterLayer) -> None:
        """Choose a layer in the place of another."""
        self._keep_choice()
        {"before": self.before, "after": self.after}[role].setLayer(layer)

    def _layer_combo(self, name: str, kind: Qgis.LayerFilter, empty: str | None = None) -> QgsMapLayerComboBox:
        combo = QgsMapLayerComboBox()
        combo.setObjectName(name)
        combo.setFilters(Qgis.LayerFilters(kind))
        if empty is not None:
            combo.setAllowEmptyLayer(True, empty)
        # Long names must not widen the dock.
        combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        combo.layerChanged.connect(lambda _: self.changed.emit())
        return combo

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        rows = (
            (tr("Before"), self.before),
            (tr("After"), self.after),
            (tr("Extent"), self.extent),
            (tr("Area of interest"), self.aoi),
            (tr("Farmland"), self.farmland),
        )
        for row, (text, widget) in enumerate(rows):
            grid.addWidget(label(text), row, 0)
            grid.addWidget(widget, row, 1, 1, 1 if row < 2 else 2)
        grid.addWidget(self.swap, 0, 2, 2, 1, Qt.AlignmentFlag.AlignVCenter)
        grid.setColumnStretch(1, 1)

    def _keep_choice(self) -> None:
        self._chosen = True

    def _swap(self) -> None:
        self._keep_choice()
        before, after = self.before.currentLayer(), self.after.currentLayer()
        self.before.setLayer(after)
        self.after.setLayer(before)


def _could_be(layer: QgsMapLayer) -> bool:
    """Tell whether a layer is a file with three bands at least; what runs and elevation models are is none."""
    return isinstance(layer, QgsRasterLayer) and layer.providerType() == "gdal" and layer.bandCount() >= 3


def _day_of(layer: QgsRasterLayer) -> str | None:
    properties = layer.temporalProperties()
    begin = properties.fixedTemporalRange().begin()
    return begin.toString(Qt.DateFormat.ISODate)[:10] if begin.isValid() else None
