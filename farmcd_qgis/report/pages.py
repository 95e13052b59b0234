"""The pages of the report: each function draws one, from the figures of a dossier."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsCoordinateTransform

from ..classes import CHANGES, class_label
from ..review.reviewer import DEMO_REVIEWER
from .candidates import Candidate, wgs84
from .figures import Dossier, Table
from .job import Job
from .maps import Maps, day_of
from .page import BODY, LEFT, RIGHT, SMALL, TEXT, TOP, Box, Column, Page
from .provenance import KEYS, sections, split
from .rounding import DIGITS
from .typography import ACCENT, GREY, line_height, wrap
from .words import Words

Draw = Callable[[Page], None]
# Rows of the list of the largest candidates: what fits below the other tables.
LISTED = 10
COLOURS = {row.id: row.colour for row in CHANGES}


@dataclass(frozen=True)
class Writer:
    """Draws the pages of one report."""

    job: Job

    @property
    def dossier(self) -> Dossier:
        """The figures."""
        return self.job.dossier

    @property
    def maps(self) -> Maps:
        """The maps' layers."""
        return self.job.maps

    @property
    def words(self) -> Words:
        """The words of the report's language."""
        return self.job.words

    def pages(self) -> list[Draw]:
        """List the report's pages in order, each as the function that draws it."""
        introduction = len(wrap(self.words("method_text"), BODY, TEXT)) * line_height(TEXT) + 4
        provenance = split(sections(self.dossier, self.words), introduction)
        largest = self.dossier.candidates[: self.job.settings.candidate_pages]
        return [
            self.title,
            self.overview,
            self.review,
            *(lambda page, part=part: self.provenance(page, part) for part in provenance),
            *(lambda page, rank=rank, one=one: self.candidate(page, rank, one) for rank, one in enumerate(largest, 1)),
        ]

    def title(self, page: Page) -> None:
        """Draw the title page: what, where, when, who, and the summary with its key figures."""
        dossier, words = self.dossier, self.words
        total = dossier.by_class.total
        page.rectangle(Box(LEFT, 40, 12, 1.6), ACCENT)
        y = page.text(words("title"), LEFT, 45, BODY, 30, bold=True)
        subtitle = "subtitle_confirmed" if dossier.only_confirmed else "subtitle_all"
        y = page.text(words(subtitle), LEFT, y + 1, BODY, 15, colour=GREY)
        facts = [(words(key), value) for key, value in self.facts() if value]
        y = page.table(facts, [Column(34, colour=GREY), Column(BODY - 34)], y + 9)
        figures = (
            (words.number(total.count), words("candidates")),
            (words.number(total.area_ha, DIGITS), words("hectares")),
            (words.number(total.area_mu, DIGITS), words("mu")),
            (f"{words.number(dossier.reviewed_count)} / {words.number(dossier.all_count)}", words("reviewed")),
        )
        y += 11
        for index, (figure, label) in enumerate(figures):
            x, width = LEFT + index * BODY / 4, BODY / 4 - 4
            end = page.text(figure, x, y, width + 4, 19, bold=True, colour=ACCENT)
            end = page.text(label, x, end, width, TEXT, colour=GREY)
        y = page.heading(words("summary"), end + 10)
        for paragraph in self.summary():
            y = page.text(paragraph, LEFT, y, BODY, 10.5) + 2.5

    def overview(self, page: Page) -> None:
        """Draw the whole extent with all candidates, scale bar, north arrow and legend."""
        words, maps = self.words, self.maps
        y = page.heading(words("overview"), TOP)
        extent = maps.whole()
        width = BODY - 8
        box = Box(LEFT + 4, y + 4, width, min(max(width * extent.height() / extent.width(), 80), 128))
        item = page.map(box, maps.with_image("after", maps.candidates), extent)
        page.coordinates(item)
        caption = "overview_caption" if maps.images["after"] else "overview_caption_bare"
        after = day_of(self.dossier.record, "after")
        y = page.text(words(caption, after=words.day(after)), LEFT, box.bottom + 6, BODY, SMALL, colour=GREY)
        if not maps.images["after"]:
            y = page.text(self._missing("after"), LEFT, y, BODY, SMALL, colour=GREY)
        page.legend(item, maps.candidates, LEFT, y + 3)
        page.scale_bar(item, RIGHT - 80, y + 3, 60)
        page.north_arrow(RIGHT - 6, y + 2, words("north"))

        table = self.dossier.by_class
        labels = [class_label(int(row.key), words.language) for row in table.rows]
        y = page.heading(words("by_class"), y + 29)
        y = self._figures(page, y, "class", labels, table)
        page.text(words("area_note"), LEFT, y + 3, BODY, SMALL, colour=GREY)

    def review(self, page: Page) -> None:
        """Draw the state of the review, the classes' areas as bars, and the list of the largest candidates."""
        dossier, words = self.dossier, self.words
        y = self._bars(page, page.heading(words("bars"), TOP))
        y = page.heading(words("by_status"), y + 8)
        labels = [words.status(str(row.key)) for row in dossier.by_status.rows]
        y = self._figures(page, y, "status", labels, dossier.by_status)
        counted = words(
            "status_note", count=words.number(len(dossier.candidates)), total=words.number(dossier.all_count)
        )
        y = page.text(counted, LEFT, y + 3, BODY, SMALL, colour=GREY)
        y = page.heading(words("largest"), y + 8)
        header = [words(key) for key in ("number", "class", "status", "ha", "mu_area", "confidence")]
        columns = [Column(20), Column(32), Column(40), Column(25, "right"), Column(25, "right"), Column(28, "right")]
        rows = [
            [
                str(one.number),
                class_label(one.class_id, words.language),
                words.status(one.status),
                words.number(one.area_ha, DIGITS),
                words.number(one.area_mu, DIGITS),
                "" if one.confidence_mean is None else words.percent(one.confidence_mean),
            ]
            for one in dossier.candidates[:LISTED]
        ]
        page.table(rows, columns, y, header=header, size=SMALL)

    def provenance(self, page: Page, part: list[tuple[str, list[tuple[str, str]]]]) -> None:
        """Draw one page of method and provenance."""
        words = self.words
        y = page.heading(words("method"), TOP)
        if part and part[0][0] == words("inputs"):
            y = page.text(words("method_text"), LEFT, y, BODY) + 4
        for heading, rows in part:
            y = page.text(heading, LEFT, y + 2, BODY, TEXT, bold=True) + 0.5
            y = page.table(rows, KEYS, y, size=SMALL) + 2.5

    def candidate(self, page: Page, rank: int, one: Candidate) -> None:
        """Draw one candidate: before and after side by side, its attributes, and where it lies."""
        words, maps, record = self.words, self.maps, self.dossier.record
        page.rectangle(Box(LEFT, TOP + 1, 4, 4), COLOURS[one.class_id])
        label = f"{words('candidate', number=one.number)}  ·  {class_label(one.class_id, words.language)}"
        page.text(
            words("rank", rank=rank, total=len(self.dossier.candidates)),
            LEFT,
            TOP + 1,
            BODY,
            TEXT,
            False,
            GREY,
            "right",
        )
        y = page.text(label, LEFT + 7, TOP - 0.5, BODY - 50, 14, bold=True) + 3
        width, height = (BODY - 6) / 2, 110.0
        extent = maps.around(one, width / height)
        outline, mark = maps.outline(one), maps.mark(extent)
        for x, role in ((LEFT, "before"), (LEFT + width + 6, "after")):
            caption = f"{words(role)}  ·  {words.day(day_of(record, role))}"
            end = page.text(caption, x, y, width, TEXT, bold=True)
            item = page.map(Box(x, end + 1, width, height), maps.with_image(role, outline), extent)
            if not maps.images[role]:
                page.text(self._missing(role), x + 3, end + 4, width - 6, SMALL, colour=GREY)
        below = end + height + 4
        page.scale_bar(item, LEFT, below, 50)
        y = below + 12
        top = page.text(words("attributes"), LEFT, y, width, TEXT, bold=True) + 1
        page.table(self._attributes(one), [Column(36, colour=GREY), Column(width - 36)], top, size=SMALL)
        x = LEFT + width + 6
        top = page.text(words("locator"), x, y, width, TEXT, bold=True) + 1
        whole = maps.whole()
        shape = min(max(whole.height() / whole.width(), 0.6), 1.0)
        page.map(Box(x, top, width, width * shape), [mark, *maps.with_image("after")], whole)
        page.keep_until_drawn(lambda: maps.forget([outline, mark]))

    def facts(self) -> list[tuple[str, str]]:
        words, dossier = self.words, self.dossier
        record = dossier.record
        days = [day_of(record, role) for role in ("before", "after")]
        crs = dossier.crs.userFriendlyIdentifier()
        names = [Path((record["inputs"].get(role) or {}).get("path", "")).name for role in ("before", "after")]
        return [
            ("place", f"{words.place(*self._centre())}\n{crs}"),
            ("period", " – ".join(words.day(day) for day in days)),
            ("imagery", "\n".join(names)),
            ("office", self.job.settings.office),
            ("author", self.job.settings.author),
            ("made", words.today()),
            ("run", str(record["run"])),
        ]

    def _centre(self) -> tuple[float, float]:
        transform = QgsCoordinateTransform(self.dossier.crs, wgs84(), self.maps.project)
        point = transform.transform(self.maps.whole().center())
        return point.x(), point.y()

    def summary(self) -> list[str]:
        words, dossier = self.words, self.dossier
        total, request = dossier.by_class.total, dossier.record["request"]
        days = {role: words.day(day_of(dossier.record, role)) for role in ("before", "after")}
        largest = max(dossier.by_class.rows, key=lambda row: row.area_ha)
        found = [
            words(
                "found_confirmed" if dossier.only_confirmed else "found_all",
                **days,
                count=words.number(total.count),
                ha=words.number(total.area_ha, DIGITS),
                mu=words.number(total.area_mu, DIGITS),
            ),
            words(
                "largest_class",
                label=class_label(int(largest.key), words.language),
                count=words.number(largest.count),
                ha=words.number(largest.area_ha, DIGITS),
                share=words.number(largest.share, 1),
            ),
        ]
        review = [words("fallback")] if dossier.fell_back else []
        if demo := dossier.reviewers[DEMO_REVIEWER]:
            review.append(words("demo_review", count=demo))
        if dossier.reviewed_count:
            reviewed, every = words.number(dossier.reviewed_count), words.number(dossier.all_count)
            review.append(words("some_reviewed", reviewed=reviewed, total=every))
        else:
            review.append(words("nothing_reviewed"))
        if dossier.left_out and not dossier.only_confirmed:
            count, ha = dossier.left_out.count, words.number(dossier.left_out.area_ha, DIGITS)
            review.append(words("pseudo_left_out", count=words.number(count), ha=ha))
        limits = []
        if dossier.hard_count:
            ha = words.number(dossier.hard_ha, DIGITS)
            limits.append(
                words("hard_regions", count=words.number(dossier.hard_count), ha=ha, tau=f"{request['tau']:.2f}")
            )
        farmland = request.get("farmland")
        limits.append(words("farmland", name=Path(farmland).name) if farmland else words("no_farmland"))
        pages = min(self.job.settings.candidate_pages, len(dossier.candidates))
        follow = words(
            "pages_follow" if pages else "no_pages", count=pages, total=words.number(len(dossier.candidates))
        )
        return [words.join(found), words.join(review), words.join(limits), follow]

    def _figures(self, page: Page, y: float, key: str, labels: list[str], table: Table) -> float:
        """Draw a table of counts and areas with its total; returns where it ends."""
        words = self.words
        columns = [Column(50), *(Column(30, "right") for _ in range(4))]
        header = [words(name) for name in (key, "count", "ha", "mu_area", "share")]
        rows = [
            [
                label,
                words.number(row.count),
                words.number(row.area_ha, DIGITS),
                words.number(row.area_mu, DIGITS),
                words.number(row.share, 1),
            ]
            for label, row in zip([*labels, words("total")], [*table.rows, table.total], strict=True)
        ]
        return page.table(rows, columns, y, header=header, total=True)

    def _bars(self, page: Page, y: float) -> float:
        rows = [row for row in self.dossier.by_class.rows if row.count]
        largest = max(row.area_ha for row in rows)
        for row in rows:
            page.text(class_label(int(row.key), self.words.language), LEFT, y, 28, SMALL)
            width = max(110 * row.area_ha / largest, 0.3) if largest else 0.3
            page.rectangle(Box(LEFT + 30, y + 0.4, width, 3.4), COLOURS[int(row.key)])
            page.text(f"{self.words.number(row.area_ha, DIGITS)} ha", LEFT + 32 + width, y, 30, SMALL, colour=GREY)
            y += 6
        return y

    def _attributes(self, one: Candidate) -> list[tuple[str, str]]:
        words, language = self.words, self.words.language
        second = class_label(one.second_class_id, language) if one.second_class_id is not None else ""
        area = words("area_value", ha=words.number(one.area_ha, 4), mu=words.number(one.area_mu, DIGITS))
        shares = ("confidence", one.confidence_mean), ("confidence_min", one.confidence_min)
        doubts = (
            ("hard_share", one.hard_share),
            ("arbitration", one.arbitration),
            ("disagreement", one.disagreement),
        )
        rows = [
            ("status", words.status(one.status)),
            ("class", class_label(one.class_id, language)),
            ("second_class", second),
            ("area", area),
            *((key, "" if share is None else words.percent(share)) for key, share in (*shares, *doubts)),
            ("centre", words.place(*one.place)),
        ]
        named = [(words(key), value) for key, value in rows if value]
        x, y = one.point.x(), one.point.y()
        digits = 6 if self.dossier.crs.isGeographic() else 1
        return [*named, (words("in_crs", crs=self.dossier.crs.authid()), f"{x:.{digits}f}, {y:.{digits}f}")]

    def _missing(self, role: str) -> str:
        return self.words(
            "image_missing", name=Path((self.dossier.record["inputs"].get(role) or {}).get("path", "")).name
        )
