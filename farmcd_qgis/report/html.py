"""The summary as one HTML file that opens anywhere, with sliders between before and after for the largest candidates.

Pictures lie inside as JPEG, nothing is fetched from elsewhere, and on paper each slider becomes two pictures.
"""

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QBuffer, QIODevice, QSize
from qgis.PyQt.QtGui import QColor, QImage

from ..core.classes import UNKNOWN
from ..core.feedback import Feedback
from ..core.pages import page
from . import story, tables
from .candidates import Candidate
from .job import Job
from .maps import day_of
from .provenance import sections
from .rounding import DIGITS
from .tables import Sheet
from .words import Words, map_link

TEMPLATE = "report.html"
SLIDERS = 8
LISTED = 25
# Pixels and JPEG quality: eight sliders and the overview stay near two megabytes.
PICTURE = QSize(640, 440)
OVERVIEW_WIDTH, OVERVIEW_HEIGHT = 1100, 900
QUALITY = 80
# The column of hectares in the tables of figures.
AREA = 2


def write_html(job: Job, path: Path, feedback: Feedback) -> None:
    """Write the summary of a report into one file; raises Cancelled, heeded between the pictures, and OSError."""
    words, dossier = job.words, job.dossier
    run = dossier.record["run"]
    title, subtitle = story.title(job)
    sheets = [tables.by_unit(dossier, words), tables.by_status(dossier, words), tables.by_reason(dossier, words)]
    text = page(
        TEMPLATE,
        words=words,
        language="zh-CN" if words.language == "zh" else "en",
        title=f"{title} · {run}",
        heading=title,
        subtitle=subtitle,
        notices=list(story.notice(job)),
        about=list(story.facts(job)),
        key=_key_figures(job),
        summary=list(story.summary(job, of_pdf=False)),
        overview=_overview(job),
        sheets=[_by_class(job), *(_sheet(sheet, words) for sheet in sheets if sheet)],
        places=list(_places(job, feedback)),
        listed=_list(job),
        method=story.method(job),
        sections=sections(dossier, words),
        made=f"FarmCD {dossier.record['versions']['farmcd']} · {run}",
    )
    path.write_text(text, encoding="utf-8", newline="\n")


def _key_figures(job: Job) -> list[tuple[str, str]]:
    words, dossier = job.words, job.dossier
    total = dossier.by_class.total
    return [
        (words.number(total.count), words("candidates")),
        (words.number(total.area_ha, DIGITS), words("hectares")),
        (words.number(total.area_mu, DIGITS), words("mu")),
        (f"{words.number(dossier.reviewed_count)} / {words.number(dossier.all_count)}", words("reviewed")),
    ]


def _sheet(sheet: Sheet, words: Words) -> dict[str, Any]:
    """Give a table of figures to its template: heads, rows of texts, notes."""
    last = len(sheet.rows) - 1
    rows = [
        {"cells": texts, "total": sheet.total and index == last, "colour": "", "share": 0.0}
        for index, texts in enumerate(sheet.texts(words))
    ]
    heads = [head.label for head in sheet.heads]
    return {"title": sheet.title, "heads": heads, "rows": rows, "notes": sheet.notes, "bars": False}


def _by_class(job: Job) -> dict[str, Any]:
    """Give the classes' figures, each with its colour and a bar of its area."""
    sheet = tables.by_class(job.dossier, job.words)
    given = _sheet(sheet, job.words) | {"bars": True}
    colours = [job.dossier.classes[int(row.key)].colour for row in job.dossier.by_class.rows]
    areas = [float(row[AREA] or 0) for row in sheet.rows[: len(colours)]]
    for row, colour, area in zip(given["rows"], colours, areas, strict=False):
        row |= {"colour": colour, "share": area / max(areas) if area else 0.0}
    return given


def _overview(job: Job) -> dict[str, Any]:
    words, maps, classes = job.words, job.maps, job.dossier.classes
    extent = maps.whole()
    scale = min(OVERVIEW_WIDTH / extent.width(), OVERVIEW_HEIGHT / extent.height())
    size = QSize(max(round(extent.width() * scale), 1), max(round(extent.height() * scale), 1))
    picture = draw(maps.with_image("after", maps.candidates), maps.crs, extent, size)
    caption = words("overview_caption" if maps.images["after"] else "overview_caption_bare", after=_day(job, "after"))
    present = {one.class_id for one in job.dossier.candidates}
    legend = [
        (classes.label(row.id, words.language), row.colour) for row in (*classes.changes, UNKNOWN) if row.id in present
    ]
    return {"picture": data_uri(picture), "caption": caption, "legend": legend}


def _places(job: Job, feedback: Feedback) -> Iterator[dict[str, Any]]:
    for index, one in enumerate(job.dossier.candidates[:SLIDERS], 1):
        feedback.check()
        yield _place(job, one)
        feedback.progress("report", index / SLIDERS)


def _place(job: Job, one: Candidate) -> dict[str, Any]:
    """Give one candidate: its two pictures for a slider, and what is known of it."""
    words, maps, classes = job.words, job.maps, job.dossier.classes
    extent = maps.around(one, PICTURE.width() / PICTURE.height())
    outline = maps.outline(one)
    pictures = {
        role: data_uri(draw(maps.with_image(role, outline), maps.crs, extent, PICTURE)) for role in ("before", "after")
    }
    maps.forget([outline])
    known = [words("area_value", ha=words.number(one.area_ha, DIGITS), mu=words.number(one.area_mu, DIGITS))]
    if one.confidence_mean is not None:
        known.append(f"{words('confidence')} {words.percent(one.confidence_mean)}")
    known += [words.status(one.status), words.place(*one.place)]
    return {
        "name": words("candidate", number=one.number),
        "label": classes.label(one.class_id, words.language),
        "colour": classes[one.class_id].colour,
        "pictures": pictures,
        "when": {role: f"{words(role)} · {_day(job, role)}" for role in pictures},
        "known": known,
    }


def _list(job: Job) -> dict[str, Any]:
    words, classes = job.words, job.dossier.classes
    rows = []
    for one in job.dossier.candidates[:LISTED]:
        label = classes.label(one.class_id, words.language)
        confidence = "" if one.confidence_mean is None else words.percent(one.confidence_mean)
        areas = words.number(one.area_ha, DIGITS), words.number(one.area_mu, DIGITS)
        cells = (str(one.number), label, words.status(one.status), *areas, confidence)
        place = {"link": map_link(*one.place), "words": words.place(*one.place)}
        rows.append((classes[one.class_id].colour, cells, place))
    heads = ("number", "class", "status", "ha", "mu_area", "confidence", "place_wgs84")
    return {"heads": [words(key) for key in heads], "rows": rows}


def _day(job: Job, role: str) -> str:
    return job.words.day(day_of(job.dossier.record, role))


def draw(layers: Sequence[QgsMapLayer], crs: QgsCoordinateReferenceSystem, extent: QgsRectangle, size: QSize) -> QImage:
    """Draw a map of `layers`, the topmost first, in a CRS, as a picture of `size` pixels."""
    settings = QgsMapSettings()
    settings.setLayers(list(layers))
    settings.setDestinationCrs(crs)
    settings.setExtent(extent)
    settings.setOutputSize(size)
    settings.setOutputDpi(120)
    settings.setBackgroundColor(QColor("#f3f4f6"))
    settings.setFlag(Qgis.MapSettingsFlag.Antialiasing, True)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def data_uri(picture: QImage) -> str:
    """Return a picture as JPEG in a data URI."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.convertToFormat(QImage.Format.Format_RGB32).save(buffer, "JPG", QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(bytes(buffer.data())).decode("ascii")
