"""The class table: ids, names, colours, CLIP prompts and translated labels of the classes that a checkpoint knows.

A table belongs to a checkpoint and travels with its runs as JSON (`classes` in the card, in run.json and in the table
`run` of the GeoPackage). What is here is data and one reader of a stranger's table; QGIS, the engine and the networks
all import it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .errors import InputError
from .messages import part

NO_CHANGE = 0
# In labels and references, no row of a table: changed into an unknown class, and nothing known.
UNKNOWN_CLASS = 254
NODATA = 255
MU_PER_HECTARE = 15.0
# The row of a table that says of a place that it has changed and no more.
CHANGE = "change"
LARGEST_ID = 250
LONGEST_TEXT = 200


@dataclass(frozen=True)
class ChangeClass:
    """One row of a class table.

    `colour` is `#rrggbb`; `prompt` is the category prompt of the text encoder, "" where a network reads none; `labels`
    are the words for people by language ("en", "zh"). `predicted` is False for a class that only a reviewer gives.
    """

    id: int
    name: str
    colour: str
    prompt: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    predicted: bool = True

    def label(self, language: str = "en") -> str:
        """Name the class for people in a language ("zh_CN" is Chinese), in English where that lacks."""
        labels = self.labels
        return labels.get(language[:2]) or labels.get("en") or next(iter(labels.values()), self.name)


@dataclass(frozen=True)
class ClassTable:
    """The rows in the order of their ids, 0 (no change) first; those that the network predicts stand at the front.

    A row's id is its place, hence the index of the network's output as well.
    """

    rows: tuple[ChangeClass, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, class_id: int) -> ChangeClass:
        """Return the row of an id, `UNKNOWN_CLASS` included; raises KeyError for one that the table does not have."""
        if class_id == UNKNOWN_CLASS:
            return UNKNOWN
        if not 0 <= class_id < len(self.rows):
            raise KeyError(f"class id {class_id} is not in the class table (0-{len(self.rows) - 1})")
        return self.rows[class_id]

    def __contains__(self, class_id: object) -> bool:
        return isinstance(class_id, int) and 0 <= class_id < len(self.rows)

    @property
    def predicted(self) -> tuple[ChangeClass, ...]:
        """The rows that the network tells apart, "no change" included."""
        return tuple(row for row in self.rows if row.predicted)

    @property
    def changes(self) -> tuple[ChangeClass, ...]:
        """The rows that are changes."""
        return self.rows[NO_CHANGE + 1 :]

    @property
    def known(self) -> tuple[ChangeClass, ...]:
        """The rows that are changes into a known class: what a reviewer chooses among."""
        return tuple(row for row in self.changes if row.name != CHANGE)

    @property
    def unknown(self) -> int | None:
        """The id of "changed, class unknown"; None for a table that has a class for every change."""
        return next((row.id for row in self.changes if row.name == CHANGE), None)

    def label(self, class_id: int, language: str = "en") -> str:
        """Name an id for people; one that the table does not have (255 included) is called by its number."""
        known = class_id in self or class_id == UNKNOWN_CLASS
        return self[class_id].label(language) if known else f"#{class_id}"

    def find(self, name: str) -> ChangeClass | None:
        """Return the row of a name."""
        return next((row for row in self.rows if row.name == name), None)

    def translate(self, class_id: int, target: "ClassTable") -> int:
        """Return the id that another table has for one's class, by name; `UNKNOWN_CLASS` for a change it has not."""
        if class_id == NO_CHANGE:
            return NO_CHANGE
        named = class_id in self and class_id != self.unknown
        there = target.find(self[class_id].name) if named else None
        return UNKNOWN_CLASS if there is None else there.id

    def to_json(self) -> list[dict[str, Any]]:
        """Return the table as JSON holds it: a list of its rows."""
        return [asdict(row) | {"labels": dict(row.labels)} for row in self.rows]

    @classmethod
    def from_json(cls, rows: Any, where: str = "") -> "ClassTable":
        """Read a table of a checkpoint or a run, which may be a stranger's; `where` names that for the sentence.

        None, as in old checkpoints and runs, is the five classes; a list of names, as in old cards, is the built-in
        table whose network has those outputs. Raises InputError for anything that is no table.
        """
        if rows is None:
            return FIVE
        if not isinstance(rows, list | tuple) or not rows:
            raise _refused(where, part("class_table_no_list"))
        if all(isinstance(row, str) for row in rows):
            named = (table for table in (FIVE, BINARY) if [row.name for row in table.predicted] == list(rows))
            if (table := next(named, None)) is None:
                raise _refused(where, part("class_table_names", names=[str(name)[:40] for name in rows[:8]]))
            return table
        if len(rows) > LARGEST_ID + 1:
            raise _refused(where, part("class_table_long", count=len(rows), most=LARGEST_ID + 1))
        table = cls(tuple(_row(row, number, where) for number, row in enumerate(rows)))
        names = [row.name for row in table.rows]
        if twice := [name for name in names if names.count(name) > 1]:
            raise _refused(where, part("class_table_twice", name=twice[0]))
        if len(table.predicted) < 2 or not all(row.predicted for row in table.rows[: len(table.predicted)]):
            raise _refused(where, part("class_table_predicted"))
        return table


