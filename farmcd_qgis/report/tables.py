"""The report's tables as plain rows, one place for PDF, XLSX, CSV and HTML: what stands in which column."""

from dataclasses import dataclass

from .candidates import Candidate
from .figures import NO_REASON, TOTAL, Dossier, Table
from .maps import day_of
from .overlay import OUTSIDE
from .provenance import sections
from .rounding import DIGITS, FINE_DIGITS, add_up
from .words import Words

Cell = str | int | float | None
# What the list of candidates tells of each, by its word, and the decimals of its numbers.
CANDIDATE_COLUMNS: dict[str, int | None] = {
    "number": 0,
    "class": None,
    "ha": FINE_DIGITS,
    "mu_area": DIGITS,
    "confidence_head": 1,
    "status": None,
    "reviewer": None,
    "reviewed_on": None,
    "note": None,
    "longitude": 6,
    "latitude": 6,
}


@dataclass(frozen=True)
class Head:
    """A column's header and how many decimals its numbers have; None for text, that may be `figures` all the same."""

    label: str
    digits: int | None = None
    figures: bool = False

    @property
    def align(self) -> str:
        """Which side its cells stand at."""
        return "right" if self.figures or self.digits is not None else "left"


@dataclass(frozen=True)
class Sheet:
    """A table for people: `key` for file names, cells as text or numbers; with `total`, the last row is a sum."""

    key: str
    title: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: bool = False
    notes: tuple[str, ...] = ()

    def texts(self, words: Words) -> list[list[str]]:
        """Write every cell as text, numbers with the decimals of their column."""
        return [
            [_text(cell, head.digits, words) for cell, head in zip(row, self.heads, strict=True)] for row in self.rows
        ]


def all_sheets(dossier: Dossier, words: Words) -> list[Sheet]:
    """Return every table that a report has, in its order; those that nothing is known for are left out."""
    made = (
        by_class(dossier, words),
        by_unit(dossier, words),
        parts(dossier, words),
        by_status(dossier, words),
        by_reason(dossier, words),
        *accuracy(dossier, words),
        candidates(dossier, words),
        provenance(dossier, words),
    )
    return [sheet for sheet in made if sheet]


def by_class(dossier: Dossier, words: Words) -> Sheet:
    """Count and area of each class, with its share of the farmland where that is known."""
    keys = [row.key for row in (*dossier.by_class.rows, dossier.by_class.total)]
    labels = [words("total") if key == TOTAL else dossier.classes.label(int(key), words.language) for key in keys]
    notes = [words("area_note")]
    if not dossier.farmland:
        return _sheet("by_class", "class", labels, dossier.by_class, words, notes)
    farmland = dossier.farmland
    notes.append(words("farmland_note", name=farmland.layer, ha=words.number(farmland.area_ha, DIGITS)))
    shares = add_up([dossier.farmland_of(row.key) for row in dossier.by_class.rows], 3)
    shares.append(round(dossier.farmland_of(TOTAL), 3))
    return _sheet(
        "by_class", "class", labels, dossier.by_class, words, notes, (Head(words("farmland_share"), 3), shares)
    )


def by_unit(dossier: Dossier, words: Words) -> Sheet | None:
    """Count and area of each administrative unit or parcel."""
    if not dossier.units or not dossier.by_unit:
        return None
    labels = [words("outside_units") if row.key == OUTSIDE else str(row.key) for row in dossier.by_unit.rows]
    units = dossier.units
    notes = [words("units_note", name=units.layer)]
    if units.cut:
        notes.append(words("cut_note", count=units.cut, all=len(dossier.candidates), parts=len(units.parts)))
    if units.overlap_ha:
        notes.append(words("overlap_note", ha=words.number(units.overlap_ha, DIGITS)))
    return _sheet("by_unit", "unit", [*labels, words("total")], dossier.by_unit, words, notes, count="parts_count")


def parts(dossier: Dossier, words: Words) -> Sheet | None:
    """List what of each candidate lies in which unit."""
    if not dossier.units:
        return None
    heads = (
        Head(words("unit")),
        Head(words("number"), 0),
        Head(words("class")),
        Head(words("ha"), FINE_DIGITS),
        Head(words("mu_area"), DIGITS),
    )
    rows = tuple(
        (
            part.unit or words("outside_units"),
            part.candidate.number,
            dossier.classes.label(part.candidate.class_id, words.language),
            ha,
            mu,
        )
        for part, (ha, mu) in zip(dossier.units.parts, dossier.units.sizes, strict=True)
    )
    return Sheet("parts", words("parts"), heads, rows)


def by_status(dossier: Dossier, words: Words) -> Sheet:
    """Count and area of each state of the review, over all candidates of the run."""
    labels = [words.status(str(row.key)) for row in dossier.by_status.rows]
    counted, every = words.number(len(dossier.candidates)), words.number(dossier.all_count)
    notes = [words("status_note", count=counted, total=every)]
    return _sheet("by_status", "status", [*labels, words("total")], dossier.by_status, words, notes)


def by_reason(dossier: Dossier, words: Words) -> Sheet | None:
    """Count and area of the rejected pseudo-changes by the reason that the reviewer gave."""
    if not dossier.by_reason:
        return None
    labels = [words(f"reason_{row.key}" if row.key != NO_REASON else "no_reason") for row in dossier.by_reason.rows]
    return _sheet("by_reason", "reason", [*labels, words("total")], dossier.by_reason, words, [words("reason_note")])


