"""How what flows over pages breaks."""

import pytest

from farmcd_qgis.report.flow import HANGS, Column, Grid, Heading, Paragraph, paginate
from farmcd_qgis.report.typography import Style

WIDTH = 170.0


@pytest.fixture
def style(qgis_app) -> Style:
    return Style(9.5)


def table(rows: int) -> Grid:
    return Grid((Column(1), Column(1)), tuple((f"row {number}", "1") for number in range(rows)), ("head", "value"))


@pytest.mark.parametrize("spare", [0.0, 0.2, 1.0, 1.8, 3.0, 20.0])
def test_a_note_does_not_begin_a_page_without_a_line_of_its_table(style, spare):
    blocks = [Heading("Error matrix"), table(20), Paragraph("Points that were judged.", small=True)]
    room = sum(block.height(WIDTH, style) for block in blocks[:2]) - blocks[1].gap + spare
    pages = paginate(blocks, WIDTH, room, style)
    assert [type(block) for block in pages[0][:2]] == [Heading, Grid]
    with_note = next(page for page in pages if isinstance(page[-1], Paragraph))
    assert isinstance(with_note[-2], Grid)
    rows = [row for page in pages for block in page if isinstance(block, Grid) for row in block.rows]
    assert rows == list(table(20).rows)
    for page in pages:
        used = sum(block.height(WIDTH, style) for block in page[:-1])
        last = page[-1]
        used += last.height(WIDTH, style) - (last.gap if isinstance(last, Grid) else 2.5)
        assert used <= room + HANGS + 0.01


def test_a_table_that_cannot_be_split_keeps_its_lines(style):
    blocks = [table(1), Paragraph("A note.", small=True)]
    room = table(1).height(WIDTH, style) - table(1).gap
    assert [len(page) for page in paginate(blocks, WIDTH, room, style)] == [1, 1]
