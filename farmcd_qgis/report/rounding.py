"""How the report rounds: columns add up to their rounded total."""

import math
from collections.abc import Sequence

# In the tables: hectares and mu have two decimals, as offices print them; a candidate's own hectares have four.
DIGITS = 2
FINE_DIGITS = 4


def add_up(values: Sequence[float], digits: int) -> list[float]:
    """Round values to `digits` so that they add up to their rounded sum (largest remainders)."""
    scale = 10**digits
    scaled = [value * scale for value in values]
    whole = [math.floor(value) for value in scaled]
    missing = round(round(math.fsum(values), digits) * scale) - sum(whole)
    by_remainder = sorted(range(len(values)), key=lambda index: whole[index] - scaled[index])
    for index in by_remainder[:missing]:
        whole[index] += 1
    return [value / scale for value in whole]
