"""Bookmarks and links in a PDF of Qt's, which has no way to write them.

An update is appended, as ISO 32000 (7.5.6) has it: nothing that was written before is touched, some objects get a new
version behind the old end of the file.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

POINTS_PER_MM = 72 / 25.4
_TRAILER = re.compile(rb"trailer\s*<<(.*?)>>\s*startxref\s+(\d+)\s+%%EOF\s*$", re.DOTALL)


class Mark(NamedTuple):
    """An entry of the bookmarks: the page it leads to, from 0, its title and its level, 0 or 1."""

    page: int
    title: str
    level: int = 0


class Area(NamedTuple):
    """A place of a page, in millimetres from its upper left corner, that opens a URI."""

    page: int
    x: float
    y: float
    width: float
    height: float
    uri: str


def with_marks(content: bytes, marks: Sequence[Mark], areas: Sequence[Area], language: str) -> bytes:
    """Return a PDF with bookmarks and links; raises ValueError for one that is not built as Qt builds it."""
    update = _Update(content)
    pages = update.pages()
    for number in sorted({area.page for area in areas}):
        update.link(pages[number], [area for area in areas if area.page == number])
    outlines = update.outline(marks, pages)
    catalog = update.object(update.root)
    end = catalog.rindex(b">>")
    more = f"/Lang ({language})\n/PageMode /UseOutlines\n/Outlines {outlines} 0 R\n".encode()
    update.put(catalog[:end] + more + catalog[end:], update.root)
    return update.whole()


class _Update:
    """New versions of a file's objects, by number."""

    def __init__(self, content: bytes) -> None:
        found = _TRAILER.search(content, max(len(content) - 1024, 0))
        if not found:
            raise ValueError("no trailer")
        self._content, self._before = content, int(found[2])
        self._trailer = found[1]
        self._next = self._number(found[1], b"Size", reference=False)
        self.root = self._number(found[1], b"Root")
        self._offsets = self._read_offsets()
        self._new: dict[int, bytes] = {}

    def object(self, number: int) -> bytes:
        """Return the text of an object without stream."""
        start = self._offsets[number]
        head = b"%d 0 obj" % number
        if not self._content.startswith(head, start):
            raise ValueError(f"object {number} is not where it should be")
        return self._content[start + len(head) : self._content.index(b"endobj", start)]

    def put(self, text: bytes, number: int | None = None) -> int:
        """Give an object a new text, or make one; returns its number."""
        if number is None:
            number, self._next = self._next, self._next + 1
        self._new[number] = text
        return number

    def pages(self) -> list[int]:
        """List the numbers of the pages' objects."""
        tree = self.object(self._number(self.object(self.root), b"Pages"))
        kids = re.search(rb"/Kids\s*\[(.*?)\]", tree, re.DOTALL)
        if not kids:
            raise ValueError("no pages")
        return [int(number) for number in re.findall(rb"(\d+)\s+0\s+R", kids[1])]

    def link(self, page: int, areas: Sequence[Area]) -> None:
        """Give a page links; its list of annotations is an object of its own, which Qt leaves empty."""
        text = self.object(page)
        box = re.search(rb"/MediaBox\s*\[\s*[\d.]+\s+[\d.]+\s+[\d.]+\s+([\d.]+)", text)
        if not box:
            raise ValueError("a page without size")
        height = float(box[1])
        links = []
        for area in areas:
            left, top = area.x * POINTS_PER_MM, height - area.y * POINTS_PER_MM
            right, bottom = left + area.width * POINTS_PER_MM, top - area.height * POINTS_PER_MM
            uri = area.uri.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
            links.append(
                f"<< /Type /Annot /Subtype /Link /Border [0 0 0] /Rect [{left:.1f} {bottom:.1f} {right:.1f} {top:.1f}] "
                f"/A << /S /URI /URI ({uri}) >> >>"
            )
        self.put(f"\n[\n{chr(10).join(links)}\n]\n".encode("ascii", "replace"), self._number(text, b"Annots"))

    def outline(self, marks: Sequence[Mark], pages: Sequence[int]) -> int:
        """Make the tree of bookmarks, of two levels, the second one folded; returns its number."""
        root, numbers = self.put(b""), [self.put(b"") for _ in marks]
        tops = [place for place, mark in enumerate(marks) if mark.level == 0]
        children = {
            top: [place for place in range(top + 1, following) if marks[place].level]
            for top, following in zip(tops, [*tops[1:], len(marks)], strict=True)
        }
        for parent, siblings in [(None, tops), *children.items()]:
            above = root if parent is None else numbers[parent]
            for place, mark_at in enumerate(siblings):
                mark = marks[mark_at]
                lines = [
                    f"/Title <{(chr(0xFEFF) + mark.title).encode('utf-16-be').hex().upper()}>",
                    f"/Parent {above} 0 R",
                    f"/Dest [{pages[mark.page]} 0 R /Fit]",
                ]
                if place:
                    lines.append(f"/Prev {numbers[siblings[place - 1]]} 0 R")
                if place + 1 < len(siblings):
                    lines.append(f"/Next {numbers[siblings[place + 1]]} 0 R")
                if own := children.get(mark_at) if parent is None else None:
                    lines.append(f"/First {numbers[own[0]]} 0 R /Last {numbers[own[-1]]} 0 R /Count -{len(own)}")
                self.put("\n<<\n{}\n>>\n".format("\n".join(lines)).encode(), numbers[mark_at])
        ends = f"/First {numbers[tops[0]]} 0 R /Last {numbers[tops[-1]]} 0 R" if tops else ""
        self.put(f"\n<< /Type /Outlines {ends} /Count {len(tops)} >>\n".encode(), root)
        return root

    def whole(self) -> bytes:
        """Return the whole file with its update."""
        parts = [self._content if self._content.endswith(b"\n") else self._content + b"\n"]
        offset, table = len(parts[0]), []
        for number in sorted(self._new):
            text = b"%d 0 obj%sendobj\n" % (number, self._new[number])
            table.append(b"%d 1\n%010d 00000 n \n" % (number, offset))
            parts.append(text)
            offset += len(text)
        trailer = re.sub(rb"/Size\s+\d+", b"/Size %d" % self._next, self._trailer)
        parts += [b"xref\n", *table, b"trailer\n<<%s/Prev %d\n>>\n" % (trailer, self._before)]
        return b"".join([*parts, b"startxref\n%d\n%%%%EOF\n" % offset])

    def _read_offsets(self) -> dict[int, int]:
        head = re.compile(rb"xref\s+(\d+)\s+(\d+)\s+").match(self._content, self._before)
        if not head:
            raise ValueError("no table of objects")
        first, count = int(head[1]), int(head[2])
        starts = (head.end() + 20 * place for place in range(count))
        rows = (self._content[start : start + 10] for start in starts)
        return {first + place: int(row) for place, row in enumerate(rows)}

    @staticmethod
    def _number(text: bytes, key: bytes, reference: bool = True) -> int:
        found = re.search(rb"/" + key + rb"\s+(\d+)" + (rb"\s+0\s+R" if reference else b""), text)
        if not found:
            raise ValueError(f"no /{key.decode()}")
        return int(found[1])
