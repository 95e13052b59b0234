"""farmcd:savewebmap, what a run needs of a web map as a file."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterExtent,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..core.errors import Cancelled, FarmCDError
from ..layers.web_maps import WebPlan, is_web_map, plan, save
from ..translation import said
from .algorithm import DETECTION, FarmCDAlgorithm, of_processing

LAYER, OTHER, EXTENT, RESOLUTION, OUTPUT = "WEB_MAP", "OTHER", "EXTENT", "RESOLUTION", "OUTPUT"


class SaveWebMapAlgorithm(FarmCDAlgorithm):
    """Saves a part of a web map as a Cloud Optimized GeoTIFF, with the map's attribution."""

    room = DETECTION

    def __init__(self) -> None:
        super().__init__()
        self._plan: WebPlan | None = None

    def name(self) -> str:
        """Return the algorithm's id."""
        return "savewebmap"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Save a web map as a raster")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Fetches a part of a web map (XYZ, WMS, WMTS, ArcGIS) and saves it as a file that a detection can read, "
            "with the attribution of the map. Without an extent it is that of the other image, on whose pixels the "
            "map is laid; the resolution is in units of the other image's coordinate system, else of the project's."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        double = Qgis.ProcessingNumberParameterType.Double
        self.addParameter(QgsProcessingParameterRasterLayer(LAYER, self.tr("Web map")))
        self.addParameter(QgsProcessingParameterRasterLayer(OTHER, self.tr("Image of the other date"), optional=True))
        self.addParameter(QgsProcessingParameterExtent(EXTENT, self.tr("Extent"), optional=True))
        self.addParameter(
            QgsProcessingParameterNumber(
                RESOLUTION, self.tr("Resolution (map units per pixel)"), double, optional=True, minValue=0
            )
        )
        self.addParameter(QgsProcessingParameterRasterDestination(OUTPUT, self.tr("Saved map")))

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Plan the copy, in the thread that the layers belong to."""
        layer = self.parameterAsRasterLayer(parameters, LAYER, context)
        if not is_web_map(layer):
            raise QgsProcessingException(self.tr("This layer is no web map: a detection reads it as it is."))
        other = self.parameterAsRasterLayer(parameters, OTHER, context)
        box = self.parameterAsExtent(parameters, EXTENT, context) if parameters.get(EXTENT) else None
        crs = self.parameterAsExtentCrs(parameters, EXTENT, context) if box is not None else None
        step = self.parameterAsDouble(parameters, RESOLUTION, context) if parameters.get(RESOLUTION) else None
        try:
            self._plan = plan(layer, other, box, crs, step)
        except FarmCDError as error:
            raise QgsProcessingException(said(error)) from error
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Fetch the map."""
        if self._plan is None:
            return {}
        path = Path(self.parameterAsOutputLayer(parameters, OUTPUT, context))
        try:
            save(self._plan, path, of_processing(feedback))
        except Cancelled:
            return {}
        except FarmCDError as error:
            raise QgsProcessingException(said(error)) from error
        return {OUTPUT: str(path)}
