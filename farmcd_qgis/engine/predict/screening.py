"""Tiles that a checkpoint's screen holds to be without change are not predicted."""

from typing import Any

import numpy as np

from ...core.classes import table_of
from ...core.feedback import Feedback
from ...core.protocol import RunRequest
from ..seam import Bytes, Floats, Networks, Screen, TilePredictor

# Of the tiles that a predictor has at once: few of them may be left.
TILES = 4


class Screened:
    """A predictor that predicts what its screen lets through; of other tiles it says nothing, not even "no change"."""

    def __init__(self, predictor: TilePredictor, screen: Screen, checkpoint: str) -> None:
        self.tile, self.device = predictor.tile, predictor.device
        self.at_once = TILES * getattr(predictor, "at_once", 1)
        self._predictor, self._screen = predictor, screen
        about = predictor.describe()
        self._threshold = float(about["card"]["screening"]["threshold"])
        self._classes = len(table_of(about, checkpoint).predicted)
        self._with_arbitration = bool(about.get("arbitration", True))

    def describe(self) -> dict[str, Any]:
        """Say what the predictor says."""
        return self._predictor.describe()

    def attention(self, before: Bytes, after: Bytes) -> Floats:
        """Say where the network looks, in every tile."""
        found: Floats = getattr(self._predictor, "attention")(before, after)  # noqa: B009 not every predictor has it
        return found

    def predict(self, before: Bytes, after: Bytes) -> tuple[Floats, Floats | None]:
        """Predict as `TilePredictor` does; zeros where nobody looked."""
        seen = self._screen.scores(before, after) >= self._threshold
        if seen.all():
            return self._predictor.predict(before, after)
        shape = (len(before), self.tile, self.tile)
        classes = np.zeros((shape[0], self._classes, *shape[1:]), np.float32)
        shares = np.zeros(shape, np.float32) if self._with_arbitration else None
        if seen.any():
            found, found_shares = self._predictor.predict(before[seen], after[seen])
            classes[seen] = found
            if shares is not None and found_shares is not None:
                shares[seen] = found_shares
        return classes, shares


def screened(predictor: TilePredictor, request: RunRequest, networks: Networks, feedback: Feedback) -> TilePredictor:
    """Return a predictor behind the screen of its checkpoint where a request asks for it; raises InputError."""
    if not request.screen:
        return predictor
    return Screened(predictor, networks.screen(feedback, request.checkpoint, request.device), request.checkpoint)


def is_skipped(probabilities: Floats) -> bool:
    """Tell whether the probabilities (K, h, w) of a tile are those of one that nobody looked at."""
    return not probabilities[:, 0, 0].any()
