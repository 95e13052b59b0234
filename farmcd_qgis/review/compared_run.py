"""A run as a comparison sees it: its record, its candidates in a CRS of choice, and where it has looked."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..core.classes import NO_CHANGE, UNKNOWN_CLASS, ClassTable, table_of
from ..core.errors import FarmCDError, InputError
from ..core.feedback import Feedback
from ..core.run_files import CANDIDATES, CHANGE_TIF, RUN_GPKG, RUN_JSON, UNREVIEWED
from ..core.run_record import read_record
from .log import opened

# So many features between two looks at whether the work shall stop.
STRIDE = 200


@dataclass(frozen=True)
class Side:
    """One of both runs: its folder, its record (run.json) and its class table."""

    folder: Path
    record: Mapping[str, Any]
    classes: ClassTable

    @property
    def days(self) -> tuple[str, str]:
        """The days of before and after, YYYY-MM-DD, "" where the run does not know them."""
        before, after = (str(self.record["inputs"][role].get("date") or "")[:10] for role in ("before", "after"))
        return before, after

    @property
    def checkpoint(self) -> str:
        """What the checkpoint is called."""
        card = self.record["predictor"].get("card") or {}
        return str(card.get("name") or Path(self.record["request"]["checkpoint"]).stem)


@dataclass(frozen=True)
class Found:
    """One candidate of a run: `class_id` is the model's, the reviewer's where a person drew it, UNKNOWN_CLASS where
    nobody said one; `outline` is in the CRS of the comparison."""

    number: int
    class_id: int
    class_name: str
    area_ha: float
    confidence_mean: float | None
    status: str
    outline: QgsGeometry


class Look:
    """Where a run has looked: its raster of change classes has nodata everywhere else."""

    def __init__(self, side: Side, crs: QgsCoordinateReferenceSystem) -> None:
        path = side.folder / CHANGE_TIF
        self._raster = QgsRasterLayer(str(path), path.stem, "gdal", QgsRasterLayer.LayerOptions(False))
        if not self._raster.isValid():
            raise InputError("run_unreadable", path=path)
        self._to_raster = QgsCoordinateTransform(crs, self._raster.crs(), QgsProject().transformContext())
        self.whole = QgsGeometry.fromRect(self._raster.extent())
        _transform(self.whole, self._raster.crs(), crs, path)

    def saw(self, outline: QgsGeometry) -> bool:
        """Say whether the run looked at a place inside an outline."""
        try:
            point = self._to_raster.transform(outline.pointOnSurface().asPoint())
        except (QgsCsException, TypeError, ValueError):
            return False
        return bool(self._raster.dataProvider().sample(point, 1)[1])


def read_side(folder: Path) -> Side:
    record = read_record(folder)
    return Side(folder, record, table_of(record, str(folder / RUN_JSON)))


def open_candidates(side: Side) -> QgsVectorLayer:
    path = side.folder / RUN_GPKG
    with opened(path):
        pass  # raises for what is no GeoPackage of a run
    options = QgsVectorLayer.LayerOptions(loadDefaultStyle=False)
    layer = QgsVectorLayer(f"{path}|layername={CANDIDATES}", CANDIDATES, "ogr", options)
    if not layer.isValid():
        raise InputError("no_candidates", path=path)
    if not layer.crs().isValid():
        raise InputError("run_without_crs", path=path)
    return layer


def read_found(layer: QgsVectorLayer, side: Side, crs: QgsCoordinateReferenceSystem, feedback: Feedback) -> list[Found]:
    """Read a run's candidates, one for each number, the pieces of those that were split together."""
    pieces: dict[int, list[QgsFeature]] = defaultdict(list)
    try:
        for count, feature in enumerate(layer.getFeatures()):
            if count % STRIDE == 0:
                feedback.check()
            if not feature.geometry().isEmpty() and isinstance(feature["candidate_id"], int):
                pieces[feature["candidate_id"]].append(feature)
        return [_found(number, features, side, layer, crs) for number, features in pieces.items()]
    except KeyError as error:
        raise InputError("run_lacks_field", path=layer.source(), field=error.args[0]) from error


def _found(
    number: int, features: list[QgsFeature], side: Side, layer: QgsVectorLayer, crs: QgsCoordinateReferenceSystem
) -> Found:
    first = features[0]
    class_id = first["class_id"]
    if class_id == NO_CHANGE and layer.fields().indexOf("reviewed_class_id") >= 0:
        reviewed = _value(first, "reviewed_class_id")
        class_id = class_id if reviewed is None else reviewed
    class_id = UNKNOWN_CLASS if class_id == NO_CHANGE else class_id
    if class_id != UNKNOWN_CLASS and class_id not in side.classes:
        raise InputError("stray_class", path=layer.source(), class_id=class_id, last=len(side.classes) - 1)
    outline = QgsGeometry.collectGeometry([feature.geometry() for feature in features])
    _transform(outline, layer.crs(), crs, Path(layer.source()))
    if not outline.isGeosValid():
        outline = outline.makeValid()
    return Found(
        number,
        class_id,
        side.classes[class_id].name,
        math.fsum(_value(feature, "area_ha") or 0.0 for feature in features),
        _value(first, "confidence_mean"),
        _value(first, "status") or UNREVIEWED,
        outline,
    )


def _transform(
    geometry: QgsGeometry, source: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem, path: Path
) -> None:
    if source == target:
        return
    try:
        done = geometry.transform(QgsCoordinateTransform(source, target, QgsProject().transformContext()))
    except QgsCsException as error:
        raise FarmCDError("runs_not_transformed", path=path, crs=target.userFriendlyIdentifier()) from error
    if done != Qgis.GeometryOperationResult.Success:
        raise FarmCDError("runs_not_transformed", path=path, crs=target.userFriendlyIdentifier())


def _value(feature: QgsFeature, name: str) -> Any:
    value = feature[name]
    # QGIS's NULL is no None.
    return value if isinstance(value, str | int | float) else None
