"""An accuracy assessment in words, tables and files; in the language of QGIS."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QLocale

from ..core.csv_file import write_csv
from ..core.pages import page as page_of
from .estimates import FEW, Assessment, ClassAccuracy, Estimate

JSON_NAME = "accuracy.json"
CSV_NAME = "accuracy.csv"
MATRIX_NAME = "error_matrix.csv"
PAGE_NAME = "accuracy.html"

# Without one wrong point among n, up to about this many of n may be wrong in truth, at a level of 95 %.
RULE_OF_THREE = 3.0
# What Qt's rich text understands in the place of a style sheet.
CELLS = 'cellpadding="3" cellspacing="0" border="0"'
RIGHT = (' align="right"', "")


def tr(text: str) -> str:
    """Translate a text; all of FarmCD shares one context."""
    return QCoreApplication.translate("FarmCD", text)


def notes(assessment: Assessment) -> list[str]:
    """Say in sentences what limits the figures."""
    found = []
    if not assessment.finished:
        found.append(
            tr("{judged} of {drawn} points have been judged; the figures change until all are.").format(
                judged=assessment.judged + assessment.undecided, drawn=assessment.drawn
            )
        )
    if assessment.overall is None:
        lacking = [row for row in assessment.classes if row.mapped_pixels and not row.judged]
        found.append(
            tr("No judged point yet in: {classes}. Until then areas and overall accuracy cannot be estimated.").format(
                classes=_names(assessment, lacking)
            )
        )
    if few := [row for row in assessment.classes if row.few]:
        listed = ", ".join(f"{_name(assessment, row.class_id)} ({row.judged})" for row in few)
        found.append(
            tr("Fewer than the {few} judged points that a class should have: {classes}.").format(
                few=FEW, classes=listed
            )
        )
    agreed = tr(
        "{class_name}: all {count} judged points agree, so that no interval can be given; up to {percent} % may still "
        "be wrong."
    )
    found += [
        agreed.format(class_name=_name(assessment, row.class_id), count=row.judged, percent=round(_most_wrong(row)))
        for row in assessment.classes
        if row.flawless and row.judged > RULE_OF_THREE
    ]
    if unmissed := [row for row in assessment.classes if row.unmissed]:
        words = tr("No missed pixel was met of: {classes}. How many there are for all that is not known.")
        found.append(words.format(classes=_names(assessment, unmissed)))
    if _untold(assessment):
        found.append(tr("* The judged points are all alike there, so that they tell of no interval."))
    if assessment.undecided:
        found.append(
            tr(
                "{count} points without an answer are left out; if they are harder than the others, the map is less "
                "accurate than the figures say."
            ).format(count=assessment.undecided)
        )
    return found


def tables(assessment: Assessment) -> str:
    """Return the error matrix, the accuracies and the areas as HTML that Qt's rich text shows as well."""
    parts = [f"<h3>{escape(tr('Accuracy (%)'))}</h3>", _accuracies(assessment)]
    parts += [f"<h3>{escape(tr('Areas'))}</h3>", _areas(assessment)]
    parts += [f"<h3>{escape(tr('Error matrix (points)'))}</h3>", _matrix(assessment)]
    caption = tr("Rows: the map; columns: the judgement, by class number. ± is half of the 95 % interval.")
    return "\n".join([*parts, f"<p><small>{escape(caption)}</small></p>"])


def page(assessment: Assessment, title: str) -> str:
    """Lay the assessment out as a page of its own."""
    about = tr(
        "Stratified random sample over the mapped classes, {drawn} points, seed {seed}. Estimates after Olofsson et "
        "al. (2014), Remote Sensing of Environment 148, 42-57. Judged by {reviewers}; last on {date}."
    ).format(
        drawn=assessment.drawn,
        seed=assessment.seed,
        reviewers=", ".join(assessment.reviewers) or "–",
        date=assessment.last_judged_at[:10] or "–",
    )
    return page_of(
        "accuracy.html",
        language="zh" if _language().startswith("zh") else "en",
        title=title,
        about=[about, *notes(assessment)],
        tables=Markup(tables(assessment)),  # nosec B704 # escaped where it is made
    )


