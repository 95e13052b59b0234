"""The layers of a run folder as outputs of an algorithm."""

from functools import partial
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputNumber,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputVectorLayer,
    QgsProcessingUtils,
    QgsProject,
)
from qgis.PyQt.QtCore import QTimer

from ..core.errors import FarmCDError
from ..core.run_files import (
    ACCURACY_SAMPLE,
    ARBITRATION_TIF,
    ATTENTION_TIF,
    CANDIDATES,
    CHANGE_TIF,
    CONFIDENCE_TIF,
    HARD_REGIONS,
    RUN_GPKG,
)
from ..core.run_record import run_classes
from ..core.styles import style_of
from ..layers.known_runs import known_run, run_words
from ..layers.legend import name_classes
from ..layers.run_group import UNCHECKED, own_style, style_result
from ..layers.runs import RUN_DIR_PROPERTY
from ..translation import language
from .algorithm import FarmCDAlgorithm

OUT_CHANGE = "CHANGE"
OUT_CONFIDENCE = "CONFIDENCE"
OUT_ARBITRATION = "ARBITRATION"
OUT_ATTENTION = "ATTENTION_MAP"
OUT_CANDIDATES = "CANDIDATES"
OUT_HARD_REGIONS = "HARD_REGIONS"
OUT_SAMPLE = "SAMPLE"
OUT_CANDIDATE_COUNT = "CANDIDATE_COUNT"
OUT_HARD_REGION_COUNT = "HARD_REGION_COUNT"


class RunStyle(QgsProcessingLayerPostProcessorInterface):
    """Gives an opened layer of a run our style for the run's classes, with words in the language of QGIS."""

    def __init__(self, run_dir: Path, name: str) -> None:
        super().__init__()
        self._run_dir, self._name = run_dir, name

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Style it, in the main thread, and let the dock know whose it is."""
        layer.setCustomProperty(RUN_DIR_PROPERTY, str(self._run_dir))
        if Path(layer.source()).name in UNCHECKED:
            # It comes into the layer tree after this.
            QTimer.singleShot(LOOK_MS, partial(_uncheck, layer.id(), LOOKS))
        try:
            classes = run_classes(self._run_dir)
        except FarmCDError:
            # The file's own style, which the run was made with.
            layer.loadDefaultStyle()
            return
        if self._name == ACCURACY_SAMPLE:
            own_style(layer, style_of(self._name, classes))
            name_classes(layer, language(), classes)
        else:
            style_result(layer, self._name, classes, (self._run_dir / ARBITRATION_TIF).exists())


def _uncheck(layer_id: str, looks: int) -> None:
    node = QgsProject.instance().layerTreeRoot().findLayer(layer_id)
    if node is not None:
        node.setItemVisibilityChecked(False)
    elif looks:
        QTimer.singleShot(LOOK_MS, partial(_uncheck, layer_id, looks - 1))


# The context owns only the C++ half of a post-processor: without this the Python half would be gone when it is called.
_kept: list[QgsProcessingLayerPostProcessorInterface] = []
MOST_KEPT = 100
# How often, and how many milliseconds apart, a layer is looked for in the layer tree.
LOOKS, LOOK_MS = 50, 50


def keep(processor: QgsProcessingLayerPostProcessorInterface) -> QgsProcessingLayerPostProcessorInterface:
    """Keep what styles a layer until the layer has been opened."""
    _kept.append(processor)
    del _kept[:-MOST_KEPT]
    return processor


STYLES = {
    OUT_CHANGE: "change",
    OUT_CONFIDENCE: "confidence",
    OUT_ARBITRATION: "arbitration",
    OUT_ATTENTION: "attention",
    OUT_CANDIDATES: CANDIDATES,
    OUT_HARD_REGIONS: HARD_REGIONS,
    OUT_SAMPLE: ACCURACY_SAMPLE,
}


def add_rasters(algorithm: FarmCDAlgorithm) -> None:
    """Declare the three rasters of a run folder."""
    for name, label in _raster_labels(algorithm).items():
        algorithm.addOutput(QgsProcessingOutputRasterLayer(name, label))


def add_vectors(algorithm: FarmCDAlgorithm) -> None:
    """Declare the two polygon layers of a run folder and how many polygons they hold."""
    polygons = Qgis.ProcessingSourceType.VectorPolygon
    for name, label in _vector_labels(algorithm).items():
        algorithm.addOutput(QgsProcessingOutputVectorLayer(name, label, polygons))
    algorithm.addOutput(QgsProcessingOutputNumber(OUT_CANDIDATE_COUNT, algorithm.tr("Number of candidates")))
    algorithm.addOutput(QgsProcessingOutputNumber(OUT_HARD_REGION_COUNT, algorithm.tr("Number of hard regions")))


def rasters_of(run_dir: Path) -> dict[str, str]:
    """Return the rasters that a run folder has by output name, the topmost first."""
    files = {
        OUT_CHANGE: CHANGE_TIF,
        OUT_CONFIDENCE: CONFIDENCE_TIF,
        OUT_ARBITRATION: ARBITRATION_TIF,
        OUT_ATTENTION: ATTENTION_TIF,
    }
    # Not every network has text priors, or was asked where it looked.
    always = (CHANGE_TIF, CONFIDENCE_TIF)
    return {output: str(run_dir / n) for output, n in files.items() if n in always or (run_dir / n).exists()}


def vectors_of(run_dir: Path) -> dict[str, str]:
    """Return the polygon layers of a run folder by output name, the topmost first."""
    return {
        OUT_CANDIDATES: f"{run_dir / RUN_GPKG}|layername={CANDIDATES}",
        OUT_HARD_REGIONS: f"{run_dir / RUN_GPKG}|layername={HARD_REGIONS}",
    }


def load_on_completion(
    algorithm: FarmCDAlgorithm, layers: dict[str, str], run_dir: Path, context: QgsProcessingContext
) -> None:
    """Let Processing open `layers` in one group of the project; they bring their styles with them."""
    project = context.project()
    if project is None:
        return
    try:
        title = run_words(known_run(run_dir), with_day=True)
    except FarmCDError:
        title = f"FarmCD {run_dir.name}"
    labels = _vector_labels(algorithm) | _raster_labels(algorithm) | _sample_label(algorithm)
    for order, (name, source) in enumerate(layers.items()):
        hint = QgsProcessingUtils.LayerHint.Vector if "|layername=" in source else QgsProcessingUtils.LayerHint.Raster
        details = QgsProcessingContext.LayerDetails(labels[name], project, name, hint)
        details.forceName = True
        details.groupName = title
        details.layerSortKey = -order
        details.setPostProcessor(keep(RunStyle(run_dir, STYLES[name])))
        context.addLayerToLoadOnCompletion(source, details)


def _raster_labels(algorithm: FarmCDAlgorithm) -> dict[str, str]:
    return {
        OUT_CHANGE: algorithm.tr("Change classes"),
        OUT_CONFIDENCE: algorithm.tr("Confidence"),
        OUT_ARBITRATION: algorithm.tr("Arbitration"),
        OUT_ATTENTION: algorithm.tr("Attention"),
    }


def _vector_labels(algorithm: FarmCDAlgorithm) -> dict[str, str]:
    return {OUT_CANDIDATES: algorithm.tr("Candidates"), OUT_HARD_REGIONS: algorithm.tr("Hard regions")}


def _sample_label(algorithm: FarmCDAlgorithm) -> dict[str, str]:
    return {OUT_SAMPLE: algorithm.tr("Accuracy sample")}
