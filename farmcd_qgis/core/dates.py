"""Dates in the names and metadata of images, and those that a person gives."""

import re
from contextlib import suppress
from datetime import date, timedelta

EARLIEST_YEAR = 1950
_YEAR_OF = r"((?:19[5-9]|20\d)\d)"
# Behind the day, a time may follow without a gap.
_TIME = r"(?=(?:[T_-]?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\d{1,3}|Z)?)?)?(?!\d))"
_DAYS = (
    re.compile(rf"(?<!\d){_YEAR_OF}\s*年\s*(\d{{1,2}})\s*月\s*(\d{{1,2}})\s*[日号號]"),
    re.compile(rf"(?<!\d){_YEAR_OF}([-_.:])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?!\d)"),
    re.compile(rf"(?<!\d){_YEAR_OF}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01]){_TIME}"),
)
# The year and the day of it, as in the names of Landsat's older scenes.
_DAY_OF_YEAR = re.compile(rf"(?<![A-Z0-9])L[A-Z]\d\d{{6}}{_YEAR_OF}(\d{{3}})(?!\d)")
_MONTH = re.compile(rf"(?<!\d){_YEAR_OF}\s*年\s*(\d{{1,2}})\s*月")
_YEAR = re.compile(rf"(?<!\d){_YEAR_OF}(?!\d)")
# Numbers and sizes of tiles come in pairs, such as 2048_1024 or 2000x1500.
_PAIR = re.compile(r"(?<!\d)([1-9]\d{2,4})[_x×-]([1-9]\d{2,4})(?!\d)", re.IGNORECASE)
_GIVEN = re.compile(rf"{_YEAR_OF}(?:[-/.](\d{{1,2}})(?:[-/.](\d{{1,2}}))?)?")
_GIVEN_DAY_FIRST = re.compile(rf"(\d{{1,2}})([./-])(\d{{1,2}})\2{_YEAR_OF}")


def day_in(text: str) -> str | None:
    """Return the first day in a text as "YYYY-MM-DD", none of the future; None if there is none."""
    found = []
    for pattern in _DAYS:
        for match in pattern.finditer(text):
            numbers = [int(group) for group in match.groups() if group and group.isdigit()]
            # The thirtieth of February is a number that only looks like a day.
            with suppress(ValueError):
                found.append((match.start(), date(*numbers)))
    for match in _DAY_OF_YEAR.finditer(text):
        day = date(int(match[1]), 1, 1) + timedelta(days=int(match[2]) - 1)
        if day.year == int(match[1]):
            found.append((match.start(), day))
    past = [(place, day) for place, day in found if day <= _tomorrow()]
    return min(past)[1].isoformat() if past else None


def date_in(text: str) -> str | None:
    """Return the first day in a text as "YYYY-MM-DD", else the month ("YYYY-MM") or year ("YYYY"); None if neither."""
    if day := day_in(text):
        return day
    if (month := _MONTH.search(text)) and 1 <= int(month[2]) <= 12:
        return f"{month[1]}-{int(month[2]):02d}"
    for year in _YEAR.finditer(text):
        if int(year[1]) <= _tomorrow().year and not _is_of_a_pair(text, year.start()):
            return year[1]
    return None


def given_date(text: str) -> str | None:
    """Read the date that a person gives: a year, a month or a day, the year first or last; None if it is none.

    2009, 2009-08, 2009-8-18, 2009/08/18, 20090818, 18.08.2009, 31/08/2020 and 2009年8月18日 are understood; of two
    numbers before a year, the day is the first, unless that cannot be.
    """
    words = text.strip()
    if match := _GIVEN.fullmatch(words):
        return _written(int(match[1]), match[2], match[3])
    if match := _GIVEN_DAY_FIRST.fullmatch(words):
        day, month = match[1], match[3]
        return _written(int(match[4]), month, day) or (None if match[2] == "." else _written(int(match[4]), day, month))
    if re.fullmatch(r"\d{8}(T?\d{4,6}Z?)?", words) or re.match(r"\d{4}-\d\d-\d\d[T ]", words) or "年" in words:
        return date_in(words)
    return None


def is_later(one: str, other: str) -> bool:
    """Tell whether a date is later than another for sure: a year is not later than a day of it."""
    shared = min(len(one), len(other))
    return one[:shared] > other[:shared]


def _written(year: int, month: str | None, day: str | None) -> str | None:
    try:
        first = date(year, int(month or 1), int(day or 1))
    except ValueError:
        return None
    if first > _tomorrow():
        return None
    return first.isoformat()[: 10 if day else 7 if month else 4]


def _is_of_a_pair(text: str, place: int) -> bool:
    """Tell whether the number at a place is one of two that are not both years of the past."""
    pairs = [match for match in _PAIR.finditer(text) if match.start() <= place < match.end()]
    return any(not all(EARLIEST_YEAR <= int(number) <= _tomorrow().year for number in pair.groups()) for pair in pairs)


def _tomorrow() -> date:
    # Where the day begins earlier than here, an image may be of tomorrow.
    return date.today() + timedelta(days=1)
