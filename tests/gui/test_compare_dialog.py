"""The window that compares two runs, as a person uses it."""

import pytest
from qgis.core import QgsProject, QgsSettings
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QPushButton

from farmcd_qgis import tasks
from farmcd_qgis.gui.compare.dialog import CompareDialog
from farmcd_qgis.layers.known_runs import keep_recent
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.compared_runs import paint_run, painted

SAME, GONE, NEW = (4, 12, 4, 14), (20, 28, 24, 34), (40, 52, 40, 52)


@pytest.fixture
def runs(tmp_path, qgis_new_project):
    QgsSettings().remove("plugins/farmcd")
    first = paint_run(tmp_path / "first", painted({SAME: 1, GONE: 4}), "one")
    second = paint_run(tmp_path / "second", painted({SAME: 1, NEW: 2}), "two", days=("2018-06-01", "2022-06-01"))
    for folder in (first, second):
        keep_recent(folder)
    yield first, second
    tasks.end_all()
    QgsSettings().remove("plugins/farmcd")


@pytest.fixture
def dialog(runs, qtbot):
    made = CompareDialog(None, runs[1])
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.show()
    return made


def click(dialog, name: str, qtbot) -> None:
    """Press a button and wait for what it began."""
    qtbot.mouseClick(dialog.findChild(QPushButton, name), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog._task is None)


def test_two_runs_are_compared_on_the_map(dialog, runs, qtbot):
    assert (dialog.first.currentData(), dialog.second.currentData()) == (str(runs[0]), str(runs[1]))
    click(dialog, "compareButton", qtbot)
    (layer,) = QgsProject.instance().mapLayersByName("Comparison")
    assert sorted(one["kind"] for one in layer.getFeatures()) == ["both", "only_first", "only_second"]
    assert layer.renderer().type() == "categorizedSymbol"
    assert dialog.outcome.text().startswith("In both runs: 1, ")
    assert [finding.code for finding in dialog.findings.findings] == ["runs_periods_differ"]
    # The same again replaces it.
    click(dialog, "compareButton", qtbot)
    assert len(QgsProject.instance().mapLayersByName("Comparison")) == 1


def test_verdicts_are_carried_over_reviewed_and_taken_back(dialog, runs, qtbot):
    ReviewStore(runs[0] / "farmcd.gpkg", "Zhang").give(1, "confirmed")
    click(dialog, "carryButton", qtbot)
    assert dialog.outcome.text().startswith("1 verdict carried over")
    (held,) = ReviewStore(runs[1] / "farmcd.gpkg", "").holding().values()
    assert held.reviewer == "Ann"
    wanted = []
    dialog.review_wanted.connect(wanted.append)
    qtbot.mouseClick(dialog.findChild(QPushButton, "reviewNewButton"), Qt.MouseButton.LeftButton)
    assert wanted == [str(runs[1])]
    click(dialog, "takeBackButton", qtbot)
    assert dialog.outcome.text().startswith("1 verdict that had been carried over")


def test_what_cannot_be_done_is_a_sentence(dialog, qtbot):
    click(dialog, "carryButton", qtbot)
    assert [finding.code for finding in dialog.findings.findings] == ["earlier_not_reviewed"]


def test_one_run_cannot_be_compared_with_itself(dialog):
    dialog.first.setCurrentIndex(dialog.second.currentIndex())
    assert not dialog.compare_button.isEnabled()
    assert dialog.outcome.text() == "Choose two runs of one area."
