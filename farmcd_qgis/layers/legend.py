"""Legends and field names of a run's layers in the person's language; the styles in the files are English."""

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsMapLayer,
    QgsPalettedRasterRenderer,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication

from ..core.classes import FIVE, ClassTable


def name_classes(layer: QgsMapLayer, language: str, classes: ClassTable = FIVE) -> None:
    """Write a layer's legend and field names in `language` ("zh_CN", say), as far as they are translated."""
    renderer = layer.renderer()
    if isinstance(renderer, QgsPalettedRasterRenderer):
        for row in renderer.classes():
            renderer.setLabel(row.value, classes.label(int(row.value), language))
    elif isinstance(renderer, QgsSingleBandPseudoColorRenderer):
        _name_steps(renderer)
    elif isinstance(renderer, QgsCategorizedSymbolRenderer):
        for place, category in enumerate(renderer.categories()):
            is_class = isinstance(category.value(), int)
            label = confirmed(classes.label(category.value(), language)) if is_class else _translated(category.label())
            renderer.updateCategoryLabel(place, label)
    if isinstance(layer, QgsVectorLayer):
        _name_fields(layer)


def confirmed(class_name: str) -> str:
    """Name the candidates that a person has said to be of a class."""
    return QCoreApplication.translate("FarmCD", "{class_name} (confirmed)").format(class_name=class_name)


def _name_steps(renderer: QgsSingleBandPseudoColorRenderer) -> None:
    function = renderer.shader().rasterShaderFunction()
    steps = function.colorRampItemList()
    for step in steps:
        step.label = _translated(step.label)
    function.setColorRampItemList(steps)


def _name_fields(layer: QgsVectorLayer) -> None:
    for index, field in enumerate(layer.fields()):
        if field.alias():
            layer.setFieldAlias(index, _translated(field.alias()))


def _translated(text: str) -> str:
    # The texts are in resources/styles, where the test of the translations finds them.
    return QCoreApplication.translate("FarmCD", text)
