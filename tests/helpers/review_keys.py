"""The review dock, worked with keys."""

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

from farmcd_qgis.core.run_files import RUN_GPKG
from tests.helpers.review_files import log

Key = Qt.Key


def press(dock, *keys, modifier=Qt.KeyboardModifier.NoModifier):
    for key in keys:
        QTest.keyClick(dock.panel, key, modifier)


def number(dock) -> int:
    return int(dock.session.candidates.candidate_id[dock.session.row])


def verdicts(run) -> list[tuple]:
    """Read (candidate, verdict, class, reason) of the log."""
    return [row[1:5] for row in log(run / RUN_GPKG)]


def evidence(dock) -> dict[str, str]:
    """Read the small rows on the shown candidate."""
    labels = dock.panel.evidence
    rows = [[labels.itemAtPosition(line, column).widget().text() for column in range(2)] for line in range(4)]
    return {what: words for what, words in rows if what}


def left(dock) -> list[int]:
    return sorted(dock.session.candidates.candidate_id[dock.session.open_rows()].tolist())
