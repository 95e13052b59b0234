"""Tables without geometry as outputs of an algorithm."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qgis.core import (
    Qgis,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
)
from qgis.PyQt.QtCore import QMetaType


def add_rows(
    algorithm: QgsProcessingAlgorithm,
    name: str,
    kinds: Mapping[str, QMetaType.Type],
    rows: Iterable[Sequence[Any]],
    parameters: dict[str, Any],
    context: QgsProcessingContext,
) -> str | None:
    """Write rows into the table that a person wants as output `name`; returns its id, None if it is not wanted."""
    fields = QgsFields()
    for field, kind in kinds.items():
        fields.append(QgsField(field, kind))
    sink, destination = algorithm.parameterAsSink(parameters, name, context, fields, Qgis.WkbType.NoGeometry)
    if sink is None:
        return None
    for row in rows:
        feature = QgsFeature(fields)
        feature.setAttributes(list(row))
        sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
    return destination
