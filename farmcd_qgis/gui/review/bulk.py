"""The fold-out for verdicts on many candidates at once: what they would be about is shown before they are given."""

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QPushButton, QSpinBox, QWidget

from ...core.polygons import PolygonSettings
from ...review.session import Bulk, Session
from ...review.verdicts import CONFIRMED, PSEUDO_CHANGE, SKIPPED, UNSURE
from ..widgets.parts import combo
from ..widgets.words import area, reasons, statuses, tr
from .histogram import Histogram

# Where the slider stands at first: tau, below which pixels are hard.
USUAL_PERCENT = round(100 * PolygonSettings.tau)


class BulkBox(QWidget):
    """Takes a threshold of confidence and a verdict for all candidates of the queue above or below it.

    `previewed` carries the Bulk to show on the map, None to show none any more; `given` the Bulk, verdict and reason.
    """

    previewed = pyqtSignal(object)
    given = pyqtSignal(object, str, object)

    def __init__(self) -> None:
        super().__init__()
        self._session: Session | None = None
        self._bulk: Bulk | None = None
        self.histogram = Histogram()
        self.side, self.verdict = combo("bulkSide"), combo("bulkVerdict")
        self.side.addItem(tr("Confidence at least"), True)
        self.side.addItem(tr("Confidence below"), False)
        self.threshold = QSpinBox()
        self.threshold.setObjectName("bulkThreshold")
        self.threshold.setRange(0, 100)
        self.threshold.setValue(USUAL_PERCENT)
        self.threshold.setSuffix(" %")
        words = statuses()
        for verdict in (CONFIRMED, UNSURE, SKIPPED, PSEUDO_CHANGE):
            self.verdict.addItem(words[verdict], (verdict, None))
        for reason, name in reasons().items():
            self.verdict.addItem(f"{words[PSEUDO_CHANGE]}: {name.lower()}", (PSEUDO_CHANGE, reason))
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.preview, self.go = QPushButton(tr("Preview on the map")), QPushButton(tr("Give verdicts"))
        self.preview.setObjectName("bulkPreview")
        self.go.setObjectName("bulkGo")
        self._lay_out()
        self.histogram.moved.connect(lambda share: self.threshold.setValue(round(100 * share)))
        self.threshold.valueChanged.connect(self.refresh)
        self.side.currentIndexChanged.connect(self.refresh)
        self.verdict.currentIndexChanged.connect(self.refresh)
        self.preview.clicked.connect(self._preview)
        self.go.clicked.connect(self._give)
        self.refresh()

    def set_session(self, session: Session | None) -> None:
        """Take the queue that verdicts would be about."""
        self._session = session
        self.refresh()

    def refresh(self) -> None:
        """Show the queue's histogram and what the choice is about; an earlier preview counts no more."""
        if self._bulk is not None:
            self._bulk = None
            self.previewed.emit(None)
        self.go.setEnabled(False)
        if not self.isVisible():
            return
        session, above = self._session, self.side.currentData()
        self.histogram.set_threshold(self.threshold.value() / 100, above)
        if session is None:
            self.about.clear()
            self.preview.setEnabled(False)
            return
        self.histogram.set_values(session.candidates.confidence_mean[session.open_rows()])
        bulk = self._wanted(session)
        self.about.setText(_words(bulk, len(session.open_rows())))
        self.preview.setEnabled(len(bulk.rows) > 0)

    def showEvent(self, event: object) -> None:
        self.refresh()

    def hideEvent(self, event: object) -> None:
        self.refresh()

    def _wanted(self, session: Session) -> Bulk:
        return session.bulk(self.threshold.value() / 100, self.side.currentData())

    def _preview(self) -> None:
        if self._session is not None:
            self._bulk = self._wanted(self._session)
            self.previewed.emit(self._bulk)
            self.go.setEnabled(len(self._bulk.rows) > 0)

    def _give(self) -> None:
        if self._bulk is not None:
            bulk, (verdict, reason) = self._bulk, self.verdict.currentData()
            self.go.setEnabled(False)
            self.given.emit(bulk, verdict, reason)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(self.histogram, 0, 0, 1, 2)
        grid.addWidget(self.side, 1, 0)
        grid.addWidget(self.threshold, 1, 1)
        grid.addWidget(self.verdict, 2, 0, 1, 2)
        grid.addWidget(self.about, 3, 0, 1, 2)
        grid.addWidget(self.preview, 4, 0)
        grid.addWidget(self.go, 4, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)


def _words(bulk: Bulk, total: int) -> str:
    return tr("{count} of the {total} candidates in this queue, {area}").format(
        count=len(bulk.rows), total=total, area=area(bulk.area_ha)
    )
