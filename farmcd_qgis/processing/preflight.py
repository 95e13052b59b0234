"""farmcd:preflight, what stands against a detection before it runs."""

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingUtils,
)

from ..core.protocol import finding_from_dict
from ..runtime.pool import detect_arguments
from ..translation import said
from . import inputs
from .algorithm import DETECTION, FarmCDAlgorithm, push_finding

ERRORS = "ERRORS"
WARNINGS = "WARNINGS"
FINDINGS = "FINDINGS"


class PreflightAlgorithm(FarmCDAlgorithm):
    """Checks a pair without running the network."""

    room = DETECTION

    def name(self) -> str:
        """Return the algorithm's id."""
        return "preflight"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Check a pair of rasters")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Checks whether change can be detected between two rasters: bands, data type, CRS, resolution, overlap, "
            "nodata, dates and the shift between them. Errors would stop a detection, warnings would not. The "
            "algorithm itself succeeds in both cases, so that a model can act on the number of errors."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        inputs.add_pair(self)
        self.addOutput(QgsProcessingOutputNumber(ERRORS, self.tr("Number of errors")))
        self.addOutput(QgsProcessingOutputNumber(WARNINGS, self.tr("Number of warnings")))
        self.addOutput(QgsProcessingOutputString(FINDINGS, self.tr("Findings, one a line")))

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Read the layers, which only the main thread may do."""
        nowhere = QgsProcessingUtils.generateTempFilename("run", context)
        self._request = inputs.read_pair(self, parameters, context, feedback, nowhere)
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the checks in the worker."""
        data = self.run_job("preflight", detect_arguments(self._request), feedback)
        if data is None:
            return {}
        findings = [finding_from_dict(finding) for finding in data["findings"]]
        for finding in findings:
            push_finding(finding, feedback)
        severities = [finding.severity for finding in findings]
        return {
            ERRORS: severities.count("error"),
            WARNINGS: severities.count("warning"),
            FINDINGS: "\n".join(f"{finding.severity}: {said(finding)}" for finding in findings),
        }
