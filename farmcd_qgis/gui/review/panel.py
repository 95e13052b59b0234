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
from ..judging.keys import KeyAction, KeyButton, button_row, look_row
from ..widgets.parts import FoldOuts, NoteEdit, combo, place_head, rule, swatch
from ..widgets.words import language, statuses, tr
from .words import orders

# Of evidence: as many as there ever are, and as there usually are.
ROWS, USUAL = 4, 3
# In pixels: the class's colour before its name.
SWATCH = 16
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
        layout.setContentsMargins(6, 2, 6, 2)
        # Everything shall be seen at once on a small screen.
        layout.setSpacing(3)
        self.notice = QLabel()
        self.notice.setWordWrap(True)
        self.notice.hide()
        layout.addWidget(self.notice)
        layout.addLayout(self._filters())
        self.folds = FoldOuts(folds)
        layout.addWidget(self.folds)
        layout.addWidget(rule())
        layout.addLayout(self._candidate())
        layout.addLayout(look_row(actions, "outline"))
        self.pages = QStackedWidget()
        self.pages.addWidget(self._verdicts(actions, classes))
        self.pages.addWidget(self._reasons(reasons))
        layout.addWidget(self.pages)
        self.note = NoteEdit(self)
        layout.addWidget(self.note)
        layout.addLayout(button_row(actions["back"], actions["undo"], actions["redo"]))
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
        labelled = ((tr("Order"), self.order), (tr("Class"), self.class_filter), (tr("Status"), self.status))
        for place, (words, box) in enumerate(labelled):
            line, column = (place + 1) // 2, 2 * max(place - 1, 0)
            layout.addWidget(QLabel(words), line, column)
            layout.addWidget(box, line, column + 1, 1, 1 if place else 3)
        for column in (1, 3):
            layout.setColumnStretch(column, 1)
        return layout

    def _candidate(self) -> QVBoxLayout:
        self.title, self.place, self.opinion, self.state = QLabel(), QLabel(), QLabel(), QLabel()
        self.swatch, self.number, self.pace, self.progress = QLabel(), QLabel(), QLabel(), QProgressBar()
        head = place_head(self.title, self.place, self.opinion, self.state)
        large = self.title.font()
        large.setPointSizeF(1.25 * large.pointSizeF())
        self.title.setFont(large)
        head.insertWidget(0, self.swatch)
        head.setStretch(1, 1)
        self.state.setMinimumHeight(self.state.fontMetrics().lineSpacing())
        self.pace.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.evidence = QGridLayout()
        self.evidence.setVerticalSpacing(1)
        self.evidence.setColumnStretch(1, 1)
        for line in range(ROWS):
            for column in range(2):
                self.evidence.addWidget(_small(), line, column)
        layout = QVBoxLayout()
        layout.setSpacing(4)
        way = QHBoxLayout()
        way.addWidget(self.progress, 1)
        way.addWidget(self.pace)
        layout.addLayout(way)
        layout.addLayout(head)
        layout.addWidget(self.number)
        layout.addWidget(self.opinion)
        layout.addLayout(self.evidence)
        layout.addWidget(self.state)
        self.show_candidate("", None)
        return layout

    def show_candidate(
        self, title: str, colour: str | None, number: str = "", rows: Sequence[tuple[str, str]] = (), hint: str = ""
    ) -> None:
        """Show a candidate's class with its colour, what it is called, and what is known of it in small rows.

        Without a candidate `hint` says what can be done instead.
        """
        self.title.setText(title)
        self.swatch.setVisible(colour is not None)
        if colour is not None:
            self.swatch.setPixmap(swatch(colour, SWATCH).pixmap(SWATCH, SWATCH))
        self.number.setText(number)
        self.opinion.setText(hint)
        self.opinion.setVisible(bool(hint))
        for line in range(ROWS):
            words = rows[line] if line < len(rows) else ("", "")
            for column in range(2):
                label = self.evidence.itemAtPosition(line, column).widget()
                label.setText(words[column])
                # Three rows are always there, so that the buttons don't jump from one candidate to the next.
                label.setVisible(line < max(len(rows), USUAL))

    def show_notice(self, words: str) -> None:
        """Say above everything what a person must know of the run; "" says nothing."""
        self.notice.setText(words)
        self.notice.setVisible(bool(words))

    def _verdicts(self, actions: Mapping[str, KeyAction], classes: ClassKeys) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        confirm = KeyButton(actions["confirm"])
        confirm.accent()
        grid.addWidget(confirm, 0, 0, 1, 6)
        grid.addWidget(classes, 1, 0, 1, 6)
        grid.addWidget(KeyButton(actions["pseudo"], more=" ›"), 2, 0, 1, 6)
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


def _small() -> QLabel:
    made = QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(True)
    made.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    font = made.font()
    font.setPointSizeF(0.9 * font.pointSizeF())
    made.setFont(font)
    return made
