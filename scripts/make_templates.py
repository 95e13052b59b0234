"""Write the report's page templates (A4) from their design; scripts/make_templates starts this with QGIS's own Python.

What an office wants otherwise it changes in QGIS's layout designer, in copies of these files.
"""

import sys
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
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
    QgsLegendStyle,
    QgsLineSymbol,
    QgsPrintLayout,
    QgsProject,
    QgsReadWriteContext,
)
from qgis.PyQt.QtCore import QPointF, Qt
from qgis.PyQt.QtGui import QColor, QPolygonF

from farmcd_qgis.report.templates import CANDIDATE, OVERVIEW, TABLES, TEXT, TITLE
from farmcd_qgis.report.typography import ACCENT, ALIGNMENTS, GREY, HAIRLINE, INK, Style

ROOT = Path(__file__).resolve().parent.parent
FONT = "Open Sans"
LEFT, RIGHT, TOP, BOTTOM = 20.0, 190.0, 22.0, 276.0
BODY = RIGHT - LEFT
HALF = (BODY - 6) / 2
SECOND = LEFT + HALF + 6


class Design:
    """One template in the making; places are in millimetres."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.layout = QgsPrintLayout(QgsProject.instance())
        self.layout.initializeDefaults()
        self.layout.setName(name.removesuffix(".qpt"))
        self.layout.pageCollection().page(0).setPageSize("A4", QgsLayoutItemPage.Orientation.Portrait)

    def label(
        self,
        item_id: str,
        x: float,
        y: float,
        width: float,
        height: float,
        style: Style,
        align: str = "left",
        middle: bool = False,
    ) -> None:
        """Add a text; what stands in it here only shows where it is."""
        label = QgsLayoutItemLabel(self.layout)
        label.setText(f"[{item_id}]")
        text = style.format()
        font = text.font()
        font.setFamily(FONT)
        text.setFont(font)
        label.setTextFormat(text)
        label.setMarginX(0)
        label.setMarginY(0)
        label.setHAlign(ALIGNMENTS[align])
        if middle:
            label.setVAlign(Qt.AlignmentFlag.AlignVCenter)
        self._place(label, item_id, x, y, width, height)

    def bar(self, item_id: str, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Add a filled rectangle."""
        shape = QgsLayoutItemShape(self.layout)
        shape.setShapeType(QgsLayoutItemShape.Shape.Rectangle)
        shape.setSymbol(QgsFillSymbol.createSimple({"color": colour, "outline_style": "no"}))
        self._place(shape, item_id, x, y, width, height)

    def map(
        self, item_id: str, x: float, y: float, width: float, height: float, grid: bool = False
    ) -> QgsLayoutItemMap:
        """Add a map, with coordinates around it where asked for."""
        item = QgsLayoutItemMap(self.layout)
        self._place(item, item_id, x, y, width, height)
        item.setBackgroundColor(QColor("#f3f4f6"))
        item.setFrameEnabled(True)
        item.setFrameStrokeColor(QColor(GREY))
        item.setFrameStrokeWidth(QgsLayoutMeasurement(0.2, Qgis.LayoutUnit.Millimeters))
        if grid:
            item.grids().addGrid(_coordinates(item))
        return item

    def legend(self, x: float, y: float) -> None:
        """Add a legend of two columns."""
        legend = QgsLayoutItemLegend(self.layout)
        style = legend.style(QgsLegendStyle.Style.SymbolLabel)
        style.setTextFormat(Style(9.0, family=FONT).format())
        legend.setStyle(QgsLegendStyle.Style.SymbolLabel, style)
        legend.setAutoUpdateModel(False)
        legend.setBoxSpace(0)
        legend.setColumnCount(2)
        legend.setColumnSpace(6)
        legend.setSplitLayer(True)
        legend.setSymbolWidth(8)
        legend.setSymbolHeight(4)
        self._place(legend, "legend", x, y, 80, 20)

    def scale_bar(self, item: QgsLayoutItemMap, x: float, y: float, width: float) -> None:
        """Add a scale bar of two parts, a third of `width` to `width` millimetres long."""
        bar = QgsLayoutItemScaleBar(self.layout)
        bar.setStyle("Line Ticks Up")
        bar.setNumberOfSegments(2)
        bar.setNumberOfSegmentsLeft(0)
        bar.setTextFormat(Style(8.0, family=FONT).format())
        bar.setHeight(1.5)
        bar.setBoxContentSpace(0)
        bar.setSegmentSizeMode(Qgis.ScaleBarSegmentSizeMode.FitWidth)
        bar.setMinimumBarWidth(width / 3)
        bar.setMaximumBarWidth(width)
        bar.setLinkedMap(item)
        self._place(bar, "scale_bar", x, y, width, 8)

    def north(self, x: float, y: float) -> None:
        """Add an arrow to the north of the grid with its letter below."""
        points = [QPointF(x + 3, y), QPointF(x + 5.4, y + 8), QPointF(x + 3, y + 6), QPointF(x + 0.6, y + 8)]
        arrow = QgsLayoutItemPolygon(QPolygonF(points), self.layout)
        arrow.setSymbol(QgsFillSymbol.createSimple({"color": INK, "outline_style": "no"}))
        arrow.setId("north_arrow")
        self.layout.addLayoutItem(arrow)
        self.label("north", x - 2, y + 8.5, 10, 4.5, Style(8.0, bold=True), "centre")

    def head(self) -> None:
        """Add the heading of a page and the line at its foot, with what stands there."""
        self.label("heading", LEFT, TOP - 2, BODY, 9, Style(17, bold=True, colour=ACCENT))
        self.foot()

    def foot(self) -> None:
        """Add the line at the foot, with run and page number."""
        self.bar("foot_line", LEFT, BOTTOM + 5, BODY, 0.2, HAIRLINE)
        self.label("footer", LEFT, BOTTOM + 6.5, BODY - 40, 5, Style(8.0, colour=GREY))
        self.label("page_number", RIGHT - 40, BOTTOM + 6.5, 40, 5, Style(8.0, colour=GREY), "right")

    def save(self, folder: Path) -> None:
        """Write the template."""
        if not self.layout.saveAsTemplate(str(folder / self.name), QgsReadWriteContext()):
            raise OSError(f"{folder / self.name} cannot be written")

    def _place(self, item: QgsLayoutItem, item_id: str, x: float, y: float, width: float, height: float) -> None:
        item.setId(item_id)
        self.layout.addLayoutItem(item)
        item.attemptMove(QgsLayoutPoint(x, y))
        item.attemptResize(QgsLayoutSize(width, height))


