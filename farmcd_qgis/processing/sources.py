"""The layers that Processing is given, as the engine opens them."""

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..core.errors import InputError
from ..layers.sources import absolute, copied, own_crs, polygon_settings, raster_settings, raster_source
from ..translation import said
from .algorithm import FarmCDAlgorithm


def raster(algorithm: FarmCDAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> str:
    """Return what GDAL opens of a raster parameter; raises QgsProcessingException with a sentence."""
    return raster_fields(algorithm, parameters, name, "raster", context)["raster"]


def raster_fields(
    algorithm: FarmCDAlgorithm, parameters: dict[str, Any], name: str, role: str, context: QgsProcessingContext
) -> dict[str, Any]:
    """Return the fields of a request that a raster parameter sets; raises QgsProcessingException with a sentence."""
    layer = algorithm.parameterAsRasterLayer(parameters, name, context)
    label = algorithm.parameterDefinition(name).description()
    if layer is None:
        raise QgsProcessingException(
            algorithm.tr("{0}: there is no readable raster at {1}.").format(label, parameters.get(name))
        )
    try:
        return raster_settings(layer, role)
    except InputError as error:
        raise QgsProcessingException(f"{label}: {said(error)}") from error


def polygon_fields(
    algorithm: FarmCDAlgorithm,
    parameters: dict[str, Any],
    name: str,
    role: str,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> dict[str, Any]:
    """Return the fields of a request that a polygon parameter sets; raises QgsProcessingException."""
    layer, only_selected = _set_layer(algorithm, parameters, name, context)
    if layer is not None:
        return polygon_settings(layer, role, only_selected)
    source = polygons(algorithm, parameters, name, context, feedback)
    return {role: source} if source else {}


def _set_layer(
    algorithm: FarmCDAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> tuple[QgsVectorLayer | None, bool]:
    """Return a layer of the project on which a person has set what its file does not say, and whether only its
    selection counts; whatever else Processing takes, it writes by itself.
    """
    value = parameters.get(name)
    layer = algorithm.parameterAsVectorLayer(parameters, name, context) if value not in (None, "") else None
    if layer is None or not (layer.isModified() or own_crs(layer)):
        return None, False
    return layer, isinstance(value, QgsProcessingFeatureSourceDefinition) and bool(value.selectedFeaturesOnly)


def polygons(
    algorithm: FarmCDAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> str | None:
    """Return what OGR opens of a polygon parameter, None where it is empty; raises QgsProcessingException."""
    if parameters.get(name) in (None, ""):
        return None
    set_layer, only_selected = _set_layer(algorithm, parameters, name, context)
    if set_layer is not None:
        return copied(set_layer, only_selected)
    # Memory layers, filtered layers and selections are written to a temporary file; others are taken as they are.
    path, layer = algorithm.parameterAsCompatibleSourceLayerPathAndLayerName(
        parameters, name, context, QgsVectorFileWriter.supportedFormatExtensions(), "gpkg", feedback
    )
    if not path:
        label = algorithm.parameterDefinition(name).description()
        raise QgsProcessingException(
            algorithm.tr("{0}: there is no readable polygon layer at {1}.").format(label, parameters.get(name))
        )
    return f"{absolute(path)}|layername={layer}" if layer else absolute(path)


def parts(
    algorithm: FarmCDAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> tuple[str, ...]:
    """Return what GDAL opens of each of the rasters of a parameter; raises QgsProcessingException with a sentence."""
    layers = algorithm.parameterAsLayerList(parameters, name, context) or []
    try:
        return tuple(raster_source(layer) for layer in layers)
    except InputError as error:
        label = algorithm.parameterDefinition(name).description()
        raise QgsProcessingException(f"{label}: {said(error)}") from error
