"""The fold-out with the less usual filters of the review: reviewer, area, confidence, extent, administrative unit."""

from collections.abc import Sequence

from qgis.core import QgsMapLayerProxyModel, QgsVectorLayer
from qgis.gui import QgsDoubleSpinBox, QgsFieldComboBox, QgsMapLayerComboBox
from qgis.PyQt.QtCore import QSignalBlocker, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QPushButton, QWidget

from ...review.units import Units
from ..widgets.parts import combo
from ..widgets.words import tr

Range = tuple[float | None, float | None]
# A choice is taken when a person has paused for so long.
PAUSE_MS = 300


class FilterBox(QWidget):
    """Says which candidates are wanted; `changed` is emitted when a person chose something else, but for `extent`.

    `units_wanted` carries the layer and the field whose units are to be found, None if none are.
    """

    opened = pyqtSignal()
    changed = pyqtSignal()
    units_wanted = pyqtSignal(object, str)

    def __init__(self) -> None:
        super().__init__()
        self.reviewer = combo("filterReviewer")
        self.area = _range_boxes("filterArea", 1e6, 2)
        self.confidence = _range_boxes("filterConfidence", 100.0, 0)
        self.extent = QCheckBox(tr("Only what the map shows"))
        self.extent.setObjectName("filterExtent")
        self.layer, self.field, self.unit = QgsMapLayerComboBox(), QgsFieldComboBox(), combo("filterUnit")
        self.layer.setObjectName("filterLayer")
        self.field.setObjectName("filterField")
        self.layer.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.layer.setAllowEmptyLayer(True, tr("No units"))
        self.layer.setLayer(None)
        self.reset = QPushButton(tr("No filter"))
        self._lay_out()
        self.set_reviewers([])
        self.set_units(None)
        # Spin boxes speak at every step.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(PAUSE_MS)
        self._later.timeout.connect(self.changed)
        for box in (*self.area, *self.confidence):
            box.valueChanged.connect(lambda: self._later.start())
        self.reviewer.currentIndexChanged.connect(self.changed)
        self.unit.currentIndexChanged.connect(self.changed)
        self.reset.clicked.connect(self.clear)
        self.layer.layerChanged.connect(self._take_layer)
        self.field.fieldChanged.connect(self._want_units)

    @property
    def area_ha(self) -> Range:
        return _range(self.area)

    @property
    def confidences(self) -> Range:
        least, most = _range(self.confidence)
        return (None if least is None else least / 100, None if most is None else most / 100)

    @property
    def in_use(self) -> int:
        """How many filters of the fold-out are set."""
        ranges = (*self.area_ha, *self.confidences, self.reviewer.currentData(), self.unit.currentData())
        return sum(value is not None for value in ranges) + self.extent.isChecked()

    def set_reviewers(self, names: Sequence[str]) -> None:
        """Offer the people whose verdicts hold."""
        _fill(self.reviewer, tr("Anyone"), [(name, name) for name in names])

    def set_units(self, units: Units | None) -> None:
        """Offer the units that hold candidates, None if there are none to choose from."""
        names = units.names if units else ()
        blocker = QSignalBlocker(self.unit)
        self.unit.clear()
        del blocker
        _fill(self.unit, tr("All units"), [(name, number) for number, name in enumerate(names)])
        self.unit.setEnabled(units is not None)

    def showEvent(self, event: object) -> None:
        self.opened.emit()

    def clear(self) -> None:
        """Let every candidate through."""
        blockers = [QSignalBlocker(widget) for widget in (self.reviewer, self.extent, self.unit)]
        self.reviewer.setCurrentIndex(0)
        self.unit.setCurrentIndex(0)
        self.extent.setChecked(False)
        for box in (*self.area, *self.confidence):
            box.clear()
        del blockers
        self._later.stop()
        self.changed.emit()

    def _take_layer(self, layer: QgsVectorLayer | None) -> None:
        blocker = QSignalBlocker(self.field)
        self.field.setLayer(layer)
        if layer is not None:
            # What QGIS itself shows as a feature's name.
            self.field.setField(layer.displayField())
        del blocker
        self._want_units()

    def _want_units(self) -> None:
        self.units_wanted.emit(self.layer.currentLayer(), self.field.currentField())

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for row, (label, boxes) in enumerate(
            [(tr("Reviewer"), [self.reviewer]), (tr("Area (ha)"), self.area), (tr("Confidence (%)"), self.confidence)]
        ):
            grid.addWidget(QLabel(label), row, 0)
            for column, box in enumerate(boxes):
                grid.addWidget(box, row, 1 + column, 1, 3 - len(boxes))
        grid.addWidget(QLabel(tr("Unit")), 3, 0)
        grid.addWidget(self.layer, 3, 1)
        grid.addWidget(self.field, 3, 2)
        grid.addWidget(self.unit, 4, 1, 1, 2)
        grid.addWidget(self.extent, 5, 0, 1, 2)
        grid.addWidget(self.reset, 5, 2)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        for box in (self.layer, self.field):
            box.setMinimumContentsLength(4)
            box.setSizeAdjustPolicy(self.reviewer.sizeAdjustPolicy())


def _range_boxes(name: str, most: float, decimals: int) -> tuple[QgsDoubleSpinBox, QgsDoubleSpinBox]:
    boxes = []
    for end, words in (("From", tr("from")), ("To", tr("to"))):
        box = QgsDoubleSpinBox()
        box.setObjectName(name + end)
        # One step below nothing: no limit.
        box.setRange(-1, most)
        box.setDecimals(decimals)
        box.setClearValue(-1, words)
        box.setShowClearButton(True)
        box.clear()
        boxes.append(box)
    return boxes[0], boxes[1]


def _range(boxes: tuple[QgsDoubleSpinBox, QgsDoubleSpinBox]) -> Range:
    least, most = (box.value() if box.value() >= 0 else None for box in boxes)
    return least, most


def _fill(box: QComboBox, anything: str, choices: list[tuple[str, object]]) -> None:
    blocker = QSignalBlocker(box)
    chosen = box.currentData()
    box.clear()
    box.addItem(anything, None)
    for words, data in choices:
        box.addItem(words, data)
    box.setCurrentIndex(max(box.findData(chosen) if chosen is not None else 0, 0))
    del blocker
