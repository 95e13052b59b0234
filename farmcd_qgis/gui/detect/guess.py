"""Which of the project's rasters is the before and which the after image."""

import re
from collections.abc import Sequence

from ...core.dates import date_in

_BEFORE = re.compile(r"(?<![a-z])(before|pre|old|earlier|t1|t0|a)(?![a-z0-9])|前", re.IGNORECASE)
_AFTER = re.compile(r"(?<![a-z])(after|post|new|later|t2|b)(?![a-z0-9])|后|後", re.IGNORECASE)


def is_after(name: str) -> bool:
    """Tell whether a raster calls itself the after image."""
    return _AFTER.search(name) is not None


def guess_pair(names: Sequence[str], dates: Sequence[str | None]) -> tuple[int, int] | None:
    """Return the positions of the likely before and after raster, or None where there are fewer than two.

    The oldest and the youngest date decide (`dates` as known of the layers, else those in the names), then words
    such as "before" or "t2", then the order.
    """
    if len(names) < 2:
        return None
    known = [(date, place) for place, name in enumerate(names) if (date := dates[place] or date_in(name))]
    if len({date for date, _ in known}) > 1:
        return min(known)[1], max(known)[1]
    first = next((place for place, name in enumerate(names) if _BEFORE.search(name)), None)
    second = next((place for place, name in enumerate(names) if _AFTER.search(name) and place != first), None)
    if first is None and second is None:
        return 0, 1
    others = [place for place in range(len(names)) if place not in (first, second)]
    return (
        first if first is not None else others[0],
        second if second is not None else others[0],
    )
