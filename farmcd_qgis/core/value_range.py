"""Which values of a raster become black and white, as a person gives them: 0:3000, one for each band, or 1:99%."""

import math
from dataclasses import dataclass

from .errors import InputError

BANDS = 3


@dataclass(frozen=True)
class ValueRange:
    """Lowest and highest value of all bands, or of each of the three; in percent of the pixels where `by_share`."""

    pairs: tuple[tuple[float, float], ...]
    by_share: bool = False

    def of_bands(self) -> list[tuple[float, float]]:
        """Return the pair of each of the three bands."""
        return list(self.pairs if len(self.pairs) == BANDS else self.pairs * BANDS)


def parse_range(text: str | None, role: str) -> ValueRange | None:
    """Read "LOW:HIGH", three of those with commas between them, or "LOW:HIGH%"; None for none.

    Raises InputError for what is no range.
    """
    words = (text or "").replace(" ", "")
    if not words:
        return None
    by_share = words.endswith("%")
    try:
        pairs = [_pair(pair) for pair in words.removesuffix("%").split(",")]
    except ValueError:
        pairs = []
    if len(pairs) not in (1, BANDS) or not all(_is_range(low, high, by_share) for low, high in pairs):
        raise InputError("bad_value_range", role=role, text=text)
    return ValueRange(tuple(pairs), by_share)


def _pair(text: str) -> tuple[float, float]:
    low, high = text.removesuffix("%").split(":")
    return float(low), float(high)


def _is_range(low: float, high: float, by_share: bool) -> bool:
    inside = not by_share or (low >= 0 and high <= 100)
    return math.isfinite(low) and math.isfinite(high) and low < high and inside
