"""The words of the report in English or Chinese, and how numbers, dates and places are written in each."""

from collections.abc import Sequence
from datetime import datetime

from qgis.PyQt.QtCore import QDate, QLocale

from ..accuracy.estimates import Estimate
from ..core.messages import catalogue, fill
from ..review.verdicts import STATUSES, UNKNOWN


class Words:
    """The report's words in one language; `words("key", name=value)` gives a sentence of resources/i18n/report.toml."""

    def __init__(self, language: str) -> None:
        self.language = "zh" if language.startswith("zh") else "en"
        self._texts = catalogue("report")

    def __call__(self, key: str, **values: object) -> str:
        """Return a text of the report with its places filled."""
        return fill(self._texts[key], values, self.language)

    def status(self, status: str) -> str:
        """Name what the review says of a candidate; a status of other programs stays as it is."""
        return self(status) if status in (*STATUSES, UNKNOWN) else status

    def join(self, sentences: list[str]) -> str:
        """Make a paragraph of sentences."""
        return ("" if self.language == "zh" else " ").join(sentences)

    def list(self, names: Sequence[str]) -> str:
        """Write names one after the other."""
        return ("、" if self.language == "zh" else ", ").join(names)

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number with thousands separated and a fixed count of digits after the point."""
        return f"{value:,.{digits}f}"

    def estimate(self, found: Estimate | None, factor: float, digits: int) -> str:
        """Write an estimate with half of its 95 % interval, or a bound where its points are all alike; nothing where
        nothing can be said."""
        if found is None:
            return ""
        scaled = found.times(factor)
        value = self.number(scaled.value, digits)
        if scaled.margin is not None:
            return f"{value} ± {self.number(scaled.margin, digits)}"
        if scaled.told:
            return value
        if scaled.lower is not None:
            return f"{value} (≥ {self.number(scaled.lower, digits)})"
        return f"{value} *" if scaled.upper is None else f"{value} (≤ {self.number(scaled.upper, digits)})"

    def percent(self, share: float) -> str:
        """Write a share 0..1 as percents."""
        return f"{100 * share:.0f} %" if self.language == "en" else f"{100 * share:.0f}%"

    def day(self, iso: str | None) -> str:
        """Write the day of an ISO 8601 text."""
        day = QDate.fromString((iso or "")[:10], "yyyy-MM-dd")
        if not day.isValid():
            return self("unknown_date")
        if self.language == "zh":
            return f"{day.year()}年{day.month()}月{day.day()}日"
        return QLocale(QLocale.Language.English).toString(day, "d MMMM yyyy")

    def today(self) -> str:
        """Write the present day."""
        return self.day(datetime.now().date().isoformat())

    def place(self, longitude: float, latitude: float) -> str:
        """Write a place in WGS 84 to about a metre."""
        if self.language == "zh":
            east, north = "东经" if longitude >= 0 else "西经", "北纬" if latitude >= 0 else "南纬"
            return f"{north}{abs(latitude):.5f}° {east}{abs(longitude):.5f}°"
        east, north = "E" if longitude >= 0 else "W", "N" if latitude >= 0 else "S"
        return f"{abs(latitude):.5f}° {north}, {abs(longitude):.5f}° {east}"


def map_link(longitude: float, latitude: float) -> str:
    """Return an address that shows a place on a map in any browser, at a desk as on a phone; nothing fetches it."""
    place = f"{latitude:.6f}", f"{longitude:.6f}"
    return f"https://www.openstreetmap.org/?mlat={place[0]}&mlon={place[1]}#map=17/{place[0]}/{place[1]}"
