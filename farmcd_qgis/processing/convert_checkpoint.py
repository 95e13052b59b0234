"""farmcd:convertcheckpoint, from the authors' format to FarmCD's."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
)

from .algorithm import MODELS, FarmCDAlgorithm

SOURCE = "SOURCE"
TEXT_WEIGHTS = "TEXT_WEIGHTS"
PROMPTS = "PROMPTS"
NORMALISATION = "NORMALISATION"
OUTPUT = "OUTPUT"


class ConvertCheckpointAlgorithm(FarmCDAlgorithm):
    """Turns an authors' checkpoint into FarmCD's own format."""

    room = MODELS

    def name(self) -> str:
        """Return the algorithm's id."""
        return "convertcheckpoint"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Convert a checkpoint")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Turns a checkpoint that was trained with the authors' code of FD-Mamba, SChanger or SemiCD-VL (.pth) into "
            "FarmCD's format: weights, text features and model card in one safetensors file that needs no CLIP and "
            "runs no code when it is read.\n\n"
            "The text features come from the CLIP inside the checkpoint; if it holds none, name a file with CLIP "
            'weights. Own prompts for the classes come from a TOML file with lines like water = ["a pond", "a lake"].'
            "\n\n"
            "SChanger reads images that were normalised with the statistics of a data set, which its files don't "
            "name: levir, levir_plus, s2looking, cdd, sysu or whu."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        file = Qgis.ProcessingFileParameterBehavior.File
        self.addParameter(
            QgsProcessingParameterFile(
                SOURCE, self.tr("Checkpoint"), file, fileFilter=self.tr("Checkpoints") + " (*.pth *.pt *.safetensors)"
            )
        )
        self.addParameter(
            QgsProcessingParameterFile(TEXT_WEIGHTS, self.tr("CLIP weights (optional)"), file, optional=True)
        )
        self.addParameter(
            QgsProcessingParameterFile(
                PROMPTS, self.tr("Own prompts (optional)"), file, optional=True, fileFilter="TOML (*.toml)"
            )
        )
        self.addParameter(
            QgsProcessingParameterString(
                NORMALISATION, self.tr("SChanger: data set of training (optional)"), optional=True
            )
        )
        self.addParameter(
            QgsProcessingParameterFileDestination(
                OUTPUT, self.tr("Converted checkpoint"), self.tr("FarmCD checkpoints") + " (*.safetensors)"
            )
        )

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the conversion in the worker."""
        target = str(Path(self.parameterAsFileOutput(parameters, OUTPUT, context)).absolute())
        text_weights, prompts = (self.parameterAsFile(parameters, name, context) for name in (TEXT_WEIGHTS, PROMPTS))
        arguments = {
            "source": str(Path(self.parameterAsFile(parameters, SOURCE, context)).absolute()),
            "target": target,
            "text_weights": str(Path(text_weights).absolute()) if text_weights else None,
            "prompts": str(Path(prompts).absolute()) if prompts else None,
            "normalisation": self.parameterAsString(parameters, NORMALISATION, context).strip() or None,
        }
        card = self.run_job("convert", arguments, feedback)
        return {} if card is None else {OUTPUT: target}
