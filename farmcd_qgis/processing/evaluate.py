"""farmcd:evaluate, how right a result is against a reference."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
)

from . import sources
from .algorithm import ACCURACY, FarmCDAlgorithm

RESULT = "RESULT"
REFERENCE_RASTER = "REFERENCE_RASTER"
REFERENCE_POLYGONS = "REFERENCE_POLYGONS"
CLASS_FIELD = "CLASS_FIELD"
OUTPUT = "OUTPUT"
OUT_PAGE = "PAGE"
# Figures of "change or none", 0..1, that models can go on with.
OUT_FIGURES = {"F1": "f1", "PRECISION": "precision", "RECALL": "recall", "IOU": "iou"}


class EvaluateAlgorithm(FarmCDAlgorithm):
    """Compares a raster of change classes with a reference raster or polygon layer."""

    room = ACCURACY

    def name(self) -> str:
        """Return the algorithm's id."""
        return "evaluate"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Compare a result with a reference")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Measures how right a map of change classes is: precision, recall, F1 and IoU of change and of each class, "
            "accuracy, kappa, SCD_IoU_mean, SeK, Fscd and the confusion matrix, as a page and as JSON.\n\n"
            "The reference is either a raster of class ids (254: changed, class not known; 255: nothing known) or "
            "a mask of 0 and 255, or polygons of what changed; the ground outside the polygons counts as unchanged. "
            "Without a field of classes only change or none is measured."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        polygons = [Qgis.ProcessingSourceType.VectorPolygon]
        self.addParameter(QgsProcessingParameterRasterLayer(RESULT, self.tr("Change classes of a run")))
        self.addParameter(
            QgsProcessingParameterRasterLayer(REFERENCE_RASTER, self.tr("Reference raster"), optional=True)
        )
        self.addParameter(
            QgsProcessingParameterFeatureSource(
                REFERENCE_POLYGONS, self.tr("or reference polygons"), polygons, optional=True
            )
        )
        self.addParameter(
            QgsProcessingParameterField(
                CLASS_FIELD,
                self.tr("Field with class ids or names"),
                parentLayerParameterName=REFERENCE_POLYGONS,
                optional=True,
            )
        )
        self.addParameter(QgsProcessingParameterFolderDestination(OUTPUT, self.tr("Evaluation folder")))
        self.addOutput(QgsProcessingOutputHtml(OUT_PAGE, self.tr("Evaluation")))
        for output in OUT_FIGURES:
            self.addOutput(QgsProcessingOutputNumber(output, f"{self.tr('Change or none')}: {output}"))

    def checkParameterValues(self, parameters: dict[str, Any], context: QgsProcessingContext) -> tuple[bool, str]:
        """Ask for exactly one reference."""
        given = [parameters.get(name) not in (None, "") for name in (REFERENCE_RASTER, REFERENCE_POLYGONS)]
        if given[0] == given[1]:
            return False, self.tr("Give either a reference raster or reference polygons.")
        return super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Read the layers, in their own thread."""
        polygons = sources.polygons(self, parameters, REFERENCE_POLYGONS, context, feedback)
        self._arguments = {
            "result": sources.raster(self, parameters, RESULT, context),
            "reference": polygons or sources.raster(self, parameters, REFERENCE_RASTER, context),
            "class_field": self.parameterAsString(parameters, CLASS_FIELD, context) or None,
        }
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Compare in the worker."""
        folder = Path(self.parameterAsString(parameters, OUTPUT, context)).absolute()
        record = self.run_job("evaluate", self._arguments | {"out_dir": str(folder)}, feedback)
        if record is None:
            return {}
        figures = {output: record["binary"][name] for output, name in OUT_FIGURES.items()}
        return {OUTPUT: str(folder), OUT_PAGE: str(folder / "evaluation.html"), **figures}
