"""The report's words, lines and round figures."""

import ast
from collections.abc import Iterator

import pytest

from farmcd_qgis.core.messages import LANGUAGES, catalogue
from farmcd_qgis.report.page import round_down
from farmcd_qgis.report.pdf import searchable
from farmcd_qgis.report.typography import MEASURE, MM_PER_POINT, Style
from farmcd_qgis.report.words import Words
from tests.helpers.sentences import PACKAGE, places

REPORT = PACKAGE / "report"


@pytest.mark.parametrize(
    "text", ["面积为椭球面积，1公顷=15亩。" * 8, "b52b023102230cc0" * 12, "words of a sentence " * 12]
)
def test_lines_are_broken_in_every_script(text, qgis_app):
    from qgis.PyQt.QtGui import QFontMetricsF

    style = Style(10)
    lines = style.wrap(text, 60)
    font = style.font()
    font.setPixelSize(MEASURE)
    widths = [QFontMetricsF(font).horizontalAdvance(line) * 10 * MM_PER_POINT / MEASURE for line in lines]
    assert len(lines) > 2
    assert max(widths) <= 60.01
    assert min(widths[:-1]) > 40
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(("value", "rounded"), [(0.0021, 0.002), (1, 1), (4.99, 2), (999, 500), (1234, 1000)])
def test_scale_bars_and_grids_have_round_steps(value, rounded):
    assert round_down(value) == pytest.approx(rounded)


def said_in_the_report() -> Iterator[tuple[str, frozenset[str]]]:
    """Find the keys that are written out in calls of words(), with the names of their values."""
    for path in REPORT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and (name == "words" or name.endswith(".words")) and node.args:
                if any(word.arg is None for word in node.keywords):
                    continue
                first = node.args[0]
                for key in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
                    if isinstance(key, ast.Constant):
                        yield key.value, frozenset(word.arg for word in node.keywords if word.arg)


@pytest.mark.parametrize("key", catalogue("report"))
def test_every_word_has_both_languages(key):
    texts = catalogue("report")[key]
    assert tuple(texts) == LANGUAGES
    assert all(text.strip() for text in texts.values())
    assert places(texts["en"]) == places(texts["zh"]) | (places(texts["en"]) & {"count"})


def test_words_of_the_report_are_there_and_get_their_values():
    said = list(said_in_the_report())
    assert len(said) > 80
    assert {key for key, _ in said} - catalogue("report").keys() == set()
    wrong = [(key, names) for key, names in said if not places(catalogue("report")[key]["en"]) <= names]
    assert wrong == []


def test_plurals():
    assert Words("en")("verdicts_of", name="A", count="1") == "A: 1 verdict"
    assert Words("en")("verdicts_of", name="A", count="1,000") == "A: 1,000 verdicts"
    assert Words("zh")("verdicts_of", name="A", count="1") == "A：1条"


def test_maps_of_text_keep_their_length():
    before = b"<2F49>\nbegincmap\n<0001> <0003> [<2F49> <2EDA> <2FF0> <0031> ]\nendcmap\nend <2F49>"
    after = b"<2F49>\nbegincmap\n<0001> <0003> [<6708> <9875> <2FF0> <0031> ]\nendcmap\nend <2F49>"
    assert searchable(before) == after
