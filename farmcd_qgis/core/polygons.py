"""How pixels become polygons: the settings of dock, Processing, command line and engine, with their one rule."""

import math
from dataclasses import dataclass
from typing import Literal

from .errors import InputError

# What the widgets offer; the rule takes any tau above 0.
TAU_RANGE = (0.01, 1.0)


@dataclass(frozen=True)
class PolygonSettings:
    """A region is hard where the confidence is below `tau`, 0..1; 4 or 8 neighbours join; what is smaller is left out.

    At a tau of 1 every pixel is hard of which the network is not wholly sure. Raises InputError for values that no
    polygons can be made with.
    """

    tau: float = 0.80
    minimum_mapping_unit_m2: float = 400.0
    connectivity: Literal[4, 8] = 8

    def __post_init__(self) -> None:
        """Hold the values against the rule."""
        if not 0 < self.tau <= 1:
            raise InputError("bad_tau", tau=self.tau)
        if not 0 <= self.minimum_mapping_unit_m2 < math.inf:
            raise InputError("bad_minimum_mapping_unit", minimum_m2=self.minimum_mapping_unit_m2)
        if self.connectivity not in (4, 8):
            raise InputError("bad_connectivity", connectivity=self.connectivity)
