"""From a layer of the project to the name under which the worker can open the same data."""

from pathlib import Path

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..core.errors import InputError


def raster_source(layer: QgsRasterLayer) -> str:
    """Return what GDAL opens of a raster layer; raises InputError if it comes from somewhere else (a web map, say)."""
    if layer.providerType() != "gdal":
        raise InputError("not_a_file", layer=layer.name(), provider=layer.providerType())
    return absolute(layer.source().split("|")[0])


def polygon_source(layer: QgsVectorLayer) -> str:
    """Return what OGR opens of a vector layer; what is no plain file (memory, filtered) is copied into one."""
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


def absolute(source: str) -> str:
    """Make a file's name absolute, since the worker has another working directory; other names stay as they are."""
    return str(Path(source).absolute()) if Path(source).exists() else source
