"""farmcd:exportsamples, training samples from verdicts."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
)

from .algorithm import MODELS, FarmCDAlgorithm

RUN_FOLDER = "RUN_FOLDER"
REST = "REST"
UNLABELLED = "UNLABELLED"
OUTPUT = "OUTPUT"
OUT_SAMPLES = "SAMPLES"
OUT_UNLABELLED = "UNLABELLED_SQUARES"


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
            "checkpoint can be fine-tuned with them (farmcd finetune).\n\n"
            "Squares without labels can go in as well: of the rest of the run, where nobody judged, and of another "
            "pair. From these the network learns to say the same of a place in any light; a step of training takes "
            "three to four times as long then."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run folder"), folder))
        self.addParameter(
            QgsProcessingParameterBoolean(REST, self.tr("Also from the rest of the run, without labels"), False)
        )
        words = self.tr("Other pairs without labels (a run, or a folder with images A and B)")
        self.addParameter(QgsProcessingParameterFile(UNLABELLED, words, folder, optional=True))
        self.addParameter(QgsProcessingParameterFolderDestination(OUTPUT, self.tr("Folder for the samples")))
        self.addOutput(QgsProcessingOutputNumber(OUT_SAMPLES, self.tr("Samples")))
        self.addOutput(QgsProcessingOutputNumber(OUT_UNLABELLED, self.tr("Squares without labels")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Export in the worker."""
        run_dir = str(Path(self.parameterAsFile(parameters, RUN_FOLDER, context)).absolute())
        out_dir = str(Path(self.parameterAsString(parameters, OUTPUT, context)).absolute())
        arguments: dict[str, Any] = {"run_dirs": [run_dir], "out_dir": out_dir}
        arguments["rest"] = self.parameterAsBool(parameters, REST, context)
        if other := self.parameterAsFile(parameters, UNLABELLED, context):
            arguments["unlabelled"] = [str(Path(other).absolute())]
        found = self.run_job("export_samples", arguments, feedback)
        if found is None:
            return {}
        return {OUTPUT: out_dir, OUT_SAMPLES: found["samples"], OUT_UNLABELLED: found["unlabelled"]}
