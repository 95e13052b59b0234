"""The layout of a page that starts one long job: what it asks scrolls, and below are findings, progress and buttons."""

from collections.abc import Sequence

from qgis.PyQt.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from .findings_list import FindingsList
from .words import tr
from .wrapping_label import WrappingLabel

LEAST_WIDTH = 360


class JobPage(QWidget):
    """Lays out the parts of a job's page and switches its two buttons: `start` begins the job, `cancel` stops it.

    `status` says how the job is going or went, `hint` what is known before it begins.
    """

    def __init__(self, parts: Sequence[QWidget], start: str, name: str) -> None:
        super().__init__()
        self.findings = FindingsList()
        self.progress = QProgressBar()
        self.status, self.hint = WrappingLabel(), WrappingLabel()
        self.start = QPushButton(start)
        self.cancel = QPushButton(tr("Cancel"))
        for widget, own in (
            (self.start, name),
            (self.cancel, "cancelButton"),
            (self.progress, "progressBar"),
            (self.status, "statusLabel"),
            (self.hint, "hintLabel"),
        ):
            widget.setObjectName(own)
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.start.setDefault(True)
        self.findings.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._lay_out(parts)

    def set_running(self, running: bool, can_start: bool = True) -> None:
        """Offer the button that makes sense now, and show progress only while the job runs."""
        pressed, other = (self.start, self.cancel)[:: 1 if running else -1]
        other.setEnabled(running or can_start)
        if pressed.hasFocus():
            # Else Qt hands the focus of a disabled button to the first field and selects its text.
            other.setFocus()
        pressed.setEnabled(False)
        self.progress.setVisible(running)
        self.hint.setVisible(not running)
        self.progress.setValue(0)

    def _lay_out(self, parts: Sequence[QWidget]) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        for part in parts:
            column.addWidget(part)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setMinimumWidth(LEAST_WIDTH)
        buttons = QHBoxLayout()
        buttons.addWidget(self.status, 1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.start)
        outer = QVBoxLayout(self)
        outer.addWidget(scroll, 1)
        outer.addWidget(self.findings)
        outer.addWidget(self.hint)
        outer.addWidget(self.progress)
        outer.addLayout(buttons)
