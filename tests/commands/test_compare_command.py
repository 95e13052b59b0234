"""`farmcd compare` and `farmcd carry-over`: arguments, exit status, files and what they say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from osgeo import gdal

from farmcd_qgis.review.store import ReviewStore
from tests.helpers.compared_runs import paint_run, painted

ROOT = Path(__file__).resolve().parents[2]


def farmcd(*arguments: object) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "farmcd_qgis.commands", *map(str, arguments)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, env=surroundings)


@pytest.fixture
def runs(tmp_path) -> tuple[Path, Path]:
    first = paint_run(tmp_path / "first", painted({(4, 12, 4, 14): 1, (20, 28, 24, 34): 4}), "one")
    squares = {(4, 12, 4, 14): 1, (40, 52, 40, 52): 2}
    return first, paint_run(tmp_path / "second", painted(squares), "two", days=("2018-06-01", "2022-06-01"))


def test_compare_says_what_both_found_and_writes_a_styled_layer(runs, tmp_path):
    done = farmcd("compare", *runs, "--out", tmp_path / "out", "--language", "zh")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("两次检测均有：1个")
    assert any(line.startswith("仅见于 2018-06-01 – 2022-06-01, by two：1个") for line in lines)
    package = gdal.OpenEx(str(tmp_path / "out" / "comparison.gpkg"), gdal.OF_VECTOR)
    assert sorted(feature["kind"] for feature in package.GetLayer("comparison")) == [
        "both",
        "only_first",
        "only_second",
    ]
    table = (tmp_path / "out" / "comparison.csv").read_text("utf-8-sig").splitlines()
    assert len(table) == 4
    assert table[0].startswith("比较结果,含义,第一次检测：图斑编号")


def test_json_has_counts_and_findings(runs):
    done = farmcd("compare", *runs, "--json")
    result = json.loads(done.stdout.splitlines()[-1])["data"]
    counts = {row["kind"]: (row["first"], row["second"]) for row in result["counts"] if row["first"] or row["second"]}
    assert counts == {"both": (1, 1), "only_first": (1, 0), "only_second": (0, 1)}
    assert [finding["code"] for finding in result["findings"]] == ["runs_periods_differ"]


def test_verdicts_are_carried_over_and_taken_back(runs):
    store = ReviewStore(runs[0] / "farmcd.gpkg", "ann")
    store.give(1, "confirmed")
    done = farmcd("carry-over", runs[1], runs[0], "--reviewer", "bo")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "1 verdict carried over where the outline agrees to at least 80 % and the class is the same; "
        "1 candidate to review.\n"
    )
    taken = farmcd("carry-over", runs[1], "--take-back", "--reviewer", "bo")
    assert taken.stdout.startswith("1 verdict that had been carried over"), taken.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "{one}", "{one}"], "Both runs are the one in {one}"),
        (["compare", "{one}", "/nowhere"], "/nowhere"),
        (["compare", "{one}", "{two}", "--same-outline", "2"], "2"),
        (["carry-over", "{two}", "{one}", "--reviewer", "bo"], "nothing to carry over"),
        (["carry-over", "{two}"], "EARLIER"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_status_2(runs, arguments, said):
    places = {"one": str(runs[0]), "two": str(runs[1])}
    done = farmcd(*(argument.format(**places) for argument in arguments))
    assert done.returncode == 2
    assert said.format(**places) in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
