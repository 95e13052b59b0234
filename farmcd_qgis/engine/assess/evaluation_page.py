"""An evaluation as one HTML file that opens anywhere, offline: tables, confusion matrix, pictures."""

import base64
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ...core.classes import FIVE, ClassTable
from ...core.pages import page

_BINARY = {
    "F1": "f1",
    "Precision": "precision",
    "Recall": "recall",
    "IoU": "iou",
    "Specificity": "specificity",
    "Overall accuracy": "overall_accuracy",
    "Balanced accuracy": "balanced_accuracy",
    "Cohen's kappa": "kappa",
}
_SEMANTIC = {
    "SCD_IoU_mean": "scd_iou_mean",
    "SeK": "sek",
    "Fscd": "fscd",
    "Overall accuracy": "overall_accuracy",
    "Cohen's kappa": "kappa",
    "Mean F1": "mean_f1",
    "Mean IoU": "mean_iou",
}


class Picture(NamedTuple):
    """An encoded picture: its MIME type, its bytes, and what it shows."""

    kind: str
    data: bytes
    caption: str = ""

    @property
    def uri(self) -> str:
        """The picture in an address of its own."""
        return f"data:{self.kind};base64,{base64.b64encode(self.data).decode('ascii')}"


def evaluation_page(
    title: str,
    about: Sequence[str],
    record: dict[str, Any],
    diagram: Picture | None = None,
    worst: Sequence[Picture] = (),
    classes: ClassTable = FIVE,
) -> str:
    """Lay an evaluation out as a page.

    `record` holds plain values: "binary", "binary_matrix" and optionally "semantic", "classes" and "class_matrix" as
    `training.evaluate.Evaluation.as_dict` gives them, and "boundary", "objects" and "reliability" as
    `training.details.Details.as_dict` does. Shares are 0..1; matrices hold pixels, the reference in rows.
    """
    known = {key: record.get(key) for key in ("classes", "semantic", "boundary", "objects", "reliability")}
    return page(
        "evaluation.html",
        language="en",
        title=title,
        about=about,
        record={**record, **known},
        binary_names=_BINARY,
        semantic_names=_SEMANTIC,
        class_rows=_classes(known["classes"] or {}, classes),
        class_names=[row.label() for row in classes.predicted],
        object_rows=_objects(known["objects"] or ()),
        legend=[
            *((row.label(), row.colour) for row in classes.predicted[1:]),
            ("changed, class not settled", "#bebebe"),
        ],
        rows_of=_rows_of,
        diagram=diagram,
        worst=worst,
    )


def _rows_of(names: dict[str, str], values: dict[str, float]) -> list[tuple[str, str]]:
    return [(words, _percent(values[key])) for words, key in names.items()]


def _classes(classes: dict[str, dict[str, float]], table: ClassTable) -> list[tuple[str, ...]]:
    labels = {row.name: row.label() for row in table.predicted}
    keys = ("precision", "recall", "f1", "iou")
    return [(labels[name], *(_percent(figures[key]) for key in keys)) for name, figures in classes.items()]


def _objects(bins: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for row in bins:
        size = f"{row['least']} to {row['below'] - 1}" if row["below"] else f"{row['least']} or more"
        share = _percent(row["found"] / row["objects"]) if row["objects"] else ""
        rows.append((size, f"{row['objects']:,}", f"{row['found']:,}", share))
    return rows


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
