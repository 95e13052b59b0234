"""Progress and cancel."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a job is. `fraction` is 0..1 over the whole job; `rate` is megapixels per second."""

    stage: str
    fraction: float
    rate: float | None = None
    remaining_s: float | None = None
    message: str = ""


ProgressCallback = Callable[[Progress], None]
IsCancelled = Callable[[], bool]
