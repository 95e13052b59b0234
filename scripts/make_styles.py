"""Write the styles of a run's layers from the class table; scripts/make_styles starts this with QGIS's own Python."""

import sys
import tempfile
from pathlib import Path

from osgeo import gdal, ogr
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsColorRampShader,
    QgsFillSymbol,
    QgsLinePatternFillSymbolLayer,
    QgsLineSymbol,
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsPalettedRasterRenderer,
    QgsProperty,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRendererCategory,
    QgsSimpleFillSymbolLayer,
    QgsSimpleLineSymbolLayer,
    QgsSimpleMarkerSymbolLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsSingleSymbolRenderer,
    QgsSymbol,
    QgsSymbolLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.run_files import ACCURACY_SAMPLE, CANDIDATES, HARD_REGIONS, PSEUDO_CHANGE, UNJUDGED, UNREVIEWED
from farmcd_qgis.core.styles import colour_of_class, confirmed_label
from farmcd_qgis.engine.assess.sample import POINT_FIELDS
from farmcd_qgis.engine.polygons.geopackage import FIELDS

ROOT = Path(__file__).resolve().parent.parent

Step = tuple[int, str, str]

# Dark and see-through, under every line, so that lines are seen on bright ground and on dark.
CASING = "#b31a1a1a"
# Of lines, in millimetres: drawn and left out, in turn.
DOTS, DASHES, DASH_DOTS = [0.1, 1.9], [3.0, 2.0], [3.0, 1.2, 0.8, 1.2]
# In legends, where there is no class to take the colour of.
OPEN_COLOUR = "#ffffff"
# What the review says of a candidate: an open state, or the class that it is known to have become. The field of the
# reviewer's class is there only once somebody has reviewed.
STATE = """CASE WHEN "status" IN ('confirmed', 'other_class') THEN coalesce(try("reviewed_class_id"), "class_id")
WHEN "status" IN ('unsure', 'conflict', 'pseudo_change') THEN "status" ELSE 'unreviewed' END"""
# Up to and including this per cent, colour (alpha first), words. One hue, the stronger the more doubtful: what is sure
# stays see-through. One border is the usual tau.
CONFIDENCE: tuple[Step, ...] = (
    (49, "#e67a0177", "below 50 %: very unsure"),
    (64, "#d9c51b8a", "50–64 %: unsure"),
    (79, "#ccf768a1", "65–79 %: doubtful, below tau 0.80"),
    (89, "#66fbb4b9", "80–89 %: fairly sure"),
    (100, "#33d9d9d9", "90 % and more: sure"),
)
# Orange against blue, with the border where a pixel counts as disagreement.
ARBITRATION: tuple[Step, ...] = (
    (24, "#e6b35806", "0–24 %: text says change"),
    (50, "#ccfdb863", "25–50 %: text leans to change"),
    (74, "#99b3cde3", "51–74 %: text leans to no change"),
    (100, "#732166ac", "75–100 %: text says no change"),
)
# One hue on nothing: where the network looked most lies the strongest.
ATTENTION: tuple[Step, ...] = (
    (20, "#00ffffff", "0–20: least"),
    (40, "#66fee391", "21–40"),
    (60, "#99fe9929", "41–60"),
    (80, "#bfcc4c02", "61–80"),
    (100, "#e6662506", "81–100: looked here most"),
)
ALIASES = {
    "candidate_id": "Candidate",
    "region_id": "Hard region",
    "class_id": "Class id",
    "class_name": "Class",
    "second_class_id": "Second class id",
    "second_class_name": "Second class",
    "area_ha": "Area (ha)",
    "area_mu": "Area (mu)",
    "confidence_mean": "Mean confidence (0–1)",
    "confidence_min": "Lowest confidence (0–1)",
    "hard_share": "Share of hard pixels (0–1)",
    "arbitration": "No change according to the text (0–1)",
    "disagreement": "Share where the text disagrees (0–1)",
    "status": "Review",
    "sample_id": "Point",
    "map_class_id": "Mapped class id",
    "x": "x",
    "y": "y",
    "judgement": "Judgement",
    "reference_class_id": "Judged class id",
}
AREA = '[% format_number("area_ha", 2) %] ha ([% format_number("area_mu", 1) %] mu)'
CANDIDATE_TIP = f"""<b>[% "class_name" %]</b>, {AREA}<br>
Confidence [% round(100 * "confidence_mean") %] %, at the lowest [% round(100 * "confidence_min") %] %<br>
Second guess: [% "second_class_name" %]<br>
Text says no change: [% round(100 * "arbitration") %] %<br>
Review: [% "status" %]"""
HARD_REGION_TIP = f"""<b>Hard region</b>, {AREA}<br>
Confidence [% round(100 * "confidence_mean") %] %<br>
Mostly: [% "class_name" %]"""


