"""farmcd:report, what an office hands in of a run."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..core.errors import InputError
from ..core.protocol import finding_from_dict
from ..report.settings import CONFIRMED_ONES, NOT_REJECTED, OUTPUTS, ReportSettings
from ..translation import said
from . import sources
from .algorithm import REPORT, FarmCDAlgorithm, push_finding
from .choice import Choice, names

RUN_FOLDER = "RUN_FOLDER"
OUTPUT = "OUTPUT"
LANGUAGE = "LANGUAGE"
OFFICE = "OFFICE"
AUTHOR = "AUTHOR"
ADMINISTRATIVE_UNIT = "ADMINISTRATIVE_UNIT"
NUMBER = "NUMBER"
CANDIDATE_PAGES = "CANDIDATE_PAGES"
ONLY_CONFIRMED = "ONLY_CONFIRMED"
UNITS = "UNITS"
UNIT_FIELD = "UNIT_FIELD"
FARMLAND = "FARMLAND"
MINIMUM_M2 = "MINIMUM_M2"
CRS = "CRS"
OUTPUTS_TO_MAKE = "OUTPUTS"

DEFAULTS = ReportSettings("", "")


class ReportAlgorithm(FarmCDAlgorithm):
    """Writes the report of a run."""

    room = REPORT

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
            "method and provenance and a page for each of the largest candidates; the summary as HTML with sliders "
            "between before and after; the tables as XLSX and CSV; the candidates as GeoPackage, GeoJSON, Shapefile "
            "and KML. It is drawn beside QGIS, which goes on meanwhile.\n\n"
            "Candidates that the review found to be pseudo-changes are left out. With 'Only confirmed candidates', "
            "so is all that nobody has confirmed, unless nothing has been reviewed yet."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run folder"), folder))
        spoken = {"en": self.tr("English"), "zh": self.tr("Chinese")}
        self.addParameter(Choice(LANGUAGE, self.tr("Language"), spoken, DEFAULTS.language))
        self.addParameter(QgsProcessingParameterString(OFFICE, self.tr("Office"), DEFAULTS.office, False, True))
        self.addParameter(QgsProcessingParameterString(AUTHOR, self.tr("Author"), DEFAULTS.author, False, True))
        label = self.tr("Administrative unit that it is about")
        self.addParameter(QgsProcessingParameterString(ADMINISTRATIVE_UNIT, label, "", False, True))
        label = self.tr("Number of the report (empty: day and run)")
        self.addParameter(QgsProcessingParameterString(NUMBER, label, "", False, True))
        whole = Qgis.ProcessingNumberParameterType.Integer
        label = self.tr("Pages for the largest candidates")
        number = QgsProcessingParameterNumber(CANDIDATE_PAGES, label, whole, DEFAULTS.candidate_pages, False, 0)
        self.addParameter(number)
        label = self.tr("Only confirmed candidates")
        self.addParameter(QgsProcessingParameterBoolean(ONLY_CONFIRMED, label, DEFAULTS.statuses == CONFIRMED_ONES))
        self._add_choices()
        self.addParameter(QgsProcessingParameterFolderDestination(OUTPUT, self.tr("Folder for the report")))
        for name, label in self._files().items():
            self.addOutput(QgsProcessingOutputFile(name, label))

    def _add_choices(self) -> None:
        polygons = [Qgis.ProcessingSourceType.VectorPolygon]
        label = self.tr("Administrative units or parcels")
        self.addParameter(QgsProcessingParameterFeatureSource(UNITS, label, polygons, None, True))
        label = self.tr("Field that names the units")
        field = QgsProcessingParameterField(UNIT_FIELD, label, parentLayerParameterName=UNITS, optional=True)
        self.addParameter(field)
        label = self.tr("Farmland (as in the run, if empty)")
        self.addParameter(QgsProcessingParameterFeatureSource(FARMLAND, label, polygons, None, True))
        real = Qgis.ProcessingNumberParameterType.Double
        label = self.tr("Leave out candidates below (m²)")
        number = QgsProcessingParameterNumber(MINIMUM_M2, label, real, DEFAULTS.minimum_m2, False, 0)
        self.addParameter(number)
        label = self.tr("CRS of the spatial files (that of the run, if empty)")
        self.addParameter(QgsProcessingParameterCrs(CRS, label, optional=True))
        self.addParameter(Choice(OUTPUTS_TO_MAKE, self.tr("Outputs"), self._outputs(), ",".join(OUTPUTS), several=True))

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Read the layers, in their own thread."""
        self._units = sources.polygons(self, parameters, UNITS, context, feedback)
        self._farmland = sources.polygons(self, parameters, FARMLAND, context, feedback)
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Write the report, in a process of its own: QGIS draws layouts in its main thread only."""
        try:
            settings = self._settings(parameters, context)
        except InputError as error:
            raise QgsProcessingException(said(error)) from error
        made = self.run_job("report", {"settings": asdict(settings)}, feedback)
        if made is None:
            return {}
        for finding in made["findings"]:
            push_finding(finding_from_dict(finding), feedback)
        files = {name: made["files"][name.lower()] for name in self._files() if name.lower() in made["files"]}
        return {OUTPUT: settings.out_dir} | files

    def _settings(self, parameters: dict[str, Any], context: QgsProcessingContext) -> ReportSettings:
        confirmed = self.parameterAsBoolean(parameters, ONLY_CONFIRMED, context)
        crs = self.parameterAsCrs(parameters, CRS, context)
        return ReportSettings(
            # The other process has another working directory.
            run_dir=str(Path(self.parameterAsFile(parameters, RUN_FOLDER, context)).absolute()),
            out_dir=str(Path(self.parameterAsString(parameters, OUTPUT, context)).absolute()),
            language=names(self, parameters, LANGUAGE)[0],
            statuses=CONFIRMED_ONES if confirmed else NOT_REJECTED,
            minimum_m2=self.parameterAsDouble(parameters, MINIMUM_M2, context),
            candidate_pages=self.parameterAsInt(parameters, CANDIDATE_PAGES, context),
            units=self._units,
            unit_field=self.parameterAsString(parameters, UNIT_FIELD, context) or None,
            farmland=self._farmland,
            office=self.parameterAsString(parameters, OFFICE, context),
            author=self.parameterAsString(parameters, AUTHOR, context),
            administrative_unit=self.parameterAsString(parameters, ADMINISTRATIVE_UNIT, context).strip(),
            number=self.parameterAsString(parameters, NUMBER, context).strip(),
            crs=(crs.authid() or crs.toWkt()) if crs.isValid() else None,
            outputs=tuple(names(self, parameters, OUTPUTS_TO_MAKE)),
        )

    def _outputs(self) -> dict[str, str]:
        words = {name.lower(): label for name, label in self._files().items()}
        words |= {
            "gpkg": self.tr("Candidates (GeoPackage)"),
            "shp": self.tr("Candidates (Shapefile)"),
            "kml": self.tr("Candidates (KML)"),
        }
        return {name: words[name] for name in OUTPUTS}

    def _files(self) -> dict[str, str]:
        return {
            "PDF": self.tr("Report (PDF)"),
            "HTML": self.tr("Summary for the screen (HTML)"),
            "XLSX": self.tr("Tables (XLSX)"),
            "CSV": self.tr("Candidates (CSV)"),
            "GEOJSON": self.tr("Candidates (GeoJSON)"),
        }
