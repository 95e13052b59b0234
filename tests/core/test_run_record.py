"""run.json is read as a stranger's: what fits is a record, everything else a sentence."""

import json
import os
import random
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_record import load_record, read_record
from farmcd_qgis.core.shapes import misfits
from tests.helpers.records import RECORD


def written(folder: Path, text: str) -> Path:
    (folder / "run.json").write_text(text, encoding="utf-8")
    return folder


def code_and_words(folder: Path) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        read_record(folder)
    assert caught.value.text("zh") != caught.value.message
    return caught.value.code, caught.value.message


def test_settings_of_an_older_run_are_the_defaults_of_today(tmp_path):
    request = read_record(written(tmp_path, json.dumps(RECORD)))["request"]
    assert request["tau"] == 0.8
    assert request["connectivity"] == RunRequest.connectivity
    assert request["symmetric"] is RunRequest.symmetric


def test_an_empty_folder_holds_no_run(tmp_path):
    assert code_and_words(tmp_path)[0] == "no_run"
    assert code_and_words(tmp_path / "nowhere")[0] == "no_run"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"run": 5}, "run"),
        ({"finished": "yesterday"}, "finished"),
        ({"request": {"checkpoint": None}}, "request.checkpoint"),
        ({"request": {**RECORD["request"], "tau": "high"}}, "request.tau"),
        ({"request": {**RECORD["request"], "connectivity": 8.5}}, "request.connectivity"),
        ({"request": {**RECORD["request"], "before_bands": [1, 2]}}, "request.before_bands"),
        ({"inputs": {"before": RECORD["inputs"]["before"]}}, "inputs.after"),
        ({"inputs": {**RECORD["inputs"], "after": {"path": "\ud800"}}}, "inputs.after.path"),
        ({"inputs": {**RECORD["inputs"], "after": {"path": "a\0b"}}}, "inputs.after.path"),
        ({"grid": {"geotransform": [1, 2, 3, float("nan"), 5, 6]}}, "grid.geotransform.3"),
        ({"grid": {"width": 10**30}}, "grid.width"),
        ({"grid": {"window": {"column": 0}}}, "grid.window.row, grid.window.width, grid.window.height"),
        ({"predictor": {"card": {"metrics": {"F1": "good"}}}}, "predictor.card.metrics.F1"),
        ({"stretch": {"after": [[1, 2, 3]]}}, "stretch.after.0"),
        ({"versions": []}, "versions"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, place):
    code, words = code_and_words(written(tmp_path, json.dumps({**RECORD, **change})))
    assert code == "bad_run"
    assert f"for, {place}." in words


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"run"', "1e999", "[" * 100_000, '{"a":' * 100_000, "\x00"])
def test_what_is_no_record_is_said(tmp_path, text):
    assert code_and_words(written(tmp_path, text))[0] == "bad_run"


def test_a_record_of_deep_parts_is_refused_though_nothing_reads_them(tmp_path):
    deep = json.loads("[" * 200 + "]" * 200)
    assert "nested too deeply" in code_and_words(written(tmp_path, json.dumps({**RECORD, "extra": deep})))[1]


def test_bytes_that_are_no_text_and_files_that_are_none(tmp_path):
    (tmp_path / "run.json").write_bytes(b"\xff\xfe{}")
    assert code_and_words(tmp_path)[0] == "bad_run"
    (tmp_path / "run.json").unlink()
    (tmp_path / "run.json").mkdir()
    assert "no plain file" in code_and_words(tmp_path)[1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_place_of_the_record_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    assert "no plain file" in code_and_words(tmp_path)[1]


def test_a_record_of_many_megabytes_is_not_read(tmp_path):
    with (tmp_path / "run.json").open("wb") as file:
        file.truncate(2**36)
    assert "68719 MB" in code_and_words(tmp_path)[1]


def test_mutated_records_fit_or_are_said(tmp_path):
    """Seeded: whatever is put in the place of whatever value, the answer is a record that fits or a sentence."""
    random.seed(20261130)
    odd = [None, True, -1, 1.5, 1e308, 10**40, "", "x", "\u202e", [], [[]], {}, {"a": 1}, float("inf")]
    for _ in range(300):
        record = json.loads(json.dumps(RECORD))
        at = record
        while True:
            key = random.choice(list(at) if isinstance(at, dict) else range(len(at)))
            if isinstance(at[key], dict | list) and at[key] and random.random() < 0.7:
                at = at[key]
                continue
            if random.random() < 0.3:
                del at[key]
            else:
                at[key] = random.choice(odd)
            break
        written(tmp_path, json.dumps(record))
        assert outcome(tmp_path) in ("fits", "bad_run")


def outcome(folder: Path) -> str:
    try:
        found = read_record(folder)
    except InputError as error:
        return error.code
    fits = isinstance(found["inputs"]["after"]["path"], str) and isinstance(found["request"]["tau"], float | int)
    return "fits" if fits else "misfits"


def test_load_record_hands_on_what_it_does_not_know(tmp_path):
    assert load_record(written(tmp_path, '{"run": "abc", "later": [1]}')) == {"run": "abc", "later": [1]}


def test_places_inside_an_optional_part_are_told():
    assert list(misfits({"a": [1, "x"]}, dict[str, list[int]] | None)) == ["a.1"]
