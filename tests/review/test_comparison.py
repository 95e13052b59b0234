"""Comparing two runs of one area, and carrying verdicts over from the earlier one."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from osgeo import osr

from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.errors import Cancelled, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.review.carrying import carry_over, take_back
from farmcd_qgis.review.comparison import compare
from farmcd_qgis.review.merging import merge_reviews
from farmcd_qgis.review.session import Session
from farmcd_qgis.review.store import ReviewStore, read_carried
from tests.helpers.compared_runs import SIZE, paint_run, painted
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM

SAME, MOVED, GREW, GONE, NEW = (4, 12, 4, 14), (4, 12, 24, 34), (20, 28, 4, 14), (20, 28, 24, 34), (40, 52, 40, 52)
FIRST = {SAME: 1, MOVED: 2, GREW: 3, GONE: 4}
# The same outline and class; the same outline and another class; far larger; nothing; and one that is new.
SECOND = {SAME: 1, MOVED: 5, (20, 36, 4, 22): 3, NEW: 2}


@pytest.fixture
def runs(tmp_path, qgis_app) -> tuple[Path, Path]:
    first = paint_run(tmp_path / "first", painted(FIRST), "one")
    return first, paint_run(tmp_path / "second", painted(SECOND), "two", days=("2018-06-01", "2022-06-01"))


def kinds(comparison) -> dict[str, tuple[int, int]]:
    return {row.kind: (row.first, row.second) for row in comparison.counts() if row.first or row.second}


def package(run: Path) -> Path:
    return run / "farmcd.gpkg"


def review(run: Path, *verdicts: tuple) -> None:
    """Give verdicts on the candidates of a run by the class that the model saw."""
    store = ReviewStore(package(run), "ann")
    candidates = store.candidates()
    number_of = dict(zip(candidates.class_id.tolist(), candidates.candidate_id.tolist(), strict=True))
    for class_id, *given in verdicts:
        store.give(number_of[class_id], *given)


def statuses(run: Path) -> dict[int, str]:
    """Map the classes that the model saw to what the review says."""
    with closing(sqlite3.connect(package(run))) as file:
        return dict(file.execute("SELECT class_id, status FROM candidates"))


def test_every_candidate_of_both_runs_falls_to_one_kind(runs):
    found = compare(*runs)
    expected = {"both": (1, 1), "class_changed": (1, 1), "other_outline": (1, 1), "only_first": (1, 0)}
    assert kinds(found) == expected | {"only_second": (0, 1)}
    changed = next(place for place in found.places if place.kind == "class_changed")
    assert (changed.first.class_name, changed.second.class_name, changed.likeness) == ("building", "water", 1.0)
    # The grown one: 80 pixels of 288.
    assert {round(place.likeness, 3) for place in found.places if place.kind == "other_outline"} == {round(80 / 288, 3)}
    assert [finding.code for finding in found.findings] == ["runs_periods_differ"]
    assert kinds(compare(*runs, same_outline=0.25))["both"] == (2, 2)


def numbers(comparison, kind: str) -> set[tuple[str | None, str | None]]:
    """Name the pairs of a kind by the classes of their candidates."""
    found = (place for place in comparison.places if place.kind == kind)
    return {tuple(one and one.class_name for one in (place.first, place.second)) for place in found}


def test_another_outline_is_told_as_a_pair(tmp_path, qgis_app):
    # One field of the first run is split in two in the second, and a yard is merged into a larger one that has a twin.
    first = paint_run(tmp_path / "a", painted({(4, 24, 4, 24): 1, (40, 48, 4, 14): 2, (40, 48, 16, 18): 3}), "a")
    second = paint_run(tmp_path / "b", painted({(4, 24, 4, 13): 4, (4, 24, 15, 24): 5, (40, 48, 4, 18): 2}), "b")
    found = compare(first, second)
    assert numbers(found, "both") == {("building", "building")}
    expected = {("bareland", "vegetation"), ("bareland", "water"), ("road", "building")}
    assert numbers(found, "other_outline") == expected
    # Nobody is counted twice: the building is one of a pair already.
    assert kinds(found)["other_outline"] == (2, 2)
    # Every place is drawn by an outline of its own.
    drawn = [place.outline.asWkt() for place in found.places]
    assert len(set(drawn)) == len(drawn)


def test_where_the_other_run_did_not_look_nothing_is_said_of_it(tmp_path, qgis_app):
    whole = paint_run(tmp_path / "whole", painted({SAME: 1, NEW: 2}), "whole")
    part = paint_run(tmp_path / "part", painted({SAME: 1}, nodata=(slice(32, 64), slice(0, 64))), "part")
    assert kinds(compare(whole, part)) == {"both": (1, 1), "unseen_second": (1, 0)}
    assert kinds(compare(part, whole)) == {"both": (1, 1), "unseen_first": (0, 1)}


def test_another_crs_is_brought_to_that_of_the_second(tmp_path, qgis_app):
    here, there = osr.SpatialReference(), osr.SpatialReference()
    here.ImportFromEPSG(UTM)
    there.ImportFromEPSG(4326)
    there.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    to_degrees = osr.CoordinateTransformation(here, there)
    corners = [to_degrees.TransformPoint(LEFT + x, TOP - y) for x, y in ((0, 0), (SIZE * PIXEL, 0), (0, SIZE * PIXEL))]
    steps = (corners[1][0] - corners[0][0]) / SIZE, (corners[2][1] - corners[0][1]) / SIZE
    first = paint_run(tmp_path / "metres", painted(FIRST), "metres")
    place = (corners[0][0], steps[0], 0.0, corners[0][1], 0.0, steps[1])
    second = paint_run(tmp_path / "degrees", painted(SECOND), "degrees", crs="EPSG:4326", place=place)
    for one, two in ((first, second), (second, first)):
        found = compare(one, two)
        assert kinds(found)["both"] == kinds(found)["class_changed"] == (1, 1)
        assert [finding.code for finding in found.findings] == ["runs_crs_differ"]
        assert found.crs.authid() == ("EPSG:4326" if two is second else f"EPSG:{UTM}")


def test_classes_are_compared_by_name_where_both_tables_have_one(tmp_path, runs):
    binary = paint_run(tmp_path / "binary", painted(dict.fromkeys(FIRST, 1)), "binary", classes=BINARY)
    found = compare(binary, runs[0])
    assert kinds(found) == {"both": (4, 4)}
    assert [finding.code for finding in found.findings] == ["runs_classes_differ"]
    assert found.findings[0].values["count"] == 4


@pytest.mark.parametrize("folders", [("first", "first"), ("first", "copy"), ("first", "far"), ("first", "none")])
def test_what_cannot_be_compared_is_one_sentence(runs, tmp_path, folders):
    shutil.copytree(runs[0], tmp_path / "copy")
    paint_run(tmp_path / "far", painted({SAME: 1}), "far", place=(LEFT + 50_000, PIXEL, 0, TOP, 0, -PIXEL))
    codes = {"first": "compared_with_itself", "copy": "compared_with_itself", "far": "runs_apart", "none": "no_run"}
    with pytest.raises(InputError) as caught:
        compare(*(tmp_path / name for name in folders))
    assert caught.value.code == codes[folders[1]]


def test_it_can_be_stopped(runs):
    with pytest.raises(Cancelled):
        compare(*runs, feedback=Feedback(cancelled=lambda: True))


def test_only_what_is_new_is_put_up_for_review(runs):
    first, second = runs
    review(first, (1, "confirmed"), (2, "confirmed"), (3, "confirmed"), (4, "confirmed"))
    done = carry_over(second, first, "bo")
    # The other class and the other outline are looked at again.
    assert (done.verdicts, done.by_verdict, done.to_review) == (1, {"confirmed": 1}, 3)
    assert statuses(second) == {1: "confirmed", 5: "unreviewed", 3: "unreviewed", 2: "unreviewed"}
    session = Session(ReviewStore(package(second), "bo"))
    assert {int(session.candidates.class_id[row]) for row in session.open_rows()} == {5, 3, 2}
    (held,) = session.store.holding().values()
    assert held.reviewer == "bo"
    assert held.note.startswith("[carried over: run one, No. 1, ann, 20")
    (origin,) = read_carried(package(second)).values()
    assert (origin.run, origin.earlier_reviewer, origin.likeness) == ("one", "ann", 1.0)
    (event,) = json.loads((second / "run.json").read_text())["carried_over"]
    assert (event["run"], event["verdicts"]) == ("one", 1)
    assert event["rule"] == {"same_outline": 0.8, "same_class": True}


def test_reasons_notes_and_other_classes_come_along(runs):
    first, second = runs
    review(first, (1, "other_class", 3, None, "tarmac"))
    assert carry_over(second, first, "bo", "zh").by_verdict == {"other_class": 1}
    (held,) = ReviewStore(package(second), "bo").rows()
    assert (held.verdict, held.class_id) == ("other_class", 3)
    assert held.note.startswith("tarmac [沿用：检测 one")


def test_undo_takes_them_back_also_after_others_were_given(runs):
    first, second = runs
    review(first, (1, "pseudo_change", None, "shadow"))
    carry_over(second, first, "bo")
    session = Session(ReviewStore(package(second), "cy"))
    session.undo()
    assert set(statuses(second).values()) == {"unreviewed"}
    session.redo()
    assert statuses(second)[1] == "pseudo_change"
    review(second, (2, "confirmed"))
    assert take_back(second, "cy") == 1
    assert statuses(second) == {1: "unreviewed", 5: "unreviewed", 3: "unreviewed", 2: "confirmed"}
    assert take_back(second, "cy") == 0


def test_what_somebody_said_stays(runs):
    first, second = runs
    review(first, (1, "pseudo_change"))
    review(second, (1, "confirmed"))
    before = (second / "run.json").read_bytes()
    with pytest.raises(InputError) as caught:
        carry_over(second, first, "bo")
    assert caught.value.code == "nothing_carried"
    assert statuses(second)[1] == "confirmed"
    assert (second / "run.json").read_bytes() == before


def test_unsure_is_no_opinion(runs):
    review(runs[0], (1, "unsure"))
    with pytest.raises(InputError) as caught:
        carry_over(runs[1], runs[0], "bo")
    assert caught.value.code == "earlier_not_reviewed"


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (("2020-06-01", "2022-06-01"), "other_period"),
        (("2019-06-01", "2022-06-01"), "carried_across_periods"),
        ((None, "2022-06-01"), "carried_without_days"),
        (("2018-06-01", "2022-06-01"), None),
    ],
)
def test_a_change_of_another_period_is_another_change(runs, tmp_path, days, code):
    review(runs[0], (1, "confirmed"))
    later = paint_run(tmp_path / "later", painted(SECOND), "later", days=days)
    if code == "other_period":
        with pytest.raises(InputError) as caught:
            carry_over(later, runs[0], "bo")
        assert caught.value.code == code
        assert set(statuses(later).values()) == {"unreviewed"}
    else:
        codes = [finding.code for finding in carry_over(later, runs[0], "bo").findings]
        assert codes[-1:] == [code] if code else "carried" not in str(codes)


def test_a_merge_keeps_where_verdicts_come_from(runs, tmp_path):
    first, second = runs
    review(first, (1, "confirmed"))
    copy = shutil.copytree(second, tmp_path / "copy")
    carry_over(second, first, "bo")
    merge_reviews(package(copy), package(second))
    assert read_carried(package(copy)) == read_carried(package(second)) != {}
    assert take_back(copy, "cy") == 1
