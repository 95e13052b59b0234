"""One page in the making: a template whose items are filled by their ids, and what is drawn in their places."""

import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from qgis.core import (
    Qgis,
    QgsFillSymbol,
    QgsLayoutItem,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutItemScaleBar,
    QgsLayoutItemShape,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsLegendRenderer,
    QgsLegendStyle,
    QgsMapLayer,
    QgsPrintLayout,
    QgsRectangle,
    QgsVectorLayer,
)

from .templates import discard
from .typography import ALIGNMENTS, HAIRLINE, Style, style_of

# Labels break lines again that fill them to the last tenth of a millimetre.
SLACK = 0.8
# What lies this close above the footer belongs to it.
FOOT = 4.0
# Of a legend below a map.
LEGEND_ROWS, LEGEND_COLUMNS = 2, 3
# Kept apart, since readers would not find "confidence" where fi is one sign.
LIGATURE = re.compile("f(?=[fijl])")
ROUND_SCALES = (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
Item = TypeVar("Item", bound=QgsLayoutItem)


class Box(NamedTuple):
    """A rectangle of the page, in millimetres."""

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


class Link(NamedTuple):
    """A place of the page that opens something."""

    box: Box
    uri: str


class Page:
    """One page in a layout of its own, so that a long report needs the memory of one page."""

    def __init__(self, layout: QgsPrintLayout) -> None:
        self.layout = layout
        self.links: list[Link] = []
        self._drops: list[Callable[[], None]] = []

    def fill(self, item_id: str, text: str) -> None:
        """Write a text into a label, in the label's style; the label grows downwards where it is too small."""
        label = self._item(item_id, QgsLayoutItemLabel)
        box, style = box_of(label), style_of(label.textFormat())
        lines = style.wrap(text, box.width - 2 * label.marginX() - SLACK)
        label.setText(_plain("\n".join(lines)))
        label.setTextFormat(style.format())
        height = len(lines) * style.line_height + 2 * label.marginY() + 1
        if height > box.height:
            label.attemptResize(QgsLayoutSize(box.width, height))

    def region(self, item_id: str) -> tuple[Box, Style]:
        """Take a label away and return its place and its style, for something that is drawn there."""
        label = self._item(item_id, QgsLayoutItemLabel)
        taken = box_of(label), style_of(label.textFormat())
        self.layout.removeLayoutItem(label)
        return taken

    def has(self, item_id: str) -> bool:
        """Tell whether the template has an item that it may do without."""
        return self.layout.itemById(item_id) is not None

    def style_of(self, item_id: str) -> Style:
        """Return the style of a label."""
        return style_of(self._item(item_id, QgsLayoutItemLabel).textFormat())

    def text(self, text: str, x: float, y: float, width: float, style: Style, align: str = "left") -> float:
        """Write a text, broken to the width, and return where it ends."""
        lines = style.wrap(text, width)
        label = QgsLayoutItemLabel(self.layout)
        label.setText(_plain("\n".join(lines)))
        label.setTextFormat(style.format())
        label.setMarginX(0)
        label.setMarginY(0)
        label.setHAlign(ALIGNMENTS[align])
        height = len(lines) * style.line_height
        # Wider than measured on the side where nothing is, so that rounding never breaks or cuts a line.
        self._place(
            label, Box(x - (0 if align == "left" else 2), y, width + (4 if align == "centre" else 2), height + 2)
        )
        return y + height

    def line(self, x: float, y: float, width: float, colour: str = HAIRLINE, thickness: float = 0.2) -> None:
        """Draw a horizontal line."""
        self.rectangle(Box(x, y, width, thickness), colour)

    def rectangle(self, box: Box, fill: str) -> None:
        """Draw a rectangle."""
        shape = QgsLayoutItemShape(self.layout)
        shape.setShapeType(QgsLayoutItemShape.Shape.Rectangle)
        shape.setSymbol(QgsFillSymbol.createSimple({"color": fill, "outline_style": "no"}))
        self._place(shape, box)

    def paint(self, item_id: str, colour: str) -> None:
        """Give a shape a colour, if the template has it."""
        shape = self.layout.itemById(item_id)
        if isinstance(shape, QgsLayoutItemShape):
            shape.setSymbol(QgsFillSymbol.createSimple({"color": colour, "outline_style": "no"}))

    def map(
        self, item_id: str, layers: Sequence[QgsMapLayer], extent: QgsRectangle, round_scale: bool = False
    ) -> QgsLayoutItemMap:
        """Show `layers`, the topmost first, in a map of the template; the extent grows to the map's shape, and to the
        next round scale where one is wanted."""
        item = self._item(item_id, QgsLayoutItemMap)
        item.setCrs(self.layout.project().crs())
        item.setLayers(list(layers))
        item.setKeepLayerSet(True)
        item.zoomToExtent(extent)
        if round_scale and item.scale() > 0:
            item.setScale(round_up(item.scale()))
        if item.grids().size():
            self._grid(item)
        return item

    def shape_of(self, item_id: str) -> float:
        """Return the width of an item by its height."""
        box = box_of(self._item(item_id, QgsLayoutItem))
        return box.width / box.height

    def shrink(self, item_id: str, shape: float, most: float = 2.2) -> None:
        """Make a map as high as a picture of `shape` (width by height) wants it; what lies below moves up."""
        item = self._item(item_id, QgsLayoutItemMap)
        box = box_of(item)
        height = min(box.width / min(shape, most), box.height)
        moved = box.height - height
        # A map that is too narrow for its picture stays in the middle.
        width = min(box.width, height * shape)
        foot = box_of(self._item("footer", QgsLayoutItemLabel)).y - FOOT if self.has("footer") else math.inf
        for other in self.layout.pageCollection().itemsOnPage(0):
            place = box_of(other)
            if other is not item and box.bottom - 0.5 <= place.y < foot:
                other.attemptMove(QgsLayoutPoint(place.x, place.y - moved))
                if other.id() == "body":
                    other.attemptResize(QgsLayoutSize(place.width, place.height + moved))
        item.attemptMove(QgsLayoutPoint(box.x + (box.width - width) / 2, box.y))
        item.attemptResize(QgsLayoutSize(width, height))

    def scale_bar(self, item_id: str, item: QgsLayoutItemMap) -> None:
        """Link a scale bar of the template to a map, with the scale beside it: round figures, at most as wide as the
        template allows."""
        bar = self._item(item_id, QgsLayoutItemScaleBar)
        bar.setLinkedMap(item)
        metres = bar.maximumBarWidth() * item.scale() / 1000 / max(bar.numberOfSegments(), 1)
        far = metres >= 1000
        bar.setSegmentSizeMode(Qgis.ScaleBarSegmentSizeMode.Fixed)
        bar.setUnits(Qgis.DistanceUnit.Kilometers if far else Qgis.DistanceUnit.Meters)
        bar.setUnitLabel(f"{'km' if far else 'm'}   1:{item.scale():,.0f}")
        bar.setMapUnitsPerScaleBarUnit(1)
        bar.setUnitsPerSegment(round_down(metres / 1000 if far else metres))
        bar.setTextFormat(style_of(bar.textFormat()).format())
        bar.update()

    def legend(self, item_id: str, item: QgsLayoutItemMap, layer: QgsVectorLayer) -> float:
        """Fill a legend of the template with a layer as the map shows it, and return where it ends.

        It is widened to LEGEND_COLUMNS where it would be higher than LEGEND_ROWS.
        """
        legend = self._item(item_id, QgsLayoutItemLegend)
        legend.setAutoUpdateModel(False)
        root = legend.model().rootGroup()
        root.clear()
        node = root.addLayer(layer)
        QgsLegendRenderer.setNodeLegendStyle(node, QgsLegendStyle.Style.Hidden)
        legend.setLinkedMap(item)
        style = legend.style(QgsLegendStyle.Style.SymbolLabel)
        style.setTextFormat(style_of(style.textFormat()).format())
        legend.setStyle(QgsLegendStyle.Style.SymbolLabel, style)
        columns = min(math.ceil(len(layer.renderer().legendSymbolItems()) / LEGEND_ROWS), LEGEND_COLUMNS)
        legend.setColumnCount(max(legend.columnCount(), columns))
        legend.adjustBoxSize()
        return box_of(legend).bottom

    def link(self, item_id: str, uri: str) -> None:
        """Let a label open something."""
        self.links.append(Link(box_of(self._item(item_id, QgsLayoutItemLabel)), uri))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the paper, in millimetres."""
        size = self.layout.pageCollection().page(0).pageSize()
        return size.width(), size.height()

    def keep_until_drawn(self, drop: Callable[[], None]) -> None:
        """Call `drop` when the page is done."""
        self._drops.append(drop)

    def close(self) -> None:
        """Let go what was only for this page."""
        discard(self.layout)
        for drop in self._drops:
            drop()

    def _grid(self, item: QgsLayoutItemMap) -> None:
        """Give a map's grid a round interval, about four lines to a side."""
        extent, grid = item.extent(), item.grids().grid(0)
        interval = round_down(max(extent.width(), extent.height()) / 3)
        grid.setIntervalX(interval)
        grid.setIntervalY(interval)
        grid.setAnnotationTextFormat(style_of(grid.annotationTextFormat()).format())
        grid.setAnnotationPrecision(max(0, -math.floor(math.log10(interval))))

    def _item(self, item_id: str, kind: type[Item]) -> Item:
        item = self.layout.itemById(item_id)
        assert isinstance(item, kind)  # nosec B101: templates are checked when they are read
        return item

    def _place(self, item: QgsLayoutItem, box: Box) -> None:
        self.layout.addLayoutItem(item)
        item.attemptMove(QgsLayoutPoint(box.x, box.y))
        item.attemptResize(QgsLayoutSize(box.width, box.height))


def box_of(item: QgsLayoutItem) -> Box:
    """Return the place of an item on its page, its upper left corner first."""
    rectangle = item.mapRectToScene(item.rect())
    return Box(rectangle.x(), rectangle.y(), rectangle.width(), rectangle.height())


def round_down(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value)


def round_up(scale: float) -> float:
    """Return the smallest round number of a scale that is not below a positive value."""
    power = 10.0 ** math.floor(math.log10(scale))
    # What was rounded before and comes back with the computer's rounding stays what it is.
    return min(step * power for step in ROUND_SCALES if step * power >= scale * (1 - 1e-9))


def _plain(text: str) -> str:
    # "[%" would begin an expression of QGIS.
    return LIGATURE.sub("f\u200c", text).replace("[%", "[ %")
