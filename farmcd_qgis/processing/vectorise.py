"""farmcd:vectorise, polygons of a finished run anew."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
)

from . import inputs, outputs
from .algorithm import DETECTION, FarmCDAlgorithm

RUN_FOLDER = "RUN_FOLDER"
LOAD = "LOAD"


class VectoriseAlgorithm(FarmCDAlgorithm):
    """Makes the candidates and hard regions of a run anew with other limits."""

    room = DETECTION

    def name(self) -> str:
        """Return the algorithm's id."""
        return "vectorise"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Make the polygons of a run anew")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Reads the rasters of a run folder and writes its candidates and hard regions anew, with another "
            "confidence limit or minimum mapping unit. The network does not run again."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run folder"), folder))
        inputs.add_polygons(self)
        inputs.add_advanced(self, QgsProcessingParameterBoolean(LOAD, self.tr("Open the layers when done"), True))
        outputs.add_vectors(self)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the vectorising in the worker."""
        run_dir = Path(self.parameterAsFile(parameters, RUN_FOLDER, context)).absolute()
        arguments = inputs.read_polygons(self, parameters, context) | {"run_dir": str(run_dir)}
        summary = self.run_job("vectorise", arguments, feedback)
        if summary is None:
            return {}
        layers = outputs.vectors_of(run_dir)
        if self.parameterAsBoolean(parameters, LOAD, context):
            outputs.load_on_completion(self, layers, run_dir, context)
        return layers | {
            outputs.OUT_CANDIDATE_COUNT: summary["candidates"],
            outputs.OUT_HARD_REGION_COUNT: summary["hard_regions"],
        }