def table_of(about: Mapping[str, Any], where: str = "") -> ClassTable:
    """Read the class table of a run's record or of what a predictor says of itself; the five classes where it is old.

    The key `classes` counts; without it, `classes` of the card. Raises InputError for anything that is no table.
    """
    if "classes" in about:
        return ClassTable.from_json(about["classes"], where)
    predictor = about.get("predictor", about)
    card = predictor.get("card") if isinstance(predictor, Mapping) else None
    found = card.get("classes") if isinstance(card, Mapping) else getattr(card, "classes", None)
    return found if isinstance(found, ClassTable) else ClassTable.from_json(found, where)


def _row(row: Any, number: int, where: str) -> ChangeClass:
    if not isinstance(row, Mapping):
        raise _refused(where, part("class_table_no_row", number=number))
    name, labels, prompt = row.get("name"), row.get("labels", {}), row.get("prompt", "")
    if not isinstance(labels, Mapping) or not all(isinstance(key, str) and len(key) == 2 for key in labels):
        raise _refused(where, part("class_table_text", number=number, field="labels"))
    for field_, text in {**labels, "name": name, "prompt": prompt or name}.items():
        if not _is_plain(text):
            raise _refused(where, part("class_table_text", number=number, field=field_))
    if type(row.get("id")) is not int or row["id"] != number:
        raise _refused(where, part("class_table_id", number=number, id=str(row.get("id"))[:40]))
    colour = row.get("colour")
    if not isinstance(colour, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise _refused(where, part("class_table_colour", number=number, colour=str(colour)[:40]))
    predicted = row.get("predicted", True)
    if not isinstance(predicted, bool):
        raise _refused(where, part("class_table_predicted"))
    return ChangeClass(number, str(name), colour.lower(), str(prompt), dict(labels), predicted)


def _is_plain(text: Any) -> bool:
    """Say whether a text is nothing but itself in a legend, a web page, a spreadsheet and a print layout."""
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_TEXT or not text.isprintable():
        return False
    return text[0].isalnum() and not set(text) & set("<>") and "[%" not in text


def _refused(where: str, reason: dict[str, Any]) -> InputError:
    return InputError("bad_class_table", where=where, reason=reason)


# The colours are of the palette of Okabe and Ito, which colour-blind people can tell apart; the prompts are those of
# the authors' code (docs/methods/fd_mamba.md).
FIVE = ClassTable(
    (
        ChangeClass(0, "no_change", "#000000", "no change", {"en": "No change", "zh": "未变化"}),
        ChangeClass(1, "bareland", "#e69f00", "farmland change to bareland", {"en": "Bareland", "zh": "裸地"}),
        ChangeClass(2, "building", "#cc79a7", "farmland change to building", {"en": "Building", "zh": "建筑"}),
        ChangeClass(3, "road", "#f0e442", "farmland change to road", {"en": "Road", "zh": "道路"}),
        ChangeClass(4, "vegetation", "#009e73", "farmland change to vegetation", {"en": "Vegetation", "zh": "植被"}),
        ChangeClass(5, "water", "#0072b2", "farmland change to water", {"en": "Water", "zh": "水体"}),
    )
)
UNKNOWN = ChangeClass(
    UNKNOWN_CLASS,
    CHANGE,
    "#d55e00",
    "significant land cover change",
    {"en": "Changed, class unknown", "zh": "有变化，类别未知"},
)
# What a binary network tells, and the five classes, that a reviewer may give to what it found.
BINARY = ClassTable(
    (
        FIVE[NO_CHANGE],
        replace(UNKNOWN, id=1),
        *(replace(row, id=row.id + 1, predicted=False) for row in FIVE.changes),
    )
)
