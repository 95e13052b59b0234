"""The README's table of checkpoints: what `scripts/evaluate --markdown` prints."""

from collections.abc import Mapping
from typing import Any


def markdown_table(records: Mapping[str, Mapping[str, Any]]) -> str:
    """Write evaluations (records of `evaluate_cli`, by checkpoint) side by side as a table in Markdown, in percent."""
    first = next(iter(records.values()))
    head = f"| on {first['pairs']} pairs, at {first['scale']:g} of their resolution |"
    lines = ["".join([head, *(f" {name} |" for name in records)]), "|---" * (1 + len(records)) + "|"]
    columns = [_rows(record) for record in records.values()]
    labels = dict.fromkeys(label for column in columns for label in column)
    rows = ("".join([f"| {label} |", *(f" {column.get(label, '')} |" for column in columns)]) for label in labels)
    return "\n".join([*lines, *rows])


def _rows(record: Mapping[str, Any]) -> dict[str, str]:
    binary, places, hard = record["binary"], record["places"], record["hard_regions"]
    low, high = (100 * limit for limit in record["interval"])
    rows = {
        "change or none: F1 (95 % interval), precision, recall": f"{100 * binary['f1']:.1f} ({low:.1f} to {high:.1f}), "
        f"{100 * binary['precision']:.1f}, {100 * binary['recall']:.1f}"
    }
    if record["semantic"] is not None:
        semantic = record["semantic"]
        named = {name: row for name, row in record["classes"].items() if name != "no_change"}
        keys = ("scd_iou_mean", "sek", "fscd")
        rows["five classes: SCD_IoU_mean, SeK, Fscd"] = ", ".join(f"{100 * semantic[key]:.1f}" for key in keys)
        rows[f"F1 of {', '.join(named)}"] = ", ".join(f"{100 * row['f1']:.1f}" for row in named.values())
    rows["places: right of those marked, found of those changed"] = (
        f"{places['right']} of {places['marked']}, {places['found']} of {places['changed']}"
    )
    rows[f"below the confidence {hard['tau']:g}: area, errors"] = (
        f"{100 * hard['share_of_area']:.1f}, {100 * hard['share_of_errors']:.1f}"
    )
    errors = [record["reliability"], record["reliability_of_change"]]
    rows["expected error of the confidence: class, change or none"] = ", ".join(
        f"{100 * row['expected_error']:.1f}" if row else "-" for row in errors
    )
    return rows
