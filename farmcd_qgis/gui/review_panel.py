"""The widgets of the review dock: what is shown where. The dock fills and connects them."""

from collections.abc import Mapping, Sequence

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QIcon, QPixmap
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..classes import CHANGES
from .review_keys import KeyAction, KeyButton
from .review_words import class_words, orders, statuses
from .words import tr

# The choice of the status filter beside the single statuses.
ANY = "any"


class ReviewPanel(QWidget):
    """Everything in the dock, from top to bottom: filters, the candidate, its verdicts, the way back, the map."""

    def __init__(self, actions: Mapping[str, KeyAction], reasons: Sequence[KeyAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(self._filters())
        layout.addWidget(rule())
        layout.addLayout(self._candidate())
        layout.addWidget(rule())
        self.pages = QStackedWidget()
        self.pages.addWidget(self._verdicts(actions))
        self.pages.addWidget(self._reasons(reasons))
        layout.addWidget(self.pages)
        self.note = NoteEdit(self)
        layout.addWidget(self.note)
        layout.addWidget(rule())
        layout.addLayout(button_row(actions["back"], actions["undo"], actions["redo"]))
        layout.addLayout(button_row(actions["flicker"], actions["outline"], actions["zoom"]))
        layout.addLayout(button_row(actions["pair"], actions["swipe"], actions["stretch"]))
        layout.addStretch(1)

    def _filters(self) -> QGridLayout:
        self.run = combo("runCombo")
        self.browse = QToolButton()
        self.browse.setText("…")
        self.browse.setToolTip(tr("Open the folder of a run"))
        self.order, self.class_filter, self.status = map(combo, ("orderCombo", "classCombo", "statusCombo"))
        for key, words in orders().items():
            self.order.addItem(words, key)
        self.class_filter.addItem(tr("All classes"), None)
        for row in CHANGES:
            self.class_filter.addItem(swatch(row.colour), class_words(row.id), row.id)
        for key in (*statuses(), ANY):
            self.status.addItem("", key)
        layout = QGridLayout()
        layout.setVerticalSpacing(4)
        layout.addWidget(self.run, 0, 0)
        layout.addWidget(self.browse, 0, 1)
        layout.addWidget(self.order, 1, 0, 1, 2)
        pair = QHBoxLayout()
        pair.addWidget(self.class_filter)
        pair.addWidget(self.status)
        layout.addLayout(pair, 2, 0, 1, 2)
        return layout

    def _candidate(self) -> QVBoxLayout:
        self.title, self.place, self.opinion, self.state = QLabel(), QLabel(), QLabel(), QLabel()
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.place.setAlignment(Qt.AlignmentFlag.AlignRight)
        for text in (self.opinion, self.state):
            text.setWordWrap(True)
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        # Room for the longest usual words, so that the buttons don't jump from one candidate to the next.
        self.opinion.setMinimumHeight(4 * self.opinion.fontMetrics().lineSpacing())
        self.state.setMinimumHeight(self.state.fontMetrics().lineSpacing())
        self.progress = QProgressBar()
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addWidget(self.place)
        layout = QVBoxLayout()
        layout.setSpacing(4)
        layout.addWidget(self.progress)
        layout.addLayout(head)
        layout.addWidget(self.opinion)
        layout.addWidget(self.state)
        return layout

    def _verdicts(self, actions: Mapping[str, KeyAction]) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(KeyButton(actions["confirm"]), 0, 0, 1, 6)
        for position, row in enumerate(CHANGES):
            line, column, span = (1, 2 * position, 2) if position < 3 else (2, 3 * (position - 3), 3)
            grid.addWidget(KeyButton(actions[row.name]), line, column, 1, span)
        grid.addWidget(KeyButton(actions["pseudo"]), 3, 0, 1, 6)
        grid.addWidget(KeyButton(actions["unsure"]), 4, 0, 1, 3)
        grid.addWidget(KeyButton(actions["skip"]), 4, 3, 1, 3)
        return page

    def _reasons(self, reasons: Sequence[KeyAction]) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(QLabel(tr("Why is it no real change?")), 0, 0, 1, 2)
        for position, action in enumerate(reasons):
            grid.addWidget(KeyButton(action), 1 + position // 2, position % 2)
        return page


class NoteEdit(QLineEdit):
    """A remark that goes with the next verdict. Enter gives the keys back to the verdicts."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self.setObjectName("noteEdit")
        self.setPlaceholderText(tr("Note to the next verdict"))
        self.returnPressed.connect(panel.setFocus)


def swatch(colour: str) -> QIcon:
    """Return a small square of a class's colour."""
    square = QPixmap(12, 12)
    square.fill(QColor(colour))
    return QIcon(square)


def combo(name: str) -> QComboBox:
    made = QComboBox()
    made.setObjectName(name)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(10)
    return made


def button_row(*actions: KeyAction) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setSpacing(4)
    for action in actions:
        layout.addWidget(KeyButton(action))
    return layout


def rule() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Sunken)
    return line
