"""The plan of an accuracy sample: how exact the result shall be, and the points that this takes."""

from collections.abc import Sequence

from qgis.PyQt.QtCore import QLocale, Qt
from qgis.PyQt.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ...accuracy.estimates import FEW, Stratum, allocate, expected_error, points_for, sample_size
from ...core.classes import FIVE, NO_CHANGE, ChangeClass, ClassTable
from ...core.errors import InputError
from ...translation import said
from ..widgets.parts import swatch
from ..widgets.words import language, tr

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
STANDARD_ERROR_PERCENT = 1.0
EXPECTED_PERCENT, EXPECTED_OF_NO_CHANGE = 70, 95


class PlanPage(QWidget):
    """Asks for the wanted standard error and the expected accuracies, and says at once what that takes.

    `points` are those of each class id as planned.
    """

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[int, int] = {}
        self._strata: Sequence[Stratum] = ()
        self._judged = 0
        self.error = QDoubleSpinBox()
        self.error.setObjectName("accuracyStandardError")
        self.error.setRange(0.1, 20.0)
        self.error.setDecimals(1)
        self.error.setSingleStep(0.1)
        self.error.setSuffix(" %")
        self.error.setValue(STANDARD_ERROR_PERCENT)
        self.error.setToolTip(
            tr("Twice this is about how far the overall accuracy may be from the truth, on either side.")
        )
        self.minimum = QSpinBox()
        self.minimum.setObjectName("accuracyMinimum")
        self.minimum.setRange(2, 1000)
        self.minimum.setValue(FEW)
        self.minimum.setToolTip(tr("Rare classes get so many points; the larger classes give them up."))
        self.expected: dict[int, QSpinBox] = {}
        self._figures: dict[int, list[QWidget]] = {}
        self._counts: dict[int, QLabel] = {}
        self._hectares: dict[int, QLabel] = {}
        self.summary, self.existing = QLabel(), QLabel()
        for text in (self.summary, self.existing):
            text.setWordWrap(True)
        self.summary.setObjectName("accuracySummary")
        self.draw = QPushButton(tr("Draw sample"))
        self.draw.setObjectName("accuracyDraw")
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.setObjectName("accuracyCancel")
        self.progress = QProgressBar()
        self._table = QGridLayout()
        self._lay_out()
        for spin in (self.error, self.minimum):
            spin.valueChanged.connect(self._plan)
        self.set_classes(FIVE)

    def set_classes(self, classes: ClassTable) -> None:
        """List the classes that the map of a run tells apart."""
        for widget in (widget for row in self._figures.values() for widget in row):
            self._table.removeWidget(widget)
            widget.deleteLater()
        for held in (self.expected, self._figures, self._counts, self._hectares):
            held.clear()
        for line, row in enumerate(classes.predicted, 1):
            self._add_class(line, row)
        self.set_strata(())

    def set_strata(self, strata: Sequence[Stratum]) -> None:
        """Plan for a map's classes; none while they are not known. Those with points have a sample already."""
        self._strata = strata
        mapped = {row.class_id: row for row in strata}
        for class_id, widgets in self._figures.items():
            for widget in widgets:
                widget.setVisible(class_id in mapped)
            if class_id in mapped:
                self._hectares[class_id].setText(QLocale().toString(mapped[class_id].area_ha, "f", 1))
        self._plan()

    def set_judged(self, judged: int) -> None:
        """Know how many points of the present sample somebody has looked at."""
        self._judged = judged
        self._show_existing()

    def set_busy(self, words: str) -> None:
        """Say what is being done, with the progress below; an empty text when nothing is."""
        for widget in (self.progress, self.cancel):
            widget.setVisible(bool(words))
        self.progress.setValue(0)
        self.draw.setVisible(not words)
        if words:
            self.summary.setText(words)
        else:
            self._plan()

    def _plan(self) -> None:
        expected = {class_id: spin.value() / 100 for class_id, spin in self.expected.items()}
        self.points = {}
        if self._strata:
            try:
                size = sample_size(self._strata, expected, self.error.value() / 100)
                self.points = allocate(self._strata, size, self.minimum.value())
                error = expected_error(self._strata, expected, self.points)
                needed = points_for(self._strata, expected, self.error.value() / 100, self.minimum.value())
                self.summary.setText(_words(size, self.points, error, self.error.value() / 100, needed))
            except InputError as error:
                self.summary.setText(said(error))
        else:
            self.summary.clear()
        for class_id, label in self._counts.items():
            label.setText(QLocale().toString(self.points.get(class_id, 0)))
        self._show_existing()

    def _show_existing(self) -> None:
        """Say what drawing does with the sample that there is."""
        drawn = {row.class_id: row.drawn for row in self._strata}
        total = sum(drawn.values())
        more = sum(max(count - drawn[class_id], 0) for class_id, count in self.points.items())
        if self._judged:
            words = tr(
                "There is a sample of {total} points, {judged} of them judged. Drawing adds {more} points to it."
            )
        else:
            words = tr("There is a sample of {total} points without judgements; drawing again replaces it.")
        self.existing.setText(words.format(total=total, judged=self._judged, more=more))
        self.existing.setVisible(total > 0)
        self.draw.setText(tr("Draw more points") if self._judged else tr("Draw again") if total else tr("Draw sample"))
        self.draw.setEnabled(more > 0 if self._judged else bool(self.points))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        asked = QGridLayout()
        asked.setVerticalSpacing(4)
        asked.setColumnStretch(0, 1)
        for line, (words, field) in enumerate(
            ((tr("Standard error of the overall accuracy"), self.error), (tr("Least points in a class"), self.minimum))
        ):
            label = QLabel(words)
            label.setWordWrap(True)
            label.setBuddy(field)
            asked.addWidget(label, line, 0)
            asked.addWidget(field, line, 1)
        layout.addLayout(asked)
        about = QLabel(
            tr(
                "Expected right: of the area that the map gives to a class, the share that you think is right. It only "
                "decides how many points are drawn."
            )
        )
        about.setWordWrap(True)
        layout.addWidget(about)
        self._add_heads()
        layout.addLayout(self._table)
        layout.addWidget(self.summary)
        layout.addWidget(self.existing)
        layout.addWidget(self.draw)
        busy = QHBoxLayout()
        busy.addWidget(self.progress, 1)
        busy.addWidget(self.cancel)
        layout.addLayout(busy)
        layout.addStretch(1)
        self.set_busy("")

    def _add_heads(self) -> None:
        self._table.setVerticalSpacing(2)
        self._table.setColumnStretch(1, 1)
        for column, words in enumerate((tr("Class"), tr("Mapped (ha)"), tr("Expected right"), tr("Points"))):
            head = QLabel(words)
            if column:
                head.setAlignment(RIGHT)
            self._table.addWidget(head, 0, column + 1 if column else 0, 1, 1 if column else 2)

    def _add_class(self, line: int, row: ChangeClass) -> None:
        icon, name, hectares, count = QLabel(), QLabel(row.label(language())), QLabel(), QLabel()
        icon.setPixmap(swatch(row.colour).pixmap(12, 12))
        spin = QSpinBox()
        spin.setObjectName(f"accuracyExpected_{row.name}")
        spin.setRange(1, 99)
        spin.setSuffix(" %")
        spin.setValue(EXPECTED_OF_NO_CHANGE if row.id == NO_CHANGE else EXPECTED_PERCENT)
        spin.setToolTip(tr("The share of the pixels of this class that you think are right."))
        spin.valueChanged.connect(self._plan)
        for text in (hectares, count):
            text.setAlignment(RIGHT)
        self._figures[row.id] = [icon, name, hectares, spin, count]
        for column, widget in enumerate(self._figures[row.id]):
            self._table.addWidget(widget, line, column)
        self.expected[row.id], self._counts[row.id], self._hectares[row.id] = spin, count, hectares


def _words(size: int, points: dict[int, int], error: float, wanted: float, needed: int) -> str:
    total = sum(points.values())
    if total > size:
        words = tr("{total} points in all: the minimum of each class takes more than the {size} that suffice.")
    elif total < size:
        words = tr("{total} points in all: every pixel of the map; {size} would be needed.")
    else:
        words = tr("{total} points in all.")
    expected = tr("Standard error to be expected with them: {percent} %.")
    locale = QLocale()
    words = words.format(total=locale.toString(total), size=locale.toString(size))
    words = f"{words} {expected.format(percent=locale.toString(100 * error, 'f', 2))}"
    if round(100 * error, 2) <= round(100 * wanted, 2):
        return words
    why = tr(
        "More than the {wanted} % asked for: that number of points would suffice if each class got them by its area "
        "and its spread, but rare classes get the minimum, which the large ones give up. {needed} points would reach "
        "it."
    )
    return f"{words} {why.format(wanted=locale.toString(100 * wanted, 'f', 1), needed=locale.toString(needed))}"
