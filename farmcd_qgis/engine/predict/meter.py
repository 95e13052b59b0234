"""How far a run is, and how long it still takes, by what tiles have cost so far."""

import time
from collections.abc import Callable
from typing import Any

from ...core.feedback import Feedback, Progress

PROGRESS_S = 0.2
# Seconds per megapixel of result that follow the last tile (compressing, polygons), until a run has its own figure:
# where tiles were predicted, and where the result is empty.
TAIL_S_PER_MEGAPIXEL = 0.3
EMPTY_S_PER_MEGAPIXEL = 0.01
# How much the latest batch counts for the pace; about the last fifty count.
FRESH = 0.04


class Meter:
    """Tells how far a run is, at most five times a second; its fraction is of time and never goes back.

    The time that is left is that of the tiles that are left, at the pace of the latest, empty ones among them, and
    of what follows the tiles.
    """

    def __init__(self, feedback: Feedback, clock: Callable[[], float] = time.monotonic) -> None:
        self._feedback = feedback
        self._clock = clock
        self._last = Progress("", 0.0)
        self._sent = 0.0
        self._pace = _Pace()
        self._left = self._before = 0
        self._begun = self._looked = clock()
        self._tail_s = self._tail_begun = self._tail_from = 0.0

    def begin_tiles(self, total: int, done: int, megapixels: float, empty: float = 0.0) -> None:
        """Start the clock of the prediction of `total` tiles, of which an earlier process has done `done`.

        `megapixels` is the size of the result where there are tiles, `empty` where there are none, for what follows
        the prediction.
        """
        self._begun = self._looked = self._clock()
        self._left, self._before = total - done, done
        self._tail_s = megapixels * TAIL_S_PER_MEGAPIXEL + empty * EMPTY_S_PER_MEGAPIXEL
        # How long it takes is known after the first tile; that nothing is loaded any more is known now.
        self.send("predicting", 0.0)

    def tiles(self, count: int, megapixels: float) -> None:
        """Report that `count` tiles more were predicted or proved empty; `megapixels` were predicted in all."""
        now = self._clock()
        if count:
            self._pace.add(count, now - self._looked)
            self._looked = now
            self._left -= count
        per_tile = self._pace.seconds_per_tile
        elapsed = max(now - self._begun, 1e-6)
        remaining = self._left * per_tile + self._tail_s
        passed = elapsed + self._before * per_tile
        self.send("predicting", passed / (passed + remaining), megapixels / elapsed, remaining)

    def part(self, step: Progress) -> None:
        """Report how far blocks are that other processes compute; the rest of the run takes a tenth of the whole."""
        share = 0.9 * step.fraction
        elapsed = self._clock() - self._begun
        remaining = elapsed * (1 - share) / share if share else None
        self.send(step.stage, share, None, remaining, step.message)

    def tail(self, step: Progress) -> None:
        """Report what follows the prediction; the step's fraction is 0..1 over all of it."""
        stage, part = step.stage, step.fraction
        now = self._clock()
        if not self._tail_begun:
            self._tail_begun, self._tail_from = now, self._last.fraction
        remaining = self._tail_s * (1 - part)
        if part > 0.1:
            remaining = (now - self._tail_begun) * (1 - part) / part
        self.send(stage, self._tail_from + (1 - self._tail_from) * part, None, remaining)

    def send(
        self,
        stage: str,
        fraction: float,
        rate: float | None = None,
        remaining: float | None = None,
        message: Any = "",
    ) -> None:
        """Send one report unless the last was a moment ago; a new stage is always told."""
        moment = self._clock()
        if stage == self._last.stage and moment - self._sent < PROGRESS_S:
            return
        self._last = Progress(stage, max(self._last.fraction, min(fraction, 1.0)), rate, remaining, message)
        self._sent = moment
        self._feedback.on_progress(self._last)


class _Pace:
    """What tiles cost lately: a running mean that forgets the slow first ones."""

    def __init__(self) -> None:
        self._tiles = self._seconds = 0.0
        self._batches = 0

    def add(self, tiles: int, seconds: float) -> None:
        self._batches += 1
        # The first batch has the network warm up, which no later one does.
        fade = 0.0 if self._batches == 2 else 1 - FRESH
        self._tiles = self._tiles * fade + tiles
        self._seconds = self._seconds * fade + seconds

    @property
    def seconds_per_tile(self) -> float:
        """Seconds that one of the tiles to come takes."""
        return self._seconds / max(self._tiles, 1e-9)
