"""A scroll area for a dock's panel: it scrolls up and down, and is never so narrow that something is cut off."""

from qgis.PyQt.QtCore import QEvent, QObject, Qt
from qgis.PyQt.QtWidgets import QScrollArea, QWidget


class PanelScroll(QScrollArea):
    """Shows a panel as wide as the dock; the least width follows the panel's, whatever language and font make of it."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(panel)
        self._widen()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hear of it when the panel needs more room or less."""
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self._widen()
        return super().eventFilter(watched, event)

    def _widen(self) -> None:
        # With room for a vertical scroll bar, whether it is shown or not.
        self.setMinimumWidth(self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width())
