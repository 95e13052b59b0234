"""What the preflight found, as sentences with a sign of their weight."""

from collections.abc import Sequence

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from ..protocol import Finding

ICONS = {"error": "mIconCritical.svg", "warning": "mIconWarning.svg", "info": "mIconInfo.svg"}
MOST_ROWS_SHOWN = 4


class FindingsList(QListWidget):
    """A list of findings that is as high as they need and hidden while there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("findingsList")
        self.setWordWrap(True)
        self.setIconSize(QSize(16, 16))
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.show_findings([])

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Show these findings instead of those before."""
        self.clear()
        for finding in findings:
            item = QListWidgetItem(QgsApplication.getThemeIcon(ICONS[finding.severity]), finding.message)
            item.setToolTip(finding.message)
            item.setData(Qt.ItemDataRole.UserRole, finding.code)
            self.addItem(item)
        self.setVisible(bool(findings))
        self._fit()

    def resizeEvent(self, event: object) -> None:
        """Fit the height to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        heights = [self.sizeHintForRow(row) for row in range(self.count())]
        self.setFixedHeight(sum(heights[:MOST_ROWS_SHOWN]) + 2 * self.frameWidth() + 4)
