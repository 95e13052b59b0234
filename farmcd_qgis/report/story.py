"""What the report says in words: its facts, key figures and summary, for the PDF and for the HTML page."""

from pathlib import Path

from qgis.core import QgsCoordinateTransform

from ..core.classes import UNKNOWN_CLASS
from ..review.reviewer import DEMO_REVIEWER
from .candidates import wgs84
from .figures import TOTAL
from .job import Job
from .maps import day_of
from .provenance import carried_words
from .rounding import DIGITS


def title(job: Job) -> tuple[str, str]:
    """Return title and subtitle."""
    return job.words("title" if on_farmland(job) else "title_land"), job.words(
        "subtitle_confirmed" if job.dossier.only_confirmed else "subtitle_all"
    )


def facts(job: Job) -> list[tuple[str, str]]:
    """Return place, period, imagery, who made it and when; what is not known is left out."""
    words, dossier = job.words, job.dossier
    record = dossier.record
    days = [day_of(record, role) for role in ("before", "after")]
    transform = QgsCoordinateTransform(job.maps.crs, wgs84(), job.maps.project)
    centre = transform.transform(job.maps.whole().center())
    names = [Path((record["inputs"].get(role) or {}).get("path", "")).name for role in ("before", "after")]
    rows = [
        ("place", f"{words.place(centre.x(), centre.y())}\n{dossier.crs.userFriendlyIdentifier()}"),
        ("period", " – ".join(words.day(day) for day in days)),
        ("imagery", "\n".join(names)),
        ("office", job.settings.office),
        ("author", job.settings.author),
        ("made", words.today()),
        ("run", str(record["run"])),
    ]
    return [(words(key), value) for key, value in rows if value]


def on_farmland(job: Job) -> bool:
    """Say whether a farmland layer limited the comparison: only then does the run say anything of farmland."""
    return bool(job.dossier.record["request"].get("farmland"))


def method(job: Job) -> str:
    """Say in a few sentences how the candidates came about."""
    return job.words("method_binary" if len(job.dossier.classes.predicted) == 2 else "method_text")


def notice(job: Job) -> list[str]:
    """Return what a reader must know before anything else: that the review was only made for a demonstration."""
    demo = job.dossier.reviewers[DEMO_REVIEWER]
    return [job.words("demo_review", count=demo)] if demo else []


def key_figures(job: Job) -> list[tuple[str, str]]:
    """Return the key figures, each with what it counts."""
    words, dossier = job.words, job.dossier
    total = dossier.by_class.total
    return [
        (words.number(total.count), words("candidates")),
        (words.number(total.area_ha, DIGITS), words("hectares")),
        (words.number(total.area_mu, DIGITS), words("mu")),
        (f"{words.number(dossier.reviewed_count)} / {words.number(dossier.all_count)}", words("reviewed")),
    ]


def summary(job: Job) -> list[str]:
    """Return the summary, paragraph by paragraph."""
    return [
        job.words.join(sentences) for sentences in (_found(job), _review(job), _limits(job), _files(job)) if sentences
    ]


def _found(job: Job) -> list[str]:
    words, dossier = job.words, job.dossier
    total = dossier.by_class.total
    days = {role: words.day(day_of(dossier.record, role)) for role in ("before", "after")}
    sentences = [
        words(
            ("found_confirmed" if dossier.only_confirmed else "found_all") + ("" if on_farmland(job) else "_land"),
            **days,
            count=words.number(total.count),
            ha=words.number(total.area_ha, DIGITS),
            mu=words.number(total.area_mu, DIGITS),
        ),
    ]
    unknown = (dossier.classes.unknown, UNKNOWN_CLASS)
    named = [row for row in dossier.by_class.rows if row.key not in unknown]
    largest = max(named, key=lambda row: row.area_ha, default=None)
    for row in dossier.by_class.rows:
        if row.count and (row is largest or row.key in unknown):
            values = {"ha": words.number(row.area_ha, DIGITS), "share": words.number(row.share, 1)}
            values |= {"label": dossier.classes.label(int(row.key), words.language), "count": words.number(row.count)}
            sentences.append(words("largest_class" if row is largest else "unknown_class", **values))
    if dossier.farmland:
        share, ha = dossier.farmland_of(TOTAL), dossier.farmland.area_ha
        sentences.append(words("of_farmland", share=words.number(share, 3), ha=words.number(ha, DIGITS)))
    chosen = []
    if job.settings.classes:
        chosen.append(
            words.list([dossier.classes.label(class_id, words.language) for class_id in job.settings.classes])
        )
    if job.settings.minimum_m2:
        chosen.append(words("at_least", area=words.number(job.settings.minimum_m2)))
    return [*sentences, words("chosen", what=words.list(chosen))] if chosen else sentences


def _review(job: Job) -> list[str]:
    words, dossier = job.words, job.dossier
    sentences = [words("fallback")] if dossier.fell_back else []
    sentences += notice(job)
    if dossier.reviewed_count:
        reviewed, every = words.number(dossier.reviewed_count), words.number(dossier.all_count)
        sentences.append(words("some_reviewed", reviewed=reviewed, total=every))
    else:
        sentences.append(words("nothing_reviewed"))
    sentences += carried_words(dossier, words)
    if dossier.left_out:
        count, ha = dossier.left_out.count, words.number(dossier.left_out.area_ha, DIGITS)
        sentences.append(words("pseudo_left_out", count=words.number(count), ha=ha))
    if dossier.edited_count:
        sentences.append(words("edited", count=words.number(dossier.edited_count)))
    return sentences


def _limits(job: Job) -> list[str]:
    words, dossier, request = job.words, job.dossier, job.dossier.record["request"]
    sentences = []
    if dossier.hard_count:
        ha = words.number(dossier.hard_ha, DIGITS)
        count = words.number(dossier.hard_count)
        sentences.append(words("hard_regions", count=count, ha=ha, tau=f"{request['tau']:.2f}"))
    farmland = request.get("farmland")
    sentences.append(words("farmland", name=Path(farmland).name) if farmland else words("no_farmland"))
    return sentences


def _files(job: Job) -> list[str]:
    words, settings = job.words, job.settings
    every = len(job.dossier.candidates)
    sentences = []
    if "pdf" in settings.outputs and (pages := min(settings.candidate_pages, every)):
        sentences.append(words("pages_follow", count=words.number(pages)))
    if set(settings.outputs) - {"pdf", "html"}:
        sentences.append(words("files_follow", total=words.number(every)))
    return sentences
