"""farmcd:compareruns, what two runs of one area have in common and what only one of them found."""

from dataclasses import asdict
from typing import Any

from qgis.core import (
    Qgis,
    QgsFeatureSink,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QMetaType

from ..core.errors import Cancelled, FarmCDError
from ..report.comparison import features, fields, kind_words, style, summary
from ..report.words import Words
from ..review.comparison import KINDS, PAIRS, SAME_OUTLINE, Comparison, Count, compare
from ..translation import language, said
from .algorithm import REVIEW, FarmCDAlgorithm, of_processing, push_finding
from .outputs import keep
from .tables import add_rows

FIRST = "FIRST"
SECOND = "SECOND"
SAME = "SAME_OUTLINE"
OUTPUT = "OUTPUT"
COUNTS = "COUNTS"
COUNT_FIELDS = {
    "kind": QMetaType.Type.QString,
    "first": QMetaType.Type.Int,
    "second": QMetaType.Type.Int,
    "first_ha": QMetaType.Type.Double,
    "second_ha": QMetaType.Type.Double,
}


class CompareRunsAlgorithm(FarmCDAlgorithm):
    """Compares the candidates of two runs."""

    room = REVIEW
    picture = "compare"

    def name(self) -> str:
        """Return the algorithm's id."""
        return "compareruns"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Compare two runs")

    def tags(self) -> list[str]:
        """Return words to find it by."""
        return self.tr("difference,since last time,two checkpoints,new,gone").split(",")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Compares the candidates of two runs of one area, by two checkpoints or of two periods, and says of each "
            "whether both runs found it, whether they give it another class or another outline, or whether only one "
            "found it. Where the other run did not look, nothing is said of it.\n\n"
            "Two candidates have the same outline where the area that they share is at least the given share of the "
            "area that they cover together. A candidate of which less than a tenth lies in candidates of the other run "
            "was found by one run only. Classes are compared by their names; runs in different coordinate reference "
            "systems are brought to that of the second."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        for name, label in ((FIRST, self.tr("First run (folder)")), (SECOND, self.tr("Second run (folder)"))):
            self.addParameter(QgsProcessingParameterFile(name, label, folder))
        real = Qgis.ProcessingNumberParameterType.Double
        label = self.tr("Same outline from this share on (0–1)")
        self.addParameter(QgsProcessingParameterNumber(SAME, label, real, SAME_OUTLINE, False, 0.01, 1.0))
        polygons = Qgis.ProcessingSourceType.VectorPolygon
        self.addParameter(QgsProcessingParameterFeatureSink(OUTPUT, self.tr("Comparison"), polygons))
        table = Qgis.ProcessingSourceType.Vector
        self.addParameter(QgsProcessingParameterFeatureSink(COUNTS, self.tr("Counts"), table, None, True, False))
        for kind in KINDS:
            self.addOutput(QgsProcessingOutputNumber(kind.upper(), self._labels()[kind]))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Compare and write."""
        first, second = (self.parameterAsFile(parameters, name, context) for name in (FIRST, SECOND))
        share = self.parameterAsDouble(parameters, SAME, context)
        try:
            found = compare(first, second, share, of_processing(feedback))
        except Cancelled:
            return {}
        except FarmCDError as error:
            raise QgsProcessingException(said(error)) from error
        words = Words(language())
        for finding in found.findings:
            push_finding(finding, feedback)
        for line in summary(found, words):
            feedback.pushInfo(line)
        kind = Qgis.WkbType.MultiPolygon
        sink, layer_id = self.parameterAsSink(parameters, OUTPUT, context, fields(), kind, found.crs)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, OUTPUT))
        for feature in features(found, words):
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        if context.willLoadLayerOnCompletion(layer_id):
            details = context.layerToLoadOnCompletionDetails(layer_id)
            details.setPostProcessor(keep(Styled(found, words)))
        rows = [list(asdict(row).values()) for row in found.counts()]
        table = add_rows(self, COUNTS, COUNT_FIELDS, rows, parameters, context)
        # A pair is one place.
        numbers = {row.kind.upper(): _places(row) for row in found.counts()}
        return {OUTPUT: layer_id, COUNTS: table} | numbers

    def _labels(self) -> dict[str, str]:
        return dict(
            zip(
                KINDS,
                (
                    self.tr("Found by both"),
                    self.tr("Found by both, another class"),
                    self.tr("Found by both, another outline"),
                    self.tr("Found by the first run only"),
                    self.tr("Found by the second run only"),
                    self.tr("Where the first run did not look"),
                    self.tr("Where the second run did not look"),
                ),
                strict=True,
            )
        )


def _places(row: Count) -> int:
    return row.first if row.kind in PAIRS else row.first + row.second


class Styled(QgsProcessingLayerPostProcessorInterface):
    """Gives the opened layer its colours and the words of its fields."""

    def __init__(self, comparison: Comparison, words: Words) -> None:
        super().__init__()
        self._meaning, self._words = kind_words(comparison, words), words

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Style it, in the main thread."""
        if isinstance(layer, QgsVectorLayer):
            style(layer, self._meaning, self._words)
