"""What the report says in words: its facts, key figures and summary, for the PDF and for the HTML page."""

from datetime import datetime
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

# The family of checkpoints that compare land covers, and were never trained with changes.
ZERO_LABEL = "semicd_vl_zero"
MOST_NAMED = 3


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
        ("report_number", report_number(job)),
        ("administrative_unit", administrative_unit(job)),
        ("place", f"{words.place(centre.x(), centre.y())}\n{dossier.crs.userFriendlyIdentifier()}"),
        ("period", " – ".join(words.day(day) for day in days) if any(days) else words("unknown_dates")),
        ("imagery", "\n".join(names)),
        ("office", job.settings.office),
        ("author", job.settings.author),
        ("made", words.today()),
        ("run", str(record["run"])),
    ]
    return [(words(key), value) for key, value in rows if value]


def report_number(job: Job) -> str:
    """Return the report's number: that of the office or, without one, the day and the run's first signs."""
    return job.settings.number or f"{datetime.now():%Y%m%d}-{str(job.dossier.record['run'])[:8]}"


def administrative_unit(job: Job) -> str:
    """Name the administrative unit that the report is about: as asked for, or the only one of the layer of units."""
    units = job.dossier.units
    names = {part.unit for part in units.parts if part.unit} if units else set()
    return job.settings.administrative_unit or (names.pop() if len(names) == 1 else "")


def signatories(job: Job) -> list[tuple[str, str]]:
    """Return who signs: the author, the reviewers, and whoever approves."""
    reviewers = [name for name in job.dossier.reviewers if name != DEMO_REVIEWER]
    named = job.words.list(reviewers if len(reviewers) <= MOST_NAMED else [])
    return [(job.words("author"), job.settings.author), (job.words("reviewer"), named), (job.words("approved"), "")]


def on_farmland(job: Job) -> bool:
    """Say whether a farmland layer limited the comparison: only then does the run say anything of farmland."""
    return bool(job.dossier.record["request"].get("farmland"))


def method(job: Job) -> str:
    """Say in a few sentences how the candidates came about."""
    card = job.dossier.record["predictor"].get("card") or {}
    if card.get("family") == ZERO_LABEL:
        return job.words("method_covers")
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


def summary(job: Job, of_pdf: bool = True) -> list[str]:
    """Return the summary, paragraph by paragraph; of the HTML page where it is not that of the PDF."""
    return [
        job.words.join(sentences)
        for sentences in (_found(job), _review(job), _limits(job), _files(job, of_pdf))
        if sentences
    ]


def _found(job: Job) -> list[str]:
    words, dossier = job.words, job.dossier
    total = dossier.by_class.total
    key = ("found_confirmed" if dossier.only_confirmed else "found_all") + ("" if on_farmland(job) else "_land")
    values = {"ha": words.number(total.area_ha, DIGITS), "mu": words.number(total.area_mu, DIGITS)}
    sentences = [words(key, count=words.number(total.count), when=_when(job), **values)]
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


def _when(job: Job) -> str:
    """Say between which days, as far as they are known."""
    days = [day_of(job.dossier.record, role) for role in ("before", "after")]
    if not any(days):
        return job.words("between_unknown")
    before, after = (job.words.day(day) for day in days)
    return job.words("between_days", before=before, after=after)


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
    if dossier.assessment is None:
        sentences.append(words("no_sample"))
    sentences.append(words("farmland", name=Path(farmland).name) if farmland else words("no_farmland"))
    return sentences


def _files(job: Job, of_pdf: bool) -> list[str]:
    words, settings = job.words, job.settings
    every = len(job.dossier.candidates)
    sentences = []
    if "pdf" in settings.outputs and (pages := min(settings.candidate_pages, every)):
        sentences.append(words("pages_follow" if of_pdf else "pages_in_pdf", count=words.number(pages)))
    if set(settings.outputs) - {"pdf", "html"}:
        sentences.append(words("files_follow", total=words.number(every)))
    return sentences
