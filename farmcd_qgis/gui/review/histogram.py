"""A histogram of confidences with a threshold that is dragged."""

import numpy as np
import numpy.typing as npt
from qgis.PyQt.QtCore import QRectF, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

BINS = 50


class Histogram(QWidget):
    """Shows how many candidates have which confidence; `moved` carries the threshold (0-1) that a person drags to."""

    moved = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("confidenceHistogram")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.counts = np.zeros(BINS, np.int64)
        self.threshold, self._above = 0.5, True

    def sizeHint(self) -> QSize:
        return QSize(200, 4 * self.fontMetrics().lineSpacing())

    def set_values(self, values: npt.NDArray[np.float64]) -> None:
        """Show the confidences (0-1) of some candidates."""
        self.counts = np.histogram(values, BINS, (0.0, 1.0))[0]
        self.update()

    def set_threshold(self, threshold: float, above: bool) -> None:
        """Mark the candidates above or below a confidence."""
        self.threshold, self._above = threshold, above
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        colours, width, height = self.palette(), self.width() - 1, self.height() - 1
        painter.fillRect(0, 0, width, height, colours.color(QPalette.ColorRole.Base))
        highest = max(int(self.counts.max()), 1)
        edges = np.linspace(0.0, 1.0, BINS + 1)
        for count, left, right in zip(self.counts, edges[:-1], edges[1:], strict=True):
            chosen = (left + right) / 2 >= self.threshold if self._above else (left + right) / 2 < self.threshold
            role = QPalette.ColorRole.Highlight if chosen else QPalette.ColorRole.Mid
            # Square roots: a few doubtful ones beside thousands of sure ones are seen, too.
            tall = (height - 2) * float(np.sqrt(count / highest))
            bar = QRectF(left * width, height - tall, (right - left) * width - 1, tall)
            painter.fillRect(bar, colours.color(role))
        painter.setPen(QPen(colours.color(QPalette.ColorRole.Text), 2))
        painter.drawLine(round(self.threshold * width), 0, round(self.threshold * width), height)
        painter.setPen(QPen(colours.color(QPalette.ColorRole.Mid), 1))
        painter.drawRect(0, 0, width, height)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._drag(event)

    def _drag(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.moved.emit(min(max(event.pos().x() / max(self.width() - 1, 1), 0.0), 1.0))
