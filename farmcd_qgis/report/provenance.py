"""Method and provenance: what run.json says of a run, in rows for people, and how they fall on pages."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ..core.card_texts import in_language
from ..core.card_words import card_in_words
from ..core.classes import ClassTable, table_of
from ..core.messages import spoken
from ..core.protocol import finding_from_dict
from .figures import Dossier, bands_read
from .words import Words

Rows = list[tuple[str, str]]
Section = tuple[str, Rows]
# What a checkpoint says of itself in sentences.
CARD_TEXTS = ("description", "data", "measured_on", "text_encoder", "licence")


def sections(dossier: Dossier, words: Words) -> list[Section]:
    """Return inputs, parameters, model and machine of a run; rows that nothing is known for are left out."""
    record = dossier.record
    parts = (
        ("inputs", _inputs(dossier, words)),
        ("by_status", _review(dossier, words)),
        ("parameters", _parameters(record, words)),
        ("model", _model(record, words)),
        ("machine", _machine(record, words)),
        ("known_limits", _limits(record, words)),
    )
    return [(words(key), [row for row in rows if row[1]]) for key, rows in parts]


def _inputs(dossier: Dossier, words: Words) -> Rows:
    record = dossier.record
    rows = []
    for role in ("before", "after"):
        entry = record["inputs"].get(role) or {}
        size = words.number(entry["size"]) if entry.get("size") else "?"
        name = Path(entry.get("path", "")).name
        lines = [words("file", name=name, size=size, date=words.day(entry.get("date")))]
        if entry.get("modified"):
            lines.append(words("modified", date=words.day(entry["modified"])))
        if entry.get("sha256"):
            lines.append(f"SHA-256 {entry['sha256']}")
        rows.append((words(role), "\n".join(lines)))
    grid = record.get("grid") or {}
    if {"width", "height", "resolution_m"} <= grid.keys():
        resolution = f"{grid['resolution_m']:.2f}"
        crs = dossier.crs.userFriendlyIdentifier()
        value = words("grid_value", width=grid["width"], height=grid["height"], resolution=resolution, crs=crs)
        if grid.get("looked_at_m", grid["resolution_m"]) != grid["resolution_m"]:
            value += "\n" + words("looked_at", resolution=f"{grid['looked_at_m']:.2f}")
        rows.append((words("grid"), value))
    findings = [finding_from_dict(finding).text(words.language) for finding in record.get("findings") or []]
    rows.append((words("findings"), "\n".join(findings) or words("none")))
    return rows


def _parameters(record: dict[str, Any], words: Words) -> Rows:
    request = record["request"]
    options = {
        "symmetric": words("yes" if request["symmetric"] else "no"),
        "match": words("yes" if request["match_histograms"] else "no"),
    }
    if (record["predictor"].get("card") or {}).get("text_encoder"):
        options["context"] = ", ".join(request["context"]) or words("none")
    [words("option", name=words(key), value=value) for key, value in options.items()]
    bands = [", ".join(map(str, bands_read(record, role))) for role in ("before", "after")]
    return [
        (words("bands"), " / ".join(dict.fromkeys(bands))),
        (words("aoi"), _name(request.get("aoi"), words)),
        (words("farmland_layer"), _name(request.get("farmland"), words)),
        (words("tau"), f"{request['tau']:g}"),
        (words("smallest"), f"{request['minimum_mapping_unit_m2']:g} m²"),
        (words("connectivity"), str(request["connectivity"])),
        (words("tiles"), words("tiles_value", tile=request["tile"], overlap=request["overlap"])),
        (
            words("options"),
            words.list([words("option", name=words(key), value=value) for key, value in options.items()]),
        ),
    ]


def _model(record: dict[str, Any], words: Words) -> Rows:
    predictor = record["predictor"]
    card = predictor.get("card") or {}
    checkpoint = Path(record["request"]["checkpoint"]).name
    metrics = card.get("metrics") or {}
    said = {key: in_language(str(card.get(key) or ""), words.language) for key in CARD_TEXTS}
    return [
        (words("checkpoint"), f"{card['name']} ({checkpoint})" if card.get("name") else checkpoint),
        (words("sha256"), str(predictor.get("sha256") or "")),
        (words("in_words"), _in_words(card, words)),
        (words("measured_on"), said["measured_on"] if metrics else ""),
        (words("metrics"), _figures(metrics, table_of(record), words)),
        (words("description"), said["description"]),
        (words("data"), said["data"]),
        (words("text_encoder"), said["text_encoder"]),
        (words("licence"), said["licence"]),
    ]


def _in_words(card: Mapping[str, Any], words: Words) -> str:
    """Say what the figures of a checkpoint mean, of whole places where it tells that, else of parts of the area."""
    metrics = card.get("metrics") or {}
    sentences: list[str] = spoken(card_in_words(card), words.language)
    if sentences:
        return words.join(sentences)
    for metric, key in (("binary precision", "precision_words"), ("binary recall", "recall_words")):
        if metric in metrics:
            sentences.append(words(key, parts=f"{10 * metrics[metric]:.0f}"))
    return words.join(sentences)


def _figures(metrics: Mapping[str, float], classes: ClassTable, words: Words) -> str:
    """List the figures, each with the name that people know it by."""
    known = {"binary F1": "f1_of_change", "binary precision": "precision", "binary recall": "recall"}
    known["binary IoU"] = "iou_of_change"
    told = []
    for name, value in metrics.items():
        row = classes.find(name.removeprefix("F1 "))
        named = f"F1 {row.label(words.language)}" if row and name.startswith("F1 ") else name
        told.append(f"{words(known[name]) if name in known else named} {value:.2f}")
    return words.list(told)


def _machine(record: dict[str, Any], words: Words) -> Rows:
    device = record["predictor"].get("device") or {}
    versions = dict(record["versions"])
    if record["predictor"].get("torch"):
        versions["torch"] = record["predictor"]["torch"]
    moments = [_moment(record.get(key)) for key in ("started", "finished")]
    return [
        (words("run"), str(record["run"])),
        (words("device"), str(device.get("name") or record["request"]["device"])),
        (words("time"), " – ".join(moment for moment in moments if moment)),
        (words("versions"), ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]


def _review(dossier: Dossier, words: Words) -> Rows:
    """Say who reviewed, when, and with what result."""
    if not dossier.reviewers:
        return [(words("reviewer"), words("nothing_reviewed"))]
    names = [words("verdicts_of", name=name, count=count) for name, count in dossier.reviewers.most_common()]
    moments = sorted(one.verdict.given_at for one in dossier.everything if one.verdict)
    period = list(dict.fromkeys(words.day(moment) for moment in (moments[0], moments[-1])))
    states = [f"{words.status(str(row.key))} {words.number(row.count)}" for row in dossier.by_status.rows if row.count]
    rows = [
        (words("reviewer"), "\n".join(names)),
        (words("reviewed_on"), " – ".join(period)),
        (words("status"), words.list(states)),
    ]
    if dossier.carried:
        rows.append((words("carried_head"), "\n".join(carried_words(dossier, words))))
    if dossier.edited_count:
        rows.append((words("outline"), words("edited", count=words.number(dossier.edited_count))))
    return rows


def carried_words(dossier: Dossier, words: Words) -> list[str]:
    """Say how many verdicts come from earlier runs, and by which rule, one sentence for each run."""
    rules = {str(event.get("run")): event.get("rule") for event in dossier.record.get("carried_over") or []}
    said = []
    for run, count in dossier.carried.most_common():
        noted = rules.get(run)
        share = noted.get("same_outline") if isinstance(noted, dict) else None
        rule = words("carried_rule", share=f"{100 * share:g}") if isinstance(share, int | float) else ""
        said.append(words("carried", count=words.number(count), run=run, rule=rule))
    return said


def _limits(record: dict[str, Any], words: Words) -> Rows:
    card = record["predictor"].get("card") or {}
    request = record["request"]
    general = words("general_limits", area=f"{request['minimum_mapping_unit_m2']:g}")
    return [
        (words("in_general"), general),
        (words("of_the_model"), in_language(str(card.get("limits") or ""), words.language)),
    ]


def _moment(iso: str | None) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S %Z}" if iso else ""


def _name(path: str | None, words: Words) -> str:
    return Path(path).name if path else words("none")
