"""From a layer of the project to the name under which the worker can open the same data, as the layer shows it.

What a person has set on a layer (CRS, no-data values, edits that are not saved, a filter) travels along and wins over
the file.
"""

import math
import sys
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterDataProvider,
    QgsRasterLayer,
    QgsRasterRange,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..core.errors import InputError
from ..core.protocol import NodataRange
from .exact_crs import keep_crs

LARGEST = sys.float_info.max


def raster_source(layer: QgsRasterLayer) -> str:
    """Return what GDAL opens of a raster layer; raises InputError if it comes from somewhere else (a web map, say)."""
    if layer.providerType() != "gdal":
        raise InputError("not_a_file", layer=layer.name(), provider=layer.providerType())
    parts = QgsProviderRegistry.instance().decodeUri("gdal", layer.source())
    if parts.get("openOptions"):
        raise InputError("layer_options", layer=layer.name(), options=list(parts["openOptions"]))
    # Other names than those of files, such as NETCDF:..., are parted by decodeUri: they are taken as they are.
    whole = layer.source()
    return absolute(parts["path"] if parts.get("path") and not parts.get("layerName") else whole)


def raster_settings(layer: QgsRasterLayer, role: str) -> dict[str, Any]:
    """Return the fields of a RunRequest that a raster layer sets for a date, "before" or "after"."""
    values: dict[str, Any] = {role: raster_source(layer)}
    provider = layer.dataProvider()
    if crs := own_crs(layer):
        values[f"{role}_crs"] = crs
    bands = range(1, layer.bandCount() + 1)
    if off := [band for band in bands if provider.sourceHasNoDataValue(band) and not used(provider, band)]:
        values[f"{role}_own_nodata"] = False
    ranges = {band: [_in_file(provider, band, each) for each in provider.userNoDataValues(band)] for band in bands}
    for band in bands:
        if off and provider.sourceHasNoDataValue(band) and used(provider, band):
            value = float(provider.sourceNoDataValue(band))
            ranges[band].append((value, value))
    found = {band: sorted({low_high for low_high in each if low_high is not None}) for band, each in ranges.items()}
    nodata: list[NodataRange] = []
    if len(set(map(tuple, found.values()))) == 1:
        nodata = [(0, low, high) for low, high in found[1]]
    else:
        nodata = [(band, low, high) for band, each in found.items() for low, high in each]
    if nodata:
        values[f"{role}_nodata"] = tuple(nodata)
    return values


def used(provider: QgsRasterDataProvider, band: int) -> bool:
    """Tell whether the file's own nodata value of a band holds, which a person can switch off."""
    return bool(provider.useSourceNoDataValue(band))


def polygon_source(layer: QgsVectorLayer) -> str:
    """Return what OGR opens of a vector layer; what is no plain file (memory, filtered, edited) is copied into one."""
    if layer.isModified():
        return copied(layer)
    path, name = QgsProcessingUtils.convertToCompatibleFormatAndLayerName(
        layer,
        False,
        "polygons",
        QgsVectorFileWriter.supportedFormatExtensions(),
        "gpkg",
        QgsProcessingContext(),
        QgsProcessingFeedback(False),
    )
    return f"{absolute(path)}|layername={name}" if name else absolute(path)


def polygon_settings(layer: QgsVectorLayer, role: str, only_selected: bool = False) -> dict[str, Any]:
    """Return the fields of a RunRequest that a polygon layer sets, for "aoi" or "farmland"."""
    source = copied(layer, only_selected) if only_selected else polygon_source(layer)
    # A copy is in the layer's CRS.
    text = None if only_selected or layer.isModified() else own_crs(layer)
    return {role: source, f"{role}_crs": text} if text else {role: source}