def accuracy(dossier: Dossier, words: Words) -> list[Sheet]:
    """What the judged sample says of the map: accuracies and areas of each class with 95 % intervals, error matrix."""
    found = dossier.assessment
    if not found:
        return []
    labels = [found.table.label(row.class_id, words.language) for row in found.classes]
    rows: list[tuple[Cell, ...]] = [
        (
            label,
            row.judged,
            words.estimate(row.users, 100, 1),
            words.estimate(row.producers, 100, 1),
            round(row.mapped_ha, DIGITS),
            words.estimate(row.area_ha, 1, DIGITS),
            words.estimate(row.area_mu, 1, DIGITS),
        )
        for label, row in zip(labels, found.classes, strict=True)
    ]
    heads = (
        Head(words("class")),
        Head(words("judged"), 0),
        Head(words("users"), figures=True),
        Head(words("producers"), figures=True),
        Head(words("mapped"), DIGITS),
        Head(words("estimated_ha"), figures=True),
        Head(words("estimated_mu"), figures=True),
    )
    overall = words.estimate(found.overall, 100, 1)
    notes = [
        words("overall", value=overall) if overall else words("no_overall"),
        words("sample_note", judged=found.judged, drawn=found.drawn, undecided=found.undecided, seed=found.seed),
    ]
    if not found.finished:
        notes.append(words("sample_unfinished"))
    if few := [label for label, row in zip(labels, found.classes, strict=True) if row.few]:
        notes.append(words("few_points", classes=words.list(few)))
    if any(cell.endswith("*") for row in (*rows, (overall,)) for cell in row if isinstance(cell, str)):
        notes.append(words("no_interval"))
    matrix: list[tuple[Cell, ...]] = [
        (label, *counts, sum(counts)) for label, counts in zip(labels, found.matrix, strict=True)
    ]
    columns = [sum(column) for column in zip(*found.matrix, strict=True)]
    total: tuple[Cell, ...] = (words("total"), *columns, sum(columns))
    matrix_heads = (Head(words("map_or_reference")), *(Head(label, 0) for label in labels), Head(words("total"), 0))
    return [
        Sheet("accuracy", words("accuracy"), heads, tuple(rows), notes=tuple(notes)),
        Sheet("error_matrix", words("error_matrix"), matrix_heads, (*matrix, total), True, (words("matrix_note"),)),
    ]


def candidates(dossier: Dossier, words: Words) -> Sheet:
    """List the counted candidates, the largest first."""
    heads = {word: Head(words(word), digits) for word, digits in CANDIDATE_COLUMNS.items()}
    if dossier.units:
        heads["unit"] = Head(words("unit"))
    if dossier.farmland:
        heads["on_farmland"] = Head(words("on_farmland"), FINE_DIGITS)
    told = (facts(dossier, one, words) for one in dossier.candidates)
    rows = tuple(tuple(values[word] for word in heads) for values in told)
    return Sheet("candidates", words("sheet"), tuple(heads.values()), rows)


def provenance(dossier: Dossier, words: Words) -> Sheet:
    """Tell the method and where everything came from, as in the PDF."""
    rows = tuple((heading, key, value) for heading, rows in sections(dossier, words) for key, value in rows)
    heads = (Head(words("section")), Head(words("entry")), Head(words("value")))
    return Sheet("provenance", words("method"), heads, rows)


def facts(dossier: Dossier, one: Candidate, words: Words) -> dict[str, Cell]:
    """Return what a receiver is told of a candidate, by the words that head it in tables and exports."""
    verdict = one.verdict
    ha, mu = dossier.sizes[one.number]
    longitude, latitude = (round(degrees, 6) for degrees in one.place)
    told: dict[str, Cell] = {
        "number": one.number,
        "class": dossier.classes.label(one.class_id, words.language),
        "class_id": one.class_id,
        "ha": ha,
        "mu_area": mu,
        "confidence_head": None if one.confidence_mean is None else round(100 * one.confidence_mean, 1),
        "status": words.status(one.status),
        "reviewer": verdict.reviewer if verdict else None,
        "reviewed_on": verdict.given_at[:10] if verdict else None,
        "note": (verdict.note or None) if verdict else None,
        "before": day_of(dossier.record, "before"),
        "after": day_of(dossier.record, "after"),
        "longitude": longitude,
        "latitude": latitude,
    }
    if dossier.units:
        told["unit"] = words.list(dossier.units.of(one)) or words("outside_units")
    if dossier.farmland:
        told["on_farmland"] = round(dossier.farmland.by_candidate[one.number], FINE_DIGITS)
    return told


def _sheet(
    key: str,
    first: str,
    labels: list[str],
    table: Table,
    words: Words,
    notes: list[str],
    more: tuple[Head, list[float]] | None = None,
    count: str = "count",
) -> Sheet:
    """Make a table of counts, areas and shares; `labels` name its rows and its total."""
    heads = [
        Head(words(first)),
        Head(words(count), 0),
        Head(words("ha"), DIGITS),
        Head(words("mu_area"), DIGITS),
        Head(words("share"), 1),
    ]
    rows: list[tuple[Cell, ...]] = [
        (label, row.count, row.area_ha, row.area_mu, row.share)
        for label, row in zip(labels, (*table.rows, table.total), strict=True)
    ]
    if more:
        heads.append(more[0])
        rows = [(*row, value) for row, value in zip(rows, more[1], strict=True)]
    return Sheet(key, words(key), tuple(heads), tuple(rows), total=True, notes=tuple(notes))


def _text(cell: Cell, digits: int | None, words: Words) -> str:
    if cell is None or isinstance(cell, str):
        return cell or ""
    return str(cell) if isinstance(cell, int) and digits is None else words.number(cell, digits or 0)