def write_files(assessment: Assessment, folder: Path, title: str) -> dict[str, Path]:
    """Write JSON_NAME, CSV_NAME, MATRIX_NAME and PAGE_NAME into `folder`; returns them by these names."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / name for name in (JSON_NAME, CSV_NAME, MATRIX_NAME, PAGE_NAME)}
    text = json.dumps(assessment.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    files[JSON_NAME].write_text(text + "\n", encoding="utf-8")
    write_csv(files[CSV_NAME], _class_rows(assessment))
    write_csv(files[MATRIX_NAME], _matrix_rows(assessment))
    files[PAGE_NAME].write_text(page(assessment, title), encoding="utf-8")
    return files


def percent(estimate: Estimate | None, between: str = " ") -> str:
    """Write a share as "88.0 ± 7.4", in per cent."""
    return "–" if estimate is None else _plus_minus(estimate.times(100.0), 1, between)


def _accuracies(assessment: Assessment) -> str:
    head = ("", tr("Points"), tr("User's"), tr("Producer's"), "F1")
    rows = [
        (
            _name(assessment, row.class_id),
            str(row.judged),
            *(percent(one, "\n") for one in (row.users, row.producers, row.f1)),
        )
        for row in assessment.classes
    ]
    overall = f"<p>{escape(tr('Overall accuracy'))}: <b>{escape(percent(assessment.overall))} %</b></p>"
    return (overall if assessment.overall else "") + _table(head, rows)


def _areas(assessment: Assessment) -> str:
    head = ("", tr("Mapped (ha)"), tr("Estimated (ha)"), tr("Estimated (mu)"))
    rows = []
    for row in assessment.classes:
        digits = 1 if row.mapped_ha >= 100 else 2
        mapped = QLocale().toString(row.mapped_ha, "f", digits)
        estimates = [_plus_minus(area, digits, "\n") if area else "–" for area in (row.area_ha, row.area_mu)]
        rows.append((_name(assessment, row.class_id), mapped, *estimates))
    return _table(head, rows)


def _matrix(assessment: Assessment) -> str:
    head = ("", *(str(row.class_id) for row in assessment.classes), tr("Total"))
    rows = []
    for position, (row, counts) in enumerate(zip(assessment.classes, assessment.matrix, strict=True)):
        cells = [f"<b>{count}</b>" if place == position else str(count) for place, count in enumerate(counts)]
        rows.append((f"{row.class_id} {_name(assessment, row.class_id)}", *cells, str(sum(counts))))
    return _table(head, rows, marked=True)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], marked: bool = False) -> str:
    """Write a table; texts are escaped, but for cells after the first where they are `marked` up already."""

    def cell(kind: str, position: int, text: str) -> str:
        words = text if marked and position else escape(text).replace("\n", "<br>")
        return f"<{kind}{RIGHT[position == 0]}>{words.replace('± ', '±&nbsp;')}</{kind}>"

    lines = ["".join(cell("th", place, word) for place, word in enumerate(head))]
    lines += ["".join(cell("td", place, word) for place, word in enumerate(row)) for row in rows]
    return f"<table {CELLS}>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _plus_minus(estimate: Estimate, digits: int, between: str) -> str:
    value = QLocale().toString(estimate.value, "f", digits)
    if estimate.margin is None:
        return value + _bound(estimate, digits)
    return f"{value}{between}± {QLocale().toString(estimate.margin, 'f', digits)}"


def _bound(estimate: Estimate, digits: int) -> str:
    """Write how far the truth may be from an estimate whose points are all alike; nothing for others."""
    if estimate.told:
        return ""
    for bound, sign in ((estimate.lower, "≥"), (estimate.upper, "≤")):
        if bound is not None:
            return f" ({sign} {QLocale().toString(bound, 'f', digits)})"
    return " *"


def _untold(assessment: Assessment) -> bool:
    """Say whether a figure stands there that no interval and no bound can be given for."""
    figures = [one for row in assessment.classes for one in (row.producers, row.f1, row.area_ha)]
    return any(one is not None and not one.told for one in (assessment.overall, *figures))


def _class_rows(assessment: Assessment) -> list[list[Any]]:
    measures = ("users_accuracy", "producers_accuracy", "f1", "area_ha", "area_mu", "overall_accuracy")
    suffixes = ("", "_standard_error", "_lower95", "_upper95")
    head = ["class_id", "class", "mapped_pixels", "mapped_ha", "drawn", "judged", "undecided"]
    head += [f"{measure}{suffix}" for measure in measures for suffix in suffixes]
    rows: list[list[Any]] = [head]
    for row in assessment.classes:
        figures = (row.users, row.producers, row.f1, row.area_ha, row.area_mu, None)
        first = [row.class_id, _name(assessment, row.class_id), row.mapped_pixels, row.mapped_ha]
        rows.append([*first, row.drawn, row.judged, row.undecided, *_cells(figures)])
    mapped = [sum(row.mapped_pixels for row in assessment.classes), sum(row.mapped_ha for row in assessment.classes)]
    total = ["", tr("All classes"), *mapped, assessment.drawn, assessment.judged, assessment.undecided]
    rows.append([*total, *_cells((None,) * 5 + (assessment.overall,))])
    return rows


def _cells(figures: Iterable[Estimate | None]) -> list[float | None]:
    return [value for estimate in figures for value in (_four(estimate) if estimate else (None,) * 4)]


def _four(estimate: Estimate) -> tuple[float | None, ...]:
    """Return value, standard error and interval; what the points do not tell is left out."""
    error = estimate.standard_error if estimate.told else None
    return estimate.value, error, estimate.lower, estimate.upper


def _matrix_rows(assessment: Assessment) -> list[list[Any]]:
    names = [_name(assessment, row.class_id) for row in assessment.classes]
    head = [tr("Map | judgement"), *names, tr("Total")]
    rows = [[name, *counts, sum(counts)] for name, counts in zip(names, assessment.matrix, strict=True)]
    return [head, *rows]


def _most_wrong(row: ClassAccuracy) -> float:
    return min(100.0, 100.0 * RULE_OF_THREE / row.judged)


def _names(assessment: Assessment, rows: Iterable[ClassAccuracy]) -> str:
    return ", ".join(_name(assessment, row.class_id) for row in rows)


def _name(assessment: Assessment, class_id: int) -> str:
    return assessment.table.label(class_id, _language())


def _language() -> str:
    return str(QgsApplication.instance().locale())
