"""Which resolution a network looks at: what a person says, else what the checkpoint says of itself."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ...core.errors import InputError
from ...core.protocol import Finding, RunRequest
from ...networks.card import ModelCard, read_card

# Imagery that is finer by less than this is looked at as it is: resampling would cost more than it brings.
LITTLE_FINER = 1.2
# How far from the imagery's own resolution a person may go, as a ratio.
FINEST, COARSEST = 1 / 8, 64.0
SAME = 0.02


def factor_of(resolution_m: float, asked: float | None, card: ModelCard | None) -> float:
    """Return how many pixels of `resolution_m` the network takes for one of its own.

    `asked` is as `resolution_m` of a RunRequest: None leaves it to the card, by which imagery is never made finer than
    it is. Raises InputError for a resolution that cannot be looked at.
    """
    if asked == 0:
        return 1.0
    if asked is not None:
        factor = asked / resolution_m
        if not FINEST <= factor <= COARSEST:
            finest, coarsest = FINEST * resolution_m, COARSEST * resolution_m
            raise InputError("bad_resolution", asked=asked, resolution_m=resolution_m, finest=finest, coarsest=coarsest)
        return 1.0 if abs(factor - 1) < SAME else factor
    if card is None or card.working_resolution_m is None:
        return 1.0
    factor = card.working_resolution_m / resolution_m
    return factor if factor >= LITTLE_FINER else 1.0


def card_if_readable(request: RunRequest) -> ModelCard | None:
    """Return the card of the request's checkpoint; None where it is of the authors' kind or cannot be read."""
    path = Path(request.checkpoint)
    # What is wrong with it has its own finding.
    with suppress(InputError):
        return read_card(path) if path.suffix == ".safetensors" and path.is_file() else None
    return None


def resolution_findings(request: RunRequest, resolution_m: float, looked_at_m: float) -> Iterator[Finding]:
    """Say at which resolution the imagery is looked at where it isn't its own, and why; and where that is untrained."""
    card = card_if_readable(request)
    ratio = looked_at_m / resolution_m
    values = {"resolution_m": resolution_m, "looked_at_m": looked_at_m}
    if ratio != 1 and request.resolution_m is not None:
        yield Finding("info", "looked_at_as_asked", values)
    elif ratio != 1 and card is not None:
        times = math.floor(ratio * ratio)
        yield Finding("info", "looked_at_coarser", {**values, "checkpoint": card.name, "times": max(times, 2)})
    if card is None or card.resolution_m is None:
        return
    finest, coarsest = card.resolution_m
    if not finest <= looked_at_m <= coarsest:
        trained = {"checkpoint": card.name, "finest": finest, "coarsest": coarsest}
        yield Finding("warning", "resolution_untrained", {"resolution_m": looked_at_m, **trained})
