"""Attribute table, form, name, map tip and labels of a run's polygons: what a person reads of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsAttributeTableConfig,
    QgsEditorWidgetSetup,
    QgsExpression,
    QgsField,
    QgsPalLayerSettings,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtCore import QCoreApplication, QMetaType, Qt
from qgis.PyQt.QtGui import QFontMetrics

from ..core.classes import ClassTable
from ..core.run_files import ARBITRATION_TIF, CANDIDATES
from .runs import file_of

translate = QCoreApplication.translate

# What a share of 0-1 is called as whole per cents: a field of the layer alone, which the file does not hold.
PERCENT = "_percent"
SHARES = ("confidence_mean", "confidence_min", "hard_share", "arbitration", "disagreement")
TEXT_PRIOR = ("arbitration", "disagreement")
# The order of the columns; all others that are FarmCD's own are hidden.
SHOWN = {
    True: ("candidate_id", "class_name", "reviewed_class_id", "status", "area_ha", "area_mu", "confidence_mean_percent",
           "confidence_min_percent", "second_class_name", "hard_share_percent", "arbitration_percent",
           "disagreement_percent", "referee_verdict"),
    False: ("region_id", "area_ha", "area_mu", "confidence_mean_percent", "class_name"),
}  # fmt: skip
# The lines of a map tip.
TOLD = {
    True: ("confidence_mean_percent", "confidence_min_percent", "second_class_name", "hard_share_percent",
           "arbitration_percent", "status"),
    False: ("confidence_mean_percent", "class_name"),
}  # fmt: skip
HIDDEN = ("fid", "class_id", "second_class_id", "referee_score", "referee_weights", *SHARES)
DECIMALS = {"area_ha": 2, "area_mu": 2}
# Of a column, in pixels.
NARROWEST, MARGIN = 90, 24
UNITS = {"area_ha": " ha", "area_mu": " mu"}


@dataclass(frozen=True)
class _Words:
    """What the fields hold, by what it is called for people."""

    classes: Mapping[int, str]
    names: Mapping[str, str]
    states: Mapping[str, str]


def set_table(layer: QgsVectorLayer, classes: ClassTable, language: str) -> None:
    """Let QGIS show a run's candidates or hard regions as a person reads them; again when a field has come.

    Ids are hidden, classes and states have names, shares are per cents, and nothing that FarmCD writes can be edited in
    the table: verdicts are given in the review, which keeps a log of them.
    """
    candidates = CANDIDATES in layer.source().partition("layername=")[2]
    words = _words(classes, language)
    _add_percents(layer)
    names = [field.name() for field in layer.fields()]
    shown = [name for name in SHOWN[candidates] if name in names and _told(layer, name, classes)]
    editing = layer.editFormConfig()
    for index, name in enumerate(names):
        if not _is_own(name, candidates):
            continue
        editing.setReadOnly(index, True)
        layer.setEditorWidgetSetup(index, _editor(name, words) if name in shown else _hidden())
        layer.setFieldAlias(index, aliases().get(name, layer.fields()[index].alias()))
    layer.setEditFormConfig(editing)
    layer.setAttributeTableConfig(_columns(names, shown, candidates))
    layer.setDisplayExpression(_name(words, candidates))
    layer.setMapTipTemplate(_tip(words, candidates, shown))
    layer.setLabeling(_labels("candidate_id" if candidates else "region_id"))
    layer.setLabelsEnabled(False)


def aliases() -> dict[str, str]:
    """Name the fields that are shown."""
    return {
        "candidate_id": translate("FarmCD", "No."),
        "region_id": translate("FarmCD", "No."),
        "class_name": translate("FarmCD", "Class"),
        "reviewed_class_id": translate("FarmCD", "Class by the review"),
        "status": translate("FarmCD", "Review"),
        "area_ha": translate("FarmCD", "Area (ha)"),
        "area_mu": translate("FarmCD", "Area (mu)"),
        "confidence_mean_percent": translate("FarmCD", "Confidence (%)"),
        "confidence_min_percent": translate("FarmCD", "Lowest confidence (%)"),
        "second_class_name": translate("FarmCD", "Second class"),
        "hard_share_percent": translate("FarmCD", "Unsure share of the area (%)"),
        "arbitration_percent": translate("FarmCD", "No change according to the text (%)"),
        "disagreement_percent": translate("FarmCD", "Share where the text disagrees (%)"),
        "referee_verdict": translate("FarmCD", "Referee"),
    }


def states() -> dict[str, str]:
    """Name what a candidate's field `status` holds."""
    return {
        "unreviewed": translate("FarmCD", "Not reviewed"),
        "confirmed": translate("FarmCD", "Confirmed"),
        "other_class": translate("FarmCD", "Other class"),
        "pseudo_change": translate("FarmCD", "Pseudo-change"),
        "unsure": translate("FarmCD", "Unsure"),
        "skipped": translate("FarmCD", "Skipped"),
        "conflict": translate("FarmCD", "Conflict"),
    }


def _words(classes: ClassTable, language: str) -> _Words:
    labels = {row.id: row.label(language) for row in classes.rows}
    return _Words(labels, {row.label(): labels[row.id] for row in classes.rows}, states())


