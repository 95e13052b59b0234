"""The words of the review."""

from dataclasses import dataclass

from ..core.run_files import CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, UNREVIEWED

UNSURE = "unsure"
SKIPPED = "skipped"
VERDICTS = (CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, UNSURE, SKIPPED)
# A row of the log that changes an outline, which no status follows from.
OUTLINE = "outline"
# Nobody gives it: reviewers who did not know of each other's verdicts disagree.
CONFLICT = "conflict"
# In the place of a word that only a newer version knows.
UNKNOWN = "unknown"
# What a candidate's field `status` holds.
STATUSES = (UNREVIEWED, *VERDICTS, CONFLICT)
# Nobody has looked, or whoever did went on without an answer.
OPEN = (UNREVIEWED, SKIPPED)

REASONS = ("crop_rotation", "season", "illumination", "shadow", "misregistration", "cloud")


@dataclass(frozen=True)
class Verdict:
    """One row of the log.

    `verdict` is one of VERDICTS, or "undo" / "redo" of the step of the row `refers_to`; a verdict refers to the one on
    the same candidate that the reviewer knew of, a row for each where these were in conflict. `class_id` is what the
    place became in the reviewer's eyes: the model's class if confirmed, 0 for a pseudo-change, None where the reviewer
    does not say. `given_at` is ISO 8601 in UTC, unique for each step of a reviewer.
    """

    verdict_id: int
    candidate_id: int
    verdict: str
    class_id: int | None
    reason: str | None
    note: str
    reviewer: str
    given_at: str
    refers_to: int | None = None

    @property
    def number(self) -> int:
        """The row's number in the log."""
        return self.verdict_id

    @property
    def subject(self) -> int:
        """What the row is about."""
        return self.candidate_id

    @property
    def word(self) -> str:
        """What was said."""
        return self.verdict
