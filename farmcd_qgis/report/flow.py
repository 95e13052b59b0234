"""What flows over pages: headings, paragraphs, tables and charts, which know their height and where they break."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from .page import Box, Page
from .typography import GREY, INK, Style

GUTTER = 3.0
# Sizes and colours beside those of the text.
SMALL, HEADING, TILE, PART = 0.84, 1.26, 2.0, 1.75
# Below a heading there has to be room for so many lines.
KEPT_LINES = 4
BAR_ROW, BAR = 6.0, 3.4
SIGNED_ROW = 11.0
# Millimetres that a note may hang below the last line of a page.
HANGS = 2.5
ROUNDING = 0.1


class Block(Protocol):
    """Something that is drawn from top to bottom."""

    def height(self, width: float, style: Style) -> float:
        """Return how high it becomes, the space below it included, in millimetres."""

    def split(self, width: float, room: float, style: Style) -> "tuple[Block | None, Block | None]":
        """Return what fits into `room` millimetres, and the rest."""

    def draw(self, page: Page, box: Box, style: Style, accent: str) -> None:
        """Draw it at the top of a box."""


@dataclass(frozen=True)
class _Whole:
    """A block that does not break."""

    def height(self, width: float, style: Style) -> float:
        raise NotImplementedError

    def split(self, width: float, room: float, style: Style) -> tuple[Block | None, Block | None]:
        """Fit as a whole or not at all."""
        whole: Block = self  # type: ignore[assignment]
        return (whole, None) if self.height(width, style) <= room else (None, whole)


@dataclass(frozen=True)
class Heading(_Whole):
    """The heading of a part, kept with what follows."""

    text: str

    def height(self, width: float, style: Style) -> float:
        """Return the lines' height with the space around."""
        return style.with_size(HEADING).in_bold().height(self.text, width) + 6.5

    def draw(self, page: Page, box: Box, style: Style, accent: str) -> None:
        """Write it with a line below."""
        end = page.text(self.text, box.x, box.y + 3, box.width, style.with_size(HEADING).in_bold().in_colour(accent))
        page.line(box.x, end + 0.8, box.width)


@dataclass(frozen=True)
class Part(Heading):
    """The heading of a part of the report, where it does not begin a page."""

    def height(self, width: float, style: Style) -> float:
        """Return the lines' height with the space around."""
        return style.with_size(PART).in_bold().height(self.text, width) + 11

    def draw(self, page: Page, box: Box, style: Style, accent: str) -> None:
        """Write it as the heading of a page is written."""
        page.text(self.text, box.x, box.y + 7, box.width, style.with_size(PART).in_bold().in_colour(accent))


@dataclass(frozen=True)
class Signatures(_Whole):
    """Who stands for the report: roles side by side, each with a name or none, and lines for signature and day."""

    roles: tuple[tuple[str, str], ...]
    signature: str
    day: str

    def height(self, width: float, style: Style) -> float:
        """Return the height of role, name and two lines."""
        return 3 * SIGNED_ROW + 8

    def draw(self, page: Page, box: Box, style: Style, accent: str) -> None:
        """Write the roles, with the lines below them."""
        width = box.width / len(self.roles)
        small = style.with_size(SMALL).in_colour(GREY)
        for place, (role, name) in enumerate(self.roles):
            x, wide = box.x + place * width, width - 2 * GUTTER
            page.text(role, x, box.y + 4, wide, small)
            page.text(name, x, box.y + 4 + style.line_height, wide, style)
            for row, words in enumerate((self.signature, self.day), 2):
                y = box.y + 4 + row * SIGNED_ROW
                page.line(x, y, wide, INK)
                page.text(words, x, y + 0.8, wide, small)


