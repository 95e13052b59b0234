"""What a review has come to: counts by status, class, reason and reviewer, and the time that it took."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.classes import ClassTable
from .session import Session
from .store import ReviewStore
from .verdicts import PSEUDO_CHANGE, STATUSES, Verdict


@dataclass(frozen=True)
class Count:
    """How many candidates fall to something, and how large they are together."""

    about: str
    what: str
    candidates: int
    area_ha: float


@dataclass(frozen=True)
class Summary:
    """The state of a review: `counts` by "status", "class" (the reviewer's where there is one, by its id), "reason" and
    "reviewer"; `first` and `last` are when verdicts were given, `seconds_each` the median time between two verdicts of
    one reviewer, breaks left out, by reviewer."""

    candidates: int
    verdicts: int
    first: str
    last: str
    seconds_each: dict[str, float]
    counts: list[Count]
    classes: ClassTable

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return asdict(self) | {"classes": self.classes.to_json()}


def review_summary(gpkg_path: str | Path) -> Summary:
    """Summarise the review in a run's GeoPackage; raises InputError if there is none, FarmCDError if it is unusable."""
    store = ReviewStore(gpkg_path, "")
    candidates = Session(store).candidates
    held = store.holding()
    rows = [row for row in store.rows() if row.refers_to is None or row.verdict in STATUSES]
    areas = dict(zip(candidates.candidate_id.tolist(), candidates.area_ha.tolist(), strict=True))
    own = dict(zip(candidates.candidate_id.tolist(), candidates.class_id.tolist(), strict=True))

    def count(about: str, name: Callable[[int, Verdict | None], str | None], order: Iterable[str] = ()) -> list[Count]:
        numbers, hectares = Counter(dict.fromkeys(order, 0)), Counter[str]()
        for number, area in areas.items():
            what = name(number, held.get(number))
            if what is not None:
                numbers[what] += 1
                hectares[what] += area
        return [Count(about, what, number, round(hectares[what], 4)) for what, number in numbers.items()]

    def class_of(number: int, verdict: Verdict | None) -> str:
        return str(own[number] if verdict is None or verdict.class_id is None else verdict.class_id)

    def reason_of(_: int, verdict: Verdict | None) -> str | None:
        return (verdict.reason or "none") if verdict and verdict.verdict == PSEUDO_CHANGE else None

    times = sorted(row.given_at for row in rows)
    return Summary(
        candidates=len(candidates),
        verdicts=len(rows),
        first=times[0] if times else "",
        last=times[-1] if times else "",
        seconds_each=_seconds_each(store, sorted({row.reviewer for row in rows})),
        counts=[
            *count("status", lambda _, verdict: verdict.verdict if verdict else STATUSES[0], STATUSES),
            *sorted(count("class", class_of), key=lambda one: one.what),
            *count("reason", reason_of),
            *count("reviewer", lambda _, verdict: verdict.reviewer if verdict else None),
        ],
        classes=store.classes,
    )


def _seconds_each(store: ReviewStore, reviewers: list[str]) -> dict[str, float]:
    gaps = {name: store.gaps(name) for name in reviewers}
    return {name: round(float(np.median(found)), 1) for name, found in gaps.items() if found}