def change() -> QgsRasterLayer:
    """Give each kind of change its colour; no change is left out, which makes it transparent."""
    layer = raster_layer()
    classes = [QgsPalettedRasterRenderer.Class(row.id, QColor(row.colour), row.label()) for row in FIVE.changes]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes))
    layer.renderer().setOpacity(0.5)
    return layer


def percentages(steps: tuple[Step, ...]) -> QgsRasterLayer:
    """Colour a band of whole per cents by steps."""
    layer = raster_layer()
    colours = QgsColorRampShader(0, 100, None, Qgis.ShaderInterpolationMethod.Discrete)
    colours.setColorRampItemList([QgsColorRampShader.ColorRampItem(top, QColor(c), text) for top, c, text in steps])
    shader = QgsRasterShader(0, 100)
    shader.setRasterShaderFunction(colours)
    renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
    renderer.setClassificationMin(0)
    renderer.setClassificationMax(100)
    layer.setRenderer(renderer)
    return layer


def candidates() -> QgsVectorLayer:
    """Outline candidates as the review speaks of them: in the colour of what they are, in a line that says how sure."""
    layer = vector_layer(CANDIDATES)
    open_ones = [
        QgsRendererCategory(state, symbol, words, True, state)
        for state, symbol, words in (
            (UNREVIEWED, candidate_symbol(UNREVIEWED, OPEN_COLOUR, 0.45, by_class=True), "Not reviewed (plain)"),
            ("unsure", candidate_symbol("unsure", OPEN_COLOUR, 0.9, DOTS, by_class=True), "Unsure (dotted)"),
            ("conflict", candidate_symbol("conflict", "#ffffff", 0.5, DASH_DOTS), "Conflict (dash-dotted)"),
            (PSEUDO_CHANGE, candidate_symbol(PSEUDO_CHANGE, "#bdbdbd", 0.5, DASHES), "Pseudo-change (dashed)"),
        )
    ]
    settled = [
        QgsRendererCategory(
            row.id, candidate_symbol(row.name, row.colour, 0.9), confirmed_label(row.label()), True, row.name
        )
        for row in FIVE.changes
    ]
    layer.setRenderer(QgsCategorizedSymbolRenderer(STATE, [*open_ones, *settled]))
    # A selected candidate stays a line, so that what lies beneath is seen while it is redrawn.
    chosen = layer.selectionProperties()
    chosen.setSelectionRenderingMode(Qgis.SelectionRenderingMode.CustomSymbol)
    chosen.setSelectionSymbol(built(QgsFillSymbol(), "selected", line(CASING, 1.7), line("#ffff00", 0.9)))
    layer.setMapTipTemplate(CANDIDATE_TIP)
    return layer


def candidate_symbol(
    name: str, colour: str, millimetres: float, dashes: list[float] | None = None, by_class: bool = False
) -> QgsFillSymbol:
    """Make an outline within a dark one; `by_class`: in the colour of the model's class, where there is a candidate."""
    inside = QColor(colour)
    inside.setAlphaF(0.15)
    # For the report, which fills what it shows: the map shows the image.
    fill = QgsSimpleFillSymbolLayer(inside, Qt.BrushStyle.SolidPattern, QColor(), Qt.PenStyle.NoPen)
    fill.setEnabled(False)
    lines = [line(CASING, millimetres + 0.5), line(colour, millimetres)]
    for made in lines if dashes else ():
        made.setUseCustomDashPattern(True)
        made.setCustomDashVector(dashes)
        made.setCustomDashPatternUnit(Qgis.RenderUnit.Millimeters)
        made.setPenCapStyle(Qt.PenCapStyle.RoundCap if dashes[0] < millimetres else Qt.PenCapStyle.FlatCap)
    if by_class:
        lines[-1].setDataDefinedProperty(
            QgsSymbolLayer.Property.StrokeColor, QgsProperty.fromExpression(colour_of_class(FIVE.changes))
        )
    return built(QgsFillSymbol(), name, fill, *lines)


