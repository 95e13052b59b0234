"""Fonts of the report and the breaking of its lines.

QGIS's labels break lines at spaces only, which Chinese has none of; Qt's text layout knows the rules of every script.
"""

import functools
from dataclasses import dataclass, replace

from qgis.core import Qgis, QgsTextFormat
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QTextLayout, QTextOption

INK = "#1f2933"
GREY = "#667380"
HAIRLINE = "#d5dae0"
ACCENT = "#1d5b46"

ALIGNMENTS = {
    "left": Qt.AlignmentFlag.AlignLeft,
    "right": Qt.AlignmentFlag.AlignRight,
    "centre": Qt.AlignmentFlag.AlignHCenter,
}

MM_PER_POINT = 25.4 / 72
LEADING = 1.36
# Lines are measured at this size, since fonts have whole pixels only.
MEASURE = 200
LATIN = ("Open Sans", "Noto Sans", "Segoe UI", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans")
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "SimSun",
)


@functools.cache
def families() -> tuple[str, ...]:
    """Return the installed families to write with: Latin letters and figures in the first, Chinese in the second."""
    present = set(_database().families())
    chosen = [next((name for name in names if name in present), None) for names in (LATIN, CHINESE)]
    return tuple(name for name in chosen if name) or (QFont().family(),)


def has_chinese() -> bool:
    """Tell whether any installed font holds simplified Chinese."""
    return bool(_database().families(QFontDatabase.WritingSystem.SimplifiedChinese))


@dataclass(frozen=True)
class Style:
    """How a text is written: `size` in points, `family` the wanted font, before those that are there for sure."""

    size: float = 9.5
    bold: bool = False
    colour: str = INK
    family: str = ""

    @property
    def line_height(self) -> float:
        """The distance between lines, in millimetres."""
        return self.size * MM_PER_POINT * LEADING

    def with_size(self, factor: float) -> "Style":
        """Return the style in another size."""
        return replace(self, size=self.size * factor)

    def in_bold(self) -> "Style":
        """Return the style in bold."""
        return replace(self, bold=True)

    def in_colour(self, colour: str) -> "Style":
        """Return the style in another colour."""
        return replace(self, colour=colour)

    def font(self) -> QFont:
        """Return the font; letters that the wanted one lacks come from the next."""
        font = QFont()
        known = families()
        wanted = [self.family] if self.family in _database().families() else []
        font.setFamilies([*wanted, *(name for name in known if name not in wanted)])
        font.setBold(self.bold)
        font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        return font

    def format(self) -> QgsTextFormat:
        """Return what QGIS writes with."""
        style = QgsTextFormat()
        style.setFont(self.font())
        style.setSize(self.size)
        style.setSizeUnit(Qgis.RenderUnit.Points)
        style.setColor(QColor(self.colour))
        style.setLineHeightUnit(Qgis.RenderUnit.Millimeters)
        style.setLineHeight(self.line_height)
        return style

    def wrap(self, text: str, width: float) -> list[str]:
        """Break a text into lines of at most `width` millimetres."""
        return [line for paragraph in text.split("\n") for line in _wrap(paragraph, width, self)]

    def width(self, text: str) -> float:
        """Return how wide the longest line of a text is, in millimetres."""
        font = self.font()
        font.setPixelSize(MEASURE)
        metrics = QFontMetricsF(font)
        return max(metrics.horizontalAdvance(line) for line in text.split("\n")) * self.size * MM_PER_POINT / MEASURE

    def height(self, text: str, width: float) -> float:
        """Return how high a text becomes when it is broken to a width."""
        return len(self.wrap(text, width)) * self.line_height


def style_of(format_: QgsTextFormat) -> Style:
    """Return the style that somebody has given a text in a template."""
    font = format_.font()
    points = format_.size()
    if format_.sizeUnit() == Qgis.RenderUnit.Millimeters:
        points /= MM_PER_POINT
    return Style(points, font.bold() or format_.forcedBold(), format_.color().name(), font.family())


def _wrap(text: str, width: float, style: Style) -> list[str]:
    font = style.font()
    font.setPixelSize(MEASURE)
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    # Qt counts in UTF-16, where a rare Chinese character takes two units.
    units = text.encode("utf-16-le")
    lines = []
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width / (style.size * MM_PER_POINT) * MEASURE)
        start, end = 2 * line.textStart(), 2 * (line.textStart() + line.textLength())
        lines.append(units[start:end].decode("utf-16-le").rstrip())
    layout.endLayout()
    return lines or [""]


def _database() -> QFontDatabase:
    # Qt 6 keeps the class for its static functions only.
    try:
        return QFontDatabase()
    except TypeError:
        return QFontDatabase
