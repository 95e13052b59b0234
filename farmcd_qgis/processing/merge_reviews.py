"""farmcd:mergereviews, two reviews of copies of one run become one."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
)
from qgis.PyQt.QtCore import QMetaType

from ..core.errors import FarmCDError
from ..review.merging import merge_reviews
from ..translation import said
from .algorithm import REVIEW, FarmCDAlgorithm
from .tables import add_rows

INTO = "INTO"
OTHER = "OTHER"
CONFLICTS = "CONFLICTS"
ADDED = "ADDED"
CONFLICT_COUNT = "CONFLICT_COUNT"

FIELDS = {
    "candidate_id": QMetaType.Type.LongLong,
    "reviewer": QMetaType.Type.QString,
    "verdict": QMetaType.Type.QString,
    "class_id": QMetaType.Type.Int,
    "reason": QMetaType.Type.QString,
    "note": QMetaType.Type.QString,
    "given_at": QMetaType.Type.QString,
}


class MergeReviewsAlgorithm(FarmCDAlgorithm):
    """Takes the verdicts of one copy of a run's GeoPackage into another."""

    room = REVIEW

    def name(self) -> str:
        """Return the algorithm's id."""
        return "mergereviews"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Merge two reviews of a run")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Takes the verdicts that were given in a copy of a run's farmcd.gpkg into another copy. Nothing is lost: "
            "the logs of both are united.\n\n"
            "A verdict replaces those that its reviewer could see. Where reviewers did not know of each other, the "
            "latest verdict of each counts, 'unsure' and 'skipped' give way to an opinion, and where opinions differ "
            "in the class, the candidate gets the status 'conflict', until somebody gives a verdict on it again. "
            "Merging twice changes nothing, and the order of merges does not matter."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        file = Qgis.ProcessingFileParameterBehavior.File
        for name, label in ((INTO, self.tr("Review to add to")), (OTHER, self.tr("Review to take from"))):
            self.addParameter(QgsProcessingParameterFile(name, label, file, "gpkg"))
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                CONFLICTS, self.tr("Conflicts"), Qgis.ProcessingSourceType.Vector, None, True
            )
        )
        self.addOutput(QgsProcessingOutputNumber(ADDED, self.tr("New rows of the log")))
        self.addOutput(QgsProcessingOutputNumber(CONFLICT_COUNT, self.tr("Candidates in conflict")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Merge."""
        into, other = (self.parameterAsFile(parameters, name, context) for name in (INTO, OTHER))
        try:
            merged = merge_reviews(into, other)
        except FarmCDError as error:
            raise QgsProcessingException(said(error)) from error
        rows = [
            (number, one.reviewer, one.verdict, one.class_id, one.reason, one.note, one.given_at)
            for number, verdicts in merged.conflicts.items()
            for one in verdicts
        ]
        table = add_rows(self, CONFLICTS, FIELDS, rows, parameters, context)
        feedback.pushInfo(
            self.tr("{rows} new rows of the log, {candidates} candidates in conflict.").format(
                rows=merged.added, candidates=len(merged.conflicts)
            )
        )
        return {CONFLICTS: table, ADDED: merged.added, CONFLICT_COUNT: len(merged.conflicts)}
