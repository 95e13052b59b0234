"""How long a run will take: as the last one with this checkpoint and device did, else as on the bench."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ...settings import settings

# Seconds per megapixel: docs/benchmark.md's forward pass of a tile on two cores; a graphics card is guessed.
FIRST_GUESS_S = {"cpu": 22.0, "cuda": 1.0}
# Loading the network, and what does not grow with the image.
STARTING_S = 3.0
MOST_KEPT = 20


def expected_s(checkpoint: str, device: str, devices: Iterable[str], megapixels: float) -> float:
    """Guess the seconds of a run; `devices` are those that "auto" chooses from."""
    kept = _kept().get(_key(checkpoint, device))
    if kept is None:
        faster = any(name.startswith("cuda") for name in (devices if device == "auto" else [device]))
        kept = FIRST_GUESS_S["cuda" if faster else "cpu"]
    return STARTING_S + kept * megapixels


def keep_pace(checkpoint: str, device: str, megapixels: float, seconds: float) -> None:
    """Remember how long a run took."""
    if megapixels > 0 and seconds > STARTING_S:
        others = {key: pace for key, pace in _kept().items() if key != _key(checkpoint, device)}
        rows = [(_key(checkpoint, device), (seconds - STARTING_S) / megapixels), *others.items()]
        settings().pace.setValue([f"{key}={pace:.3g}" for key, pace in rows[:MOST_KEPT]])


def _key(checkpoint: str, device: str) -> str:
    return f"{Path(checkpoint).stem} {device}"


def _kept() -> dict[str, float]:
    found = {}
    for line in settings().pace.value():
        key, _, pace = line.rpartition("=")
        with suppress(ValueError):
            found[key] = float(pace)
    return found
