"""What every algorithm of the provider shares: texts, group, icon, help page, and the run in a worker."""

import functools
import tempfile
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
)
from qgis.PyQt.QtCore import QCoreApplication, QUrl
from qgis.PyQt.QtGui import QIcon

from ..core.errors import Cancelled, FarmCDError
from ..core.feedback import Feedback, Progress
from ..core.pages import page
from ..core.paths import resources
from ..core.protocol import Finding
from ..core.run_files import is_resumable
from ..runtime import pool as jobs
from ..translation import said

# The ids of the toolbox's groups.
DETECTION, REVIEW, ACCURACY, REPORT, MODELS = "detect", "review", "accuracy", "report", "learn"


class FarmCDAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that runs one job of the worker, in the thread that Processing gives it."""

    room = DETECTION
    # The name of its icon where that is not its own.
    picture = ""

    def tr(self, text: str) -> str:
        """Translate a text; all of FarmCD shares one context."""
        return QCoreApplication.translate("FarmCD", text)

    def createInstance(self) -> "FarmCDAlgorithm":
        """Make another one of the same kind."""
        return type(self)()

    def group(self) -> str:
        """Return the name of the algorithm's group."""
        return {
            DETECTION: self.tr("Detection"),
            REVIEW: self.tr("Review"),
            ACCURACY: self.tr("Accuracy"),
            REPORT: self.tr("Report"),
            MODELS: self.tr("Models"),
        }[self.room]

    def groupId(self) -> str:
        """Return the group's id."""
        return self.room

    def icon(self) -> QIcon:
        """Return the algorithm's icon."""
        return icon_of(self.picture or self.name()) or super().icon()

    def svgIconPath(self) -> str:
        """Return where the icon is, for the model designer."""
        return str(_icon_path(self.picture or self.name()))

    def helpUrl(self) -> str:
        """Return the address of the algorithm's help page, which is written when somebody asks for it."""
        path = _help_folder() / f"{self.name()}.{_language()}.html"
        path.write_text(self.help_page(), encoding="utf-8")
        return str(QUrl.fromLocalFile(str(path)).toString())

    def help_page(self) -> str:
        """Write the algorithm's help page in the language of QGIS: what it does, what it asks for, what comes out."""
        inputs = [
            (one.description(), one.name(), self._about(one))
            for one in self.parameterDefinitions()
            if not one.isDestination()
        ]
        wanted = [(one.description(), one.name(), "") for one in self.parameterDefinitions() if one.isDestination()]
        named = {name for _, name, _ in wanted}
        given = [(one.description(), one.name(), "") for one in self.outputDefinitions() if one.name() not in named]
        return page(
            "algorithm.html",
            language=_language(),
            title=self.displayName(),
            group=self.group(),
            about=self.shortHelpString().split("\n\n"),
            heads=(self.tr("Asked for"), self.tr("Name in models and scripts"), self.tr("Usual value")),
            inputs=inputs,
            made=self.tr("What comes out"),
            outputs=[*wanted, *given],
            call=f"qgis_process run {self.id()}",
        )

    def _about(self, one: QgsProcessingParameterDefinition) -> str:
        """Say what a parameter is when nobody sets it."""
        if isinstance(one, QgsProcessingParameterEnum):
            options, usual = one.options(), one.defaultValue()
            if one.usesStaticStrings():
                return str(usual if isinstance(usual, str) else ", ".join(usual or []))
            return ", ".join(options[int(at)] for at in (usual if isinstance(usual, list) else [usual]))
        if isinstance(one, QgsProcessingParameterBoolean):
            return self.tr("yes") if one.defaultValueForGui() else self.tr("no")
        if one.defaultValue() in (None, ""):
            optional = one.flags() & Qgis.ProcessingParameterFlag.Optional
            return self.tr("may be left empty") if optional else self.tr("must be given")
        return str(one.defaultValue())

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


def icon_of(name: str = "farmcd") -> QIcon | None:
    """Return one of the plugin's icons, or None where it is not there."""
    path = _icon_path(name)
    return QIcon(str(path)) if path.is_file() else None


def _icon_path(name: str) -> Path:
    return resources() / "icons" / f"{name}.svg"


@functools.cache
def _help_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="farmcd-help-"))


def _language() -> str:
    return "zh" if QgsApplication.instance().locale().startswith("zh") else "en"
