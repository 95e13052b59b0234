"""farmcd:accuracyassess, what a judged sample says of a run's map."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
)

from ..accuracy.judgements import assessment
from ..accuracy.words import CSV_NAME, JSON_NAME, MATRIX_NAME, PAGE_NAME, notes, percent, write_files
from ..core.errors import FarmCDError
from ..translation import said
from .algorithm import ACCURACY, FarmCDAlgorithm

RUN_FOLDER = "RUN_FOLDER"
OUTPUT = "OUTPUT"
OUT_PAGE = "PAGE"
OUT_ACCURACY = "OVERALL_ACCURACY"
OUT_ERROR = "OVERALL_STANDARD_ERROR"


class AccuracyAssessAlgorithm(FarmCDAlgorithm):
    """Estimates accuracies and areas from the judged sample of a run."""

    room = ACCURACY

    def name(self) -> str:
        """Return the algorithm's id."""
        return "accuracyassess"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Assess the accuracy of a run")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Works out what the judged accuracy sample of a run says of its map: error matrix, user's, producer's and "
            "overall accuracy, F1, and the area of each class in ha and mu, all with standard errors and 95 % "
            "intervals after Olofsson et al. (2014).\n\n"
            "Writes a page, a table of the classes, the error matrix and all figures as JSON."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run folder"), folder))
        self.addParameter(QgsProcessingParameterFolderDestination(OUTPUT, self.tr("Folder for the assessment")))
        self.addOutput(QgsProcessingOutputHtml(OUT_PAGE, self.tr("Accuracy")))
        for name, (_, label) in self._files().items():
            self.addOutput(QgsProcessingOutputFile(name, label))
        self.addOutput(QgsProcessingOutputNumber(OUT_ACCURACY, self.tr("Overall accuracy")))
        self.addOutput(QgsProcessingOutputNumber(OUT_ERROR, self.tr("Standard error of the overall accuracy")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Estimate and write."""
        run_dir = Path(self.parameterAsFile(parameters, RUN_FOLDER, context)).absolute()
        folder = Path(self.parameterAsString(parameters, OUTPUT, context)).absolute()
        try:
            found = assessment(run_dir)
        except FarmCDError as error:
            raise QgsProcessingException(said(error)) from error
        if found is None:
            raise QgsProcessingException(
                self.tr("{0} holds no judged accuracy sample. Draw one and judge its points first.").format(run_dir)
            )
        files = write_files(found, folder, self.tr("Accuracy of {0}").format(run_dir.name))
        for note in notes(found):
            feedback.pushWarning(note)
        feedback.pushInfo(f"{self.tr('Overall accuracy')}: {percent(found.overall)} %")
        overall = found.overall
        return {
            OUTPUT: str(folder),
            OUT_PAGE: str(files[PAGE_NAME]),
            OUT_ACCURACY: overall.value if overall else None,
            OUT_ERROR: overall.standard_error if overall else None,
        } | {name: str(files[file]) for name, (file, _) in self._files().items()}

    def _files(self) -> dict[str, tuple[str, str]]:
        return {
            "JSON": (JSON_NAME, self.tr("All figures (JSON)")),
            "CSV": (CSV_NAME, self.tr("Classes (CSV)")),
            "MATRIX": (MATRIX_NAME, self.tr("Error matrix (CSV)")),
        }
