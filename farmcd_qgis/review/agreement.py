"""What holds for a candidate that several people spoke of.

A verdict replaces those on the same candidate that its reviewer knew of, which is what was in the file then. What
nobody replaced stands side by side, as happens when copies of a file were reviewed apart and then merged: of each
reviewer the latest verdict counts, "unsure" and "skipped" give way to an opinion, and where opinions differ in the
class that the place became, the candidate is in conflict until somebody gives a verdict on it again.
"""

from dataclasses import replace

from .history import History, Key, Row, key_of
from .verdicts import CONFLICT, OUTLINE, SKIPPED, Verdict

# What a row says, in words that do not depend on the file's numbering.
Said = tuple[str, str, int, str]


class VerdictHistory(History[Verdict]):
    """The log of verdicts, and of outlines that were changed."""

    def _reset(self) -> None:
        super()._reset()
        self._outlines: dict[int, list[Verdict]] = {}

    def outlined(self, candidate_id: int) -> bool:
        """Say whether anybody ever changed a candidate's outline."""
        return candidate_id in self._outlines

    def outline(self, candidate_id: int) -> Verdict | None:
        """Return the change of a candidate's outline that holds, None if it is the model's."""
        changes = self._outlines.get(candidate_id)
        return changes[-1] if changes else None

    def _lane(self, row: Verdict) -> dict[int, list[Verdict]]:
        return self._outlines if row.verdict == OUTLINE else self._by_subject

    def heads(self, candidate_id: int) -> list[Verdict]:
        """Return the verdicts on a candidate that nobody replaced, in the order in which they were given."""
        return self._heads(self._by_subject.get(candidate_id, []))

    def standing(self, candidate_id: int) -> list[Verdict]:
        """Return of `heads` what counts: the latest of each reviewer, those without an opinion only if all are."""
        return _standing(self.heads(candidate_id))

    def resolve(self, given: list[Verdict]) -> Verdict | None:
        """Say what holds; a verdict of the word "conflict" where opinions differ."""
        if len(given) < 2:
            return given[0] if given else None
        standing = _standing(self._heads(given))
        if len({verdict.class_id for verdict in standing}) < 2:
            return standing[-1]
        return replace(standing[-1], verdict=CONFLICT, class_id=None, reason=None, note="")

    def _heads(self, given: list[Verdict]) -> list[Verdict]:
        if len(given) < 2:
            return given
        replaced: set[Key] = set()
        for verdict in given:
            # Through those that were taken back, too.
            known = self.by_number.get(verdict.refers_to or 0)
            while known is not None and key_of(known) not in replaced:
                replaced.add(key_of(known))
                known = self.by_number.get(known.refers_to or 0)
        unreplaced = {key_of(verdict): verdict for verdict in given if key_of(verdict) not in replaced}
        return list(unreplaced.values())


def _standing(heads: list[Verdict]) -> list[Verdict]:
    latest: dict[str, Verdict] = {}
    for verdict in heads:
        # At the end of the order, too.
        latest.pop(verdict.reviewer, None)
        latest[verdict.reviewer] = verdict
    found = list(latest.values())
    for kept in (
        [verdict for verdict in found if verdict.class_id is not None],
        [verdict for verdict in found if verdict.verdict != SKIPPED],
    ):
        if kept:
            return kept
    return found


def said(row: Row) -> Said:
    """Return what identifies a row in every copy of a log."""
    return row.reviewer, row.given_at, row.subject, row.word


def missing(own: list[Verdict], theirs: list[Verdict], first: int) -> list[Verdict]:
    """Return the rows of `theirs` that `own` lacks, in their order, numbered from `first` on and referring to own rows.

    Rows of one step on one candidate that replace several others are told apart by what they replace.
    """
    their_rows = {row.verdict_id: row for row in theirs}
    own_rows = {row.verdict_id: row for row in own}
    known = {(said(row), _referred(row, own_rows)) for row in own}
    number_of = {said(row): row.verdict_id for row in own}
    found: list[Verdict] = []
    for row in theirs:
        referred = _referred(row, their_rows)
        if (said(row), referred) in known:
            continue
        number = first + len(found)
        found.append(replace(row, verdict_id=number, refers_to=number_of[referred] if referred else None))
        number_of.setdefault(said(row), number)
    return found


def _referred(row: Verdict, rows: dict[int, Verdict]) -> Said | None:
    return said(rows[row.refers_to]) if row.refers_to in rows else None
