"""The classes of the run that is open, as keys 1 to 9 and their buttons; what is beyond nine is chosen from a list."""

from collections.abc import Callable, Sequence
from functools import partial

from qgis.PyQt.QtWidgets import QComboBox, QGridLayout, QWidget

from ...core.classes import ChangeClass
from ..widgets.parts import combo, swatch
from ..widgets.words import language, tr
from .keys import KeyAction, KeyButton

KEYS = 9
# Twelfths of the width: rows of three, and what is left over shares the last row.
COLUMNS, IN_A_ROW = 12, 3


class ClassKeys(QWidget):
    """Gives one of the classes with `give`; which ones there are is told when a run is opened.

    The actions stay, since QGIS's shortcut dialog knows them; `work` is that of KeyAction.
    """

    def __init__(self, give: Callable[[int], object], parent: QWidget, work: str = "Review") -> None:
        super().__init__()
        self._rows: Sequence[ChangeClass] = ()
        self._give = give
        self.actions_by_number = [
            KeyAction(
                f"class_{number}",
                tr("Class {number}").format(number=number),
                str(number),
                partial(self._press, number - 1),
                parent,
                work=work,
            )
            for number in range(1, KEYS + 1)
        ]
        self._buttons = [KeyButton(action, self) for action in self.actions_by_number]
        self.more: QComboBox = combo("moreClasses")
        self.more.activated.connect(self._choose)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)

    def set_classes(self, rows: Sequence[ChangeClass]) -> None:
        """Offer these classes, in this order."""
        self._rows = rows
        with_keys = rows[:KEYS]
        for place, (action, button) in enumerate(zip(self.actions_by_number, self._buttons, strict=True)):
            button.setVisible(place < len(with_keys))
            self._grid.removeWidget(button)
            if place < len(with_keys):
                action.setIconText(rows[place].label(language()))
                action.setIcon(swatch(rows[place].colour))
                line, column = divmod(place, IN_A_ROW)
                span = COLUMNS // min(len(with_keys) - IN_A_ROW * line, IN_A_ROW)
                self._grid.addWidget(button, line, column * span, 1, span)
        self.more.clear()
        self.more.addItem(tr("More classes…"), None)
        for row in rows[KEYS:]:
            self.more.addItem(swatch(row.colour), row.label(language()), row.id)
        self.more.setVisible(len(rows) > KEYS)
        self._grid.addWidget(self.more, KEYS, 0, 1, COLUMNS)

    def enable(self, on: bool) -> None:
        """Let the keys of the classes that there are be pressed, or none."""
        for place, action in enumerate(self.actions_by_number):
            action.setEnabled(on and place < len(self._rows))
        self.more.setEnabled(on)

    def _press(self, place: int) -> None:
        self._give(self._rows[place].id)

    def _choose(self, index: int) -> None:
        class_id = self.more.itemData(index)
        self.more.setCurrentIndex(0)
        if class_id is not None:
            self._give(class_id)
