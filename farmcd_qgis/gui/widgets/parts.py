"""Small widgets that the panels share."""

from collections.abc import Mapping
from functools import partial

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QIcon, QPainter, QPixmap
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .words import tr


class FoldOuts(QWidget):
    """A row of buttons, each of which folds out what is seldom needed, one at a time."""

    def __init__(self, folds: Mapping[str, QWidget]) -> None:
        super().__init__()
        self.buttons: list[QToolButton] = []
        layout, row = QVBoxLayout(self), QHBoxLayout()
        self.row = row
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        row.setSpacing(4)
        for words, fold in folds.items():
            button = QToolButton()
            button.setText(words)
            button.setArrowType(Qt.ArrowType.RightArrow)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.toggled.connect(partial(self._fold, button, fold))
            fold.hide()
            self.buttons.append(button)
            row.addWidget(button)
            layout.addWidget(fold)

    def _fold(self, button: QToolButton, fold: QWidget, out: bool) -> None:
        if out:
            for other in self.buttons:
                other.setChecked(other is button)
        button.setArrowType(Qt.ArrowType.DownArrow if out else Qt.ArrowType.RightArrow)
        fold.setVisible(out)


class NoteEdit(QLineEdit):
    """A remark that goes with the next verdict. Enter gives the keys back to the verdicts."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self.setObjectName("noteEdit")
        self.setPlaceholderText(tr("Note to the next verdict"))
        self.returnPressed.connect(panel.setFocus)


def swatch(colour: str, side: int = 12) -> QIcon:
    """Return a small square of a class's colour, `side` pixels wide, with a rim that is seen on dark and light."""
    square = QPixmap(side, side)
    square.fill(QColor(colour))
    painter = QPainter(square)
    painter.setPen(QColor("#7d7d7d"))
    painter.drawRect(0, 0, side - 1, side - 1)
    painter.end()
    return QIcon(square)


def combo(name: str) -> QComboBox:
    made = QComboBox()
    made.setObjectName(name)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(10)
    return made


def place_head(title: QLabel, place: QLabel, *texts: QLabel) -> QHBoxLayout:
    """Lay out what a place is called and where it is in the queue; `texts`, what is said of it, wrap below."""
    font = title.font()
    font.setBold(True)
    title.setFont(font)
    place.setAlignment(Qt.AlignmentFlag.AlignRight)
    for text in texts:
        text.setWordWrap(True)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    head = QHBoxLayout()
    head.addWidget(title)
    head.addWidget(place)
    return head


def rule() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Sunken)
    return line
