"""farmcd:reviewsummary, what a review has come to."""

import json
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
)
from qgis.PyQt.QtCore import QLocale, QMetaType

from ..core.classes import MU_PER_HECTARE
from ..core.errors import FarmCDError
from ..core.pages import page
from ..core.run_files import RUN_GPKG
from ..review.summary import Count, Summary, review_summary
from ..translation import said
from .algorithm import REVIEW, FarmCDAlgorithm
from .tables import add_rows

RUN_FOLDER = "RUN_FOLDER"
TABLE = "TABLE"
HTML = "HTML"
JSON = "JSON"
CANDIDATE_COUNT = "CANDIDATE_COUNT"
REVIEWED_COUNT = "REVIEWED_COUNT"

FIELDS = {
    "about": QMetaType.Type.QString,
    "what": QMetaType.Type.QString,
    "label": QMetaType.Type.QString,
    "candidates": QMetaType.Type.Int,
    "area_ha": QMetaType.Type.Double,
    "area_mu": QMetaType.Type.Double,
}


class ReviewSummaryAlgorithm(FarmCDAlgorithm):
    """Counts what was said of a run's candidates."""

    room = REVIEW

    def name(self) -> str:
        """Return the algorithm's id."""
        return "reviewsummary"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Summarise the review of a run")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Counts the candidates of a run by status, by class (the reviewer's where there is one), by the reason of "
            "pseudo-changes and by reviewer, with their areas, and says how long a verdict took."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run folder"), folder))
        table = Qgis.ProcessingSourceType.Vector
        self.addParameter(QgsProcessingParameterFeatureSink(TABLE, self.tr("Table"), table, None, True))
        for name, label, kind in (
            (HTML, self.tr("Summary for the screen (HTML)"), "HTML (*.html)"),
            (JSON, self.tr("Summary for programs (JSON)"), "JSON (*.json)"),
        ):
            self.addParameter(QgsProcessingParameterFileDestination(name, label, kind, None, True))
        self.addOutput(QgsProcessingOutputNumber(CANDIDATE_COUNT, self.tr("Number of candidates")))
        self.addOutput(QgsProcessingOutputNumber(REVIEWED_COUNT, self.tr("Reviewed candidates")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Count."""
        run_dir = Path(self.parameterAsFile(parameters, RUN_FOLDER, context))
        try:
            summary = review_summary(run_dir / RUN_GPKG)
        except FarmCDError as error:
            raise QgsProcessingException(said(error)) from error
        rows = [
            (one.about, one.what, self._label(summary, one), one.candidates, one.area_ha, one.area_ha * MU_PER_HECTARE)
            for one in summary.counts
        ]
        results = {TABLE: add_rows(self, TABLE, FIELDS, rows, parameters, context)}
        texts = {
            HTML: self._page(summary, run_dir.name),
            JSON: json.dumps(summary.as_dict(), ensure_ascii=False, indent=2) + "\n",
        }
        for name, text in texts.items():
            path = self.parameterAsFileOutput(parameters, name, context)
            if path:
                Path(path).write_text(text, encoding="utf-8")
                results[name] = path
        reviewed = sum(one.candidates for one in summary.counts if one.about == "reviewer")
        feedback.pushInfo(self.tr("{reviewed} of {total} reviewed").format(reviewed=reviewed, total=summary.candidates))
        return results | {CANDIDATE_COUNT: summary.candidates, REVIEWED_COUNT: reviewed}

    def _label(self, summary: Summary, one: Count) -> str:
        if one.about == "class":
            return summary.classes.label(int(one.what), QgsApplication.instance().locale())
        return self._labels().get(one.what, one.what) if one.about != "reviewer" else one.what

    def _page(self, summary: Summary, run: str) -> str:
        """Write the summary as a page of its own."""
        locale = QLocale()
        heads = {
            "status": self.tr("Status"),
            "class": self.tr("Class"),
            "reason": self.tr("Reason of pseudo-changes"),
            "reviewer": self.tr("Reviewer"),
        }
        columns = (self.tr("Candidates"), self.tr("Area (ha)"), self.tr("Area (mu)"))
        tables = []
        for about, head in heads.items():
            rows = []
            for one in summary.counts:
                if one.about == about:
                    areas = [locale.toString(float(one.area_ha * unit), "f", 2) for unit in (1, MU_PER_HECTARE)]
                    rows.append((self._label(summary, one), one.candidates, *areas))
            if rows:
                tables.append(((head, *columns), rows))
        told = self.tr("{total} candidates, {count} verdicts given")
        span = f" ({summary.first[:16]} – {summary.last[:16]} UTC)" if summary.first else ""
        pace = self.tr("{name}: {seconds} s for a verdict (median)")
        return page(
            "review.html",
            language="zh" if QgsApplication.instance().locale().startswith("zh") else "en",
            title=self.tr("Review of {run}").format(run=run),
            about=told.format(total=summary.candidates, count=summary.verdicts) + span,
            tables=tables,
            pace=[pace.format(name=name, seconds=seconds) for name, seconds in summary.seconds_each.items()],
        )

    def _labels(self) -> dict[str, str]:
        return {
            "unreviewed": self.tr("Not reviewed"),
            "skipped": self.tr("Skipped"),
            "unsure": self.tr("Unsure"),
            "confirmed": self.tr("Confirmed"),
            "other_class": self.tr("Other class"),
            "pseudo_change": self.tr("Pseudo-change"),
            "conflict": self.tr("Conflict"),
            "crop_rotation": self.tr("Crop rotation"),
            "season": self.tr("Season"),
            "illumination": self.tr("Illumination"),
            "shadow": self.tr("Shadow"),
            "misregistration": self.tr("Misregistration"),
            "cloud": self.tr("Cloud"),
            "none": self.tr("No reason given"),
        }
