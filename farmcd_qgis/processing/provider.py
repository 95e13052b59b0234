"""The Processing provider "FarmCD"."""

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .. import __version__
from .accuracy_assess import AccuracyAssessAlgorithm
from .accuracy_sample import AccuracySampleAlgorithm
from .algorithm import icon_of
from .carry_over import CarryOverAlgorithm
from .compare_runs import CompareRunsAlgorithm
from .convert_checkpoint import ConvertCheckpointAlgorithm
from .detect import DetectAlgorithm
from .evaluate import EvaluateAlgorithm
from .export_samples import ExportSamplesAlgorithm
from .merge_reviews import MergeReviewsAlgorithm
from .preflight import PreflightAlgorithm
from .referee import RefereeAlgorithm
from .report import ReportAlgorithm
from .review_summary import ReviewSummaryAlgorithm
from .save_web_map import SaveWebMapAlgorithm
from .vectorise import VectoriseAlgorithm


class FarmCDProvider(QgsProcessingProvider):
    """Offers FarmCD's jobs to the toolbox, to models, to batch runs and to qgis_process."""

    def id(self) -> str:
        """Return the provider's id, the part before the colon."""
        return "farmcd"

    def name(self) -> str:
        """Return the provider's name."""
        return "FarmCD"

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return icon_of() or super().icon()

    def versionInfo(self) -> str:
        """Return the plugin's version."""
        return __version__

    def loadAlgorithms(self) -> None:
        """Add every algorithm."""
        for algorithm in (
            DetectAlgorithm,
            PreflightAlgorithm,
            SaveWebMapAlgorithm,
            VectoriseAlgorithm,
            RefereeAlgorithm,
            EvaluateAlgorithm,
            ExportSamplesAlgorithm,
            ConvertCheckpointAlgorithm,
            AccuracySampleAlgorithm,
            AccuracyAssessAlgorithm,
            ReportAlgorithm,
            ReviewSummaryAlgorithm,
            MergeReviewsAlgorithm,
            CompareRunsAlgorithm,
            CarryOverAlgorithm,
        ):
            self.addAlgorithm(algorithm())
