"""Fonts of the report and the breaking of its lines.

QGIS's labels break lines at spaces only, which Chinese has none of; Qt's text layout knows the rules of every script.
"""

import functools

from qgis.core import Qgis, QgsTextFormat
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontDatabase, QTextLayout, QTextOption

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


def text_format(size: float, bold: bool = False, colour: str = INK) -> QgsTextFormat:
    """Make the format of a text of `size` points."""
    style = QgsTextFormat()
    style.setFont(_font(bold))
    style.setSize(size)
    style.setColor(QColor(colour))
    style.setLineHeightUnit(Qgis.RenderUnit.Millimeters)
    style.setLineHeight(line_height(size))
    return style


def line_height(size: float) -> float:
    """Return the distance between lines of `size` points, in millimetres."""
    return size * MM_PER_POINT * LEADING


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Break a text of `size` points into lines of at most `width` millimetres."""
    return [line for paragraph in text.split("\n") for line in _wrap(paragraph, width, size, bold)]


def _wrap(text: str, width: float, size: float, bold: bool) -> list[str]:
    font = _font(bold)
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
        line.setLineWidth(width / (size * MM_PER_POINT) * MEASURE)
        start, end = 2 * line.textStart(), 2 * (line.textStart() + line.textLength())
        lines.append(units[start:end].decode("utf-16-le").rstrip())
    layout.endLayout()
    return lines or [""]


def _font(bold: bool) -> QFont:
    font = QFont()
    font.setFamilies(list(families()))
    font.setBold(bold)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def _database() -> QFontDatabase:
    # Qt 6 keeps the class for its static functions only.
    try:
        return QFontDatabase()
    except TypeError:
        return QFontDatabase
