"""The report's tables and polygons hold what the filter chose, with totals that add up."""

import itertools
import json
import math
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmcd_qgis.report import CONFIRMED_ONES
from farmcd_qgis.report.rounding import add_up
from tests.helpers.report_run import AREAS, make_report, make_run, rows_of, set_status, text_of


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    """A finished run with six candidates over two small images."""
    return make_run(tmp_path, AREAS)


def test_geojson_is_in_wgs84(run_dir, tmp_path):
    report = make_report(run_dir, tmp_path / "out", outputs=("geojson",))
    collection = json.loads(report.files["geojson"].read_text("utf-8"))
    assert "crs" not in collection
    ring = collection["features"][0]["geometry"]["coordinates"][0]
    assert all(-98 < x < -97 and 46 < y < 47 for x, y in ring)
    twice_area = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))
    assert twice_area > 0, "outer rings run anticlockwise"
    assert collection["features"][0]["properties"]["status"] == "Not reviewed"


def test_only_confirmed_ones_with_the_reviewers_class(run_dir, tmp_path):
    set_status(run_dir, c1="confirmed", c3="other_class 4", c4="pseudo_change 0", c5="unsure")
    report = make_report(run_dir, tmp_path / "out", outputs=("geojson",), statuses=CONFIRMED_ONES)
    rows = {row["number"]: (row["class_id"], row["status"]) for row in rows_of(report.files["geojson"])}
    assert rows == {1: (1, "Confirmed"), 3: (4, "Confirmed as another class")}
    assert report.findings == ()


def test_all_but_what_the_review_found_to_be_none(run_dir, tmp_path):
    set_status(run_dir, c4="pseudo_change 0")
    report = make_report(run_dir, tmp_path / "out", outputs=("geojson", "pdf"))
    assert {row["number"] for row in rows_of(report.files["geojson"])} == {1, 2, 3, 5, 6}
    if shutil.which("pdftotext"):
        text = " ".join(text_of(report.files["pdf"]).split())
        assert "Left out: 1 candidate (0.14 ha) that the review found to be pseudo-changes." in text
        assert "1 of 6 candidates have been reviewed" in text
        assert "Of the 6 candidates of the run, this report counts 5." in text


def test_only_confirmed_falls_back_where_nobody_looked(run_dir, tmp_path):
    report = make_report(run_dir, tmp_path / "out", outputs=("geojson",), statuses=CONFIRMED_ONES)
    assert len(rows_of(report.files["geojson"])) == 6
    assert "nothing has been reviewed" in report.findings[0].message


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8), st.integers(0, 4))
def test_rounded_figures_add_up_and_stay_near(values, digits):
    rounded = add_up(values, digits)
    step = 10.0**-digits
    assert math.fsum(rounded) == pytest.approx(round(math.fsum(values), digits), abs=step / 100)
    assert all(abs(one - other) <= step * 1.001 for one, other in zip(rounded, values, strict=True))
