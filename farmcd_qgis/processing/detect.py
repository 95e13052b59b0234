"""farmcd:detect, from two rasters to the layers of a run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFolderDestination,
)

from ..core.protocol import result_from_dict
from ..runtime.pool import detect_arguments
from . import inputs, outputs
from .algorithm import DETECTION, FarmCDAlgorithm, push_finding

OUTPUT = "OUTPUT"
LOAD = "LOAD"
FORCE = "FORCE"


class DetectAlgorithm(FarmCDAlgorithm):
    """Detects farmland change between two rasters."""

    room = DETECTION

    def name(self) -> str:
        """Return the algorithm's id."""
        return "detect"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Detect farmland change")

    def tags(self) -> list[str]:
        """Return words to find it by."""
        return self.tr("change,detection,farmland,deep learning,two dates").split(",")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Finds where farmland became something else between two rasters, and as which of five classes: bareland, "
            "building, road, vegetation or water.\n\n"
            "The two rasters may differ in CRS, resolution and extent; they are brought onto one grid. Only pixels "
            "inside the extent, the area of interest and the farmland polygons are looked at, as far as these are "
            "given.\n\n"
            "The output folder gets the change classes, the confidence and the arbitration as rasters, the "
            "candidates and the hard regions as polygons in one GeoPackage, and run.json, the record of the run. A run "
            "that was stopped there goes on; another run that is finished is not replaced unless you ask for it."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        inputs.add_pair(self)
        inputs.add_prediction(self)
        inputs.add_polygons(self)
        inputs.add_advanced(
            self, QgsProcessingParameterBoolean(FORCE, self.tr("Compute a finished run anew, and replace it"), False)
        )
        inputs.add_advanced(self, QgsProcessingParameterBoolean(LOAD, self.tr("Open the layers when done"), True))
        self.addParameter(QgsProcessingParameterFolderDestination(OUTPUT, self.tr("Run folder")))
        outputs.add_vectors(self)
        outputs.add_rasters(self)

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Read the layers, which only the main thread may do."""
        out_dir = str(Path(self.parameterAsFileOutput(parameters, OUTPUT, context)).absolute())
        self._request = replace(
            inputs.read_pair(self, parameters, context, feedback, out_dir),
            **inputs.read_prediction(self, parameters, context),
            **inputs.read_polygons(self, parameters, context),
            force=self.parameterAsBoolean(parameters, FORCE, context),
        )
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the detection in the worker."""
        data = self.run_job("detect", detect_arguments(self._request), feedback)
        if data is None:
            return {}
        result = result_from_dict(data)
        for finding in result.findings:
            push_finding(finding, feedback)
        feedback.pushInfo(self.tr("Done on {0} in {1:.0f} s.").format(result.device, result.seconds))
        run_dir = Path(result.run_dir)
        layers = outputs.vectors_of(run_dir) | outputs.rasters_of(run_dir)
        if self.parameterAsBoolean(parameters, LOAD, context):
            outputs.load_on_completion(self, layers, run_dir, context)
        return layers | {
            OUTPUT: result.run_dir,
            outputs.OUT_CANDIDATE_COUNT: result.candidates,
            outputs.OUT_HARD_REGION_COUNT: result.hard_regions,
        }
