"""The widgets of the review page: what is shown where. The page fills and connects them."""

from collections.abc import Mapping, Sequence

from qgis.PyQt.QtCore import QSignalBlocker, Qt
from qgis.PyQt.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ...core.classes import FIVE, ClassTable
from ...review.verdicts import OPEN
from ..judging.class_keys import ClassKeys
from ..judging.keys import KeyAction, KeyButton, button_row
from ..widgets.parts import FoldOuts, NoteEdit, combo, place_head, rule, swatch
from ..widgets.words import language, statuses, tr
from .words import orders

# The choice of the status filter beside the single statuses.
ANY = "any"


class ReviewPanel(QWidget):
    """Everything on the page, from top to bottom: filters, the candidate, its verdicts, the way back, the map."""

    def __init__(
        self,
        folds: Mapping[str, QWidget],
        actions: Mapping[str, KeyAction],
        classes: ClassKeys,
        reasons: Sequence[KeyAction],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._class_keys, self._confirm = classes, actions["confirm"]
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(self._filters())
        self.folds = FoldOuts(folds)
        layout.addWidget(self.folds)
        layout.addWidget(rule())
        layout.addLayout(self._candidate())
        layout.addWidget(rule())
        self.pages = QStackedWidget()
        self.pages.addWidget(self._verdicts(actions, classes))
        self.pages.addWidget(self._reasons(reasons))
        layout.addWidget(self.pages)
        self.note = NoteEdit(self)
        layout.addWidget(self.note)
        layout.addWidget(rule())
        layout.addLayout(button_row(actions["back"], actions["undo"], actions["redo"]))
        layout.addLayout(button_row(actions["flicker"], actions["outline"], actions["zoom"]))
        layout.addLayout(button_row(actions["pair"], actions["swipe"], actions["stretch"]))
        layout.addStretch(1)
        self.set_classes(FIVE)

    def set_classes(self, classes: ClassTable) -> None:
        """Offer the classes of a run, and say what confirming means where the model knows none."""
        self._class_keys.set_classes(classes.known)
        words = tr("Confirm (class unknown)") if classes.unknown is not None else tr("Confirm")
        self._confirm.setIconText(words)
        blocker = QSignalBlocker(self.class_filter)
        self.class_filter.clear()
        self.class_filter.addItem(tr("All classes"), None)
        for row in classes.predicted[1:]:
            self.class_filter.addItem(swatch(row.colour), row.label(language()), row.id)
        del blocker

    def show_counts(self, counts: Mapping[str, int] | None, pace: str) -> None:
        """Show how many candidates have which status, None without a run, and what remains in words."""
        words = {**statuses(), ANY: tr("All statuses")}
        total = sum(counts.values()) if counts else 0
        for index in range(self.status.count()):
            status = self.status.itemData(index)
            count = total if status == ANY or not counts else counts[status]
            self.status.setItemText(index, words[status] if counts is None else f"{words[status]} ({count})")
        reviewed = total - sum(counts[status] for status in OPEN) if counts else 0
        self.progress.setRange(0, max(total, 1))
        self.progress.setValue(reviewed)
        self.progress.setTextVisible(total > 0)
        self.progress.setFormat(tr("{reviewed} of {total} reviewed").format(reviewed=reviewed, total=total))
        self.pace.setText(pace)

    def _filters(self) -> QGridLayout:
        self.order, self.class_filter, self.status = map(combo, ("orderCombo", "classCombo", "statusCombo"))
        for key, words in orders().items():
            self.order.addItem(words, key)
        for key in (*statuses(), ANY):
            self.status.addItem("", key)
        layout = QGridLayout()
        layout.setVerticalSpacing(4)
        layout.addWidget(self.order, 0, 0, 1, 2)
        pair = QHBoxLayout()
        pair.addWidget(self.class_filter)
        pair.addWidget(self.status)
        layout.addLayout(pair, 1, 0, 1, 2)
        return layout

    def _candidate(self) -> QVBoxLayout:
        self.title, self.place, self.opinion, self.state = QLabel(), QLabel(), QLabel(), QLabel()
        head = place_head(self.title, self.place, self.opinion, self.state)
        # Room for the longest usual words, so that the buttons don't jump from one candidate to the next.
        self.opinion.setMinimumHeight(4 * self.opinion.fontMetrics().lineSpacing())
        self.state.setMinimumHeight(self.state.fontMetrics().lineSpacing())
        self.progress = QProgressBar()
        layout = QVBoxLayout()
        layout.setSpacing(4)
        self.pace = QLabel()
        self.pace.setAlignment(Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.progress)
        layout.addWidget(self.pace)
        layout.addLayout(head)
        layout.addWidget(self.opinion)
        layout.addWidget(self.state)
        return layout

    def _verdicts(self, actions: Mapping[str, KeyAction], classes: ClassKeys) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(KeyButton(actions["confirm"]), 0, 0, 1, 6)
        grid.addWidget(classes, 1, 0, 1, 6)
        grid.addWidget(KeyButton(actions["pseudo"]), 2, 0, 1, 6)
        grid.addWidget(KeyButton(actions["unsure"]), 3, 0, 1, 3)
        grid.addWidget(KeyButton(actions["skip"]), 3, 3, 1, 3)
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
