"""A choice of a layer for names that are longer than the dock is wide."""

from qgis.core import Qgis, QgsMapLayer
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QPaintEvent
from qgis.PyQt.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter

# Of the names that a folder of tiles has, beginning and end tell them apart.
MIDDLE = Qt.TextElideMode.ElideMiddle


class LayerCombo(QgsMapLayerComboBox):
    """Leaves out the middle of a long name, and tells the whole and the file as a tooltip. `empty` says "none"."""

    def __init__(self, name: str, kind: Qgis.LayerFilter, empty: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setFilters(Qgis.LayerFilters(kind))
        self.setAllowEmptyLayer(True, empty)
        self.setLayer(None)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.view().setTextElideMode(MIDDLE)
        self.layerChanged.connect(self._tell)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_elided(self)

    def _tell(self, layer: QgsMapLayer | None) -> None:
        self.setToolTip(f"{layer.name()}\n{layer.publicSource()}" if layer is not None else "")


class ElidedCombo(QComboBox):
    """A combo that leaves out the middle of a long text."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.view().setTextElideMode(MIDDLE)

    def showPopup(self) -> None:
        """Let the list be as wide as its texts, as far as the screen goes."""
        widest = self.view().sizeHintForColumn(0) + self.view().verticalScrollBar().sizeHint().width()
        self.view().setMinimumWidth(min(max(self.width(), widest), self.screen().availableGeometry().width() // 2))
        super().showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_elided(self)


def paint_elided(combo: QComboBox) -> None:
    """Paint a combo, without the middle of its text where that does not fit."""
    painter, option = QStylePainter(combo), QStyleOptionComboBox()
    combo.initStyleOption(option)
    style = combo.style()
    room = style.subControlRect(
        QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, combo
    ).width()
    if not option.currentIcon.isNull():
        room -= option.iconSize.width() + 4
    option.currentText = combo.fontMetrics().elidedText(option.currentText, MIDDLE, room - 4)
    painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
    painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
