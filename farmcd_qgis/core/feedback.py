"""What a job tells whoever waits for it, and hears from them: one object, handed all the way down."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from .errors import Cancelled
from .messages import render
from .protocol import Finding


@dataclass(frozen=True)
class Progress:
    """How far a job is. `fraction` is 0..1 over the whole job; `rate` is megapixels per second.

    `message` is a sentence {"code", "values"} (core.messages) or a text, if there is more to say than the stage.
    """

    stage: str
    fraction: float
    rate: float | None = None
    remaining_s: float | None = None
    message: Any = ""

    def doing(self, language: str = "en") -> str:
        """Say in a language what the job is at."""
        try:
            return render(f"stage_{self.stage or 'working'}", {}, language)
        except KeyError:
            return self.stage


@dataclass(frozen=True)
class Feedback:
    """Carries progress and findings up to those who wait for a job, and down to it that it shall stop.

    `on_progress` and `on_finding` are told, `cancelled` is asked; what isn't given is silent, or never stops.
    """

    on_progress: Callable[[Progress], None] = lambda progress: None
    cancelled: Callable[[], bool] = lambda: False
    on_finding: Callable[[Finding], None] = lambda finding: None

    def progress(
        self,
        stage: str,
        fraction: float,
        rate: float | None = None,
        remaining_s: float | None = None,
        message: Any = "",
    ) -> None:
        """Tell how far the job is; the arguments are those of Progress."""
        self.on_progress(Progress(stage, fraction, rate, remaining_s, message))

    def finding(self, finding: Finding) -> None:
        """Tell what the person should know and what doesn't stop the job."""
        self.on_finding(finding)

    def is_cancelled(self) -> bool:
        """Tell whether the job is to stop."""
        return self.cancelled()

    def check(self) -> None:
        """Raise Cancelled if the job is to stop."""
        if self.cancelled():
            raise Cancelled

    def split(self, *weights: float) -> "list[Feedback]":
        """Return the feedback of steps that follow one another and take shares of this one's time as `weights` say.

        Each step tells its own progress as 0..1; what remains of the whole is not known to it.
        """
        ends = [0.0, *accumulate(weights)]
        return [self._part(begin / ends[-1], end / ends[-1]) for begin, end in pairwise(ends)]

    def _part(self, begin: float, end: float) -> "Feedback":
        def tell(step: Progress) -> None:
            fraction = begin + step.fraction * (end - begin)
            self.on_progress(Progress(step.stage, fraction, step.rate, None, step.message))

        return Feedback(tell, self.cancelled, self.on_finding)


# For those who want to hear nothing.
SILENT = Feedback()
