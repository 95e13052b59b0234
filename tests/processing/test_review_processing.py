"""farmcd:reviewsummary and farmcd:mergereviews, as the toolbox runs them."""

import json
import shutil

import pytest
from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingUtils

from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.processing.merge_reviews import MergeReviewsAlgorithm
from farmcd_qgis.processing.review_summary import ReviewSummaryAlgorithm
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.review_files import write_gpkg


@pytest.fixture
def gpkg(tmp_path):
    (tmp_path / "run").mkdir()
    return write_gpkg(tmp_path / "run" / RUN_GPKG)


def run(algorithm, parameters) -> tuple[dict, dict[str, list]]:
    """Run an algorithm; returns its results and the rows of its tables by output."""
    context = QgsProcessingContext()
    results, ok = algorithm.create().run(parameters, context, QgsProcessingFeedback())
    assert ok
    tables = {}
    for name, value in results.items():
        layer = QgsProcessingUtils.mapLayerFromString(str(value), context) if name in ("TABLE", "CONFLICTS") else None
        if layer is not None:
            tables[name] = [feature.attributes() for feature in layer.getFeatures()]
    return results, tables


def test_the_summary_counts_what_holds(gpkg, tmp_path, qgis_processing):
    store = ReviewStore(gpkg, "ann")
    store.give(1, "confirmed")
    store.give(2, "other_class", 3)
    store.give_all([3, 4], "pseudo_change", reason="season")
    store.give(5, "confirmed")
    store.undo()
    page, plain = tmp_path / "summary.html", tmp_path / "summary.json"
    wanted = {"RUN_FOLDER": str(gpkg.parent), "TABLE": "memory:", "HTML": str(page), "JSON": str(plain)}
    results, tables = run(ReviewSummaryAlgorithm(), wanted)
    assert (results["CANDIDATE_COUNT"], results["REVIEWED_COUNT"]) == (5, 4)
    counted = {(row[0], row[1]): (row[3], row[4]) for row in tables["TABLE"]}
    assert counted["status", "confirmed"] == (1, 0.25)
    assert counted["status", "pseudo_change"] == (2, 1.75)
    assert counted["status", "unreviewed"] == (1, 1.25)
    assert counted["status", "conflict"] == (0, 0.0)
    assert counted["class", "3"] == (1, 0.5)
    assert counted["class", "0"] == (2, 1.75)
    assert counted["reason", "season"] == (2, 1.75)
    assert counted["reviewer", "ann"] == (4, 2.5)
    assert sum(row[3] for row in tables["TABLE"] if row[0] == "status") == 5
    told = json.loads(plain.read_text())
    assert (told["candidates"], told["verdicts"]) == (5, 5)
    assert "<td>Season</td><td>2</td>" in page.read_text()


def test_merging_lists_the_conflicts(gpkg, tmp_path, qgis_processing):
    other = tmp_path / "other.gpkg"
    shutil.copy(gpkg, other)
    ReviewStore(gpkg, "ann").give(1, "confirmed")
    ReviewStore(other, "bo").give(1, "pseudo_change", reason="cloud")
    wanted = {"INTO": str(gpkg), "OTHER": str(other), "CONFLICTS": "memory:"}
    results, tables = run(MergeReviewsAlgorithm(), wanted)
    assert (results["ADDED"], results["CONFLICT_COUNT"]) == (1, 1)
    assert [row[:3] for row in tables["CONFLICTS"]] == [[1, "ann", "confirmed"], [1, "bo", "pseudo_change"]]
    results, _ = run(MergeReviewsAlgorithm(), {**wanted, "CONFLICTS": None})
    assert (results["ADDED"], results["CONFLICT_COUNT"]) == (0, 1)


def test_what_is_no_run_is_refused(tmp_path, qgis_processing):
    for algorithm, parameters in (
        (ReviewSummaryAlgorithm(), {"RUN_FOLDER": str(tmp_path)}),
        (MergeReviewsAlgorithm(), {"INTO": str(tmp_path / "a.gpkg"), "OTHER": str(tmp_path / "b.gpkg")}),
    ):
        _, ok = algorithm.create().run(parameters, QgsProcessingContext(), QgsProcessingFeedback())
        assert not ok
