"""The words of the review, and what follows from a log of verdicts: which of them hold, and what undo and redo mean."""

from collections import Counter
from dataclasses import dataclass

from ..protocol import FarmCDError

UNREVIEWED = "unreviewed"
CONFIRMED = "confirmed"
OTHER_CLASS = "other_class"
PSEUDO_CHANGE = "pseudo_change"
UNSURE = "unsure"
SKIPPED = "skipped"
VERDICTS = (CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, UNSURE, SKIPPED)
# What a candidate's field `status` holds.
STATUSES = (UNREVIEWED, *VERDICTS)
# Nobody has looked, or whoever did went on without an answer.
OPEN = (UNREVIEWED, SKIPPED)

REASONS = ("crop_rotation", "season", "illumination", "shadow", "misregistration", "cloud")

UNDO = "undo"
REDO = "redo"


@dataclass(frozen=True)
class Verdict:
    """One row of the log.

    `verdict` is one of VERDICTS, or "undo" / "redo" of the row `refers_to`. `class_id` is what the place became in the
    reviewer's eyes: the model's class if confirmed, 0 for a pseudo-change, None where the reviewer does not say.
    `given_at` is ISO 8601 in UTC.
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


class History:
    """The verdicts that hold, in the order they were given, and those taken back that may come again."""

    def __init__(self) -> None:
        self.held: list[Verdict] = []
        self.undone: list[Verdict] = []
        self.last_id = 0
        self._by_candidate: dict[int, list[Verdict]] = {}

    def add(self, row: Verdict) -> None:
        """Take in the log's next row. A new verdict makes those taken back before it final."""
        if row.verdict == UNDO:
            self.undone.append(_expected(self.held, row))
            self._by_candidate[row.candidate_id].pop()
        else:
            if row.verdict == REDO:
                held = _expected(self.undone, row)
            else:
                self.undone.clear()
                held = row
            self.held.append(held)
            self._by_candidate.setdefault(row.candidate_id, []).append(held)
        self.last_id = row.verdict_id

    def current(self, candidate_id: int, before: int = 0) -> Verdict | None:
        """Return the verdict that holds for a candidate, or would if its last `before` ones were taken back."""
        given = self._by_candidate.get(candidate_id, [])
        return given[-1 - before] if len(given) > before else None

    def statuses(self) -> dict[int, str]:
        """Map the candidates that have a verdict to it."""
        return {candidate_id: given[-1].verdict for candidate_id, given in self._by_candidate.items() if given}

    def counts(self, total: int) -> dict[str, int]:
        """Count `total` candidates by status, all of STATUSES."""
        counted = Counter(self.statuses().values())
        return {UNREVIEWED: total - counted.total()} | {verdict: counted[verdict] for verdict in VERDICTS}


def _expected(stack: list[Verdict], row: Verdict) -> Verdict:
    if not stack or stack[-1].verdict_id != row.refers_to:
        raise FarmCDError(
            "bad_log",
            f"The table of verdicts is damaged: row {row.verdict_id} ({row.verdict}) refers to verdict "
            f"{row.refers_to}, which is not the last one. Restore farmcd.gpkg from a copy.",
        )
    return stack.pop()
