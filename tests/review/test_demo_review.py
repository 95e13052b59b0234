"""The demo's recorded review: it finds its candidates by place, and a report says that it is one."""

from pathlib import Path

import pytest
from osgeo import gdal

from farmcd_qgis.core.paths import sample_pair
from farmcd_qgis.review.reviewer import DEMO_REVIEWER
from farmcd_qgis.review.store import ReviewStore
from scripts.demo_review import RECORDED, apply_review, candidate_at
from tests.helpers.report_run import AREAS, make_report, make_run

HEAD = "x,y,verdict,class,reason,note\n"


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    return make_run(tmp_path, AREAS)


def review(folder: Path, *rows: str) -> Path:
    path = folder / "review.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n")
    return path


def test_verdicts_go_to_the_candidates_at_their_places(run_dir, tmp_path):
    # Number 2 of a test run begins at 600400, 183 m wide.
    assert candidate_at(run_dir / "farmcd.gpkg", 600410, 5199890) == 2
    assert candidate_at(run_dir / "farmcd.gpkg", 600398, 5199890) is None
    rows = (
        "600410,5199890,other_class,water,,a pond",
        "600610,5199890,pseudo_change,,season,",
        "600398,5199890,confirmed,,,nobody there",
    )
    assert apply_review(run_dir, review(tmp_path, *rows)) == 2
    store = ReviewStore(run_dir / "farmcd.gpkg", "someone")
    assert store.statuses() == {2: "other_class", 3: "pseudo_change"}
    given = store.current(2)
    assert given is not None
    assert (given.class_id, given.note, given.reviewer) == (5, "a pond", DEMO_REVIEWER)


def test_every_recorded_verdict_can_be_stored_and_lies_in_the_sample(run_dir, tmp_path):
    image = gdal.Open(str(sample_pair()[1]))
    left, width, _, top, _, height = image.GetGeoTransform()
    rows = RECORDED.read_text().splitlines()[1:]
    assert len(rows) >= 20
    for row in rows:
        x, y, rest = row.split(",", 2)
        assert left < float(x) < left + width * image.RasterXSize
        assert top + height * image.RasterYSize < float(y) < top
        assert apply_review(run_dir, review(tmp_path, f"600410,5199890,{rest}")) == 1


def test_a_report_says_that_the_review_is_a_demonstration(run_dir, tmp_path):
    def page(name: str) -> str:
        return make_report(run_dir, tmp_path / name, outputs=("html",)).files["html"].read_text("utf-8")

    assert "Demonstration" not in page("before")
    apply_review(run_dir, review(tmp_path, "600410,5199890,confirmed,,,"))
    assert "Demonstration: 1 verdict of this review had been recorded beforehand." in page("after")
