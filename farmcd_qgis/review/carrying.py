"""Since last time: what was said of an earlier run is carried over, so that only what is new is put up for review.

A verdict is carried over where a candidate of the new run has the same outline as one of the earlier run
(`comparison`, with a stricter value) and the model gave it the same class by name. Of what was said there an opinion
counts: confirmed, other class, pseudo-change. Nothing is carried over onto what somebody has spoken of already.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.classes import NO_CHANGE, UNKNOWN_CLASS, ClassTable
from ..core.errors import InputError
from ..core.feedback import SILENT, Feedback
from ..core.messages import render
from ..core.protocol import Finding
from ..core.run_files import RUN_GPKG, RUN_JSON
from ..core.run_record import load_record
from .carried import Carried
from .compared_run import Found, Side
from .comparison import BOTH, Comparison, compare
from .log import now
from .store import ReviewStore, read_history
from .verdicts import CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, UNREVIEWED, Verdict

SAME_PLACE = 0.8
# The key of run.json that lists what was carried over.
RECORD_KEY = "carried_over"
OPINIONS = (CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE)


@dataclass(frozen=True)
class CarriedOver:
    """What carrying over did: how many verdicts, by word; how many candidates of the new run nobody has spoken of."""

    verdicts: int
    by_verdict: dict[str, int]
    to_review: int
    findings: tuple[Finding, ...] = ()


def carry_over(
    run_dir: str | Path,
    earlier: str | Path,
    reviewer: str,
    language: str = "en",
    same_outline: float = SAME_PLACE,
    feedback: Feedback = SILENT,
) -> CarriedOver:
    """Carry the verdicts of an earlier run over into the review of a run, as one step that undo takes back.

    Each says in its note, written in `language`, where it comes from; the table `carried` and run.json say it, too.
    Raises InputError as `compare` does, where the earlier run was not reviewed, and where the period of the run begins
    when that of the earlier one ends: what it finds there is another change. Raises FarmCDError and Cancelled.
    """
    if not reviewer:
        raise InputError("no_reviewer")
    compared = compare(earlier, run_dir, same_outline, feedback)
    before, after = compared.first, compared.second
    period = _check_period(before, after)
    history = read_history(before.folder / RUN_GPKG)
    if not any(row.verdict in OPINIONS for row in history.holding().values()):
        raise InputError("earlier_not_reviewed", folder=before.folder)
    given = list(_carried(compared, history.holding(), language))
    store = ReviewStore(after.folder / RUN_GPKG, reviewer)

    def note(count: int) -> None:
        words = {"run": before.record["run"], "finished": before.record["finished"], "folder": before.folder.name}
        rule = {"same_outline": same_outline, "same_class": True}
        _add_to_record(after.folder, words | {"rule": rule, "verdicts": count, "reviewer": reviewer, "at": now()})

    rows = store.carry(given, note)
    if not rows:
        raise InputError("nothing_carried", folder=before.folder, percent=100 * same_outline)
    words = dict(Counter(row.verdict for row in rows))
    return CarriedOver(len(rows), words, store.counts()[UNREVIEWED], (*compared.findings, *period))


def take_back(run_dir: str | Path, reviewer: str) -> int:
    """Take back all verdicts that were carried over into a run, whatever was said after them; returns how many."""
    if not reviewer:
        raise InputError("no_reviewer")
    return ReviewStore(Path(run_dir) / RUN_GPKG, reviewer).take_back_carried()


def _carried(compared: Comparison, held: Mapping[int, Verdict], language: str) -> Iterator[tuple[Verdict, Carried]]:
    """Yield the verdicts of the earlier run that hold for the same outline and class, as they stand in the new one."""
    run = str(compared.first.record["run"])
    for place in compared.places:
        if place.kind != BOTH or place.first is None or place.second is None:
            continue
        said = held.get(place.first.number)
        if said is None or said.verdict not in OPINIONS or place.first.class_name != place.second.class_name:
            continue
        class_id = _class_id(said, place.second, compared.first.classes, compared.second.classes)
        if class_id is None:
            continue
        values = {"run": run, "number": said.candidate_id, "reviewer": said.reviewer, "date": said.given_at[:10]}
        note = " ".join(filter(None, (said.note, f"[{render('carried_over', values, language)}]")))
        number = place.second.number
        origin = Carried(number, run, said.candidate_id, said.reviewer, said.given_at, round(place.likeness, 4))
        yield Verdict(0, number, said.verdict, class_id, said.reason, note, "", ""), origin


def _class_id(said: Verdict, found: Found, theirs: ClassTable, own: ClassTable) -> int | None:
    """Return what a place became in the classes of the new run, None where these have no such class."""
    if said.verdict == CONFIRMED:
        return found.class_id if found.class_id in own else None
    class_id = theirs.translate(NO_CHANGE if said.class_id is None else said.class_id, own)
    return own.unknown if class_id == UNKNOWN_CLASS else class_id


def _check_period(before: Side, after: Side) -> list[Finding]:
    """Hold the periods of both runs (days as YYYY-MM-DD) against each other; returns what a person should know."""
    days = {"first": "–".join(before.days), "second": "–".join(after.days)}
    if not all((*before.days, *after.days)):
        return [Finding("warning", "carried_without_days")]
    if after.days[0] >= before.days[1] or after.days[1] <= before.days[0]:
        raise InputError("other_period", **days)
    covers = after.days[0] <= before.days[0] and before.days[1] <= after.days[1]
    return [] if covers else [Finding("warning", "carried_across_periods", days)]


def _add_to_record(folder: Path, event: dict[str, Any]) -> None:
    """Add to run.json that verdicts were carried over; the file is there as a whole at any time."""
    record = load_record(folder)
    earlier = record.get(RECORD_KEY)
    record[RECORD_KEY] = [*(earlier if isinstance(earlier, list) else []), event]
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    path = folder / RUN_JSON
    made = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with made.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise InputError("file_not_writable", path=path, reason=error) from error
