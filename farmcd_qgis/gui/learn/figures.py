"""The figures of a checkpoint before and after it was trained on, and what they are worth."""

from collections.abc import Mapping
from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from ...core.classes import FIVE
from ..widgets.words import language, tr

# A share that is found on fewer verdicts is uncertain by ten points and more.
ENOUGH_VERDICTS = 30
F1 = "F1 "
MOST_ROWS = 8


class FiguresTable(QTableWidget):
    """A row per figure: before, after, difference, in percent; hidden while there is nothing to compare."""

    def __init__(self) -> None:
        super().__init__(0, 4)
        self.setObjectName("learnFigures")
        self.setHorizontalHeaderLabels(
            [tr("On held-out verdicts, %"), tr("Before training"), tr("After training"), tr("Difference")]
        )
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.verticalHeader().setMinimumSectionSize(1)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.hide()

    def show_figures(self, record: Mapping[str, Any] | None) -> None:
        """Show the figures of a FinetuneRecord (as a dictionary), None for none."""
        before = (record["before"] if record else None) or {}
        after = (record["after"] if record else None) or {}
        # A class that neither checkpoint finds where it is, or that is not there, has no figure worth a row; what
        # only specialists read is in the new checkpoint's card.
        names = [
            name
            for name in before
            if name.startswith("binary ") or (name.startswith(F1) and before[name] + after[name])
        ]
        self.setRowCount(len(names))
        for row, name in enumerate(names):
            old, new = 100 * before[name], 100 * after[name]
            for column, text in enumerate((figure_words(name), f"{old:.1f}", f"{new:.1f}", f"{new - old:+.1f}")):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)
        shown = min(len(names), MOST_ROWS)
        height = self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth()
        self.setFixedHeight(height + sum(self.rowHeight(row) for row in range(shown)))
        self.setVisible(bool(names))


def figure_words(name: str) -> str:
    """Name a figure of a model card in the language of QGIS."""
    known = {
        "binary F1": tr("F1 of change"),
        "binary precision": tr("Precision of change"),
        "binary recall": tr("Recall of change"),
        "binary IoU": tr("IoU of change"),
    }
    row = FIVE.find(name.removeprefix(F1)) if name.startswith(F1) else None
    if row is not None:
        return tr("F1 of {0}").format(row.label(language()))
    return known.get(name, name)


def outcome_words(record: Mapping[str, Any]) -> str:
    """Say on how much the figures rest, and so what they tell."""
    words = [
        tr("Trained on {0} samples for {1} steps ({2} s).").format(
            record["trained_on"], record["steps"], round(record["seconds"])
        )
    ]
    if record.get("unlabelled"):
        words.append(tr("It learned from {0} pairs without labels as well.").format(record["unlabelled"]))
    if record["before"] is None or record["after"] is None:
        words.append(tr("Too few samples to hold some out: whether it is better is not known."))
        return " ".join(words)
    verdicts = record["held_out_verdicts"]
    words.append(
        tr("The figures are from {0} held-out samples with {1} verdicts, none of which it was trained on.").format(
            record["held_out"], verdicts
        )
    )
    if verdicts < ENOUGH_VERDICTS:
        words.append(tr("That is not enough to tell whether it is better."))
    elif record["better"]:
        words.append(tr("It is better on them."))
    else:
        words.append(tr("It is not better on them."))
    return " ".join(words)
