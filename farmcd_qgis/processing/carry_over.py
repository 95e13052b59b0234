"""farmcd:carryover, the verdicts of an earlier run for what is the same in a new one."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..core.errors import Cancelled, FarmCDError
from ..core.messages import part
from ..review.carrying import SAME_PLACE, carry_over, take_back
from ..review.reviewer import reviewer_name
from ..translation import language, said
from .algorithm import REVIEW, FarmCDAlgorithm, of_processing, push_finding

RUN_FOLDER = "RUN_FOLDER"
EARLIER = "EARLIER"
SAME = "SAME_OUTLINE"
TAKE_BACK = "TAKE_BACK"
REVIEWER = "REVIEWER"
OUT_CARRIED = "CARRIED"
OUT_TO_REVIEW = "TO_REVIEW"


class CarryOverAlgorithm(FarmCDAlgorithm):
    """Carries the verdicts of an earlier run over into the review of a new one."""

    room = REVIEW

    def name(self) -> str:
        """Return the algorithm's id."""
        return "carryover"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Carry over the verdicts of an earlier run")

    def tags(self) -> list[str]:
        """Return words to find it by."""
        return self.tr("since last time,new,monitoring").split(",")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Puts only what is new up for review: where a candidate has the same outline and the same class as one "
            "of an earlier run that was confirmed, reclassified or rejected there, that verdict is carried over.\n\n"
            "The outline is the same where the area that both share is at least the given share of the area that they "
            "cover together. What somebody has said already stays. Nothing is carried over from a run of another "
            "period.\n\n"
            "Each verdict says in its note where it comes from; the run's record and its report count them. All are "
            "one step of the review, which undo takes back; 'Take back' does so at any later time."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run to review (folder)"), folder))
        label = self.tr("Earlier run, reviewed (folder)")
        self.addParameter(QgsProcessingParameterFile(EARLIER, label, folder, optional=True))
        real = Qgis.ProcessingNumberParameterType.Double
        label = self.tr("Same outline from this share on (0–1)")
        self.addParameter(QgsProcessingParameterNumber(SAME, label, real, SAME_PLACE, False, 0.01, 1.0))
        label = self.tr("Take back all that was carried over")
        self.addParameter(QgsProcessingParameterBoolean(TAKE_BACK, label, False))
        label = self.tr("Reviewer")
        self.addParameter(QgsProcessingParameterString(REVIEWER, label, reviewer_name(), False, True))
        self.addOutput(QgsProcessingOutputNumber(OUT_CARRIED, self.tr("Verdicts carried over")))
        self.addOutput(QgsProcessingOutputNumber(OUT_TO_REVIEW, self.tr("Candidates to review")))

    def checkParameterValues(self, parameters: dict[str, Any], context: QgsProcessingContext) -> tuple[bool, str]:
        """Ask for an earlier run, unless all is to be taken back."""
        back = self.parameterAsBoolean(parameters, TAKE_BACK, context)
        if not back and not self.parameterAsFile(parameters, EARLIER, context):
            return False, self.tr("Name the earlier run.")
        return super().checkParameterValues(parameters, context)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Carry over, or take back."""
        run_dir, earlier = (self.parameterAsFile(parameters, name, context) for name in (RUN_FOLDER, EARLIER))
        share = self.parameterAsDouble(parameters, SAME, context)
        name = self.parameterAsString(parameters, REVIEWER, context).strip()
        try:
            if self.parameterAsBoolean(parameters, TAKE_BACK, context):
                count = take_back(run_dir, name)
                feedback.pushInfo(said(part("carried_taken_back", count=count)))
                return {OUT_CARRIED: -count}
            done = carry_over(run_dir, earlier, name, language(), share, of_processing(feedback))
        except Cancelled:
            return {}
        except FarmCDError as error:
            raise QgsProcessingException(said(error)) from error
        for finding in done.findings:
            push_finding(finding, feedback)
        values = part("carried_done", count=done.verdicts, rest=done.to_review, percent=100 * share)
        feedback.pushInfo(said(values))
        return {OUT_CARRIED: done.verdicts, OUT_TO_REVIEW: done.to_review}
