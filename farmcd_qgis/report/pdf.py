"""The pages into one PDF, one layout at a time, so that memory stays that of one page."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsAbstractLayoutIterator,
    QgsFeedback,
    QgsLayoutExporter,
    QgsLayoutRenderContext,
    QgsPrintLayout,
)

from ..core.errors import FarmCDError
from ..core.feedback import Feedback
from .job import Job
from .page import Page
from .pages import Leaf
from .pdf_marks import Area, Mark, with_marks

DPI = 150
TEXT_MAP = re.compile(rb"\nbegincmap\n.*?\nendcmap\n", re.DOTALL)
# Characters that fonts draw with the sign of their radical, of which Unicode's normal forms know nothing.
UNIFIED = dict(
    zip(
        "⺠⻁⻄⻅⻆⻉⻋⻑⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰⻳",
        "民虎西见角贝车長长门青韦页风飞食马骨鬼鱼鸟麦黄齐齿龙龟",
        strict=True,
    )
)
# The blocks "CJK Radicals Supplement" and "Kangxi Radicals", and "CJK Compatibility Ideographs"; and what fonts draw
# with the sign of the space: tab and no-break space.
RADICAL = re.compile(rb"<(0009|00A0|2[EF][0-9A-F]{2}|F[9A][0-9A-F]{2})>")


class Pages(QgsAbstractLayoutIterator):
    """Hands QGIS's exporter one page after the other; what goes wrong in a page is kept in `error`."""

    def __init__(self, leaves: Sequence[Leaf], job: Job, footer: str) -> None:
        super().__init__()
        self._leaves, self._job, self._footer = leaves, job, footer
        self._index = 0
        self._page: Page | None = None
        self.error: Exception | None = None
        self.areas: list[Area] = []
        self.language = "zh-CN" if job.words.language == "zh" else "en"

    def count(self) -> int:
        """Return how many pages there will be."""
        return len(self._leaves)

    def marks(self) -> list[Mark]:
        """Return the bookmarks; the first candidate's gets one above all of theirs."""
        marks: list[Mark] = []
        for number, leaf in enumerate(self._leaves):
            if leaf.level and not any(mark.level for mark in marks):
                marks.append(Mark(number, self._job.words("candidates")))
            if leaf.bookmark:
                marks.append(Mark(number, leaf.bookmark, leaf.level))
            marks += [Mark(number, title) for title in leaf.more]
        return marks

    def beginRender(self) -> bool:
        """Say that pages may be asked for."""
        return True

    def endRender(self) -> bool:
        """Let the last page go."""
        self._close()
        return True

    def layout(self) -> QgsPrintLayout | None:
        """Return the present page."""
        return self._page.layout if self._page else None

    def filePath(self, base: str, extension: str) -> str:
        """Return the file for the present page; all share one."""
        return base

    def next(self) -> bool:
        """Draw the next page; False when there is none or it failed."""
        self._close()
        if self._index >= len(self._leaves):
            return False
        # QGIS's exporter calls this from C++, which an exception cannot pass.
        try:
            self._page = self._make(self._leaves[self._index])
        except Exception as error:
            self.error = error
            return False
        self._index += 1
        return True

    def _make(self, leaf: Leaf) -> Page:
        page = Page(self._job.templates.layout(leaf.template, self._job.maps.project))
        try:
            self._fill(page, leaf)
        except Exception:
            page.close()
            raise
        return page

    def _fill(self, page: Page, leaf: Leaf) -> None:
        leaf.fill(page)
        if page.has("footer"):
            page.fill("footer", self._footer)
        if page.has("page_number"):
            page.fill("page_number", self._job.words("page", page=self._index + 1, pages=self.count()))
        self.areas += [Area(self._index, *link.box, link.uri) for link in page.links]

    def _close(self) -> None:
        if self._page:
            self._page.close()
        self._page = None


def searchable(content: bytes) -> bytes:
    """Let readers find Chinese words in a PDF: for 月, Qt notes its radical's code point (U+2F49), drawn the same.

    Only the fonts' uncompressed maps from glyphs to text are touched, code by code of the same length.
    """
    return TEXT_MAP.sub(lambda found: RADICAL.sub(_unified, found[0]), content)


def _unified(code: re.Match[bytes]) -> bytes:
    radical = chr(int(code[1], 16))
    if radical.isspace():
        return b"<0020>"
    character = UNIFIED.get(radical) or unicodedata.normalize("NFKC", radical)
    return b"<%04X>" % ord(character) if len(character) == 1 and ord(character) < 0x10000 else code[0]


class _ForQgis(QgsFeedback):
    """Our feedback as QGIS's exporter wants it, which asks at each page whether to stop."""

    def __init__(self, feedback: Feedback) -> None:
        super().__init__()
        self._feedback = feedback
        self.progressChanged.connect(self._tell)
        self._tell(0.0)

    def _tell(self, percent: float) -> None:
        self._feedback.progress("report", percent / 100)
        if self._feedback.is_cancelled():
            self.cancel()


def write_pdf(pages: Pages, path: Path, feedback: Feedback) -> None:
    """Write the pages into a PDF with real text; raises Cancelled, or FarmCDError if the file cannot be written."""
    settings = QgsLayoutExporter.PdfExportSettings()
    settings.dpi = DPI
    settings.textRenderFormat = Qgis.TextRenderFormat.AlwaysText
    flag = QgsLayoutRenderContext.Flag
    settings.flags = settings.flags | flag.FlagAntialiasing | flag.FlagUseAdvancedEffects
    try:
        result, sentence = QgsLayoutExporter.exportToPdf(pages, str(path), settings, _ForQgis(feedback))
    finally:
        # QGIS does not end what was cancelled.
        pages.endRender()
    feedback.check()
    if pages.error:
        raise pages.error
    if result != QgsLayoutExporter.ExportResult.Success:
        raise FarmCDError("pdf_failed", path=path, reason=sentence or result)
    path.write_bytes(with_marks(searchable(path.read_bytes()), pages.marks(), pages.areas, pages.language))
