"""farmcd:accuracysample, the points to judge a run's map by."""

import secrets
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
)

from ..accuracy.estimates import FEW, Stratum, allocate, sample_size
from ..core.classes import NO_CHANGE
from ..core.errors import InputError
from ..core.run_files import ACCURACY_SAMPLE, RUN_GPKG
from ..translation import said
from . import inputs, outputs
from .algorithm import ACCURACY, FarmCDAlgorithm

RUN_FOLDER = "RUN_FOLDER"
STANDARD_ERROR = "STANDARD_ERROR"
EXPECTED_CHANGE = "EXPECTED_CHANGE"
EXPECTED_NO_CHANGE = "EXPECTED_NO_CHANGE"
MINIMUM = "MINIMUM"
SEED = "SEED"
LOAD = "LOAD"
OUT_POINTS = "POINTS"
OUT_SEED = "USED_SEED"

LARGEST_SEED = 2**31 - 1


class AccuracySampleAlgorithm(FarmCDAlgorithm):
    """Draws a stratified random sample over the classes of a run."""

    room = ACCURACY

    def name(self) -> str:
        """Return the algorithm's id."""
        return "accuracysample"

    def displayName(self) -> str:
        """Return the algorithm's name for people."""
        return self.tr("Draw an accuracy sample of a run")

    def shortHelpString(self) -> str:
        """Say what it does and what comes out."""
        return self.tr(
            "Draws pixels at random within each class of a run's map, into the layer accuracy_sample of its "
            "GeoPackage. Their number follows from the standard error that the overall accuracy may have (equation 13 "
            "of Olofsson et al. 2014); a rare class gets the minimum, which is taken from the larger classes.\n\n"
            "Judge the points in the accuracy dock, then compute the assessment. A sample without judgements is "
            "replaced; one that somebody has begun to judge grows to the wanted size."
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        self.addParameter(QgsProcessingParameterFile(RUN_FOLDER, self.tr("Run folder"), folder))
        for name, label, default, least, most in (
            (STANDARD_ERROR, self.tr("Wanted standard error of the overall accuracy"), 0.01, 0.001, 0.2),
            (EXPECTED_CHANGE, self.tr("Expected user's accuracy of the classes of change"), 0.7, 0.0, 1.0),
            (EXPECTED_NO_CHANGE, self.tr("Expected user's accuracy of no change"), 0.95, 0.0, 1.0),
        ):
            real = Qgis.ProcessingNumberParameterType.Double
            self.addParameter(QgsProcessingParameterNumber(name, label, real, default, False, least, most))
        whole = Qgis.ProcessingNumberParameterType.Integer
        label = self.tr("Least points in a class")
        self.addParameter(QgsProcessingParameterNumber(MINIMUM, label, whole, FEW, False, 2))
        label = self.tr("Seed (0: a new one)")
        self.addParameter(QgsProcessingParameterNumber(SEED, label, whole, 0, False, 0, LARGEST_SEED))
        inputs.add_advanced(self, QgsProcessingParameterBoolean(LOAD, self.tr("Open the layers when done"), True))
        points = Qgis.ProcessingSourceType.VectorPoint
        self.addOutput(QgsProcessingOutputVectorLayer(outputs.OUT_SAMPLE, self.tr("Accuracy sample"), points))
        self.addOutput(QgsProcessingOutputNumber(OUT_POINTS, self.tr("Number of points")))
        self.addOutput(QgsProcessingOutputNumber(OUT_SEED, self.tr("Seed")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Count the classes, work out the size, draw; in the worker."""
        run_dir = str(Path(self.parameterAsFile(parameters, RUN_FOLDER, context)).absolute())
        counted = self.run_job("count_strata", {"run_dir": run_dir}, feedback)
        if counted is None:
            return {}
        strata = [Stratum(**row) for row in counted["strata"]]
        change, none = (
            self.parameterAsDouble(parameters, name, context) for name in (EXPECTED_CHANGE, EXPECTED_NO_CHANGE)
        )
        expected = {row.class_id: none if row.class_id == NO_CHANGE else change for row in strata}
        try:
            size = sample_size(strata, expected, self.parameterAsDouble(parameters, STANDARD_ERROR, context))
            points = allocate(strata, size, self.parameterAsInt(parameters, MINIMUM, context))
        except InputError as error:
            raise QgsProcessingException(said(error)) from error
        seed = self.parameterAsInt(parameters, SEED, context) or secrets.randbelow(LARGEST_SEED) + 1
        wanted = {str(class_id): count for class_id, count in points.items()}
        drawn = self.run_job("draw_sample", {"run_dir": run_dir, "points": wanted, "seed": seed}, feedback)
        if drawn is None:
            return {}
        for row in drawn["strata"]:
            feedback.pushInfo(f"{row['class_id']}: {row['drawn']} / {row['pixels']:,}")
        source = f"{Path(run_dir) / RUN_GPKG}|layername={ACCURACY_SAMPLE}"
        if self.parameterAsBoolean(parameters, LOAD, context):
            outputs.load_on_completion(self, {outputs.OUT_SAMPLE: source}, Path(run_dir), context)
        return {outputs.OUT_SAMPLE: source, OUT_POINTS: drawn["points"], OUT_SEED: drawn["seed"]}
