"""An evaluation as one HTML file that opens anywhere, offline: tables, confusion matrix, pictures."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

from ...core.classes import CHANGES, CLASSES

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem; text-align: right; font-weight: normal; }
th { color: #666; } td:first-child, th:first-child { text-align: left; padding-left: 0; }
.matrix td { min-width: 4.5rem; } .pictures img { width: 100%; } img { max-width: 100%; }
i { display: inline-block; width: .9em; height: .9em; margin-left: .8em; }
figure { margin: 1rem 0; } figcaption { color: #666; }
"""
# Black figures stay readable on it.
_DARKEST = 0.6
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


def evaluation_page(
    title: str,
    about: Sequence[str],
    record: dict[str, Any],
    diagram: Picture | None = None,
    worst: Sequence[Picture] = (),
) -> str:
    """Lay an evaluation out as a page.

    `record` holds plain values: "binary", "binary_matrix" and optionally "semantic", "classes" and "class_matrix" as
    `training.evaluate.Evaluation.as_dict` gives them, and "boundary", "objects" and "reliability" as
    `training.details.Details.as_dict` does. Shares are 0..1; matrices hold pixels, the reference in rows.
    """
    parts = [f"<h1>{escape(title)}</h1>", *(f"<p>{escape(line)}</p>" for line in about)]
    parts += ["<h2>Change or none</h2>", _figures(_BINARY, record["binary"])]
    parts += [_matrix(record["binary_matrix"], ("No change", "Change"))]
    if record.get("classes"):
        parts += ["<h2>Classes, where they are settled</h2>", _figures(_SEMANTIC, record["semantic"])]
        parts += [_classes(record["classes"]), _matrix(record["class_matrix"], [row.label() for row in CLASSES])]
    if boundary := record.get("boundary"):
        words = f"Outlines of change within {boundary['tolerance']:g} pixels"
        parts += [f"<h2>{words}</h2>", _figures({"F1": "f1", "Precision": "precision", "Recall": "recall"}, boundary)]
    if objects := record.get("objects"):
        parts += ["<h2>Changed places of the reference that were found</h2>", _objects(objects)]
    if reliability := record.get("reliability"):
        error = f"{reliability['expected_error']:.3f}"
        parts += ["<h2>Confidence</h2>", f"<p>Expected calibration error {error}.</p>"]
    if diagram:
        parts.append(_figure(diagram))
    if worst:
        parts += ["<h2>The worst pairs</h2>", _legend(), '<div class="pictures">', *map(_figure, worst), "</div>"]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _figures(names: dict[str, str], values: dict[str, float]) -> str:
    return _table(("", "%"), [(words, _percent(values[key])) for words, key in names.items()])


def _classes(classes: dict[str, dict[str, float]]) -> str:
    labels = {row.name: row.label() for row in CLASSES}
    keys = ("precision", "recall", "f1", "iou")
    rows = [(labels[name], *(_percent(figures[key]) for key in keys)) for name, figures in classes.items()]
    return _table(("Class", "Precision %", "Recall %", "F1 %", "IoU %"), rows)


def _objects(bins: Iterable[dict[str, Any]]) -> str:
    rows = []
    for row in bins:
        size = f"{row['least']} to {row['below'] - 1}" if row["below"] else f"{row['least']} or more"
        share = _percent(row["found"] / row["objects"]) if row["objects"] else ""
        rows.append((size, f"{row['objects']:,}", f"{row['found']:,}", share))
    return _table(("Pixels", "Places", "Found", "%"), rows)


def _matrix(counts: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Write a confusion matrix, each row tinted by its shares."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = []
    for name, row in zip(names, counts, strict=True):
        total = max(sum(row), 1)
        cells = "".join(f'<td style="background: rgb(0 114 178 / {_DARKEST * n / total:.2f})">{n:,}</td>' for n in row)
        rows.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
    caption = "Pixels: reference in rows, prediction in columns; the tint is the share of the row."
    return (
        f'<figure><table class="matrix"><tr><th></th>{head}</tr>{"".join(rows)}</table>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _legend() -> str:
    colours = [(row.label(), row.colour) for row in CHANGES] + [("changed, class not settled", "#bebebe")]
    return "<p>" + " ".join(f'<i style="background: {colour}"></i> {words}' for words, colour in colours) + "</p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(word)}</th>" for word in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.data).decode("ascii")
    caption = escape(picture.caption)
    return (
        f'<figure><img alt="{caption}" src="data:{picture.kind};base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
