"""Which administrative unit each candidate lies in: the polygon of a layer that holds its centre."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPoint,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
)

from .queue import Candidates


@dataclass(frozen=True)
class Units:
    """The names of the units that hold candidates, in the order of the alphabet, and each candidate's place in it.

    `of` (n,) is -1 where no unit holds the candidate.
    """

    names: tuple[str, ...]
    of: npt.NDArray[np.int64]


def units_job(
    layer: QgsVectorLayer,
    field: str,
    candidates: Candidates,
    crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> Callable[[], Units]:
    """Return the function that finds the units, for a background thread; called where the layer lives.

    `field` holds the units' names; polygons of one name are one unit. `crs` is that of the candidates' centres.
    """
    source = QgsVectorLayerFeatureSource(layer)
    request = QgsFeatureRequest().setSubsetOfAttributes([field], layer.fields()).setDestinationCrs(crs, context)
    request.setInvalidGeometryCheck(QgsFeatureRequest.InvalidGeometryCheck.GeometryNoCheck)

    def find() -> Units:
        of = np.full(len(candidates), -1, np.int64)
        found: dict[str, int] = {}
        for feature in source.getFeatures(request):
            inside = _inside(feature.geometry(), candidates)
            if len(inside):
                of[inside] = found.setdefault(str(feature[field]), len(found))
        names = sorted(found)
        place = np.array([*(names.index(name) for name in found), -1], np.int64)
        return Units(tuple(names), place[of])

    return find


def _inside(outline: QgsGeometry, candidates: Candidates) -> npt.NDArray[np.intp]:
    box = outline.boundingBox()
    x, y = candidates.x, candidates.y
    near = (x >= box.xMinimum()) & (x <= box.xMaximum()) & (y >= box.yMinimum()) & (y <= box.yMaximum())
    rows = np.flatnonzero(near)
    if not len(rows):
        return rows
    engine = QgsGeometry.createGeometryEngine(outline.constGet())
    engine.prepareGeometry()
    return rows[[engine.intersects(QgsPoint(float(x[row]), float(y[row]))) for row in rows]]
