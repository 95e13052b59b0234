"""The widgets of the accuracy page: plan a sample, judge it, read the result. The page fills and connects them."""

from collections.abc import Mapping

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QGridLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from ...core.classes import FIVE, NO_CHANGE, ClassTable
from ..judging.class_keys import ClassKeys
from ..judging.keys import KeyAction, KeyButton, button_row, look_row
from ..widgets.parts import NoteEdit, combo, place_head, rule, swatch
from ..widgets.words import language, tr
from .plan import PlanPage

PLAN, JUDGE, RESULT = range(3)
# The choice of the filter beside the single states.
ANY = "any"


class AccuracyPanel(QWidget):
    """A tab for each step."""

    def __init__(self, actions: Mapping[str, KeyAction], classes: ClassKeys, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        self.plan = PlanPage()
        self.judge = JudgePage(actions, classes, self)
        self.result = ResultPage()
        self.tabs = QTabWidget()
        self.tabs.setObjectName("accuracyTabs")
        self.tabs.setDocumentMode(True)
        for page, words in ((self.plan, tr("Sample")), (self.judge, tr("Judge")), (self.result, tr("Result"))):
            self.tabs.addTab(page, words)
        layout.addWidget(self.tabs, 1)
        self._class_keys, self._no_change = classes, actions["no_change"]
        self.set_classes(FIVE)

    def set_classes(self, classes: ClassTable) -> None:
        """Offer the classes that the map of a run tells apart."""
        row = classes[NO_CHANGE]
        self._no_change.setIconText(row.label(language()))
        self._no_change.setIcon(swatch(row.colour))
        self._class_keys.set_classes(classes.predicted[1:])
        self.plan.set_classes(classes)


class JudgePage(QWidget):
    """One point after the other: what is asked, the answers with their keys, the way back, the map."""

    def __init__(self, actions: Mapping[str, KeyAction], classes: ClassKeys, panel: QWidget) -> None:
        super().__init__()
        self.status = combo("accuracyStatusCombo")
        self.progress = QProgressBar()
        self.title, self.place, self.hint, self.state = QLabel(), QLabel(), QLabel(), QLabel()
        head = place_head(self.title, self.place, self.hint, self.state)
        # Room for the usual words, so that the buttons don't jump from one point to the next.
        self.hint.setMinimumHeight(2 * self.hint.fontMetrics().lineSpacing())
        self.note = NoteEdit(panel)
        self.note.setPlaceholderText(tr("Note to the next judgement"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addWidget(self.status)
        layout.addWidget(self.progress)
        layout.addLayout(head)
        layout.addWidget(self.hint)
        layout.addWidget(self.state)
        layout.addLayout(_answers(actions, classes))
        layout.addWidget(self.note)
        layout.addWidget(rule())
        layout.addLayout(button_row(actions["back"], actions["undo"], actions["redo"]))
        layout.addLayout(look_row(actions, "mark"))
        layout.addStretch(1)


class ResultPage(QWidget):
    """What the sample says, and what limits it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = QTextBrowser()
        self.text.setObjectName("accuracyResult")
        self.save = QPushButton(tr("Save as page, CSV and JSON…"))
        self.save.setObjectName("accuracySave")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.save)


def _answers(actions: Mapping[str, KeyAction], classes: ClassKeys) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(4)
    grid.addWidget(KeyButton(actions["no_change"]), 0, 0, 1, 6)
    grid.addWidget(classes, 1, 0, 1, 6)
    grid.addWidget(KeyButton(actions["unsure"]), 2, 0, 1, 3)
    grid.addWidget(KeyButton(actions["skip"]), 2, 3, 1, 3)
    return grid
