"""farmcd:report, what an office hands in of a run."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..protocol import Cancelled, FarmCDError
from ..report import CONFIRMED_ONES, NOT_REJECTED, ReportSettings, write_report
from ..report.settings import LANGUAGES
from ..translation import said
from .algorithm import FarmCDAlgorithm

RUN_FOLDER = "RUN_FOLDER"
OUTPUT = "OUTPUT"
LANGUAGE = "LANGUAGE"
OFFICE = "OFFICE"
AUTHOR = "AUTHOR"
CANDIDATE_PAGES = "CANDIDATE_PAGES"
ONLY_CONFIRMED = "ONLY_CONFIRMED"

DEFAULTS = ReportSettings("", "")


class ReportAlgorithm(FarmCDAlgorithm):
    """Writes the report of a run."""

    def name(self) -> str:
        """Return the algorithm's id."""
        return "report"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Write the report of a run")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Writes what an office hands in of a run, reviewed or not: a PDF with summary, overview map, tables, "
            "method and provenance and a page for each of the largest candidates; the tables as XLSX and CSV; the "
            "candidates as GeoJSON.\n\n"
            "Candidates that the review found to be pseudo-changes are left out. With 'Only confirmed candidates', "
            "so is all that nobody has confirmed, unless nothing has been reviewed yet."
        )

    def flags(self) -> Qgis.ProcessingAlgorithmFlags:
        """Run in the main thread, the only one where QGIS can draw layouts."""
        return super().flags() | Qgis.ProcessingAlgorithmFlag.NoThreading

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run folder"), folder))
        languages = QgsProcessingParameterEnum(
            LANGUAGE, self.tr("Language"), LANGUAGES, False, DEFAULTS.language, False, True
        )
        self.addParameter(languages)
        self.addParameter(QgsProcessingParameterString(OFFICE, self.tr("Office"), DEFAULTS.office, False, True))
        self.addParameter(QgsProcessingParameterString(AUTHOR, self.tr("Author"), DEFAULTS.author, False, True))
        whole = Qgis.ProcessingNumberParameterType.Integer
        label = self.tr("Pages for the largest candidates")
        number = QgsProcessingParameterNumber(CANDIDATE_PAGES, label, whole, 20, False, 0)
        self.addParameter(number)
        label = self.tr("Only confirmed candidates")
        self.addParameter(QgsProcessingParameterBoolean(ONLY_CONFIRMED, label, False))
        self.addParameter(QgsProcessingParameterFolderDestination(OUTPUT, self.tr("Folder for the report")))
        for name, label in self._files().items():
            self.addOutput(QgsProcessingOutputFile(name, label))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Write the report."""
        folder = self.parameterAsString(parameters, OUTPUT, context)
        confirmed = self.parameterAsBoolean(parameters, ONLY_CONFIRMED, context)
        settings = ReportSettings(
            run_dir=self.parameterAsFile(parameters, RUN_FOLDER, context),
            out_dir=folder,
            language=self.parameterAsEnumString(parameters, LANGUAGE, context),
            statuses=CONFIRMED_ONES if confirmed else NOT_REJECTED,
            candidate_pages=self.parameterAsInt(parameters, CANDIDATE_PAGES, context),
            office=self.parameterAsString(parameters, OFFICE, context),
            author=self.parameterAsString(parameters, AUTHOR, context),
        )
        try:
            report = write_report(settings, feedback)
        except Cancelled:
            feedback.pushInfo(self.tr("Stopped. Files that were finished are kept."))
            return {}
        except FarmCDError as error:
            raise QgsProcessingException(said(error.message)) from error
        for message in report.messages:
            feedback.pushWarning(said(message))
        return {OUTPUT: folder} | {name: str(report.files[name.lower()]) for name in self._files()}

    def _files(self) -> dict[str, str]:
        return {
            "PDF": self.tr("Report (PDF)"),
            "HTML": self.tr("Summary for the screen (HTML)"),
            "XLSX": self.tr("Tables (XLSX)"),
            "CSV": self.tr("Candidates (CSV)"),
            "GEOJSON": self.tr("Candidates (GeoJSON)"),
        }