def _told(layer: QgsVectorLayer, name: str, classes: ClassTable) -> bool:
    """Say whether a run has something to tell in a field."""
    if name.removesuffix(PERCENT) in TEXT_PRIOR:
        return (file_of(layer).parent / ARBITRATION_TIF).exists()
    return name != "second_class_name" or len(classes.predicted) > 2


def _is_own(name: str, candidates: bool) -> bool:
    return name in (*HIDDEN, *SHOWN[candidates]) or name.removesuffix(PERCENT) in SHARES


def _add_percents(layer: QgsVectorLayer) -> None:
    for share in SHARES:
        known = layer.fields().indexOf(share) >= 0
        if known and layer.fields().indexOf(share + PERCENT) < 0:
            field = QgsField(share + PERCENT, QMetaType.Type.Int)
            layer.addExpressionField(f'round(100 * "{share}")', field)


def _editor(name: str, words: _Words) -> QgsEditorWidgetSetup:
    if name in ("class_name", "second_class_name"):
        return _value_map(words.names)
    if name == "reviewed_class_id":
        return _value_map(words.classes)
    if name == "status":
        return _value_map(words.states)
    if name in DECIMALS:
        return QgsEditorWidgetSetup("Range", {"Precision": DECIMALS[name], "Suffix": UNITS[name], "AllowNull": True})
    if name.endswith(PERCENT):
        return QgsEditorWidgetSetup("Range", {"Precision": 0, "Suffix": " %", "Min": 0, "Max": 100, "AllowNull": True})
    return QgsEditorWidgetSetup("TextEdit", {})


def _value_map(words: Mapping) -> QgsEditorWidgetSetup:
    return QgsEditorWidgetSetup("ValueMap", {"map": [{label: str(stored)} for stored, label in words.items()]})


def _hidden() -> QgsEditorWidgetSetup:
    return QgsEditorWidgetSetup("Hidden", {})


def _columns(names: list[str], shown: list[str], candidates: bool) -> QgsAttributeTableConfig:
    """Put the columns into their order, the most doubtful candidates first, as in the review."""
    columns, letters = [], QFontMetrics(QgsApplication.font())
    others = [name for name in names if name not in shown]
    for name in (*shown, *others):
        column = QgsAttributeTableConfig.ColumnConfig()
        column.name = name
        column.width = max(NARROWEST, letters.horizontalAdvance(aliases().get(name, name)) + MARGIN)
        column.hidden = name not in shown and _is_own(name, candidates)
        columns.append(column)
    config = QgsAttributeTableConfig()
    config.setColumns(columns)
    doubt = '1 - coalesce("confidence_mean", 0)'
    if candidates:
        doubt += f' + coalesce("hard_share", 0) + coalesce("disagreement", 0) + {_size_rank()}'
    config.setSortExpression(doubt)
    config.setSortOrder(Qt.SortOrder.DescendingOrder)
    return config


def _size_rank() -> str:
    """Write the expression of a candidate's rank by size, 0-1 (review.queue.doubt): between the quartiles of all it is
    guessed, since a table that counted the smaller ones for each row would take minutes to open.
    """
    bounds = [f'{name}("area_ha")' for name in ("minimum", "q1", "median", "q3", "maximum")]
    steps = pairwise(bounds)
    # Of equal bounds scale_linear is an error: nothing lies between them.
    return "(" + " + ".join(f'try(scale_linear("area_ha", {low}, {high}, 0, 0.25), 0)' for low, high in steps) + ")"


def _name(words: _Words, candidates: bool) -> str:
    """Write the expression of "No. 132 · Bareland · 40.9 ha"."""
    if not candidates:
        text = QgsExpression.quotedString(translate("FarmCD", "Hard region %1 · %2 ha"))
        return f'format({text}, "region_id", format_number("area_ha", 1))'
    text = QgsExpression.quotedString(translate("FarmCD", "No. %1 · %2 · %3 ha"))
    return f'format({text}, "candidate_id", {_class(words)}, format_number("area_ha", 1))'


def _class(words: _Words) -> str:
    """Write the expression of the class, the reviewer's where there is one."""
    held = """coalesce(nullif(try("reviewed_class_id"), 0), "class_id")"""
    return f"coalesce({_lookup(words.classes, held)}, '?')"


def _lookup(words: Mapping, key: str) -> str:
    pairs = ", ".join(f"'{stored}', {QgsExpression.quotedString(label)}" for stored, label in words.items())
    return f"map_get(map({pairs}), {key})"


def _tip(words: _Words, candidates: bool, shown: list[str]) -> str:
    lines = [f"<b>[% {_name(words, candidates)} %]</b>"]
    for name in TOLD[candidates]:
        if name in shown:
            value = f'"{name}"'
            if name.endswith("class_name"):
                value = _lookup(words.names, value)
            elif name == "status":
                value = _lookup(words.states, value)
            lines.append(f"{aliases()[name]}: [% coalesce({value}, '–') %]")
    return "<br>\n".join(lines)


def _labels(field: str) -> QgsVectorLayerSimpleLabeling:
    """Prepare the numbers as labels, for whoever switches them on."""
    rim = QgsTextBufferSettings()
    rim.setEnabled(True)
    look = QgsTextFormat()
    look.setSize(9)
    look.setBuffer(rim)
    settings = QgsPalLayerSettings()
    settings.fieldName = field
    settings.placement = Qgis.LabelPlacement.OverPoint
    settings.setFormat(look)
    return QgsVectorLayerSimpleLabeling(settings)
