"""A label for sentences with paths in them."""

import re

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence
from qgis.PyQt.QtWidgets import QLabel, QMenu

from .words import tr

# A line may end here, and nothing is seen of it.
BREAK = "\u200b"
_JOINTS = re.compile(r"(?<=[/\\_.\-])(?=\S)")
_LONG_WORD = re.compile(r"\S{20,}")


class WrappingLabel(QLabel):
    """Breaks lines within long paths, which would else widen the dock; its text can be copied as it was given."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(_LONG_WORD.sub(lambda word: _JOINTS.sub(BREAK, word[0]), text))

    def text(self) -> str:
        return super().text().replace(BREAK, "")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Copy"), self._copy)
        menu.popup(event.globalPos())

    def _copy(self) -> None:
        QgsApplication.clipboard().setText(self.selectedText().replace(BREAK, "") or self.text())
