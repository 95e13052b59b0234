"""farmcd:referee, a second opinion of CLIP on doubtful candidates."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
)

from .algorithm import DETECTION, FarmCDAlgorithm

RUN_FOLDER = "RUN_FOLDER"
WEIGHTS = "WEIGHTS"
OUT_DOUBTFUL = "DOUBTFUL"
OUT_PSEUDO_CHANGES = "PSEUDO_CHANGES"


class RefereeAlgorithm(FarmCDAlgorithm):
    """Lets a CLIP judge the doubtful candidates of a run; it marks and never deletes."""

    room = DETECTION

    def name(self) -> str:
        """Return the algorithm's id."""
        return "referee"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Ask CLIP about doubtful candidates")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Shows the doubtful candidates of a run (confidence 0.45 to 0.75), before and after side by side, to a "
            "CLIP whose weights you have (OpenAI's or RemoteCLIP, any ViT), and keeps in the fields referee_score and "
            "referee_verdict whether it sees a real change. Nothing is deleted. Where CLIP would doubt most of the "
            "area, it does not know this imagery, and the verdicts are withheld."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        behaviour = Qgis.ProcessingFileParameterBehavior
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run folder"), behaviour.Folder))
        self.addParameter(QgsProcessingParameterFile(WEIGHTS, self.tr("CLIP weights"), behaviour.File))
        self.addOutput(QgsProcessingOutputNumber(OUT_DOUBTFUL, self.tr("Doubtful candidates")))
        self.addOutput(QgsProcessingOutputNumber(OUT_PSEUDO_CHANGES, self.tr("Likely pseudo-changes")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Judge in the worker."""
        run_dir = Path(self.parameterAsFile(parameters, RUN_FOLDER, context)).absolute()
        weights = Path(self.parameterAsFile(parameters, WEIGHTS, context)).absolute()
        found = self.run_job("referee", {"run_dir": str(run_dir), "weights": str(weights)}, feedback)
        if found is None:
            return {}
        return {OUT_DOUBTFUL: found["doubtful"], OUT_PSEUDO_CHANGES: found["pseudo_changes"]}
