"""The part of the page that asks for the images and where to look."""

from typing import Any

from qgis.core import Qgis, QgsMapLayer, QgsProject, QgsRasterLayer, QgsUnitTypes
from qgis.gui import QgsExtentWidget, QgsMapCanvas
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QLineEdit, QToolButton, QWidget

from ...core.dates import date_in
from ...core.errors import InputError
from ...layers import RUN_DIR_PROPERTY
from ...layers.runs import file_of
from ...layers.sources import polygon_settings, raster_settings
from ...layers.web_maps import WebPlan, is_web_map, plan
from ..widgets.layer_combo import LayerCombo
from ..widgets.words import label, tr
from .guess import guess_pair, is_after


class PairForm(QWidget):
    """Before, after, extent, area of interest and farmland; `values()` are fields of a RunRequest."""

    changed = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.before = self._layer_combo("beforeCombo", Qgis.LayerFilter.RasterLayer, tr("choose a raster"))
        self.after = self._layer_combo("afterCombo", Qgis.LayerFilter.RasterLayer, tr("choose a raster"))
        self.before_date, self.after_date = QLabel(), QLabel()
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
        for edit in self.extent.findChildren(QLineEdit):
            # QGIS selects what it clears: it would look as if it were about to be typed over.
            edit.deselect()
        self.aoi = self._layer_combo("aoiCombo", Qgis.LayerFilter.PolygonLayer, tr("none"))
        self.farmland = self._layer_combo("farmlandCombo", Qgis.LayerFilter.PolygonLayer, tr("none"))
        self._chosen = False
        self.before.activated.connect(self.keep_choice)
        self.after.activated.connect(self.keep_choice)
        self._lay_out()
        self.extent.extentChanged.connect(lambda _: self.changed.emit())

    def guess(self) -> None:
        """Choose before and after by the dates and names of the project's rasters, unless the person has chosen."""
        if self._chosen:
            return
        layers = [layer for layer in QgsProject.instance().mapLayers().values() if _could_be(layer)]
        layers.sort(key=lambda layer: layer.name())
        names = [layer.name() for layer in layers]
        pair = guess_pair(names, [_day_of(layer) for layer in layers])
        if pair is not None:
            self.before.setLayer(layers[pair[0]])
            self.after.setLayer(layers[pair[1]])
        elif layers and self.before.currentLayer() is self.after.currentLayer():
            # One image is no pair: the other field waits for the other date.
            role, other = (self.after, self.before) if is_after(names[0]) else (self.before, self.after)
            role.setLayer(layers[0])
            other.setLayer(None)

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
        if before is after:
            raise InputError("same_pair", path=before.name())
        values: dict[str, Any] = {**raster_settings(before, "before"), **raster_settings(after, "after")}
        for name, combo in (("aoi", self.aoi), ("farmland", self.farmland)):
            if combo.currentLayer() is not None:
                values |= polygon_settings(combo.currentLayer(), name)
        box = self.extent.outputExtent()
        if self.extent.isValid() and not box.isNull():
            values["extent"] = (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum())
            values["extent_crs"] = self.extent.outputCrs().authid() or self.extent.outputCrs().toWkt()
        return values

    def web_plan(self, resolution_m: float | None = None) -> tuple[str, WebPlan] | None:
        """Plan to save the first of both images that is a web map, "before" or "after"; None where none is.

        Its pixels are those of the other image, or as large as asked for in metres. Raises InputError where that
        cannot be.
        """
        layers = {"before": self.before.currentLayer(), "after": self.after.currentLayer()}
        role = next((role for role, layer in layers.items() if is_web_map(layer)), None)
        if role is None:
            return None
        other = layers["after" if role == "before" else "before"]
        box = self.extent.outputExtent() if self.extent.isValid() else None
        crs = other.crs() if other is not None and not is_web_map(other) else QgsProject.instance().crs()
        units = QgsUnitTypes.fromUnitToUnitFactor(Qgis.DistanceUnit.Meters, crs.mapUnits())
        return role, plan(
            layers[role], other, box, self.extent.outputCrs(), resolution_m * units if resolution_m else None
        )

    def show_instead(self, role: str, layer: QgsRasterLayer) -> None:
        """Choose a layer in the place of another."""
        self.keep_choice()
        {"before": self.before, "after": self.after}[role].setLayer(layer)

    def _layer_combo(self, name: str, kind: Qgis.LayerFilter, empty: str) -> LayerCombo:
        combo = LayerCombo(name, kind, empty)
        combo.layerChanged.connect(lambda _: self._on_layer())
        return combo

    def _on_layer(self) -> None:
        for combo, date in ((self.before, self.before_date), (self.after, self.after_date)):
            layer = combo.currentLayer()
            date.setText(_known_day(layer) if layer is not None else "")
        self.changed.emit()

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
            grid.addWidget(widget, row, 1, 1, 1 if row < 2 else 3)
        for row, date in enumerate((self.before_date, self.after_date)):
            date.setObjectName(("beforeDateLabel", "afterDateLabel")[row])
            grid.addWidget(date, row, 2)
        grid.addWidget(self.swap, 0, 3, 2, 1, Qt.AlignmentFlag.AlignVCenter)
        grid.setColumnStretch(1, 1)

    def keep_choice(self) -> None:
        """Guess no more: the person has chosen."""
        self._chosen = True

    def _swap(self) -> None:
        self.keep_choice()
        before, after = self.before.currentLayer(), self.after.currentLayer()
        self.before.setLayer(after)
        self.after.setLayer(before)


def _could_be(layer: QgsMapLayer) -> bool:
    """Tell whether a layer is a file with three bands at least; what runs and elevation models are is none."""
    return isinstance(layer, QgsRasterLayer) and layer.providerType() == "gdal" and layer.bandCount() >= 3


def _known_day(layer: QgsMapLayer) -> str:
    """Return the day of a raster as the layer, its name or its file tells it, "" where none does."""
    if not isinstance(layer, QgsRasterLayer):
        return ""
    return _day_of(layer) or date_in(layer.name()) or date_in(file_of(layer).stem) or ""


def _day_of(layer: QgsRasterLayer) -> str | None:
    properties = layer.temporalProperties()
    begin = properties.fixedTemporalRange().begin()
    return begin.toString(Qt.DateFormat.ISODate)[:10] if begin.isValid() else None
