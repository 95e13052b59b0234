"""The parameters that describe a pair, and the RunRequest read from them."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import Qt

from ..core.paths import bundled_checkpoints
from ..core.polygons import TAU_RANGE, PolygonSettings
from ..core.protocol import RunRequest
from ..layers.sources import absolute
from . import sources
from .algorithm import FarmCDAlgorithm
from .choice import Choice, names

BEFORE = "BEFORE"
AFTER = "AFTER"
EXTENT = "EXTENT"
AOI = "AOI"
FARMLAND = "FARMLAND"
CHECKPOINT = "CHECKPOINT"
REFERENCE = "REFERENCE"
BEFORE_BANDS = "BEFORE_BANDS"
AFTER_BANDS = "AFTER_BANDS"
BEFORE_DATE = "BEFORE_DATE"
AFTER_DATE = "AFTER_DATE"
TREAT_FILL = "TREAT_FILL_AS_NODATA"
CORRECT_SHIFT = "CORRECT_SHIFT"
BEFORE_PARTS = "BEFORE_PARTS"
AFTER_PARTS = "AFTER_PARTS"
BEFORE_RANGE = "BEFORE_RANGE"
AFTER_RANGE = "AFTER_RANGE"
MATCH_HISTOGRAMS = "MATCH_HISTOGRAMS"
DEVICE = "DEVICE"
TILE = "TILE"
OVERLAP = "OVERLAP"
BATCH = "BATCH"
RESOLUTION = "RESOLUTION"
WORKERS = "WORKERS"
SYMMETRIC = "SYMMETRIC"
ATTENTION = "ATTENTION"
SCREEN = "SCREEN"
TAU = "TAU"
MINIMUM_MAPPING_UNIT = "MINIMUM_MAPPING_UNIT"
CONNECTIVITY = "CONNECTIVITY"

# So many graphics cards can be chosen by number.
MOST_CARDS = 4
CONNECTIVITIES = ["8", "4"]


def add_pair(algorithm: FarmCDAlgorithm) -> None:
    """Add the rasters, the areas and the checkpoint."""
    tr = algorithm.tr
    kinds = [Qgis.ProcessingSourceType.VectorPolygon]
    algorithm.addParameter(QgsProcessingParameterRasterLayer(BEFORE, tr("Before")))
    algorithm.addParameter(QgsProcessingParameterRasterLayer(AFTER, tr("After")))
    algorithm.addParameter(QgsProcessingParameterExtent(EXTENT, tr("Extent"), optional=True))
    algorithm.addParameter(QgsProcessingParameterFeatureSource(AOI, tr("Area of interest"), kinds, optional=True))
    algorithm.addParameter(QgsProcessingParameterFeatureSource(FARMLAND, tr("Farmland"), kinds, optional=True))
    algorithm.addParameter(
        QgsProcessingParameterFile(
            CHECKPOINT,
            tr("Checkpoint (empty: the bundled one)"),
            Qgis.ProcessingFileParameterBehavior.File,
            optional=True,
            fileFilter=tr("Checkpoints") + " (*.safetensors *.pth *.pt)",
        )
    )
    for bands, parent, label in (
        (BEFORE_BANDS, BEFORE, tr("Bands of the before raster as red, green, blue (empty: as they say, else 1, 2, 3)")),
        (AFTER_BANDS, AFTER, tr("Bands of the after raster as red, green, blue (empty: as they say, else 1, 2, 3)")),
    ):
        add_advanced(algorithm, QgsProcessingParameterBand(bands, label, None, parent, True, True))
    for date, label in (
        (BEFORE_DATE, tr("Date of the before raster (empty: from the file)")),
        (AFTER_DATE, tr("Date of the after raster (empty: from the file)")),
    ):
        kind = Qgis.ProcessingDateTimeParameterDataType.Date
        add_advanced(algorithm, QgsProcessingParameterDateTime(date, label, kind, optional=True))
    add_advanced(
        algorithm,
        Choice(
            REFERENCE,
            tr("Work on the grid of"),
            {"after": tr("the after raster"), "before": tr("the before raster")},
            RunRequest.reference,
        ),
    )
    for name, label in (
        (BEFORE_PARTS, tr("Further files of before: a band in each, or tiles")),
        (AFTER_PARTS, tr("Further files of after: a band in each, or tiles")),
    ):
        several = QgsProcessingParameterMultipleLayers(name, label, Qgis.ProcessingSourceType.Raster, optional=True)
        add_advanced(algorithm, several)
    for name, label in (
        (BEFORE_RANGE, tr("Values of the before raster that become black and white, such as 0:3000 or 1:99%")),
        (AFTER_RANGE, tr("Values of the after raster that become black and white, such as 0:3000 or 1:99%")),
    ):
        add_advanced(algorithm, QgsProcessingParameterString(name, label, optional=True))
    for name, label in (
        (TREAT_FILL, tr("Treat a constant fill that is not declared as nodata")),
        (CORRECT_SHIFT, tr("Measure the shift between the dates and correct it")),
    ):
        add_advanced(algorithm, QgsProcessingParameterBoolean(name, label, False))


def add_prediction(algorithm: FarmCDAlgorithm) -> None:
    """Add how the network is run."""
    tr = algorithm.tr
    add_advanced(
        algorithm,
        QgsProcessingParameterBoolean(MATCH_HISTOGRAMS, tr("Match the colours of before to after"), False),
    )
    add_advanced(algorithm, Choice(DEVICE, tr("Device"), _devices(algorithm), RunRequest.device))
    add_advanced(algorithm, _integer(TILE, tr("Tile (pixels)"), RunRequest.tile, 32))
    add_advanced(algorithm, _integer(OVERLAP, tr("Overlap of tiles (pixels)"), RunRequest.overlap, 0))
    metres = tr("Metres per pixel at which the network looks (empty: the checkpoint's, 0: the raster's)")
    real = Qgis.ProcessingNumberParameterType.Double
    add_advanced(algorithm, QgsProcessingParameterNumber(RESOLUTION, metres, real, None, True, 0.0))
    add_advanced(algorithm, _integer(BATCH, tr("Tiles in a batch (0: automatic)"), RunRequest.batch, 0))
    add_advanced(algorithm, _integer(WORKERS, tr("Workers: processes that compute blocks"), RunRequest.workers, 1))
    add_advanced(
        algorithm, QgsProcessingParameterBoolean(SYMMETRIC, tr("Average over both date orders (slower)"), False)
    )
    add_advanced(
        algorithm, QgsProcessingParameterBoolean(ATTENTION, tr("Map where the network looked (SChanger)"), False)
    )
    add_advanced(
        algorithm,
        QgsProcessingParameterBoolean(SCREEN, tr("Look only where the checkpoint's screen expects change"), False),
    )


def add_polygons(algorithm: FarmCDAlgorithm) -> None:
    """Add how pixels become polygons."""
    tr = algorithm.tr
    real = Qgis.ProcessingNumberParameterType.Double
    add_advanced(
        algorithm,
        QgsProcessingParameterNumber(
            TAU, tr("Confidence below which a region is hard"), real, PolygonSettings.tau, False, *TAU_RANGE
        ),
    )
    unit = PolygonSettings.minimum_mapping_unit_m2
    add_advanced(
        algorithm,
        QgsProcessingParameterNumber(
            MINIMUM_MAPPING_UNIT, tr("Minimum mapping unit (square metres)"), real, unit, False, 0.0
        ),
    )
    add_advanced(
        algorithm,
        QgsProcessingParameterEnum(
            CONNECTIVITY,
            tr("Neighbours that join pixels"),
            CONNECTIVITIES,
            defaultValue=str(PolygonSettings.connectivity),
            usesStaticStrings=True,
        ),
    )


def add_advanced(algorithm: FarmCDAlgorithm, parameter: QgsProcessingParameterDefinition) -> None:
    """Add a parameter that stays folded away."""
    parameter.setFlags(parameter.flags() | Qgis.ProcessingParameterFlag.Advanced)
    algorithm.addParameter(parameter)


def read_pair(
    algorithm: FarmCDAlgorithm,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    out_dir: str,
) -> RunRequest:
    """Build the request from the parameters of `add_pair`; reads layers, so only from prepareAlgorithm."""
    extent, extent_crs = _extent(algorithm, parameters, context)
    values: dict[str, Any] = {
        **sources.raster_fields(algorithm, parameters, BEFORE, "before", context),
        **sources.raster_fields(algorithm, parameters, AFTER, "after", context),
        **sources.polygon_fields(algorithm, parameters, AOI, "aoi", context, feedback),
        **sources.polygon_fields(algorithm, parameters, FARMLAND, "farmland", context, feedback),
    }
    return RunRequest(
        **values,
        out_dir=out_dir,
        checkpoint=_checkpoint(algorithm, parameters, context),
        extent=extent,
        extent_crs=extent_crs,
        reference="before" if names(algorithm, parameters, REFERENCE) == ["before"] else "after",
        before_bands=_bands(algorithm, parameters, BEFORE_BANDS, context),
        after_bands=_bands(algorithm, parameters, AFTER_BANDS, context),
        before_date=_date(algorithm, parameters, BEFORE_DATE, context),
        after_date=_date(algorithm, parameters, AFTER_DATE, context),
        before_parts=sources.parts(algorithm, parameters, BEFORE_PARTS, context),
        after_parts=sources.parts(algorithm, parameters, AFTER_PARTS, context),
        before_range=algorithm.parameterAsString(parameters, BEFORE_RANGE, context).strip() or None,
        after_range=algorithm.parameterAsString(parameters, AFTER_RANGE, context).strip() or None,
        treat_fill_as_nodata=algorithm.parameterAsBoolean(parameters, TREAT_FILL, context),
        correct_shift=algorithm.parameterAsBoolean(parameters, CORRECT_SHIFT, context),
    )


def read_prediction(
    algorithm: FarmCDAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """Read the fields of a request that `add_prediction` asks for."""
    return {
        "match_histograms": algorithm.parameterAsBoolean(parameters, MATCH_HISTOGRAMS, context),
        "device": names(algorithm, parameters, DEVICE)[0],
        "tile": algorithm.parameterAsInt(parameters, TILE, context),
        "overlap": algorithm.parameterAsInt(parameters, OVERLAP, context),
        "batch": algorithm.parameterAsInt(parameters, BATCH, context),
        "resolution_m": _number(algorithm, parameters, RESOLUTION, context),
        "workers": algorithm.parameterAsInt(parameters, WORKERS, context),
        # Not asked for, it is the checkpoint's to say.
        "symmetric": algorithm.parameterAsBoolean(parameters, SYMMETRIC, context) or None,
        "attention": algorithm.parameterAsBoolean(parameters, ATTENTION, context),
        "screen": algorithm.parameterAsBoolean(parameters, SCREEN, context),
    }


def read_polygons(
    algorithm: FarmCDAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """Read the fields of a request that `add_polygons` asks for."""
    return {
        "tau": algorithm.parameterAsDouble(parameters, TAU, context),
        "minimum_mapping_unit_m2": algorithm.parameterAsDouble(parameters, MINIMUM_MAPPING_UNIT, context),
        "connectivity": int(algorithm.parameterAsEnumString(parameters, CONNECTIVITY, context)),
    }


def _devices(algorithm: FarmCDAlgorithm) -> dict[str, str]:
    tr = algorithm.tr
    return {
        "auto": tr("Automatic: the fastest that works"),
        "cpu": tr("Processor (CPU)"),
        "cuda": tr("NVIDIA or AMD graphics card"),
        **{f"cuda:{number}": tr("Graphics card no. {0}").format(number + 1) for number in range(1, MOST_CARDS)},
        "mps": tr("Apple graphics"),
    }


def _number(
    algorithm: FarmCDAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> float | None:
    given = parameters.get(name) not in (None, "")
    return algorithm.parameterAsDouble(parameters, name, context) if given else None


def _integer(name: str, label: str, default: int, smallest: int) -> QgsProcessingParameterNumber:
    kind = Qgis.ProcessingNumberParameterType.Integer
    return QgsProcessingParameterNumber(name, label, kind, default, False, smallest)


def _extent(
    algorithm: FarmCDAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> tuple[tuple[float, float, float, float] | None, str | None]:
    if parameters.get(EXTENT) in (None, ""):
        return None, None
    box = algorithm.parameterAsExtent(parameters, EXTENT, context)
    crs = algorithm.parameterAsExtentCrs(parameters, EXTENT, context)
    bounds = (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum())
    return bounds, (crs.authid() or crs.toWkt(Qgis.CrsWktVariant.Preferred)) if crs.isValid() else None


def _checkpoint(algorithm: FarmCDAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
    named = algorithm.parameterAsFile(parameters, CHECKPOINT, context)
    if named:
        return absolute(named)
    bundled = bundled_checkpoints()
    if not bundled:
        raise QgsProcessingException(algorithm.tr("No checkpoint ships with this copy of FarmCD: name one."))
    return str(bundled[0])


def _bands(
    algorithm: FarmCDAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> tuple[int, int, int] | None:
    bands = algorithm.parameterAsInts(parameters, name, context)
    if not bands:
        return None
    if len(bands) != 3:
        raise QgsProcessingException(
            algorithm.tr("{0}: three bands are needed, not {1}.").format(
                algorithm.parameterDefinition(name).description(), len(bands)
            )
        )
    return bands[0], bands[1], bands[2]


def _date(
    algorithm: FarmCDAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> str | None:
    moment = algorithm.parameterAsDateTime(parameters, name, context)
    return moment.date().toString(Qt.DateFormat.ISODate) if moment.isValid() else None
