"""The manual, in the plugin and in the person's language."""

from collections.abc import Callable

from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtWidgets import QDialog, QTextBrowser, QToolButton, QVBoxLayout, QWidget

from ..core.paths import resources
from .widgets.icons import icon
from .widgets.words import language, tr

SIZE = (720, 620)


class Manual(QDialog):
    """Shows the manual beside the work; `go_to` brings up a chapter."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setObjectName("FarmCDManual")
        self.setWindowTitle(tr("FarmCD manual"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.text = QTextBrowser()
        self.text.setOpenExternalLinks(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        self.resize(*SIZE)

    def go_to(self, chapter: str) -> None:
        """Show a chapter: the name of a step, or "install"."""
        spoken = "zh" if language().startswith("zh") else "en"
        url = QUrl.fromLocalFile(str(resources() / "manual" / f"{spoken}.html"))
        self.text.setSource(url)
        self.text.scrollToAnchor(chapter)


def show_help(parent: QWidget, chapter: str) -> None:
    """Open the manual at a chapter, in the window that is open already or a new one."""
    above = parent.window()
    manual = above.findChild(Manual) or Manual(above)
    manual.show()
    manual.go_to(chapter)
    manual.raise_()


def help_button(show: Callable[[], None]) -> QToolButton:
    """Make a button that opens the manual."""
    made = QToolButton()
    made.setObjectName("helpButton")
    made.setIcon(icon("help"))
    made.setToolTip(tr("Help (F1)"))
    made.setAutoRaise(True)
    made.clicked.connect(lambda: show())
    return made
