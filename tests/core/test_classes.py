"""The class table: what the built-in ones are, and what a stranger's may not be."""

import json
from dataclasses import replace

import pytest

from farmcd_qgis.core.classes import BINARY, FIVE, UNKNOWN_CLASS, ClassTable, table_of
from farmcd_qgis.core.errors import InputError


def test_built_in_tables_survive_json():
    for table in (FIVE, BINARY):
        assert ClassTable.from_json(json.loads(json.dumps(table.to_json()))) == table


def test_labels_by_language():
    assert [FIVE.label(5, language) for language in ("en", "zh_CN", "fr")] == ["Water", "水体", "Water"]
    assert replace(FIVE[5], labels={"zh": "水体"}).label("en") == "水体"
    assert FIVE.label(255) == "#255"
    with pytest.raises(KeyError, match="255"):
        FIVE[255]


def test_binary_network_tells_two_and_reviewer_seven():
    assert [row.name for row in BINARY.predicted] == ["no_change", "change"]
    assert BINARY.unknown == 1
    assert [row.name for row in BINARY.known] == [row.name for row in FIVE.changes]
    assert FIVE.unknown is None


def test_translation_between_tables_is_by_name():
    assert [BINARY.translate(row.id, FIVE) for row in BINARY.rows] == [0, UNKNOWN_CLASS, 1, 2, 3, 4, 5]
    assert FIVE.translate(2, ClassTable(FIVE.rows[:2])) == UNKNOWN_CLASS


def test_old_records_and_cards():
    names = [row.name for row in FIVE.rows]
    assert table_of({}) == FIVE
    assert table_of({"predictor": {"card": {"classes": names}}}) == FIVE
    assert table_of({"card": {"classes": ["no_change", "change"]}}) == BINARY
    assert table_of({"classes": BINARY.to_json(), "predictor": {"card": {"classes": names}}}) == BINARY
    with pytest.raises(InputError, match=r"x\.json .*no_change, meadow"):
        table_of({"card": {"classes": ["no_change", "meadow"]}}, "x.json")


ROW = {"id": 1, "name": "pond", "colour": "#0072b2", "labels": {"en": "Pond"}}
HOSTILE = {
    "text": ("pond", "no list"),
    "empty": ([], "no list"),
    "one": ([FIVE.to_json()[0]], "two or more"),
    "number": ([FIVE.to_json()[0], 7], "row 1 is no class"),
    "gap": ([FIVE.to_json()[0], {**ROW, "id": 9}], "id 9"),
    "nodata": ([{**ROW, "id": number, "name": f"n{number}"} for number in range(256)], "251 is the most"),
    "truth": ([FIVE.to_json()[0], {**ROW, "id": True}], "id True"),
    "colour": ([FIVE.to_json()[0], {**ROW, "colour": "url(http://a)"}], "colour"),
    "html": ([FIVE.to_json()[0], {**ROW, "labels": {"en": "a<img src=x>"}}], "text 'en' of its row 1"),
    "layout": ([FIVE.to_json()[0], {**ROW, "labels": {"en": "a [% env('HOME') %]"}}], "text 'en' of its row 1"),
    "formula": ([FIVE.to_json()[0], {**ROW, "name": "=1+1"}], "text 'name'"),
    "nameless": ([FIVE.to_json()[0], {**ROW, "name": None}], "text 'name'"),
    "long": ([FIVE.to_json()[0], {**ROW, "prompt": "a" * 201}], "text 'prompt'"),
    "labels": ([FIVE.to_json()[0], {**ROW, "labels": ["Pond"]}], "text 'labels'"),
    "twice": ([FIVE.to_json()[0], {**ROW, "name": "no_change"}], "two of its classes"),
    "order": ([{**FIVE.to_json()[0], "predicted": False}, ROW, {**ROW, "id": 2, "name": "dam"}], "before those"),
    "flag": ([FIVE.to_json()[0], {**ROW, "predicted": "yes"}], "predicts"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_strangers_table_is_refused_in_a_sentence(case):
    rows, said = HOSTILE[case]
    with pytest.raises(InputError, match=said) as refused:
        ClassTable.from_json(rows, "run.json")
    assert "run.json 中的类别表" in refused.value.text("zh")
