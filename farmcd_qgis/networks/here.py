"""The networks in the process that asks for them; `networks.serve` offers the same to another process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.feedback import Feedback
from . import heap

if TYPE_CHECKING:
    from .judge import ClipJudge
    from .predictor import Predictor
    from .screening import Screen


class Here:
    """Loads what is asked for into this process; torch is imported only then."""

    def predictor(
        self,
        feedback: Feedback,
        checkpoint: str,
        device: str = "auto",
        *,
        tile: int = 256,
        symmetric: bool = False,
        context: Sequence[str] = (),
    ) -> "Predictor":
        """Load a network; raises InputError for a checkpoint or a device that cannot be used."""
        with heap.uncollected():
            from .predictor import Predictor

        predictor = Predictor.load(checkpoint, device, tile=tile, symmetric=symmetric, context=context)
        predictor.warm(feedback)
        return predictor

    def screen(self, feedback: Feedback, checkpoint: str, device: str = "auto") -> "Screen":
        """Load the screen of a checkpoint; raises InputError where it has none that can be relied on."""
        from .screening import Screen

        return Screen.load(checkpoint, device)

    def judge(self, feedback: Feedback, weights: str, keep: str, drop: str) -> "ClipJudge":
        """Load a CLIP that tells how much more a pair of pictures fits `keep` than `drop`; raises InputError."""
        from .judge import ClipJudge

        return ClipJudge(weights, keep, drop)

    def close(self) -> None:
        """Give unused memory back: the process may stay warm for another run."""
        heap.give_back()
