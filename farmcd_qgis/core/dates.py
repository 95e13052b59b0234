"""Dates in the names and metadata of images, and those that a person gives."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta

EARLIEST_YEAR = 1950
_YEAR_OF = r"((?:19[5-9]|20\d)\d)"
_DAY_OR_MONTH = r"(0?[1-9]|[12]\d|3[01])"
_TWO_DIGITS = r"(0[1-9]|[12]\d|3[01])"
# Behind the day, a time may follow without a gap.
_TIME = r"(?=(?:[T_-]?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\d{1,3}|Z)?)?)?(?!\d))"
_MONTHS = "jan(?:uary)? feb(?:ruary)? mar(?:ch)? apr(?:il)? may june? july? aug(?:ust)? sept?(?:ember)? oct(?:ober)?"
_MONTHS += " nov(?:ember)? dec(?:ember)?"
_NAMED_MONTH = f"({'|'.join(_MONTHS.split())})"
# Numbers and sizes of tiles come in pairs, such as 2048_1024 or 2000x1500.
_PAIR = re.compile(r"(?<!\d)([1-9]\d{2,4})[_x×-]([1-9]\d{2,4})(?!\d)", re.IGNORECASE)
_YEAR = re.compile(rf"(?<!\d){_YEAR_OF}(?!\d)")
_SIGNS = "零一二三四五六七八九"
_SPELT = re.compile(rf"[{_SIGNS}〇○十廿]+(?=\s*[年月日号號])")


def _ymd(year: str, month: str, day: str) -> date:
    return date(int(year), int(month), int(day))


def _day_first(day: str, month: str, year: str) -> date:
    """Of two numbers before a year, the day is the first, unless that cannot be."""
    with suppress(ValueError):
        return _ymd(year, month, day)
    return _ymd(year, day, month)


def _named(month: str) -> str:
    return str([name[:3] for name in _MONTHS.split()].index(month[:3].lower()) + 1)


def _day_of_year(year: str, day: str) -> date:
    found = date(int(year), 1, 1) + timedelta(days=int(day) - 1)
    if found.year != int(year):
        raise ValueError(day)
    return found


def _week(year: str, week: str) -> date:
    # A week belongs to the month, as to the year, in which its Thursday lies.
    return date.fromisocalendar(int(year), int(week), 4)


# What is read of a match's groups raises ValueError where it is no date: the thirtieth of February only looks like one.
_Reader = tuple[re.Pattern[str], Callable[..., date]]
_DAYS: tuple[_Reader, ...] = (
    (re.compile(rf"(?<!\d){_YEAR_OF}\s*年\s*(\d{{1,2}})\s*月\s*(\d{{1,2}})\s*[日号號]"), _ymd),
    (re.compile(rf"(?<!\d){_YEAR_OF}(?P<gap>[-_.:/])(0?[1-9]|1[0-2])(?P=gap){_DAY_OR_MONTH}(?!\d)"), _ymd),
    (re.compile(rf"(?<!\d){_YEAR_OF}(0[1-9]|1[0-2]){_TWO_DIGITS}{_TIME}"), _ymd),
    (re.compile(rf"(?<![\d.]){_DAY_OR_MONTH}\.{_DAY_OR_MONTH}\.{_YEAR_OF}(?!\d)"), lambda d, m, y: _ymd(y, m, d)),
    (re.compile(rf"(?<![\d-]){_DAY_OR_MONTH}(?P<gap>[-/]){_DAY_OR_MONTH}(?P=gap){_YEAR_OF}(?!\d)"), _day_first),
    (re.compile(rf"(?<!\d){_TWO_DIGITS}{_TWO_DIGITS}{_YEAR_OF}(?!\d)"), _day_first),
    (
        re.compile(rf"(?<!\d){_DAY_OR_MONTH}[-_. ]?{_NAMED_MONTH}[-_., ]{{0,2}}{_YEAR_OF}(?!\d)", re.IGNORECASE),
        lambda day, month, year: _ymd(year, _named(month), day),
    ),
    (
        re.compile(rf"(?<!\d){_YEAR_OF}[-_. ]?{_NAMED_MONTH}[-_. ]?{_DAY_OR_MONTH}(?!\d)", re.IGNORECASE),
        lambda year, month, day: _ymd(year, _named(month), day),
    ),
    (
        re.compile(rf"(?<![A-Za-z]){_NAMED_MONTH}[-_. ]?{_DAY_OR_MONTH}[-_., ]{{1,2}}{_YEAR_OF}(?!\d)", re.IGNORECASE),
        lambda month, day, year: _ymd(year, _named(month), day),
    ),
    (
        re.compile(rf"(?<!\d){_YEAR_OF}-?W(\d\d)-?([1-7])(?!\d)", re.IGNORECASE),
        lambda year, week, day: date.fromisocalendar(int(year), int(week), int(day)),
    ),
    # The year and the day of it, as in the names of Landsat's older scenes and of MODIS.
    (re.compile(rf"(?<![A-Z0-9])(?:L[A-Z]\d\d{{6}}|A){_YEAR_OF}(\d{{3}})(?!\d)"), _day_of_year),
)
_MONTHS_OF: tuple[_Reader, ...] = (
    (re.compile(rf"(?<!\d){_YEAR_OF}\s*年\s*(\d{{1,2}})\s*月"), lambda year, month: _ymd(year, month, "1")),
    # With a third number behind, it is a day that there is not, or the number of something else.
    (
        re.compile(rf"(?<!\d){_YEAR_OF}(?P<gap>[-_./]?)(0[1-9]|1[0-2])(?!\d|(?P=gap)\d)"),
        lambda year, month: _ymd(year, month, "1"),
    ),
    (
        re.compile(rf"(?<!\d)(0[1-9]|1[0-2])[-./]{_YEAR_OF}(?!\d|[-./]\d)"),
        lambda month, year: _ymd(year, month, "1"),
    ),
    (
        re.compile(rf"(?<![A-Za-z]){_NAMED_MONTH}[-_., ]{{0,2}}{_YEAR_OF}(?!\d)", re.IGNORECASE),
        lambda month, year: _ymd(year, _named(month), "1"),
    ),
    (
        re.compile(rf"(?<!\d){_YEAR_OF}[-_. ]?{_NAMED_MONTH}(?![a-z0-9])", re.IGNORECASE),
        lambda year, month: _ymd(year, _named(month), "1"),
    ),
    (re.compile(rf"(?<!\d){_YEAR_OF}-?W(\d\d)(?![\d-])", re.IGNORECASE), _week),
)
_GIVEN = re.compile(rf"{_YEAR_OF}(?:[-/.](\d{{1,2}})(?:[-/.](\d{{1,2}}))?)?")


def day_in(text: str) -> str | None:
    """Return the first day in a text as "YYYY-MM-DD", none of the future; None if there is none."""
    found = min(_all(_DAYS, _plain(text)), default=None)
    return found[1].isoformat() if found else None


def date_in(text: str) -> str | None:
    """Return the first day in a text as "YYYY-MM-DD", else the month ("YYYY-MM") or year ("YYYY"); None if neither.

    Digits may be those of any script, and Chinese signs before 年, 月 and 日. Of two numbers before a year, the day is
    the first, unless that cannot be.
    """
    text = _plain(text)
    if day := day_in(text):
        return day
    if month := min(_all(_MONTHS_OF, text), default=None):
        return month[1].isoformat()[:7]
    for year in _YEAR.finditer(text):
        if int(year[1]) <= _tomorrow().year and not _is_of_a_pair(text, year.start()):
            return year[1]
    return None


def given_date(text: str) -> str | None:
    """Read the date that a person gives: a year, a month or a day, the year first or last; None if it is none.

    2009, 2009-08, 2009-8-18, 2009/08/18, 20090818, 18.08.2009, 31/08/2020, 18 Aug 2009, 2009-W34 and 2009年8月18日 are
    understood, as within names (`date_in`), but nothing may stand beside them.
    """
    words = _plain(text).strip()
    if match := _GIVEN.fullmatch(words):
        return _written(int(match[1]), match[2], match[3])
    whole = any(pattern.fullmatch(words) for pattern, _ in (*_DAYS, *_MONTHS_OF))
    if whole or re.fullmatch(r"\d{8}(T?\d{4,6}Z?)?", words) or re.match(r"\d{4}-\d\d-\d\d[T ]", words):
        found = date_in(words)
        # What looks like a day, and is none, is no year either.
        return found if found and len(found) > len("2009") else None
    return None


def is_later(one: str, other: str) -> bool:
    """Tell whether a date is later than another for sure: a year is not later than a day of it."""
    shared = min(len(one), len(other))
    return one[:shared] > other[:shared]


def _plain(text: str) -> str:
    """Write numbers in the digits 0 to 9, whatever their script or width."""
    text = _SPELT.sub(lambda match: _number_of(match[0]), unicodedata.normalize("NFKC", text))
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)


def _number_of(signs: str) -> str:
    signs = signs.replace("〇", "零").replace("○", "零").replace("廿", "二十")
    if "十" not in signs:
        return "".join(str(_SIGNS.index(sign)) for sign in signs)
    tens, _, ones = signs.partition("十")
    numbers = [_SIGNS.find(part) if len(part) == 1 else -1 for part in (tens or "一", ones or "零")]
    return signs if min(numbers) < 0 else str(10 * numbers[0] + numbers[1])


def _all(readers: tuple[_Reader, ...], text: str) -> Iterator[tuple[int, date]]:
    """Yield the places and the dates, none of the future."""
    for pattern, read in readers:
        for match in pattern.finditer(text):
            gap = match.re.groupindex.get("gap")
            groups = [group for number, group in enumerate(match.groups(), start=1) if number != gap]
            with suppress(ValueError):
                if (found := read(*groups)) <= _tomorrow():
                    yield match.start(), found


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