def hard_regions() -> QgsVectorLayer:
    """Hatch where a person must look; no fill, so that the image stays visible."""
    layer = vector_layer(HARD_REGIONS)
    hatch = QgsLinePatternFillSymbolLayer()
    hatch.setLineAngle(45)
    hatch.setDistance(5)
    # One pattern for the whole map: neighbours continue each other's lines.
    hatch.setCoordinateReference(Qgis.SymbolCoordinateReference.Viewport)
    hatch.setClipMode(Qgis.LineClipMode.ClipPainterOnly)
    hatch.setSubSymbol(built(QgsLineSymbol(), "hatch", line("#401a1a1a", 0.4), line("#80ffffff", 0.2)))
    symbol = built(QgsFillSymbol(), "region", hatch, line("#401a1a1a", 0.3), line("#80ffffff", 0.15))
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    layer.setMapTipTemplate(HARD_REGION_TIP)
    return layer


def accuracy_sample() -> QgsVectorLayer:
    """Mark points as judged or not, and nothing else: what is mapped there must not be seen while they are judged."""
    layer = vector_layer(ACCURACY_SAMPLE, POINT_FIELDS, ogr.wkbPoint)
    categories = [
        QgsRendererCategory(state, point_symbol(state, fill), words, True, state)
        for state, fill, words in (
            (UNJUDGED, "#00ffffff", "Not judged"),
            ("class", "#ffffff", "Judged"),
            ("unsure", "#9e9e9e", "Cannot tell"),
            ("skipped", "#80ffffff", "Skipped"),
        )
    ]
    layer.setRenderer(QgsCategorizedSymbolRenderer("judgement", categories))
    layer.setMapTipTemplate('[% "sample_id" %]')
    return layer


def point_symbol(name: str, fill: str) -> QgsMarkerSymbol:
    casing = QgsSimpleMarkerSymbolLayer(Qgis.MarkerShape.Circle, 2.6, color=QColor(fill), strokeColor=QColor("#1a1a1a"))
    casing.setStrokeWidth(0.5)
    ring = QgsSimpleMarkerSymbolLayer(Qgis.MarkerShape.Circle, 2.6, color=QColor(0, 0, 0, 0))
    ring.setStrokeColor(QColor("#ffffff"))
    ring.setStrokeWidth(0.2)
    return built(QgsMarkerSymbol(), name, casing, ring)


def line(colour: str, millimetres: float) -> QgsSimpleLineSymbolLayer:
    made = QgsSimpleLineSymbolLayer(QColor(colour), millimetres)
    made.setPenJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return made


def built(symbol: QgsSymbol, name: str, *parts: QgsSymbolLayer) -> QgsSymbol:
    """Put parts into a symbol, the lowest first, and name them, since they would get random ids."""
    symbol.deleteSymbolLayer(0)
    for number, part in enumerate(parts):
        part.setId(f"{name}-{number}")
        symbol.appendSymbolLayer(part)
    return symbol


def raster_layer() -> QgsRasterLayer:
    path = Path(tempfile.mkdtemp(), "byte.tif")
    gdal.GetDriverByName("GTiff").Create(str(path), 1, 1, 1, gdal.GDT_Byte).SetGeoTransform((0, 1, 0, 0, 0, -1))
    return QgsRasterLayer(str(path), "style")


def vector_layer(name: str, own: dict[str, int] | None = None, geometry: int = ogr.wkbMultiPolygon) -> QgsVectorLayer:
    path = Path(tempfile.mkdtemp(), "vectors.gpkg")
    kinds = own or FIELDS[name]
    file = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    fields = file.CreateLayer(name, None, geometry)
    for field, kind in kinds.items():
        fields.CreateField(ogr.FieldDefn(field, kind))
    del fields, file
    layer = QgsVectorLayer(str(path), name)
    for field in kinds:
        layer.setFieldAlias(layer.fields().indexOf(field), ALIASES[field])
    return layer


def main() -> int:
    gdal.UseExceptions()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "resources" / "styles"
    folder.mkdir(parents=True, exist_ok=True)
    application = QgsApplication([], False)
    application.initQgis()
    layers = {
        "change": change(),
        "confidence": percentages(CONFIDENCE),
        "arbitration": percentages(ARBITRATION),
        "attention": percentages(ATTENTION),
        CANDIDATES: candidates(),
        HARD_REGIONS: hard_regions(),
        ACCURACY_SAMPLE: accuracy_sample(),
    }
    # Not the layer's metadata, temporal range and custom properties, which add_run sets and a style would wipe out.
    parts = QgsMapLayer.StyleCategory
    for name, layer in layers.items():
        path = folder / f"{name}.qml"
        message, good = layer.saveNamedStyle(str(path), parts.Symbology | parts.Fields | parts.MapTips)
        if not good:
            print(message, file=sys.stderr)
            return 1
        print(path)
    del layer, layers
    application.exitQgis()
    return 0


if __name__ == "__main__":
    sys.exit(main())
