"""Dates in the names and metadata of images."""

import re
from contextlib import suppress
from datetime import date

_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.:]?(0[1-9]|1[0-2])[-_.:]?(0[1-9]|[12]\d|3[01])(?!\d)")
_YEAR = re.compile(r"(?<!\d)(19[5-9]\d|20[0-4]\d)(?!\d)")


def day_in(text: str) -> str | None:
    """Return the first day in a text as "YYYY-MM-DD"; None if there is none."""
    for found in _DAY.finditer(text):
        # The thirtieth of February is a number that only looks like a day.
        with suppress(ValueError):
            return date(*map(int, found.groups())).isoformat()
    return None


def date_in(text: str) -> str | None:
    """Return the first day in a text as "YYYY-MM-DD", else the first year as "YYYY"; None if there is neither."""
    year = _YEAR.search(text)
    return day_in(text) or (year[1] if year else None)
