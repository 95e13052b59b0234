"""What the engine knows of networks: no more than this, whatever process they are in."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..core.feedback import Feedback

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class TilePredictor(Protocol):
    """What `detect` needs of a predictor; `at_once`, where it has one, says how many tiles keep it busy."""

    tile: int
    device: str

    def predict(self, before: Bytes, after: Bytes) -> tuple[Floats, Floats | None]:
        """Give class probabilities (B, K, T, T) and arbitration (B, T, T) or None for uint8 (B, 3, T, T).

        Probabilities that add up to less than 1 are of a pixel that counts less beside other tiles, the arbitration
        with it; where they add up to nothing, nobody looked.
        """

    def describe(self) -> dict[str, Any]:
        """Give what the record says of it; `arbitration` is False where `predict` gives none."""


class Attending(TilePredictor, Protocol):
    """A predictor whose network can say where it looks; `attends` in `describe` says that it is one."""

    def attention(self, before: Bytes, after: Bytes) -> Floats:
        """Give where it looks, (B, T, T) of any sign and size, for uint8 (B, 3, T, T)."""


class Screen(Protocol):
    """What tells which tiles may hold change at all."""

    def scores(self, before: Bytes, after: Bytes) -> Floats:
        """Give for uint8 (B, 3, T, T) how likely each tile holds change, (B,)."""


class Judge(Protocol):
    """What the referee needs of a CLIP."""

    def margins(self, pictures: Sequence[tuple[Bytes, Bytes]]) -> Floats:
        """Give for pairs of pictures, uint8 (3, h, w), how much more they fit one sentence than the other, (n,)."""


class Networks(Protocol):
    """Who loads networks: `networks.here` in this process, `runtime.network_worker` in one of their own."""

    def predictor(
        self,
        feedback: Feedback,
        checkpoint: str,
        device: str = "auto",
        *,
        tile: int = 256,
        symmetric: bool = False,
        context: Sequence[str] = (),
    ) -> TilePredictor:
        """Load a checkpoint; raises InputError for one, or a device, that cannot be used."""

    def screen(self, feedback: Feedback, checkpoint: str, device: str = "auto") -> Screen:
        """Load the screen of a checkpoint; raises InputError where it has none that can be relied on."""

    def judge(self, feedback: Feedback, weights: str, keep: str, drop: str) -> Judge:
        """Load a CLIP for two sentences; raises InputError for a file without one."""

    def close(self) -> None:
        """Let what was loaded go."""


def in_this_process() -> Networks:
    """Return the networks of this process; by name, since the engine's Python need not have torch."""
    here: Networks = import_module(f"{__name__.split('.')[0]}.networks.here").Here()
    return here
