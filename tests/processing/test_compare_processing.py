"""farmcd:compareruns and farmcd:carryover, as the toolbox runs them."""

import pytest
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingUtils, QgsProject

from farmcd_qgis.review.store import ReviewStore
from tests.helpers.algorithms import Feedback, run
from tests.helpers.compared_runs import paint_run, painted

SAME, GONE, NEW = (4, 12, 4, 14), (20, 28, 24, 34), (40, 52, 40, 52)


@pytest.fixture
def runs(tmp_path):
    first = paint_run(tmp_path / "first", painted({SAME: 1, GONE: 4}), "one")
    second = paint_run(tmp_path / "second", painted({SAME: 3, NEW: 2}), "two", days=("2018-06-01", "2022-06-01"))
    return {"FIRST": str(first), "SECOND": str(second)}


def test_the_comparison_lands_styled_with_a_legend_of_what_there_is(provider, runs):
    import processing

    processing.runAndLoadResults("farmcd:compareruns", {**runs, "OUTPUT": "TEMPORARY_OUTPUT"})
    (layer,) = QgsProject.instance().mapLayersByName("Comparison")
    legend = {category.value(): category.label() for category in layer.renderer().categories()}
    assert legend == {
        "class_changed": "In both runs, another class",
        "only_first": "Only in 2018-06-01 – 2020-06-01, by one",
        "only_second": "Only in 2018-06-01 – 2022-06-01, by two",
    }
    changed = next(one for one in layer.getFeatures() if one["kind"] == "class_changed")
    assert (changed["first_class"], changed["second_class"], changed["likeness"]) == ("Bareland", "Road", 100.0)
    assert layer.attributeAlias(layer.fields().indexOf("second_area_ha")) == "Second run: Area (ha)"


def test_counts_are_a_table_and_numbers(provider, runs):
    context = QgsProcessingContext()
    feedback = Feedback()
    wanted = {**runs, "OUTPUT": "memory:", "COUNTS": "memory:"}
    made = run("compareruns", wanted, context=context, feedback=feedback)
    assert (made["BOTH"], made["CLASS_CHANGED"], made["ONLY_FIRST"], made["ONLY_SECOND"]) == (0, 1, 1, 1)
    table = QgsProcessingUtils.mapLayerFromString(str(made["COUNTS"]), context) or made["COUNTS"]
    counted = {row["kind"]: (row["first"], row["second"]) for row in table.getFeatures()}
    assert counted["class_changed"] == (1, 1)
    assert counted["only_first"] == (1, 0)
    assert any(kind == "info" and "different dates" in text for kind, text in feedback.said)


def test_verdicts_are_carried_over_and_taken_back(provider, runs, tmp_path):
    later = paint_run(tmp_path / "later", painted({SAME: 1, NEW: 2}), "three")
    ReviewStore(f"{runs['FIRST']}/farmcd.gpkg", "ann").give(1, "confirmed")
    made = run("carryover", {"RUN_FOLDER": str(later), "EARLIER": runs["FIRST"], "REVIEWER": "bo"})
    assert made == {"CARRIED": 1, "TO_REVIEW": 1}
    assert run("carryover", {"RUN_FOLDER": str(later), "TAKE_BACK": True, "REVIEWER": "bo"})["CARRIED"] == -1
    assert ReviewStore(later / "farmcd.gpkg", "ann").counts()["unreviewed"] == 2


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("compareruns", {"SECOND": "{FIRST}", "OUTPUT": "memory:"}, "Both runs are the one"),
        ("carryover", {"RUN_FOLDER": "{SECOND}", "EARLIER": "{FIRST}", "REVIEWER": "bo"}, "nothing to carry over"),
        ("carryover", {"RUN_FOLDER": "{SECOND}"}, "Name the earlier run"),
    ],
)
def test_what_is_wrong_is_a_sentence(provider, runs, name, parameters, words):
    feedback = Feedback()
    given = {key: value.format(**runs) for key, value in parameters.items()}
    with pytest.raises(QgsProcessingException) as caught:
        run(name, ({"FIRST": runs["FIRST"]} if name == "compareruns" else {}) | given, feedback=feedback)
    assert words in f"{caught.value} {feedback.said}"
