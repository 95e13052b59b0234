"""One A4 page in the making: texts, lines, tables and maps at places in millimetres."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from qgis.core import (
    Qgis,
    QgsFillSymbol,
    QgsLayoutItem,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutItemMapGrid,
    QgsLayoutItemPage,
    QgsLayoutItemPolygon,
    QgsLayoutItemScaleBar,
    QgsLayoutItemShape,
    QgsLayoutMeasurement,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsLegendRenderer,
    QgsLegendStyle,
    QgsMapLayer,
    QgsPrintLayout,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QPointF
from qgis.PyQt.QtGui import QColor, QPolygonF

from .typography import ACCENT, ALIGNMENTS, GREY, HAIRLINE, INK, line_height, text_format, wrap

WIDTH, HEIGHT = 210.0, 297.0
LEFT, RIGHT, TOP, BOTTOM = 20.0, 190.0, 22.0, 278.0
BODY = RIGHT - LEFT
TEXT = 9.5
SMALL = 8.0
GUTTER = 3.0
# Kept apart, since readers would not find "confidence" where fi is one sign.
LIGATURE = re.compile("f(?=[fijl])")


class Box(NamedTuple):
    """A rectangle of the page."""

    x: float
    y: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + self.height

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    width: float
    align: str = "left"
    colour: str = INK


class Page:
    """One page of a layout of its own, so that a long report needs the memory of one page."""

    def __init__(self, project: QgsProject) -> None:
        self.layout = QgsPrintLayout(project)
        self.layout.initializeDefaults()
        self._drops: list[Callable[[], None]] = []
        size = QgsLayoutItemPage.Orientation.Portrait
        self.layout.pageCollection().page(0).setPageSize("A4", size)

    def text(
        self,
        text: str,
        x: float,
        y: float,
        width: float,
        size: float = TEXT,
        bold: bool = False,
        colour: str = INK,
        align: str = "left",
    ) -> float:
        """Write a text, broken to the width, and return where it ends."""
        lines = wrap(text, width, size, bold)
        label = QgsLayoutItemLabel(self.layout)
        # "[%" would begin an expression of QGIS.
        label.setText(LIGATURE.sub("f\u200c", "\n".join(lines)).replace("[%", "[ %"))
        label.setTextFormat(text_format(size, bold, colour))
        label.setMarginX(0)
        label.setMarginY(0)
        label.setHAlign(ALIGNMENTS[align])
        height = len(lines) * line_height(size)
        # Wider than measured on the side where nothing is, so that rounding never breaks or cuts a line.
        self._place(
            label, Box(x - (0 if align == "left" else 2), y, width + (4 if align == "centre" else 2), height + 2)
        )
        return y + height

    def heading(self, text: str, y: float) -> float:
        """Write the heading of a section with a line below and return where the section begins."""
        end = self.text(text, LEFT, y, BODY, 12, bold=True, colour=ACCENT)
        self.line(LEFT, end + 0.8, BODY)
        return end + 3.5

    def line(self, x: float, y: float, width: float, colour: str = HAIRLINE, thickness: float = 0.2) -> None:
        """Draw a horizontal line."""
        self.rectangle(Box(x, y, width, thickness), colour)

    def rectangle(self, box: Box, fill: str | None, outline: str | None = None) -> None:
        """Draw a rectangle."""
        shape = QgsLayoutItemShape(self.layout)
        shape.setShapeType(QgsLayoutItemShape.Shape.Rectangle)
        shape.setSymbol(
            QgsFillSymbol.createSimple(
                {
                    "style": "solid" if fill else "no",
                    "color": fill or "#ffffff",
                    "outline_style": "solid" if outline else "no",
                    "outline_color": outline or "#ffffff",
                    "outline_width": "0.2",
                }
            )
        )
        self._place(shape, box)

    def table(
        self,
        rows: Sequence[Sequence[str]],
        columns: Sequence[Column],
        y: float,
        x: float = LEFT,
        header: Sequence[str] = (),
        total: bool = False,
        size: float = TEXT,
    ) -> float:
        """Write a table with hairlines between the rows and return where it ends; `total`: the last row is a sum."""
        whole = sum(column.width for column in columns)
        if header:
            y = self._row(header, columns, x, y, SMALL, False, GREY)
            self.line(x, y, whole, INK, 0.3)
        for index, row in enumerate(rows):
            is_total = total and index == len(rows) - 1
            if is_total:
                self.line(x, y - 0.1, whole, INK, 0.3)
            y = self._row(row, columns, x, y, size, is_total, None)
            self.line(x, y, whole)
        return y

    def _row(
        self,
        row: Sequence[str],
        columns: Sequence[Column],
        x: float,
        y: float,
        size: float,
        bold: bool,
        colour: str | None,
    ) -> float:
        bottoms = []
        padding = cell_padding(size)
        for text, column in zip(row, columns, strict=True):
            inner = column.width - GUTTER
            start = x if column.align == "left" else x + GUTTER
            end = self.text(text, start, y + padding, inner, size, bold, colour or column.colour, column.align)
            bottoms.append(end + padding)
            x += column.width
        return max(bottoms)

    def map(
        self, box: Box, layers: Sequence[QgsMapLayer], extent: QgsRectangle, outline: str = GREY
    ) -> QgsLayoutItemMap:
        """Draw a map of `layers`, the topmost first; the extent grows to the box's shape."""
        item = QgsLayoutItemMap(self.layout)
        self._place(item, box)
        item.setCrs(self.layout.project().crs())
        item.setLayers(list(layers))
        item.setKeepLayerSet(True)
        item.zoomToExtent(extent)
        item.setBackgroundColor(QColor("#f3f4f6"))
        item.setFrameEnabled(True)
        item.setFrameStrokeColor(QColor(outline))
        item.setFrameStrokeWidth(QgsLayoutMeasurement(0.2, Qgis.LayoutUnit.Millimeters))
        return item

    def scale_bar(self, item: QgsLayoutItemMap, x: float, y: float, longest: float) -> None:
        """Draw a scale bar of at most `longest` millimetres for a map."""
        bar = QgsLayoutItemScaleBar(self.layout)
        bar.setLinkedMap(item)
        bar.setStyle("Line Ticks Up")
        # Room for half a figure at the right end.
        metres = (longest - 8) * item.scale() / 1000 / 2
        unit = Qgis.DistanceUnit.Kilometers if metres >= 1000 else Qgis.DistanceUnit.Meters
        bar.setUnits(unit)
        bar.setUnitLabel("km" if metres >= 1000 else "m")
        bar.setMapUnitsPerScaleBarUnit(1)
        bar.setNumberOfSegments(2)
        bar.setNumberOfSegmentsLeft(0)
        bar.setUnitsPerSegment(round_down(metres / 1000 if metres >= 1000 else metres))
        bar.setTextFormat(text_format(SMALL, colour=INK))
        bar.setHeight(1.5)
        bar.setBoxContentSpace(0)
        self._place(bar, Box(x, y, longest, 8))
        bar.update()

    def north_arrow(self, x: float, y: float, letter: str) -> None:
        """Draw an arrow to the north of a map's grid, 6 mm wide."""
        shape = QPolygonF([QPointF(x + 3, y), QPointF(x + 5.4, y + 8), QPointF(x + 3, y + 6), QPointF(x + 0.6, y + 8)])
        item = QgsLayoutItemPolygon(shape, self.layout)
        item.setSymbol(QgsFillSymbol.createSimple({"color": INK, "outline_style": "no"}))
        self.layout.addLayoutItem(item)
        self.text(letter, x - 2, y + 8.5, 10, SMALL, True, align="centre")

    def coordinates(self, item: QgsLayoutItemMap) -> None:
        """Write the coordinates of the run's CRS around a map, about four to a side."""
        extent = item.extent()
        grid = QgsLayoutItemMapGrid("coordinates", item)
        interval = round_down(max(extent.width(), extent.height()) / 3)
        grid.setIntervalX(interval)
        grid.setIntervalY(interval)
        grid.setStyle(QgsLayoutItemMapGrid.GridStyle.FrameAnnotationsOnly)
        grid.setFrameStyle(QgsLayoutItemMapGrid.FrameStyle.ExteriorTicks)
        grid.setFrameWidth(1.2)
        grid.setFramePenSize(0.2)
        grid.setFramePenColor(QColor(GREY))
        grid.setAnnotationEnabled(True)
        grid.setAnnotationTextFormat(text_format(6.5, colour=GREY))
        grid.setAnnotationPrecision(max(0, -math.floor(math.log10(interval))))
        grid.setAnnotationFrameDistance(0.8)
        for side in (QgsLayoutItemMapGrid.BorderSide.Left, QgsLayoutItemMapGrid.BorderSide.Right):
            grid.setAnnotationDirection(QgsLayoutItemMapGrid.AnnotationDirection.Vertical, side)
        item.grids().addGrid(grid)

    def legend(self, item: QgsLayoutItemMap, layer: QgsVectorLayer, x: float, y: float) -> None:
        """Draw the legend of a layer as the map shows it."""
        legend = QgsLayoutItemLegend(self.layout)
        legend.setAutoUpdateModel(False)
        root = legend.model().rootGroup()
        root.clear()
        node = root.addLayer(layer)
        QgsLegendRenderer.setNodeLegendStyle(node, QgsLegendStyle.Style.Hidden)
        legend.setLinkedMap(item)
        style = legend.style(QgsLegendStyle.Style.SymbolLabel)
        style.setTextFormat(text_format(TEXT))
        legend.setStyle(QgsLegendStyle.Style.SymbolLabel, style)
        legend.setBoxSpace(0)
        legend.setColumnCount(2)
        legend.setColumnSpace(6)
        legend.setSplitLayer(True)
        legend.setSymbolWidth(8)
        legend.setSymbolHeight(4)
        self._place(legend, Box(x, y, 60, 30))
        legend.adjustBoxSize()

    def keep_until_drawn(self, drop: Callable[[], None]) -> None:
        """Call `drop` when the page is done."""
        self._drops.append(drop)

    def close(self) -> None:
        """Let go what was only for this page."""
        for drop in self._drops:
            drop()

    def _place(self, item: QgsLayoutItem, box: Box) -> None:
        self.layout.addLayoutItem(item)
        item.attemptMove(QgsLayoutPoint(box.x, box.y))
        item.attemptResize(QgsLayoutSize(box.width, box.height))


def cell_padding(size: float) -> float:
    """Return the space above and below a table's text of `size` points, in millimetres."""
    return 0.135 * size


def row_height(row: Sequence[str], columns: Sequence[Column], size: float = TEXT) -> float:
    """Return how high a row of a table becomes."""
    lines = max(len(wrap(text, column.width - GUTTER, size)) for text, column in zip(row, columns, strict=True))
    return lines * line_height(size) + 2 * cell_padding(size)


def round_down(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value)
