"""farmcd:exportsamples, training samples from verdicts."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
)

from .algorithm import MODELS, FarmCDAlgorithm

RUN_FOLDER = "RUN_FOLDER"
OUTPUT = "OUTPUT"
OUT_SAMPLES = "SAMPLES"


class ExportSamplesAlgorithm(FarmCDAlgorithm):
    """Turns the verdicts on a run's candidates into a training set."""

    room = MODELS

    def name(self) -> str:
        """Return the algorithm's id."""
        return "exportsamples"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Export training samples")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Makes training samples from the reviewed candidates of a run: both dates and a label with the class of "
            "confirmed and reclassified candidates, no change in rejected ones, and 255 where nobody judged. A "
            "checkpoint can be fine-tuned with them (farmcd finetune)."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run folder"), folder))
        self.addParameter(QgsProcessingParameterFolderDestination(OUTPUT, self.tr("Folder for the samples")))
        self.addOutput(QgsProcessingOutputNumber(OUT_SAMPLES, self.tr("Samples")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Export in the worker."""
        run_dir = str(Path(self.parameterAsFile(parameters, RUN_FOLDER, context)).absolute())
        out_dir = str(Path(self.parameterAsString(parameters, OUTPUT, context)).absolute())
        found = self.run_job("export_samples", {"run_dirs": [run_dir], "out_dir": out_dir}, feedback)
        return {} if found is None else {OUTPUT: out_dir, OUT_SAMPLES: found["samples"]}
