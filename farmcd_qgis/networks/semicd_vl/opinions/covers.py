"""The land covers that an opinion tells apart: prompts, the split into foreground and background, and classes: data."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from ....core.classes import FIVE, NO_CHANGE
from ....core.errors import InputError, Reason
from ....core.messages import why
from ..rules import AUTHORS_RULE, PARCEL_RULE, EventRule, Rule

TEMPLATES = ("a satellite image of {}.", "an aerial photo of {}.", "{} seen from above.")


@dataclass(frozen=True)
class Cover:
    """One land cover.

    `prompts` are words for it, which count together; ground of the foreground is what farmland must not become, and
    `becomes` is the class id of farmland that is now this cover (0: no change).
    """

    name: str
    prompts: tuple[str, ...]
    foreground: bool
    becomes: int = NO_CHANGE


@dataclass(frozen=True)
class Covers:
    """All covers in the order of an opinion's probabilities, and the sentences that their prompts are set into.

    `both_ways` says that foreground that went is a change as well (a house that was pulled down); for farmland it is
    none, since bare soil that became a crop is rotation. `rule` says which instances of such covers are events.
    """

    name: str
    rows: tuple[Cover, ...]
    templates: tuple[str, ...] = TEMPLATES
    both_ways: bool = False
    rule: EventRule = PARCEL_RULE

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def foreground(self) -> frozenset[int]:
        """The numbers of the covers of the foreground."""
        return frozenset(number for number, row in enumerate(self.rows) if row.foreground)

    @property
    def becomes(self) -> tuple[int, ...]:
        """The class id of each cover."""
        return tuple(row.becomes for row in self.rows)

    def sentences(self) -> dict[str, tuple[str, ...]]:
        """Return {cover: every prompt in every template}, for an encoder of text."""
        return {
            row.name: tuple(template.format(prompt) for prompt in row.prompts for template in self.templates)
            for row in self.rows
        }

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, which `covers_from` reads again."""
        rows = [
            {"name": r.name, "prompts": list(r.prompts), "foreground": r.foreground, "becomes": r.becomes}
            for r in self.rows
        ]
        own: dict[str, Any] = {"name": self.name, "templates": list(self.templates), "both_ways": self.both_ways}
        own["rule"] = asdict(self.rule)
        return own | {"covers": rows}


def _one(name: str, foreground: bool, becomes: int = NO_CHANGE, *more: str) -> Cover:
    return Cover(name, (name, *more), foreground, becomes)


# What the authors asked APE for. Their scheme is binary: new houses, as class 2 (building).
AUTHORS = Covers(
    "authors",
    (
        _one("house", True, 2),
        _one("building", True, 2),
        _one("road", False),
        _one("grass", False),
        _one("tree", False),
        _one("water", False),
    ),
    both_ways=True,
    rule=AUTHORS_RULE,
)
FARMLAND = Covers(
    "farmland",
    (
        _one("bareland", True, 1, "bare soil", "a construction site"),
        _one("building", True, 2, "a roof", "a greenhouse"),
        _one("road", True, 3, "a paved road"),
        _one("water", True, 5, "a pond", "a river"),
        _one("farmland", False, NO_CHANGE, "a crop field", "a rice paddy", "a ploughed field"),
        _one("vegetation", False, NO_CHANGE, "trees", "grassland"),
    ),
)
# What a segmenter of single images learns from masks of class ids: its output k is class k; output 0, of which masks
# have no pixel, is ground that it has no name for.
LAND_COVER = Covers(
    "land_cover",
    (
        _one("nothing known", False),
        _one("bareland", True, 1),
        _one("building", True, 2),
        _one("road", True, 3),
        _one("vegetation", False),
        _one("water", True, 5),
    ),
)
# The same where farmland itself is taken for bareland, and dark crops for water: buildings and roads alone tell.
BUILT_UP = Covers(
    "built_up",
    (
        _one("nothing known", False),
        _one("bareland", False),
        _one("building", True, 2),
        _one("road", True, 3),
        _one("vegetation", False),
        _one("water", False),
    ),
)
KNOWN = {covers.name: covers for covers in (AUTHORS, FARMLAND, LAND_COVER, BUILT_UP)}


def rule_from(values: Mapping[str, Any]) -> EventRule:
    """Read a rule for instances, the one for parcels where nothing is said; raises ValueError for an unknown one."""
    kind, at_most = values.get("kind", PARCEL_RULE.kind), float(values.get("at_most", PARCEL_RULE.at_most))
    if kind not in get_args(Rule) or not 0 <= at_most < math.inf:
        raise Reason("bad_instance_rule", kind=kind, at_most=at_most)
    return EventRule(kind, at_most)


def covers_from(values: str | Mapping[str, Any]) -> Covers:
    """Read covers from a recipe or a checkpoint: a name of `KNOWN`, or a table as `Covers.as_dict` gives it.

    Raises InputError for an unknown name, a row that lacks something, a class id that the class table does not have,
    and covers that all lie on one side, between which nothing can change.
    """
    if isinstance(values, str):
        if values not in KNOWN:
            raise InputError("covers_unknown", name=values, known=", ".join(KNOWN))
        return KNOWN[values]
    name = str(values.get("name", "own"))
    try:
        rows = tuple(
            Cover(
                str(row["name"]),
                tuple(str(prompt) for prompt in row.get("prompts", [row["name"]])),
                bool(row["foreground"]),
                int(row.get("becomes", NO_CHANGE)),
            )
            for row in values["covers"]
        )
        templates = tuple(str(template) for template in values.get("templates", TEMPLATES))
        rule = rule_from(values.get("rule", {}))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError("covers_incomplete", name=name, reason=why(error)) from error
    unknown = sorted({row.becomes for row in rows} - {row.id for row in FIVE.rows})
    if unknown:
        raise InputError("covers_class", name=name, seen=", ".join(map(str, unknown)), last=len(FIVE) - 1)
    if len({row.foreground for row in rows}) < 2:
        raise InputError("covers_one_side", name=name, count=len(rows))
    return Covers(name, rows, templates, bool(values.get("both_ways", False)), rule)