@dataclass(frozen=True)
class Paragraph:
    """A text; `small` for notes."""

    text: str
    small: bool = False

    def height(self, width: float, style: Style) -> float:
        """Return the lines' height and some space."""
        return self._style(style).height(self.text, width) + 2.5

    def split(self, width: float, room: float, style: Style) -> tuple[Block | None, Block | None]:
        """Break between lines."""
        own = self._style(style)
        lines = own.wrap(self.text, width)
        # A note may hang a little into the margin rather than begin the next page; no space is needed below it.
        count = int((room + (HANGS if self.small else 0.0)) / own.line_height)
        if count >= len(lines):
            return self, None
        if count < 1:
            return None, self
        return replace(self, text="\n".join(lines[:count])), replace(self, text="\n".join(lines[count:]))

    def draw(self, page: Page, box: Box, style: Style, accent: str) -> None:
        """Write it."""
        page.text(self.text, box.x, box.y, box.width, self._style(style))

    def _style(self, style: Style) -> Style:
        return style.with_size(SMALL).in_colour(GREY) if self.small else style


@dataclass(frozen=True)
class Column:
    """One column of a table: its share of the width, "left" or "right", and whether it is grey."""

    share: float
    align: str = "left"
    grey: bool = False


@dataclass(frozen=True)
class Grid:
    """A table with hairlines between the rows; `total`: the last row is a sum. Its head is repeated on every page."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    head: tuple[str, ...] = ()
    total: bool = False
    small: bool = True
    gap: float = 4.0

    def height(self, width: float, style: Style) -> float:
        """Return the height of head and rows and some space."""
        own = self._style(style)
        return self._head_height(width, own) + sum(self._row_height(row, width, own) for row in self.rows) + self.gap

    def split(self, width: float, room: float, style: Style) -> tuple[Block | None, Block | None]:
        """Break between rows; a sum does not stand alone."""
        own = self._style(style)
        left, count = room - self._head_height(width, own), 0
        for row in self.rows:
            left -= self._row_height(row, width, own)
            if left < 0:
                break
            count += 1
        if count == len(self.rows):
            return self, None
        if self.total and count == len(self.rows) - 1:
            count -= 1
        if count < min(2, len(self.rows)):
            return None, self
        return replace(self, rows=self.rows[:count], total=False), replace(self, rows=self.rows[count:])

    def draw(self, page: Page, box: Box, style: Style, accent: str) -> None:
        """Write head and rows."""
        own, y = self._style(style), box.y
        if self.head:
            y = self._row(page, self.head, box, y, own.with_size(0.95).in_colour(GREY))
            page.line(box.x, y, box.width, INK, 0.3)
        for number, row in enumerate(self.rows, 1):
            is_total = self.total and number == len(self.rows)
            if is_total:
                page.line(box.x, y - 0.1, box.width, INK, 0.3)
            y = self._row(page, row, box, y, own.in_bold() if is_total else own)
            page.line(box.x, y, box.width)

    def _row(self, page: Page, row: Sequence[str], box: Box, y: float, style: Style) -> float:
        x, bottom = box.x, y
        for place, (text, column, width) in enumerate(zip(row, self.columns, self._widths(box.width), strict=True)):
            # Text to the right of a figure would touch it.
            beside = place > 0 and self.columns[place - 1].align == "right"
            start = x + GUTTER if column.align == "right" or beside else x
            own = style.in_colour(GREY) if column.grey else style
            end = page.text(text, start, y + _padding(style), width - GUTTER, own, column.align)
            bottom = max(bottom, end + _padding(style))
            x += width
        return bottom

    def _widths(self, width: float) -> list[float]:
        whole = sum(column.share for column in self.columns)
        return [width * column.share / whole for column in self.columns]

    def _row_height(self, row: Sequence[str], width: float, style: Style) -> float:
        # Bold is wider, and a row that is a sum must not become higher than was thought.
        lines = max(
            style.in_bold().height(text, own - GUTTER) for text, own in zip(row, self._widths(width), strict=True)
        )
        return lines + 2 * _padding(style)

    def _head_height(self, width: float, style: Style) -> float:
        return self._row_height(self.head, width, style) if self.head else 0.0

    def _style(self, style: Style) -> Style:
        return style.with_size(SMALL) if self.small else style


@dataclass(frozen=True)
class Bars(_Whole):
    """A chart of bars: label, figure as text, length 0..1 and colour of each."""

    rows: tuple[tuple[str, str, float, str], ...]

    def height(self, width: float, style: Style) -> float:
        """Return the height of the bars and some space."""
        return BAR_ROW * len(self.rows) + 4

    def draw(self, page: Page, box: Box, style: Style, accent: str) -> None:
        """Draw bars between their labels and figures."""
        small, y = style.with_size(SMALL), box.y
        labels = max(small.width(label) for label, *_ in self.rows) + 4
        figures = max(small.width(figure) for _, figure, *_ in self.rows) + 4
        for label, figure, length, colour in self.rows:
            page.text(label, box.x, y, labels, small)
            width = max((box.width - labels - figures) * length, 0.3)
            page.rectangle(Box(box.x + labels, y + 0.4, width, BAR), colour)
            page.text(figure, box.x + labels + width + 2, y, figures, small.in_colour(GREY))
            y += BAR_ROW


@dataclass(frozen=True)
class Tiles(_Whole):
    """Key figures side by side, each with what it counts below."""

    figures: tuple[tuple[str, str], ...]

    def height(self, width: float, style: Style) -> float:
        """Return the height of figure and label and some space."""
        return style.line_height * (TILE + 1) + 7

    def draw(self, page: Page, box: Box, style: Style, accent: str) -> None:
        """Write them in columns of one width."""
        width = box.width / len(self.figures)
        for place, (figure, label) in enumerate(self.figures):
            x = box.x + place * width
            large = style.with_size(TILE).in_bold().in_colour(accent)
            # A long figure becomes smaller rather than two lines.
            large = large.with_size(min(1.0, (width - 2) / max(large.width(figure), 1)))
            page.text(figure, x, box.y, width, large)
            page.text(label, x, box.y + style.line_height * TILE, width - 2, style.in_colour(GREY))


def _has_company(heading: Heading, following: Sequence[Block], width: float, room: float, style: Style) -> bool:
    """Say whether some lines, and the first of what follows, have room below a heading."""
    below = room - heading.height(width, style)
    return below >= KEPT_LINES * style.line_height and (
        not following or following[0].split(width, below, style)[0] is not None
    )


def paginate(blocks: Sequence[Block], width: float, room: float, style: Style) -> list[list[Block]]:
    """Distribute blocks over pages of `room` millimetres; headings stay with what follows."""
    pages: list[list[Block]] = [[]]
    left = room
    waiting = list(blocks)
    while waiting:
        block = waiting.pop(0)
        kept = not isinstance(block, Heading) or _has_company(block, waiting, width, left, style)
        fits, rest = block.split(width, left, style) if kept else (None, block)
        above = pages[-1][-1] if pages[-1] else None
        if fits is None and isinstance(block, Paragraph) and block.small and isinstance(above, Grid):
            # A note does not begin a page without a line of its table.
            stays, moved = above.split(width, above.height(width, style) - above.gap - ROUNDING, style)
            if stays is not None and moved is not None:
                pages[-1][-1] = stays
                waiting.insert(0, block)
                fits, rest = None, moved
        if fits is None and not pages[-1]:
            # Higher than a page of its own: drawn all the same rather than lost.
            fits, rest = block, None
        if fits is not None:
            pages[-1].append(fits)
            left -= fits.height(width, style)
        if rest is not None:
            waiting.insert(0, rest)
            pages.append([])
            left = room
    return pages


def draw(blocks: Sequence[Block], page: Page, box: Box, style: Style, accent: str) -> None:
    """Draw blocks one below the other."""
    y = box.y
    for block in blocks:
        block.draw(page, Box(box.x, y, box.width, box.bottom - y), style, accent)
        y += block.height(box.width, style)


def _padding(style: Style) -> float:
    return 0.135 * style.size
