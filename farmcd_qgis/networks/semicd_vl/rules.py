"""By which overlap an instance is an event of change."""

from dataclasses import dataclass
from typing import Literal

Rule = Literal["sum", "union"]


@dataclass(frozen=True)
class EventRule:
    """When an instance is an event: where its overlap with the other date's is at most `at_most`.

    `sum` is the sum of its IoU with every instance of the other date (the authors', with 0.0); `union` its IoU with
    the union of those that it touches, for parcels, which always touch (section 1.4).
    """

    kind: Rule = "sum"
    at_most: float = 0.0


AUTHORS_RULE = EventRule()


PARCEL_RULE = EventRule("union", 0.3)
