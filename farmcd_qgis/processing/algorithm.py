"""What every algorithm of the provider shares: texts, icon, help, and the run in a worker."""

import configparser
import functools
from typing import Any

from qgis.core import QgsApplication, QgsProcessingAlgorithm, QgsProcessingException, QgsProcessingFeedback
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from ..core.errors import Cancelled, FarmCDError
from ..core.feedback import Feedback, Progress
from ..core.paths import PLUGIN, resources
from ..core.protocol import Finding
from ..core.run_files import is_resumable
from ..runtime import pool as jobs
from ..translation import said


class FarmCDAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that runs one job of the worker, in the thread that Processing gives it."""

    def tr(self, text: str) -> str:
        """Translate a text; all of FarmCD shares one context."""
        return QCoreApplication.translate("FarmCD", text)

    def createInstance(self) -> "FarmCDAlgorithm":
        """Make another one of the same kind."""
        return type(self)()

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return plugin_icon() or super().icon()

    def helpUrl(self) -> str:
        """Return the address of the plugin's documentation."""
        return _homepage()

    def run_job(
        self, command: str, arguments: dict[str, Any], feedback: QgsProcessingFeedback
    ) -> dict[str, Any] | None:
        """Run a job of the worker and return its result's data; None if the person stopped it.

        Raises QgsProcessingException with the sentence of whatever went wrong.
        """
        try:
            return jobs.run_job(command, arguments, of_processing(feedback))
        except Cancelled:
            if feedback.isCanceled():
                feedback.pushInfo(self._stopped(arguments))
                return None
            raise QgsProcessingException(self.tr("The worker was ended from outside.")) from None
        except FarmCDError as error:
            raise QgsProcessingException(said(error)) from error

    def _stopped(self, arguments: dict[str, Any]) -> str:
        folder = arguments.get("request", {}).get("out_dir", "")
        if folder and is_resumable(folder):
            words = self.tr("Stopped. What is finished stays in {0}; the same run goes on from there.")
            return words.format(folder)
        return self.tr("Stopped. Nothing half-made was left behind.")


def of_processing(feedback: QgsProcessingFeedback) -> Feedback:
    """Return our feedback that tells, and asks, the one of an algorithm."""
    told = ""

    def tell(progress: Progress) -> None:
        nonlocal told
        feedback.setProgress(100.0 * progress.fraction)
        text = said(progress.message) or progress.doing(QgsApplication.instance().locale())
        if text != told:
            told = text
            feedback.setProgressText(text)

    return Feedback(tell, feedback.isCanceled, lambda finding: push_finding(finding, feedback))


def push_finding(finding: Finding, feedback: QgsProcessingFeedback) -> None:
    """Show one finding in the algorithm's log as what it is."""
    if finding.severity == "error":
        feedback.reportError(said(finding))
    elif finding.severity == "warning":
        feedback.pushWarning(said(finding))
    else:
        feedback.pushInfo(said(finding))


def plugin_icon() -> QIcon | None:
    """Return the plugin's icon, or None where it is not there."""
    path = resources() / "icons" / "farmcd.svg"
    return QIcon(str(path)) if path.is_file() else None


@functools.cache
def _homepage() -> str:
    # Beside the package in a checkout, inside it in the packaged plugin.
    metadata = configparser.ConfigParser()
    metadata.read([PLUGIN.parent / "metadata.txt", PLUGIN / "metadata.txt"], encoding="utf-8")
    return metadata.get("general", "homepage", fallback="")
