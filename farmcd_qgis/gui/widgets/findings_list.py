"""What the preflight found, as sentences with a sign of their weight."""

from collections.abc import Mapping, Sequence

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QStyle, QToolButton, QWidget

from ...core.protocol import Finding
from ...translation import said
from .words import tr
from .wrapping_label import WrappingLabel

ICONS = {
    "error": QStyle.StandardPixmap.SP_MessageBoxCritical,
    "warning": QStyle.StandardPixmap.SP_MessageBoxWarning,
    "info": QStyle.StandardPixmap.SP_MessageBoxInformation,
}
ICON_SIZE = 16
MOST_ROWS = 4


class FindingsList(QWidget):
    """Findings below each other, the gravest first; as high as they need, and hidden while there are none.

    `wanted` carries the code of a finding whose remedy, as `offer` has named it, a person asks for.
    """

    wanted = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("findingsList")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self.findings: list[Finding] = []
        self._remedies: dict[str, str] = {}
        self.hide()

    def offer(self, remedies: Mapping[str, str]) -> None:
        """Set what the buttons beside findings of these codes say."""
        self._remedies = dict(remedies)

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Show these findings instead of those before."""
        self.findings = list(findings)
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().deleteLater()
        for row, finding in enumerate(self.findings[:MOST_ROWS]):
            icon = self.style().standardIcon(ICONS[finding.severity]).pixmap(ICON_SIZE, ICON_SIZE)
            self._add(row, said(finding), icon)
            if finding.code in self._remedies:
                self._add_remedy(row, finding.code)
        if rest := self.findings[MOST_ROWS:]:
            self._add(MOST_ROWS, tr("and {0} more").format(len(rest)), None)
            self.setToolTip("\n".join(said(finding) for finding in rest))
        self.setVisible(bool(self.findings))

    def _add_remedy(self, row: int, code: str) -> None:
        button = QToolButton()
        button.setObjectName(f"{code}Remedy")
        button.setText(self._remedies[code])
        button.clicked.connect(lambda: self.wanted.emit(code))
        self._grid.addWidget(button, row, 2, Qt.AlignmentFlag.AlignTop)

    def _add(self, row: int, text: str, icon: object) -> None:
        sign = QLabel()
        if icon is not None:
            sign.setPixmap(icon)
        sign.setAlignment(Qt.AlignmentFlag.AlignTop)
        words = WrappingLabel(text)
        self._grid.addWidget(sign, row, 0)
        self._grid.addWidget(words, row, 1)
