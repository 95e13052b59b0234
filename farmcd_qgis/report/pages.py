"""The pages of the report: which template each has, and what is written into its items."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from . import story, tables, templates
from .candidates import Candidate
from .figures import Dossier
from .flow import Bars, Block, Column, Grid, Heading, Paragraph, Part, Signatures, Tiles, draw, paginate
from .job import Job
from .maps import Maps, day_of
from .page import Page
from .provenance import sections
from .rounding import DIGITS, FINE_DIGITS
from .tables import Sheet
from .words import Words, map_link

# Rows of the list of candidates: a page of them; the workbook has all.
LISTED = 34
# What the list tells of each, and how wide that is.
LIST_WIDTHS = {
    "number": 19,
    "class": 25,
    "ha": 18,
    "mu_area": 18,
    "confidence_head": 20,
    "status": 47,
    "longitude": 25,
    "latitude": 25,
}
# Widths of a table's columns in signs: the first one, the others, and the most.
FIRST, NARROW, WIDE = 22, 11, 30
# In millimetres.
BELOW_LEGEND = 4.0
KEYS = (Column(42, grey=True), Column(128))
KEYS_NARROW = (Column(36, grey=True), Column(46))


class Leaf(NamedTuple):
    """One page of the report: its template, what fills it, and its entry in the reader's bookmarks, "" for none."""

    template: str
    fill: Callable[[Page], None]
    bookmark: str = ""
    level: int = 0
    # Of further parts that begin on the page.
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Writer:
    """Plans and fills the pages of one report."""

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

    def pages(self) -> list[Leaf]:
        """List the report's pages in order; those of the candidates are the last."""
        words = self.words
        largest = self.dossier.candidates[: self.job.settings.candidate_pages]
        return [
            Leaf(templates.TITLE, self._title, story.title(self.job)[0]),
            *self._flowing(templates.TEXT, {words("summary"): self._summary()}),
            Leaf(templates.OVERVIEW, self._overview, words("overview")),
            *self._flowing(
                templates.TABLES,
                {words("tables"): self._tables(), words("largest"): self._list(), words("method"): self._method()},
            ),
            *(
                Leaf(templates.CANDIDATE, partial(self._candidate, rank, one), self._name(one), 1)
                for rank, one in enumerate(largest, 1)
            ),
        ]

    def _flowing(self, template: str, parts: Mapping[str, Sequence[Block]]) -> list[Leaf]:
        """Distribute parts, by their headings, over as many pages of a template as they need, one after the other."""
        blank = Page(self.job.templates.layout(template, self.maps.project))
        box, style = blank.region("body")
        blank.close()
        blocks = [block for heading, own in parts.items() if own for block in (Part(heading), *own)]
        leaves, heading = [], ""
        for page in paginate(blocks, box.width, box.height, style):
            begun = tuple(block.text for block in page if isinstance(block, Part))
            leads = isinstance(page[0], Part)
            if leads:
                heading = begun[0]
            fill = partial(self._flow, heading, page[1:] if leads else page)
            first, more = (begun[0], begun[1:]) if leads else ("", begun)
            leaves.append(Leaf(template, fill, first, more=more))
            heading = begun[-1] if begun else heading
        return leaves

    @staticmethod
    def _flow(heading: str, blocks: list[Block], page: Page) -> None:
        page.fill("heading", heading)
        accent = page.style_of("heading").colour
        box, style = page.region("body")
        draw(blocks, page, box, style, accent)

    def _title(self, page: Page) -> None:
        title, subtitle = story.title(self.job)
        page.fill("title", title)
        page.fill("subtitle", subtitle)
        whole = self.maps.whole()
        page.shrink("map", whole.width() / whole.height())
        page.map("map", self.maps.with_image("after", self.maps.candidates), whole)
        page.fill("caption", self._caption())
        box, style = page.region("facts")
        notes = [(self.words("note"), text) for text in story.notice(self.job)]
        draw([Grid(KEYS, (*story.facts(self.job), *notes), small=False)], page, box, style, style.colour)

    def _summary(self) -> list[Block]:
        words = self.words
        rows = [row for row in self.dossier.by_class.rows if row.count]
        largest = max(row.area_ha for row in rows) or 1.0
        bars = tuple(
            (
                self.dossier.classes.label(int(row.key), words.language),
                words("area_value", ha=words.number(row.area_ha, DIGITS), mu=words.number(row.area_mu, DIGITS)),
                row.area_ha / largest,
                self.dossier.classes[int(row.key)].colour,
            )
            for row in rows
        )
        return [
            Tiles(tuple(story.key_figures(self.job))),
            *(Paragraph(text) for text in story.summary(self.job)),
            Heading(words("bars")),
            Bars(bars),
            Heading(words("signatures")),
            Signatures(tuple(story.signatories(self.job)), words("signature"), words("signed_on")),
        ]

    def _overview(self, page: Page) -> None:
        maps, words = self.maps, self.words
        page.fill("heading", words("overview"))
        whole = maps.whole()
        page.shrink("map", whole.width() / whole.height())
        item = page.map("map", maps.with_image("after", maps.candidates), whole, round_scale=True)
        missing = "" if maps.images["after"] else f"\n{self._missing('after')}"
        grid = words("coordinates", crs=maps.crs.userFriendlyIdentifier())
        page.fill("caption", f"{self._caption()}  ·  {grid}{missing}")
        below = page.legend("legend", item, maps.candidates) + BELOW_LEGEND
        page.scale_bar("scale_bar", item)
        self._north(page)
        accent = page.style_of("heading").colour
        box, style = page.region("body")
        # Of many classes the legend is higher than the template foresaw.
        box = box._replace(y=max(box.y, below), height=box.bottom - max(box.y, below))
        draw(self._sheet(tables.by_class(self.dossier, words)), page, box, style, accent)

    def _tables(self) -> list[Block]:
        """Lay out the tables that the overview does not show."""
        words, dossier = self.words, self.dossier
        made = (
            tables.by_unit(dossier, words),
            tables.by_status(dossier, words),
            tables.by_reason(dossier, words),
            *tables.accuracy(dossier, words),
        )
        return [block for sheet in made if sheet for block in self._sheet(sheet)]

    def _list(self) -> list[Block]:
        """List the largest candidates, a page of them."""
        listed = tables.candidates(self.dossier, self.words)
        shown = [place for place, key in enumerate(tables.CANDIDATE_COLUMNS) if key in LIST_WIDTHS]
        rows = tuple(tuple(row[place] for place in shown) for row in listed.texts(self.words)[:LISTED])
        heads = [listed.heads[place] for place in shown]
        columns = tuple(Column(width, head.align) for width, head in zip(LIST_WIDTHS.values(), heads, strict=True))
        return [Grid(columns, rows, tuple(head.label for head in heads))]

    def _sheet(self, sheet: Sheet) -> list[Block]:
        """Lay out a table with its heading and its notes."""
        rows = tuple(tuple(row) for row in sheet.texts(self.words))
        longest = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        columns = tuple(
            Column(min(max(length + 2, FIRST if place == 0 else NARROW), WIDE), head.align)
            for place, (head, length) in enumerate(zip(sheet.heads, longest, strict=True))
        )
        head = tuple(head.label for head in sheet.heads)
        notes = [Paragraph(note, small=True) for note in sheet.notes]
        return [Heading(sheet.title), Grid(columns, rows, head, sheet.total, gap=3), *notes]

    def _method(self) -> list[Block]:
        blocks: list[Block] = [Paragraph(story.method(self.job))]
        for heading, rows in sections(self.dossier, self.words):
            blocks += [Heading(heading), Grid(KEYS, tuple(rows))]
        return blocks

    def _candidate(self, rank: int, one: Candidate, page: Page) -> None:
        words, maps, record = self.words, self.maps, self.dossier.record
        page.fill("heading", self._name(one))
        page.paint("class_colour", self.dossier.classes[one.class_id].colour)
        page.fill("rank", words("rank", rank=rank, total=len(self.dossier.candidates)))
        extent = maps.around(one, page.shape_of("after"))
        outline, mark = maps.outline(one), maps.mark(extent)
        for role in ("before", "after"):
            there = maps.images[role] is not None
            missing = "" if there else f"\n{self._missing(role)}"
            page.fill(f"{role}_caption", f"{words(role)}  ·  {words.day(day_of(record, role))}{missing}")
            item = page.map(role, maps.with_image(role, outline), extent, round_scale=True)
        page.scale_bar("scale_bar", item)
        self._north(page)
        whole = maps.whole()
        page.shrink("locator", whole.width() / whole.height())
        page.map("locator", [mark, *maps.with_image("after")], whole)
        page.fill("attributes_heading", words("attributes"))
        box, style = page.region("attributes")
        draw([Grid(KEYS_NARROW, tuple(self._attributes(one)), small=False)], page, box, style, style.colour)
        page.fill("locator_caption", words("locator"))
        longitude, latitude = one.place
        page.fill("link", words("open_place", place=f"{latitude:.6f}, {longitude:.6f}"))
        page.link("link", map_link(longitude, latitude))
        page.keep_until_drawn(lambda: maps.forget([outline, mark]))

    def _attributes(self, one: Candidate) -> list[tuple[str, str]]:
        words, dossier, language = self.words, self.dossier, self.words.language
        ha, mu = dossier.sizes[one.number]
        verdict = one.verdict
        shares = ("confidence", "confidence_min", "hard_share", "arbitration", "disagreement")
        known = {"confidence": one.confidence_mean} | {key: getattr(one, key) for key in shares[1:]}
        rows = [
            ("class", dossier.classes.label(one.class_id, language)),
            ("area", words("area_value", ha=words.number(ha, FINE_DIGITS), mu=words.number(mu, DIGITS))),
            ("unit", words.list(dossier.units.of(one)) or words("outside_units") if dossier.units else ""),
            ("on_farmland", self._on_farmland(one)),
            ("status", words.status(one.status)),
            ("reviewer", f"{verdict.reviewer}, {words.day(verdict.given_at)}" if verdict else ""),
            ("note", verdict.note if verdict else ""),
            ("outline", words("outline_edited") if one.edited else ""),
            ("second_class", self._second(one)),
            *((key, words.percent(share)) for key, share in known.items() if share is not None),
            ("centre", words.place(*one.place)),
        ]
        x, y, digits = one.point.x(), one.point.y(), 6 if dossier.crs.isGeographic() else 1
        here = (words("in_crs", crs=dossier.crs.authid()), f"{x:.{digits}f}, {y:.{digits}f}")
        return [*((words(key), value) for key, value in rows if value), here]

    def _second(self, one: Candidate) -> str:
        """Name the second guess of a model that has more than one."""
        classes = self.dossier.classes
        if one.second_class_id is None or len(classes.predicted) == 2:
            return ""
        return classes.label(one.second_class_id, self.words.language)

    def _on_farmland(self, one: Candidate) -> str:
        farmland = self.dossier.farmland
        return self.words.number(farmland.by_candidate[one.number], FINE_DIGITS) if farmland else ""

    def _north(self, page: Page) -> None:
        if page.has("north"):
            page.fill("north", self.words("north"))

    def _name(self, one: Candidate) -> str:
        label = self.dossier.classes.label(one.class_id, self.words.language)
        return f"{self.words('candidate', number=one.number)}  ·  {label}"

    def _caption(self) -> str:
        key = "overview_caption" if self.maps.images["after"] else "overview_caption_bare"
        return self.words(key, after=self.words.day(day_of(self.dossier.record, "after")))

    def _missing(self, role: str) -> str:
        path = (self.dossier.record["inputs"].get(role) or {}).get("path", "")
        return self.words("image_missing", name=Path(path).name)
