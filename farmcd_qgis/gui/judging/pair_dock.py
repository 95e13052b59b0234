"""The dock with before and after side by side, and the other dates beside them where the project has some."""

from qgis.core import QgsMapLayer, QgsProject, QgsRasterLayer
from qgis.gui import QgsDockWidget, QgsRendererRasterPropertiesWidget
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtGui import QResizeEvent
from qgis.PyQt.QtWidgets import QBoxLayout, QDialog, QDialogButtonBox, QMainWindow, QScrollArea, QVBoxLayout, QWidget

from ..widgets.words import tr
from .date_strip import DateStrip
from .linked_canvases import LinkedCanvases
from .place import Place

# Of the height of QGIS's window, the first time.
SHARE = 0.48
# Wider than this the dates stand beside the canvases, else below them.
WIDE = 3.0


class PairDock(QgsDockWidget):
    """A dock of its own, so that it can be as large as a person likes, also on another screen.

    It comes up where it was when QGIS was left, at first below the map; `unload` takes it out of the window. The review
    and the accuracy dock have one each, named by their `work`.
    """

    def __init__(self, window: QMainWindow, work: str) -> None:
        super().__init__(tr("FarmCD Before and after"), window)
        self.setObjectName(f"FarmCD{work}PairDock")
        self._window = window
        # By id, since a person may remove layers from the project at any time.
        self._pair: list[str] = []
        self.canvases = LinkedCanvases()
        body = QWidget()
        self._layout = QBoxLayout(QBoxLayout.Direction.TopToBottom, body)
        self._layout.setContentsMargins(2, 2, 2, 2)
        self._layout.setSpacing(2)
        self._layout.addWidget(self.canvases, 1)
        self.dates = DateStrip(body)
        self._layout.addWidget(self.dates)
        self.setWidget(body)
        self.canvases.bands_wanted.connect(self._choose_bands)
        self.dates.picked.connect(lambda layer_id: self.canvases.show_instead(QgsProject.instance().mapLayer(layer_id)))
        # Its size can only be chosen once it is shown.
        self._first = QTimer(self)
        self._first.setSingleShot(True)
        self._first.timeout.connect(self._take_room)
        if not window.restoreDockWidget(self):
            window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self)
            self._first.start(0)

    def set_pair(self, before: QgsRasterLayer | None, after: QgsRasterLayer | None) -> None:
        """Compare two rasters."""
        self._pair = [layer.id() for layer in (before, after) if layer is not None]
        self.canvases.set_pair(before, after)

    def show_place(self, place: Place | None) -> None:
        """Go to a place, outline it and begin the pictures of the other dates; None outlines nothing."""
        self.canvases.show_instead(None)
        self.canvases.show_outline(place.outline if place else None, place.crs if place else None)
        if place:
            self.canvases.show_extent(place.view, place.crs)
        pair = [layer for layer in map(QgsProject.instance().mapLayer, self._pair) if layer is not None]
        self.dates.show_place(place, pair)

    def set_outline_visible(self, visible: bool) -> None:
        """Hide or show the outline in the canvases and the small pictures."""
        self.canvases.set_outline_visible(visible)
        self.dates.set_outline_visible(visible)

    def unload(self) -> None:
        """Stop what is drawn and take the dock out of QGIS's window."""
        self.dates.unload()
        self.canvases.unload()
        self._window.removeDockWidget(self)
        self.deleteLater()

    def _take_room(self) -> None:
        if not self.isFloating():
            self._window.resizeDocks([self], [round(SHARE * self._window.height())], Qt.Orientation.Vertical)

    def _choose_bands(self, layer: QgsMapLayer) -> None:
        """Open QGIS's own choice of bands and stretch; what is changed is seen at once."""
        dialog = QDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(layer.name())
        layout = QVBoxLayout(dialog)
        choice = QgsRendererRasterPropertiesWidget(layer, self.canvases.after, dialog)
        choice.widgetChanged.connect(choice.apply)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(choice)
        layout.addWidget(scroll)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(dialog.reject)
        layout.addWidget(close)
        layer.willBeDeleted.connect(dialog.close)
        # The bands and their stretch; brightness and resampling are a scroll away.
        dialog.resize(choice.sizeHint().width() + 60, min(440, self._window.height()))
        dialog.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() > WIDE * self.height()
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if direction != self._layout.direction():
            self._layout.setDirection(direction)
            self.dates.set_upright(wide)
