"""What the report's maps show: the two images, the candidates in their classes' colours, outlines and extents."""

from collections.abc import Iterable, Sequence
from typing import Any

from qgis.core import (
    Qgis,
    QgsCategorizedSymbolRenderer,
    QgsContrastEnhancement,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsMultiBandColorRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsRendererCategory,
    QgsSimpleLineSymbolLayer,
    QgsSingleSymbolRenderer,
    QgsSymbol,
    QgsVectorLayer,
)
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QColor

from ..core.classes import FIVE, UNKNOWN, ClassTable
from ..core.paths import resources
from ..core.plain_files import plain_file
from ..core.run_files import CANDIDATES
from ..layers.sources import as_it_was_set
from .candidates import Candidate
from .figures import Dossier, bands_read, extent_of

# A candidate's map shows at least this many pixels around its middle, so that one sees where it lies.
LEAST_PIXELS = 60
AROUND = 1.8
# The stretch of a band that the run did not read: shares of its pixels left out, and how many are looked at.
CUT, SAMPLED_PIXELS = (0.02, 0.98), 250_000
MARK = "#c1121f"
OUTLINES = "MultiPolygon?field=class_id:integer&field=status:string"


class Maps:
    """The layers of one report, in a project of its own: the person's project stays as it is."""

    def __init__(self, dossier: Dossier, language: str) -> None:
        self._dossier = dossier
        self._language = language
        self.project = QgsProject()
        self.crs = _plane(dossier)
        self._to_map = QgsCoordinateTransform(dossier.crs, self.crs, self.project)
        self.project.setCrs(self.crs)
        # Scale bars are measured as the areas are.
        self.project.setEllipsoid("EPSG:7030")
        self.images = {role: self._image(role) for role in ("before", "after")}
        self.candidates = self._polygons(dossier.candidates)
        self.candidates.setRenderer(self._by_class())

    def with_image(self, role: str, *above: QgsVectorLayer) -> list[QgsVectorLayer | QgsRasterLayer]:
        """List layers with the image of a date below them, where it is still there."""
        image = self.images[role]
        return [*above, image] if image else list(above)

    def outline(self, candidate: Candidate) -> QgsVectorLayer:
        """Make a layer of one candidate, outlined in its class's colour and never filled; see `forget`."""
        layer = self._polygons([candidate])
        symbol = _outline(self._dossier.classes[candidate.class_id].colour, 0.45)
        layer.setRenderer(QgsSingleSymbolRenderer(symbol))
        return layer

    def mark(self, extent: QgsRectangle) -> QgsVectorLayer:
        """Make a layer with a rectangle, for the locator; see `forget`."""
        layer = QgsVectorLayer("Polygon", "extent", "memory")
        layer.setCrs(self.crs)
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(extent))
        layer.dataProvider().addFeature(feature)
        symbol = _outline(MARK, 0.5)
        layer.setRenderer(QgsSingleSymbolRenderer(symbol))
        self.project.addMapLayer(layer, False)
        return layer

    def forget(self, layers: Iterable[QgsVectorLayer]) -> None:
        """Drop layers of a page that is done."""
        self.project.removeMapLayers([layer.id() for layer in layers])

    def close(self) -> None:
        """Delete project and layers now: in an exception's traceback they could outlive QGIS and take it down."""
        if not sip.isdeleted(self.project):
            sip.delete(self.project)

    def whole(self) -> QgsRectangle:
        """Return the extent that the run looked at, in the maps' CRS."""
        extent = extent_of(self._dossier.record)
        if extent is None:
            extent = self.candidates.extent()
            extent.scale(1.1)
        return self._to_map.transformBoundingBox(extent)

    def around(self, candidate: Candidate, shape: float) -> QgsRectangle:
        """Return the extent of a candidate's map, in the maps' CRS, for a box of `shape` (width / height)."""
        bounds = self._to_map.transformBoundingBox(candidate.geometry.boundingBox())
        grid = self._dossier.record.get("grid") or {}
        pixel = (
            grid.get("resolution_m", 0)
            if self._dossier.crs.isGeographic()
            else abs(grid.get("geotransform", [0, 0])[1])
        )
        width = max(AROUND * bounds.width(), LEAST_PIXELS * pixel)
        height = max(AROUND * bounds.height(), LEAST_PIXELS * pixel / shape)
        width, height = max(width, height * shape), max(height, width / shape)
        whole = self.whole()
        x = _inside(bounds.center().x(), width, whole.xMinimum(), whole.xMaximum())
        y = _inside(bounds.center().y(), height, whole.yMinimum(), whole.yMaximum())
        return QgsRectangle(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def _image(self, role: str) -> QgsRasterLayer | None:
        path = plain_file((self._dossier.record["inputs"].get(role) or {}).get("path", ""), self._dossier.run_dir)
        layer = QgsRasterLayer(str(path or ""), role)
        if not layer.isValid():
            return None
        as_it_was_set(layer, self._dossier.record["request"], role)
        read = bands_read(self._dossier.record, role)
        bands = natural_colours(read)
        if layer.bandCount() >= max(bands):
            limits = list((self._dossier.record.get("stretch") or {}).get(role) or ())
            if limits and bands != read:
                limits[1] = layer.dataProvider().cumulativeCut(bands[1], *CUT, QgsRectangle(), SAMPLED_PIXELS)
            layer.setRenderer(_renderer(layer, bands, limits))
        layer.setResamplingStage(Qgis.RasterResamplingStage.Provider)
        provider = layer.dataProvider()
        provider.enableProviderResampling(True)
        provider.setZoomedInResamplingMethod(provider.ResamplingMethod.Bilinear)
        provider.setZoomedOutResamplingMethod(provider.ResamplingMethod.Bilinear)
        self.project.addMapLayer(layer, False)
        return layer

    def _polygons(self, candidates: Sequence[Candidate]) -> QgsVectorLayer:
        layer = QgsVectorLayer(OUTLINES, "candidates", "memory")
        layer.setCrs(self._dossier.crs)
        features = []
        for candidate in candidates:
            feature = QgsFeature(layer.fields())
            feature.setAttributes([candidate.class_id, candidate.status])
            feature.setGeometry(candidate.geometry)
            features.append(feature)
        layer.dataProvider().addFeatures(features)
        layer.updateExtents()
        self.project.addMapLayer(layer, False)
        return layer

    def _by_class(self) -> QgsCategorizedSymbolRenderer:
        """Make the renderer of the classes that occur, with the symbols of FarmCD's style where it is there."""
        styled = _style_symbols(self._dossier.classes)
        present = {candidate.class_id for candidate in self._dossier.candidates}
        categories = []
        for row in (*self._dossier.classes.changes, UNKNOWN):
            if row.id in present:
                symbol = styled.get(row.id) or _plain(row.colour)
                categories.append(QgsRendererCategory(row.id, symbol, row.label(self._language)))
        return QgsCategorizedSymbolRenderer("class_id", categories)


def _plane(dossier: Dossier) -> QgsCoordinateReferenceSystem:
    """Return the CRS of the maps: the run's or, where that has degrees, which would distort them, the UTM zone's."""
    if not dossier.crs.isGeographic():
        return dossier.crs
    longitude, latitude = dossier.candidates[0].place
    zone = min(int((longitude + 180) // 6) + 1, 60)
    return QgsCoordinateReferenceSystem(f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}")


def _inside(centre: float, length: float, first: float, last: float) -> float:
    """Move the middle of a length so that it lies between two ends, where it is short enough."""
    if length >= last - first:
        return centre
    return min(max(centre, first + length / 2), last - length / 2)


def _style_symbols(classes: ClassTable) -> dict[int, QgsSymbol]:
    """Copy the symbols of FarmCD's style; classes that it does not have get those of its first in their colour."""
    layer = QgsVectorLayer(OUTLINES, "style", "memory")
    style = resources() / "styles" / f"{CANDIDATES}.qml"
    if style.is_file():
        layer.loadNamedStyle(str(style))
    renderer = layer.renderer()
    if not isinstance(renderer, QgsCategorizedSymbolRenderer):
        return {}
    # A category's symbol goes with it, and all of them with the layer.
    styled = {category.value(): category.symbol().clone() for category in renderer.categories()}
    for symbol in styled.values():
        # The map shows outlines alone.
        symbol.symbolLayer(0).setEnabled(True)
    return {
        row.id: styled[row.id] if row in FIVE.changes else _recoloured(styled[1], row.colour)
        for row in (*classes.changes, UNKNOWN)
    }


def _recoloured(model: QgsSymbol, colour: str) -> QgsSymbol:
    """Copy a symbol of the style, a pale fill below a dark and a coloured line, in another colour."""
    symbol = model.clone()
    for layer in (symbol.symbolLayer(0), symbol.symbolLayer(symbol.symbolLayerCount() - 1)):
        changed = QColor(colour)
        changed.setAlpha(layer.color().alpha())
        layer.setColor(changed)
    return symbol


def natural_colours(read: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the bands to show of those that a run read: green in its own place where near infrared was read for it.

    1, 4, 3 is shown as 1, 2, 3, and 3, 4, 1 as 3, 2, 1: the colours that a reader of the report knows.
    """
    red, green, blue = read
    return (red, 2 if {red, blue} == {1, 3} else green, blue)


def _renderer(
    layer: QgsRasterLayer, bands: Sequence[int], limits: Sequence[Sequence[float]]
) -> QgsMultiBandColorRenderer:
    """Make the renderer of red, green and blue with the run's stretch, which images of 8 bits have none of."""
    provider = layer.dataProvider()
    renderer = QgsMultiBandColorRenderer(provider, *bands)
    setters = (
        renderer.setRedContrastEnhancement,
        renderer.setGreenContrastEnhancement,
        renderer.setBlueContrastEnhancement,
    )
    for set_enhancement, band, (black, white) in zip(setters, bands, limits, strict=False):
        enhancement = QgsContrastEnhancement(provider.dataType(band))
        enhancement.setMinimumValue(black)
        enhancement.setMaximumValue(white)
        enhancement.setContrastEnhancementAlgorithm(
            QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
        )
        set_enhancement(enhancement)
    return renderer


def _plain(colour: str) -> QgsFillSymbol:
    fill = QColor(colour)
    fill.setAlphaF(0.35)
    return QgsFillSymbol.createSimple(
        {"color": fill.name(QColor.NameFormat.HexArgb), "outline_color": colour, "outline_width": "0.4"}
    )


def _outline(colour: str, width: float) -> QgsFillSymbol:
    """Make a line with a light rim, to be seen on dark ground as well."""
    symbol = QgsFillSymbol()
    symbol.changeSymbolLayer(0, QgsSimpleLineSymbolLayer(QColor("#ffffff"), width + 0.4))
    symbol.appendSymbolLayer(QgsSimpleLineSymbolLayer(QColor(colour), width))
    return symbol


def day_of(record: dict[str, Any], role: str) -> str | None:
    """Return the day of an image as the record has it."""
    return (record["inputs"].get(role) or {}).get("date")
