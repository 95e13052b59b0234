"""A comparison of two runs as people get it: a styled layer, and tables of places and of counts."""

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFeature,
    QgsField,
    QgsFields,
    QgsFillSymbol,
    QgsRendererCategory,
    QgsSimpleFillSymbolLayer,
    QgsSimpleLineSymbolLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QMetaType, Qt
from qgis.PyQt.QtGui import QColor

from ..core.csv_file import write_csv
from ..core.errors import FarmCDError, InputError
from ..review.compared_run import Found
from ..review.comparison import (
    BOTH,
    CLASS_CHANGED,
    KINDS,
    ONLY_FIRST,
    ONLY_SECOND,
    OTHER_OUTLINE,
    PAIRS,
    UNSEEN_FIRST,
    UNSEEN_SECOND,
    Comparison,
    Place,
)
from .exports import save_layer
from .rounding import DIGITS, FINE_DIGITS
from .words import Words

LAYER = "comparison"
GPKG, CSV, COUNTS_CSV = "comparison.gpkg", "comparison.csv", "counts.csv"
LONG, REAL, STRING = QMetaType.Type.LongLong, QMetaType.Type.Double, QMetaType.Type.QString
KIND_FIELD = "kind"
# By kind: the colour of the outline, its pattern, and how much of the colour fills the inside.
LOOKS = {
    BOTH: ("#4d4d4d", Qt.PenStyle.SolidLine, 0.0),
    CLASS_CHANGED: ("#cc79a7", Qt.PenStyle.SolidLine, 0.35),
    OTHER_OUTLINE: ("#4d4d4d", Qt.PenStyle.DashLine, 0.0),
    ONLY_FIRST: ("#0072b2", Qt.PenStyle.SolidLine, 0.25),
    ONLY_SECOND: ("#d55e00", Qt.PenStyle.SolidLine, 0.35),
    UNSEEN_FIRST: ("#d55e00", Qt.PenStyle.DotLine, 0.0),
    UNSEEN_SECOND: ("#0072b2", Qt.PenStyle.DotLine, 0.0),
}
CASING, LINE, CASED = "#b3ffffff", 0.6, 1.2


class Field(NamedTuple):
    """A field of the comparison's layer and table: its name in files, its kind and its word in report.toml."""

    name: str
    kind: QMetaType.Type
    word: str
    second: bool = False


FIELDS = (
    Field(KIND_FIELD, STRING, "compared_kind"),
    Field("meaning", STRING, "meaning"),
    *(
        Field(f"{side}_{name}", kind, word, side == "second")
        for name, kind, word in (
            ("number", LONG, "number"),
            ("class", STRING, "class"),
            ("area_ha", REAL, "ha"),
            ("confidence", REAL, "confidence_head"),
            ("status", STRING, "status"),
        )
        for side in ("first", "second")
    ),
    Field("likeness", REAL, "likeness"),
)


def kind_words(comparison: Comparison, words: Words) -> dict[str, str]:
    """Say what each kind means, with the names of the runs."""
    first, second = titles(comparison)
    return {
        BOTH: words("kind_both"),
        CLASS_CHANGED: words("kind_class_changed"),
        OTHER_OUTLINE: words("kind_other_outline"),
        ONLY_FIRST: words("kind_only", run=first),
        ONLY_SECOND: words("kind_only", run=second),
        UNSEEN_FIRST: words("kind_unseen", run=first),
        UNSEEN_SECOND: words("kind_unseen", run=second),
    }


def titles(comparison: Comparison) -> tuple[str, str]:
    """Name both runs by what tells them apart: dates, checkpoint, else when they ended, else their folders."""
    sides = (comparison.first, comparison.second)
    days, checkpoints = [" – ".join(filter(None, side.days)) for side in sides], [side.checkpoint for side in sides]
    telling = [pair for pair in (days, checkpoints) if pair[0] != pair[1] and all(pair)]
    moments = [datetime.fromisoformat(side.record["finished"]).astimezone() for side in sides]
    ended = [f"{moment:%Y-%m-%d %H:%M}" for moment in moments]
    telling = telling or [ended if ended[0] != ended[1] else [side.folder.name for side in sides]]
    if all(pair[0] == pair[1] for pair in telling):
        telling = [[str(side.folder) for side in sides]]
    first, second = (", ".join(pair[number] for pair in telling) for number in (0, 1))
    return first, second


def summary(comparison: Comparison, words: Words) -> list[str]:
    """Say the outcome in sentences: a line for each kind that there is, and the rule."""
    meaning = kind_words(comparison, words)
    lines = []
    for row in comparison.counts():
        if not row.first and not row.second:
            continue
        values = {"meaning": meaning[row.kind], "count": words.number(row.first + row.second)}
        ha = row.first_ha + row.second_ha
        if row.kind in PAIRS:
            values["count"], ha = words.number(row.first), row.second_ha
        if row.kind == OTHER_OUTLINE:
            values |= {"first": words.number(row.first), "first_ha": words.number(row.first_ha, DIGITS)}
            values |= {"second": words.number(row.second), "second_ha": words.number(row.second_ha, DIGITS)}
            lines.append(words("compared_outlines", **values))
        else:
            lines.append(words("compared_line", ha=words.number(ha, DIGITS), **values))
    lines = lines or [words("compared_nothing")]
    return [*lines, words("compared_rule", share=f"{100 * comparison.same_outline:g}")]


