"""A binary run in the docks: what confirming means, the five classes by key, and a sample judged as changed or not."""

import gc
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from qgis.core import QgsProject
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QPushButton

from farmcd_qgis.core.classes import BINARY, FIVE
from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.engine.assess.sample import count_strata, draw_sample
from farmcd_qgis.gui.accuracy.page import AccuracyPage
from farmcd_qgis.gui.judging.class_keys import ClassKeys
from farmcd_qgis.layers import add_run
from farmcd_qgis.review.summary import review_summary
from tests.helpers.binary_run import binary  # noqa: F401
from tests.helpers.docked import docked
from tests.helpers.review_keys import Key, evidence, press, verdicts

ROAD = BINARY.find("road").id


@pytest.fixture
def two(binary: Path, tmp_path: Path) -> Path:  # noqa: F811
    return Path(shutil.copytree(binary, tmp_path / "two"))


@pytest.fixture
def accuracy(qgis_iface, qgis_new_project):
    with docked(qgis_iface, AccuracyPage(qgis_iface)) as page:
        yield page
    QgsProject.instance().clear()
    gc.collect()


def buttons(dock, work: str) -> list[str]:
    """List what the buttons of classes say, without their keys."""
    found = (dock.findChild(QPushButton, f"FarmCD{work}_class_{number}Button") for number in range(1, 10))
    return [button.text() for button in found if not button.isHidden()]


def test_confirming_leaves_the_class_unknown_and_keys_give_the_five(dock, two):
    assert buttons(dock, "Review") == [row.label() for row in FIVE.changes]
    add_run(two)
    assert dock.open_run(two)
    assert dock.findChild(QPushButton, "FarmCDReview_confirmButton").text() == "Confirm (class unknown)"
    assert buttons(dock, "Review") == [row.label() for row in FIVE.changes]
    assert dock.panel.title.text() == "Changed, class unknown"
    assert list(evidence(dock)) == ["Confidence", "Nearby"]
    assert evidence(dock)["Confidence"] == "65 %"
    press(dock, Key.Key_Y, Key.Key_3, Key.Key_6, Key.Key_N, Key.Key_E)
    assert [row[1:] for row in verdicts(two)] == [
        ("confirmed", 1, None),
        ("other_class", ROAD, None),
        ("pseudo_change", 0, "season"),
    ]
    counted = {one.what: one.candidates for one in review_summary(two / RUN_GPKG).counts if one.about == "class"}
    assert counted == {"0": 1, "1": 2, str(ROAD): 1}


def test_dock_goes_back_to_the_five_classes(dock, two, run):
    add_run(two)
    add_run(run)
    assert dock.open_run(two)
    assert dock.open_run(run)
    assert dock.findChild(QPushButton, "FarmCDReview_confirmButton").text() == "Confirm"
    press(dock, Key.Key_5)
    assert verdicts(run) == [(1, "other_class", 5, None)]


def test_sample_is_judged_as_changed_or_not(accuracy, two):
    strata = count_strata(two)
    assert [row["class_id"] for row in strata] == [0, 1]
    draw_sample(two, {0: 6, 1: 4}, 5)
    add_run(two)
    assert accuracy.open_run(two)
    assert buttons(accuracy, "Accuracy") == [BINARY[1].label()]
    assert list(accuracy.panel.plan.expected) == [0, 1]
    for point in accuracy.session.points:
        QTest.keyClick(accuracy.panel, Key.Key_2)
        QTest.keyClick(accuracy.panel, Key.Key_0 + point.map_class_id)
    found = accuracy.session.store.assess()
    assert found.matrix == ((6, 0), (0, 4))
    assert found.table == BINARY
    accuracy.panel.tabs.setCurrentIndex(2)
    assert "Changed, class unknown" in accuracy.panel.result.text.toPlainText()


def test_classes_beyond_nine_are_chosen_from_a_list(qgis_iface, qtbot):
    given = []
    keys = ClassKeys(given.append, qgis_iface.mainWindow())
    qtbot.addWidget(keys)
    rows = [replace(FIVE[1], id=number, name=f"c{number}", labels={"en": f"C{number}"}) for number in range(1, 12)]
    keys.set_classes(rows)
    keys.enable(True)
    assert all(action.isEnabled() for action in keys.actions_by_number)
    keys.actions_by_number[8].trigger()
    assert [keys.more.itemText(index) for index in range(1, keys.more.count())] == ["C10", "C11"]
    keys.more.activated.emit(2)
    assert given == [9, 11]
    keys.set_classes(rows[:2])
    keys.enable(True)
    assert [action.isEnabled() for action in keys.actions_by_number] == [True, True] + [False] * 7
    assert keys.more.isHidden()
    for action in keys.actions_by_number:
        action.unregister()