def as_it_was_set(layer: QgsRasterLayer, request: dict[str, Any], role: str) -> QgsRasterLayer:
    """Give a raster of a run what a person had set on it for the run, so that it lies and looks as it was read."""
    if text := request.get(f"{role}_crs"):
        layer.setCrs(QgsCoordinateReferenceSystem(text))
    provider = layer.dataProvider()
    for band in range(1, layer.bandCount() + 1):
        if not request.get(f"{role}_own_nodata", True):
            provider.setUseSourceNoDataValue(band, False)
        set_there = [(low, high) for at, low, high in request.get(f"{role}_nodata") or () if at in (0, band)]
        ranges = [QgsRasterRange(*_shown(provider, band, *low_high)) for low_high in set_there]
        if ranges:
            provider.setUserNoDataValue(band, ranges)
    return layer


def own_crs(layer: QgsMapLayer) -> str | None:
    """Return the CRS that a layer has been given in QGIS, as code or WKT; None where it is the file's."""
    crs = layer.crs()
    return None if not crs.isValid() or crs == layer.dataProvider().crs() else _text(crs)


def absolute(source: str) -> str:
    """Make a file's name absolute, since the worker has another working directory; other names stay as they are."""
    return str(Path(source).absolute()) if Path(source).exists() else source


def _text(crs: QgsCoordinateReferenceSystem) -> str:
    code = crs.authid()
    # Codes of the person's own CRSs mean nothing outside of this QGIS.
    return code if code and not code.startswith("USER:") else crs.toWkt(Qgis.CrsWktVariant.Preferred)


def _in_file(provider: QgsRasterDataProvider, band: int, found: QgsRasterRange) -> tuple[float, float] | None:
    """Bring a range from what QGIS shows, a band's scale and offset applied, to what the file holds."""
    if (shown := _range(found)) is None:
        return None
    scale, offset = provider.bandScale(band) or 1.0, provider.bandOffset(band)
    if (scale, offset) == (1.0, 0.0):
        return shown
    low, high = sorted(_near_whole((value - offset) / scale) for value in shown)
    return low, high


def _shown(provider: QgsRasterDataProvider, band: int, low: float, high: float) -> tuple[float, float]:
    """Bring a range from what a file holds to what QGIS shows."""
    scale, offset = provider.bandScale(band) or 1.0, provider.bandOffset(band)
    low, high = sorted(max(-LARGEST, min(LARGEST, value * scale + offset)) for value in (low, high))
    return low, high


def _near_whole(value: float) -> float:
    """Return a number that a file can hold: whole, where it is so but for the rounding of its scale."""
    value = max(-LARGEST, min(LARGEST, value))
    return float(round(value)) if math.isclose(value, round(value), rel_tol=1e-9, abs_tol=1e-6) else value


def _range(found: QgsRasterRange) -> tuple[float, float] | None:
    low, high, bounds = found.min(), found.max(), found.bounds()
    low = -LARGEST if math.isnan(low) or math.isinf(low) else low
    high = LARGEST if math.isnan(high) or math.isinf(high) else high
    if bounds in (QgsRasterRange.BoundsType.IncludeMax, QgsRasterRange.BoundsType.Exclusive):
        low = math.nextafter(low, math.inf)
    if bounds in (QgsRasterRange.BoundsType.IncludeMin, QgsRasterRange.BoundsType.Exclusive):
        high = math.nextafter(high, -math.inf)
    return (low, high) if low <= high else None


def copied(layer: QgsVectorLayer, only_selected: bool = False) -> str:
    """Write what a layer shows now, edits that are not saved included, into a temporary file."""
    path = QgsProcessingUtils.generateTempFilename("polygons.gpkg")
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName, options.onlySelectedFeatures = "GPKG", "polygons", only_selected
    # Of new features, the numbers that a field "fid" holds are none yet.
    options.layerOptions = ["FID=farmcd_copy_fid"]
    context = QgsProject.instance().transformContext()
    fault, reason, *_ = QgsVectorFileWriter.writeAsVectorFormatV3(layer, path, context, options)
    if fault != QgsVectorFileWriter.WriterError.NoError:
        raise InputError("layer_not_copied", layer=layer.name(), reason=reason)
    keep_crs(Path(path), "polygons", layer.crs())
    return f"{path}|layername=polygons"