def fields() -> QgsFields:
    """Return the fields of the layer."""
    made = QgsFields()
    for field in FIELDS:
        made.append(QgsField(field.name, field.kind))
    return made


def rows(comparison: Comparison, words: Words) -> list[list[Any]]:
    """Return the values of FIELDS for each place; areas in ha, shares in per cent."""
    meaning = kind_words(comparison, words)
    return [_row(place, comparison, meaning[place.kind], words) for place in comparison.places]


def features(comparison: Comparison, words: Words) -> list[QgsFeature]:
    """Return the places as features of the layer, in the CRS of the comparison."""
    made = []
    for place, values in zip(comparison.places, rows(comparison, words), strict=True):
        feature = QgsFeature(fields())
        outline = place.outline
        outline.convertToMultiType()
        feature.setGeometry(outline)
        feature.setAttributes(values)
        made.append(feature)
    return made


def style(layer: QgsVectorLayer, meaning: dict[str, str], words: Words) -> None:
    """Give a layer of the comparison its colours, its legend and the words of its fields; only what occurs is shown."""
    found = layer.uniqueValues(layer.fields().indexOf(KIND_FIELD))
    categories = [QgsRendererCategory(kind, _symbol(kind), meaning[kind]) for kind in KINDS if kind in found]
    layer.setRenderer(QgsCategorizedSymbolRenderer(KIND_FIELD, categories))
    layer.setDisplayExpression('"meaning" || \' · \' || coalesce("second_class", "first_class")')
    for field in FIELDS:
        word = words(field.word)
        if field.name.startswith(("first_", "second_")):
            word = words("compared_second" if field.second else "compared_first", what=word)
        layer.setFieldAlias(layer.fields().indexOf(field.name), word)


def write_comparison(comparison: Comparison, folder: Path, language: str) -> dict[str, Path]:
    """Write GPKG with the styled layer, CSV with a row for each place and COUNTS_CSV into `folder`; returns them by
    these names. Raises InputError where it cannot be written."""
    words = Words(language)
    files = {name: folder / name for name in (GPKG, CSV, COUNTS_CSV)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        layer = QgsVectorLayer("MultiPolygon", LAYER, "memory")
        layer.setCrs(comparison.crs)
        layer.dataProvider().addAttributes(list(fields()))
        layer.updateFields()
        layer.dataProvider().addFeatures(features(comparison, words))
        save_layer(layer, files[GPKG], "GPKG", comparison.crs, LAYER)
        saved = QgsVectorLayer(f"{files[GPKG]}|layername={LAYER}", LAYER, "ogr")
        style(saved, kind_words(comparison, words), words)
        if fault := saved.saveStyleToDatabase(LAYER, "FarmCD", True, ""):
            raise FarmCDError("style_not_stored", path=GPKG, reason=fault)
        heads = [saved.attributeAlias(saved.fields().indexOf(field.name)) for field in FIELDS]
        write_csv(files[CSV], [heads, *rows(comparison, words)])
        write_csv(files[COUNTS_CSV], _counts(comparison, words))
    except OSError as error:
        raise InputError("report_not_writable", folder=folder, reason=error) from error
    return files


def _counts(comparison: Comparison, words: Words) -> list[list[Any]]:
    meaning = kind_words(comparison, words)
    heads = [
        words("compared_kind"),
        *(words(key, what=words("count")) for key in ("compared_first", "compared_second")),
    ]
    heads += [words(key, what=words("ha")) for key in ("compared_first", "compared_second")]
    return [
        heads,
        *([meaning[row.kind], row.first, row.second, row.first_ha, row.second_ha] for row in comparison.counts()),
    ]


def _row(place: Place, comparison: Comparison, meaning: str, words: Words) -> list[Any]:
    sides = [
        _side(found, side.classes.label(found.class_id, words.language) if found else None, words)
        for found, side in ((place.first, comparison.first), (place.second, comparison.second))
    ]
    pairs = [value for pair in zip(*sides, strict=True) for value in pair]
    return [place.kind, meaning, *pairs, round(100 * place.likeness, 1)]


def _side(found: Found | None, label: str | None, words: Words) -> list[Any]:
    if found is None:
        return [None] * 5
    confidence = None if found.confidence_mean is None else round(100 * found.confidence_mean, 1)
    return [found.number, label, round(found.area_ha, FINE_DIGITS), confidence, words.status(found.status)]


def _symbol(kind: str) -> QgsFillSymbol:
    colour, pattern, filled = LOOKS[kind]
    inside = QColor(colour)
    inside.setAlphaF(filled)
    symbol = QgsFillSymbol()
    symbol.deleteSymbolLayer(0)
    symbol.appendSymbolLayer(QgsSimpleFillSymbolLayer(inside, Qt.BrushStyle.SolidPattern, QColor(), Qt.PenStyle.NoPen))
    for part, width, pen in ((CASING, CASED, Qt.PenStyle.SolidLine), (colour, LINE, pattern)):
        line = QgsSimpleLineSymbolLayer(QColor(part), width, pen)
        line.setPenJoinStyle(Qt.PenJoinStyle.RoundJoin)
        symbol.appendSymbolLayer(line)
    return symbol
