"""A sentence that stands above a page until something is done about it, with the buttons for that."""

from collections.abc import Mapping

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from .wrapping_label import WrappingLabel


class Notice(QFrame):
    """Hidden until `say`; `pressed` carries the name of the button."""

    pressed = pyqtSignal(str)

    def __init__(self, name: str, buttons: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.words = WrappingLabel()
        font = self.words.font()
        font.setBold(True)
        self.words.setFont(font)
        row = QHBoxLayout()
        self.buttons: dict[str, QPushButton] = {}
        for key, words in buttons.items():
            button = QPushButton(words)
            button.setObjectName(f"{key}Button")
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, key=key: self.pressed.emit(key))
            self.buttons[key] = button
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self.words)
        column.addLayout(row)
        self.hide()

    def say(self, words: str) -> None:
        """Show the notice with these words."""
        self.words.setText(words)
        self.show()
