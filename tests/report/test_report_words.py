"""The report's words, lines and round figures."""

import string

import pytest

from farmcd_qgis.report.page import round_down
from farmcd_qgis.report.pdf import searchable
from farmcd_qgis.report.typography import MEASURE, MM_PER_POINT, Style
from farmcd_qgis.report.words import TEXTS


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


def test_every_word_has_both_languages():

    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name and name != "s"}

    for key, (english, chinese) in TEXTS.items():
        assert english, key
        assert chinese, key
        assert places(english) == places(chinese), key


def test_maps_of_text_keep_their_length():
    before = b"<2F49>\nbegincmap\n<0001> <0003> [<2F49> <2EDA> <2FF0> <0031> ]\nendcmap\nend <2F49>"
    after = b"<2F49>\nbegincmap\n<0001> <0003> [<6708> <9875> <2FF0> <0031> ]\nendcmap\nend <2F49>"
    assert searchable(before) == after
