"""The report's first looks: two pages as thumbnails, and large when one is clicked."""

from collections.abc import Sequence

from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QIcon, QPixmap
from qgis.PyQt.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..widgets.words import tr

# Pixels: what is drawn, and what the dock shows of it.
DRAWN_WIDTH = 900
THUMBNAIL = QSize(150, 212)


class ReportPreview(QWidget):
    """Thumbnails of pages below a line that says what the whole report holds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reportPreview")
        self.caption = QLabel()
        self.caption.setObjectName("previewLabel")
        self.caption.setWordWrap(True)
        self.pages: list[QToolButton] = []
        self._large: QDialog | None = None
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        for number in (1, 2):
            page = QToolButton()
            page.setObjectName(f"previewPage{number}")
            page.setAutoRaise(True)
            page.setIconSize(THUMBNAIL)
            page.setToolTip(tr("Look at this page"))
            page.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            page.clicked.connect(lambda _=False, page=page: self._enlarge(page))
            page.hide()
            self.pages.append(page)
            row.addWidget(page)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.caption)
        column.addLayout(row)

    def show_pages(self, pictures: Sequence[str], caption: str) -> None:
        """Show the pictures of at most two pages."""
        self.caption.setText(caption)
        for number, page in enumerate(self.pages):
            picture = QPixmap(pictures[number]) if number < len(pictures) else QPixmap()
            page.setProperty("picture", picture)
            page.setIcon(QIcon(_thumbnail(picture)))
            page.setVisible(not picture.isNull())

    def say(self, words: str) -> None:
        """Say what is going on; the pages stay as they are."""
        self.caption.setText(words)

    def _enlarge(self, page: QToolButton) -> None:
        if self._large is None:
            self._large = QDialog(self.window())
            self._large.setObjectName("previewDialog")
            self._large.setWindowTitle(tr("Preview of the report"))
            self._shown = QLabel()
            scroll = QScrollArea()
            scroll.setWidget(self._shown)
            scroll.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout = QVBoxLayout(self._large)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.addWidget(scroll)
            room = self.screen().availableSize()
            self._large.resize(min(DRAWN_WIDTH + 40, room.width() - 80), min(1320, room.height() - 80))
        picture = page.property("picture")
        self._shown.setPixmap(picture)
        self._shown.resize(picture.size())
        self._large.show()
        self._large.raise_()


def _thumbnail(picture: QPixmap) -> QPixmap:
    if picture.isNull():
        return picture
    return picture.scaled(THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
