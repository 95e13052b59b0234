"""The candidates of a run as the report counts them: one per number, with the verdict that holds and their place."""

import functools
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsDistanceArea,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)

from ..core.classes import MU_PER_HECTARE, NO_CHANGE, UNKNOWN_CLASS, ClassTable
from ..core.errors import FarmCDError, InputError
from ..core.run_files import CANDIDATES, RUN_GPKG
from ..review.carried import Carried, Origins
from ..review.history import History, key_of
from ..review.log import opened
from ..review.store import read_carried, read_history
from ..review.verdicts import OTHER_CLASS, UNREVIEWED, Verdict

REVIEWED_CLASS = "reviewed_class_id"
M2_PER_HECTARE = 10_000.0
# An outline whose area is further from what the run measured was edited after it.
EDITED = 0.001


@functools.cache
def wgs84() -> QgsCoordinateReferenceSystem:
    """Return the CRS of longitude and latitude; made when it is first asked for, since QGIS has started by then."""
    return QgsCoordinateReferenceSystem("EPSG:4326")


@dataclass(frozen=True)
class Candidate:
    """One candidate of the report.

    `class_id` is the reviewer's class where there is one and the model's elsewhere, that of "changed, class unknown"
    where a person drew what no model saw and named no class; `point` lies inside the outline, in
    the run's CRS, and `place` is (longitude, latitude) of it. Confidences and shares are 0..1, None where unknown.
    `verdict` is the row of the review's log that holds, if any, and `carried` where that comes from if it was carried
    over from an earlier run; `edited` says that the outline was changed after the run: the areas are then those of the
    new one.
    """

    number: int
    class_id: int
    second_class_id: int | None
    area_ha: float
    confidence_mean: float | None
    confidence_min: float | None
    hard_share: float | None
    arbitration: float | None
    disagreement: float | None
    status: str
    verdict: Verdict | None
    geometry: QgsGeometry
    point: QgsPointXY
    place: tuple[float, float]
    edited: bool
    carried: Carried | None = None

    @property
    def area_mu(self) -> float:
        """The area in mu."""
        return self.area_ha * MU_PER_HECTARE


def read_candidates(run_dir: Path, classes: ClassTable) -> tuple[list[Candidate], QgsCoordinateReferenceSystem]:
    """Read all candidates of a run folder and their CRS, by the class table of the run.

    Raises InputError if there is no readable layer of them, or one of a class that the table does not have.
    """
    layer = open_results(run_dir, CANDIDATES)
    pieces: dict[int, list[QgsFeature]] = defaultdict(list)
    try:
        for feature in layer.getFeatures():
            # What somebody drew anew has a geometry but nothing of the model, and what was emptied no place.
            if not feature.geometry().isEmpty() and feature["candidate_id"] != NULL:
                pieces[feature["candidate_id"]].append(feature)
        path = run_dir / RUN_GPKG
        reader = _Reader(layer, read_history(path), read_carried(path), classes)
        return [reader.candidate(features) for features in pieces.values()], layer.crs()
    except QgsCsException as error:
        raise FarmCDError("no_transform", path=layer.source(), reason=error) from error
    except KeyError as error:
        raise InputError("run_lacks_field", path=layer.source(), field=error.args[0]) from error


def open_results(run_dir: Path, name: str) -> QgsVectorLayer:
    """Open a layer of a run's GeoPackage; raises InputError if it cannot be read."""
    path = run_dir / RUN_GPKG
    with opened(path):  # raises for what is no GeoPackage of a run
        pass
    layer = QgsVectorLayer(f"{path}|layername={name}", name, "ogr", QgsVectorLayer.LayerOptions(loadDefaultStyle=False))
    if not layer.isValid():
        raise InputError("run_lacks_layer", path=path, layer=name)
    return layer


def measure(crs: QgsCoordinateReferenceSystem) -> QgsDistanceArea:
    """Return what measures areas of geometries in a CRS on its ellipsoid, in square metres."""
    meter = QgsDistanceArea()
    meter.setSourceCrs(crs, QgsProject().transformContext())
    meter.setEllipsoid(crs.ellipsoidAcronym())
    return meter


class _Reader:
    """Makes candidates of a layer's features."""

    def __init__(self, layer: QgsVectorLayer, history: History[Verdict], origins: Origins, classes: ClassTable) -> None:
        self._source, self._classes = layer.source(), classes
        self._history, self._origins = history, origins
        self._to_wgs84 = QgsCoordinateTransform(layer.crs(), wgs84(), QgsProject())
        self._meter = measure(layer.crs())
        self._has_review = layer.fields().indexOf(REVIEWED_CLASS) >= 0

    def candidate(self, features: list[QgsFeature]) -> Candidate:
        """Make one candidate of its pieces, which somebody who edits outlines may have split."""
        first = features[0]
        geometry = QgsGeometry.collectGeometry([feature.geometry() for feature in features])
        status = _value(first, "status") or UNREVIEWED
        reviewed = _value(first, REVIEWED_CLASS) if self._has_review and status == OTHER_CLASS else None
        measured = self._meter.measureArea(geometry) / M2_PER_HECTARE
        noted = math.fsum(_value(feature, "area_ha") or 0.0 for feature in features)
        edited = not math.isclose(measured, noted, rel_tol=EDITED)
        point = geometry.pointOnSurface().asPoint()
        place = self._to_wgs84.transform(point)
        number = first["candidate_id"]
        verdict = self._history.current(number)
        return Candidate(
            number,
            self._class_of(reviewed or first["class_id"]),
            _value(first, "second_class_id"),
            measured if edited else noted,
            _value(first, "confidence_mean"),
            _value(first, "confidence_min"),
            _value(first, "hard_share"),
            _value(first, "arbitration"),
            _value(first, "disagreement"),
            status,
            verdict,
            geometry,
            point,
            (place.x(), place.y()),
            edited,
            self._origins.get((key_of(verdict), number)) if verdict else None,
        )

    def _class_of(self, class_id: int) -> int:
        if class_id == NO_CHANGE:
            return UNKNOWN_CLASS if self._classes.unknown is None else self._classes.unknown
        if class_id not in self._classes:
            raise InputError("stray_class", path=self._source, class_id=class_id, last=len(self._classes) - 1)
        return class_id


def _value(feature: QgsFeature, name: str) -> Any:
    value = feature[name]
    return None if value == NULL else value
