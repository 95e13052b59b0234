"""The summary as one HTML file that opens anywhere, with sliders between before and after for the largest candidates.

Pictures lie inside as JPEG, nothing is fetched from elsewhere, and on paper each slider becomes two pictures.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

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
from ..core.paths import resources
from . import story, tables
from .candidates import Candidate
from .job import Job
from .maps import day_of
from .provenance import sections
from .rounding import DIGITS
from .tables import Sheet
from .words import Words

TEMPLATE = "summary.html"
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
    words = job.words
    template = Template((resources() / "report" / TEMPLATE).read_text(encoding="utf-8"))
    title = f"{words('title')} · {job.dossier.record['run']}"
    body = "\n".join(_body(job, feedback))
    lang = "zh-CN" if words.language == "zh" else "en"
    path.write_text(template.substitute(lang=lang, title=escape(title), body=body), encoding="utf-8", newline="\n")


def _body(job: Job, feedback: Feedback) -> Iterable[str]:
    words, dossier = job.words, job.dossier
    subtitle = "subtitle_confirmed" if dossier.only_confirmed else "subtitle_all"
    yield f"<header><h1>{escape(words('title'))}</h1><p class='subtitle'>{escape(words(subtitle))}</p>"
    yield from (f"<p class='notice'>{escape(text)}</p>" for text in story.notice(job))
    yield _facts(story.facts(job))
    yield _key_figures(job) + "</header>"
    yield _heading(words("summary"))
    yield from (f"<p>{escape(paragraph)}</p>" for paragraph in story.summary(job))
    yield _heading(words("overview"))
    yield _overview(job)
    colours = [dossier.classes[int(row.key)].colour for row in dossier.by_class.rows]
    yield from _sheet(tables.by_class(dossier, words), words, colours)
    for sheet in (tables.by_unit(dossier, words), tables.by_status(dossier, words), tables.by_reason(dossier, words)):
        if sheet:
            yield from _sheet(sheet, words)
    yield _heading(words("largest"))
    yield "<div class='places'>"
    for index, one in enumerate(dossier.candidates[:SLIDERS], 1):
        feedback.check()
        yield _place(job, one)
        feedback.progress("report", index / SLIDERS)
    yield "</div>"
    yield _list(job)
    yield _heading(words("method"))
    yield f"<p>{escape(story.method(job))}</p>"
    for heading, rows in sections(dossier, words):
        yield f"<h3>{escape(heading)}</h3>" + _facts(rows)
    made = f"FarmCD {dossier.record['versions']['farmcd']} · {dossier.record['run']}"
    yield f"<footer>{escape(made)}</footer>"


def _heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    inside = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table class='facts'>{inside}</table>"


def _key_figures(job: Job) -> str:
    words, dossier = job.words, job.dossier
    total = dossier.by_class.total
    figures = (
        (words.number(total.count), words("candidates")),
        (words.number(total.area_ha, DIGITS), words("hectares")),
        (words.number(total.area_mu, DIGITS), words("mu")),
        (f"{words.number(dossier.reviewed_count)} / {words.number(dossier.all_count)}", words("reviewed")),
    )
    inside = (f"<div><b>{figure}</b><span>{escape(label)}</span></div>" for figure, label in figures)
    return f"<div class='key'>{''.join(inside)}</div>"


def _sheet(sheet: Sheet, words: Words, colours: Sequence[str] = ()) -> Iterable[str]:
    """Write a table of figures with its heading and notes; rows that have a colour get a bar of their area."""
    yield _heading(sheet.title)
    areas = [float(row[AREA] or 0) for row in sheet.rows[: len(colours)]]
    lines = []
    for index, texts in enumerate(sheet.texts(words)):
        cells = [escape(text) for text in texts]
        if colours:
            has_bar = index < len(colours) and areas[index] > 0
            cells.append(_bar(areas[index] / max(areas), colours[index]) if has_bar else "")
            cells[0] = (_swatch(colours[index]) if index < len(colours) else "") + cells[0]
        kind = " class='total'" if sheet.total and index == len(sheet.rows) - 1 else ""
        lines.append(f"<tr{kind}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    heads = [escape(head.label) for head in sheet.heads] + ([""] if colours else [])
    top = "".join(f"<th>{head}</th>" for head in heads)
    inside = f"<thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody>"
    yield f"<div class='scroll'><table class='figures{' with-bars' if colours else ''}'>{inside}</table></div>"
    yield from (f"<p class='note'>{escape(note)}</p>" for note in sheet.notes)


def _bar(share: float, colour: str) -> str:
    return f"<div class='bar' style='width:{100 * share:.1f}%;background:{colour}'></div>"


def _overview(job: Job) -> str:
    words, maps, classes = job.words, job.maps, job.dossier.classes
    extent = maps.whole()
    scale = min(OVERVIEW_WIDTH / extent.width(), OVERVIEW_HEIGHT / extent.height())
    size = QSize(max(round(extent.width() * scale), 1), max(round(extent.height() * scale), 1))
    picture = draw(maps.with_image("after", maps.candidates), maps.crs, extent, size)
    caption = words("overview_caption" if maps.images["after"] else "overview_caption_bare", after=_day(job, "after"))
    present = {one.class_id for one in job.dossier.candidates}
    legend = "".join(
        f"<span>{_swatch(row.colour)}{escape(classes.label(row.id, words.language))}</span>"
        for row in (*classes.changes, UNKNOWN)
        if row.id in present
    )
    image = f"<img class='overview' alt='{escape(caption)}' src='{data_uri(picture)}'>"
    return f"<figure>{image}<div class='legend'>{legend}</div><figcaption>{escape(caption)}</figcaption></figure>"


def _place(job: Job, one: Candidate) -> str:
    """Write one candidate: a slider between its two pictures, and what is known of it."""
    words, maps, classes = job.words, job.maps, job.dossier.classes
    extent = maps.around(one, PICTURE.width() / PICTURE.height())
    outline = maps.outline(one)
    pictures = {
        role: data_uri(draw(maps.with_image(role, outline), maps.crs, extent, PICTURE)) for role in ("before", "after")
    }
    maps.forget([outline])
    label = classes.label(one.class_id, words.language)
    name = words("candidate", number=one.number)
    when = {role: f"{words(role)} · {_day(job, role)}" for role in pictures}
    known = [words("area_value", ha=words.number(one.area_ha, DIGITS), mu=words.number(one.area_mu, DIGITS))]
    if one.confidence_mean is not None:
        known.append(f"{words('confidence')} {words.percent(one.confidence_mean)}")
    known += [words.status(one.status), words.place(*one.place)]
    slide = "this.parentNode.style.setProperty('--cut', this.value + '%')"
    return (
        f"<figure class='place'><h3>{_swatch(classes[one.class_id].colour)}{escape(name)} · {escape(label)}</h3>"
        f"<div class='pair'><img alt='{escape(when['before'])}' src='{pictures['before']}'>"
        f"<div class='after'><img alt='{escape(when['after'])}' src='{pictures['after']}'></div>"
        f"<span class='when first'>{escape(when['before'])}</span>"
        f"<span class='when last'>{escape(when['after'])}</span>"
        f"<input type='range' min='0' max='100' step='any' value='50' autocomplete='off' oninput=\"{slide}\" "
        f"aria-label='{escape(name)}'><div class='edge'></div></div>"
        f"<figcaption>{escape(' · '.join(known))}</figcaption></figure>"
    )


def _list(job: Job) -> str:
    words, classes = job.words, job.dossier.classes
    head = [words(key) for key in ("number", "class", "status", "ha", "mu_area", "confidence")]
    top = "".join(f"<th{_right(index)}>{escape(name)}</th>" for index, name in enumerate(head))
    lines = []
    for one in job.dossier.candidates[:LISTED]:
        label = _swatch(classes[one.class_id].colour) + escape(classes.label(one.class_id, words.language))
        confidence = "" if one.confidence_mean is None else words.percent(one.confidence_mean)
        areas = words.number(one.area_ha, DIGITS), words.number(one.area_mu, DIGITS)
        cells = (str(one.number), label, escape(words.status(one.status)), *areas, confidence)
        lines.append("<tr>" + "".join(f"<td{_right(i)}>{cell}</td>" for i, cell in enumerate(cells)) + "</tr>")
    inside = f"<thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f"<div class='scroll' style='margin-top:28px'><table>{inside}</table></div>"


def _right(column: int) -> str:
    return " class='right'" if column >= 3 else ""


def _swatch(colour: str) -> str:
    return f"<span class='swatch' style='background:{colour}'></span>" if colour else ""


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