def _coordinates(item: QgsLayoutItemMap) -> QgsLayoutItemMapGrid:
    grid = QgsLayoutItemMapGrid("coordinates", item)
    grid.setIntervalX(1000)
    grid.setIntervalY(1000)
    grid.setStyle(QgsLayoutItemMapGrid.GridStyle.Cross)
    grid.setCrossLength(1.5)
    grid.setLineSymbol(QgsLineSymbol.createSimple({"line_color": "#ccffffff", "line_width": "0.25"}))
    grid.setFrameStyle(QgsLayoutItemMapGrid.FrameStyle.ExteriorTicks)
    grid.setFrameWidth(1.2)
    grid.setFramePenSize(0.2)
    grid.setFramePenColor(QColor(GREY))
    grid.setAnnotationEnabled(True)
    grid.setAnnotationTextFormat(Style(6.5, colour=GREY, family=FONT).format())
    grid.setAnnotationFrameDistance(0.8)
    for side in (QgsLayoutItemMapGrid.BorderSide.Left, QgsLayoutItemMapGrid.BorderSide.Right):
        grid.setAnnotationDirection(QgsLayoutItemMapGrid.AnnotationDirection.Vertical, side)
    return grid


def title() -> Design:
    """The title page: title, map of the whole, and the facts below."""
    page = Design(TITLE)
    page.bar("accent", LEFT, 26, 14, 1.8, ACCENT)
    page.label("title", LEFT, 31, BODY, 15, Style(30, bold=True))
    page.label("subtitle", LEFT, 46, BODY, 8, Style(15, colour=GREY))
    page.map("map", LEFT, 60, BODY, 132)
    page.label("caption", LEFT, 194, BODY, 5, Style(8.0, colour=GREY))
    page.label("facts", LEFT, 203, BODY, 80, Style(9.5))
    return page


def flowing(name: str) -> Design:
    """A page of text or tables."""
    page = Design(name)
    page.head()
    page.label("body", LEFT, 34, BODY, BOTTOM - 34, Style(10.0 if name == TEXT else 9.5))
    return page


def overview() -> Design:
    """The whole extent with coordinates, legend, scale bar and north arrow, and the table by class below."""
    page = Design(OVERVIEW)
    page.head()
    item = page.map("map", LEFT + 4, 38, BODY - 8, 140, grid=True)
    page.label("caption", LEFT, 184, BODY, 5, Style(8.0, colour=GREY))
    page.legend(LEFT, 191)
    page.scale_bar(item, 118, 192, 52)
    page.north(RIGHT - 6, 190)
    page.label("body", LEFT, 210, BODY, 64, Style(9.5))
    return page


def candidate() -> Design:
    """One candidate: before and after side by side, its attributes, and where it lies."""
    page = Design(CANDIDATE)
    page.bar("class_colour", LEFT, TOP + 0.2, 4, 4, ACCENT)
    page.label("heading", LEFT + 7, TOP - 1.6, BODY - 57, 8, Style(14, bold=True))
    page.label("rank", RIGHT - 50, TOP - 0.2, 50, 5, Style(9.5, colour=GREY), "right")
    page.label("before_caption", LEFT, 34, HALF, 5, Style(9.5, bold=True))
    page.label("after_caption", SECOND, 34, HALF, 5, Style(9.5, bold=True))
    page.map("before", LEFT, 42, HALF, 112)
    item = page.map("after", SECOND, 42, HALF, 112)
    page.scale_bar(item, LEFT, 158, 54)
    page.north(RIGHT - 6, 157)
    page.label("attributes_heading", LEFT, 174, HALF, 5, Style(9.5, bold=True))
    page.label("attributes", LEFT, 180, HALF, 92, Style(8.0))
    page.label("locator_caption", SECOND, 174, HALF, 5, Style(9.5, bold=True))
    page.map("locator", SECOND, 181, HALF, 82)
    page.label("link", SECOND, 266, HALF, 5, Style(8.0, colour="#1d4ed8"))
    page.foot()
    return page


def main(folder: Path) -> int:
    application = QgsApplication([], True)
    application.initQgis()
    folder.mkdir(parents=True, exist_ok=True)
    for page in (title(), flowing(TEXT), flowing(TABLES), overview(), candidate()):
        page.save(folder)
    application.exitQgis()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "resources" / "templates"))
