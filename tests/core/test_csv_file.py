"""What a stranger wrote is a text in a spreadsheet, whatever it begins with."""

import csv

import pytest

from farmcd_qgis.core.csv_file import write_csv


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-1+cmd", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＠x"])
def test_a_formula_becomes_a_text(tmp_path, text):
    write_csv(tmp_path / "a.csv", [["note"], [text]])
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["note"], [f"'{text}"]]


def test_numbers_and_words_stay(tmp_path):
    write_csv(tmp_path / "a.csv", [["耕地", -1.5, 7, None, "a=b", "", "1-2"]])
    assert (tmp_path / "a.csv").read_bytes() == "\ufeff耕地,-1.5,7,,a=b,,1-2\r\n".encode()
