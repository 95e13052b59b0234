"""The review in words: the model's opinion of a candidate, statuses, reasons, orders."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsPointXY

from ...core.classes import NO_CHANGE, ClassTable
from ...review.neighbours import within
from ...review.queue import BIGGEST, DOUBTFUL, PLACE, Candidates
from ...review.session import Session
from ...review.verdicts import PSEUDO_CHANGE, Verdict
from ..judging.place import map_units
from ..widgets.words import class_words, percent, reasons, statuses, tr

# How far neighbours are looked for.
NEAR_METRES = 100


def orders() -> dict[str, str]:
    return {
        DOUBTFUL: tr("Most doubtful first"),
        BIGGEST: tr("Biggest first"),
        PLACE: tr("By place"),
    }


def opinion(classes: ClassTable, candidates: Candidates, row: int, referee: str = "") -> str:
    """Say what the model thinks of a candidate: "Bareland, confidence 62 %; second: Building; …".

    `referee` is what the referee said: "real", "pseudo_change", or else nothing that counts.
    """
    parts = [
        tr("{class_name}, confidence {percent} %").format(
            class_name=class_words(classes, int(candidates.class_id[row])),
            percent=percent(candidates.confidence_mean[row]),
        )
    ]
    second = int(candidates.second_class_id[row])
    if len(classes.predicted) > 2:
        parts.append(tr("second: {class_name}").format(class_name=class_words(classes, second).lower()))
    if not np.isnan(candidates.arbitration[row]):
        parts.append(tr("text prior: no change {percent} %").format(percent=percent(candidates.arbitration[row])))
    hard = percent(candidates.hard_share[row])
    if hard == 100:
        parts.append(tr("all of the area is hard"))
    elif hard:
        parts.append(tr("{percent} % of the area is hard").format(percent=hard))
    said = {"real": tr("referee: real change"), PSEUDO_CHANGE: tr("referee: pseudo-change")}
    if referee in said:
        parts.append(said[referee])
    return "; ".join(parts)


def neighbours(session: Session, row: int, crs: QgsCoordinateReferenceSystem) -> str:
    """Say what lies around a candidate: "Within 100 m: 3 building, 1 road; 2 reviewed, of these 1 pseudo-change"."""
    candidates = session.candidates
    here = QgsPointXY(float(candidates.x[row]), float(candidates.y[row]))
    near = within(candidates, row, map_units(NEAR_METRES, here, crs))
    if not len(near):
        return tr("No other candidate within {metres} m").format(metres=NEAR_METRES)
    classes = Counter(int(class_id) for class_id in candidates.class_id[near])
    words = [
        f"{count} {class_words(session.store.classes, class_id).lower()}" for class_id, count in classes.most_common()
    ]
    said = Counter(session.status(int(other)) for other in near)
    verdicts = [f"{said[status]} {name.lower()}" for status, name in statuses().items() if said[status]]
    return tr("Within {metres} m: {classes} ({verdicts})").format(
        metres=NEAR_METRES, classes=", ".join(words), verdicts=", ".join(verdicts)
    )


def verdict_words(classes: ClassTable, verdict: Verdict) -> str:
    """Say what holds for a candidate: "Pseudo-change (season), ann, 21 Nov 2026: note"."""
    words = statuses()[verdict.verdict]
    if verdict.reason:
        words += f" ({reasons()[verdict.reason].lower()})"
    elif verdict.class_id not in (None, NO_CHANGE):
        words += f" ({class_words(classes, verdict.class_id).lower()})"
    words = f"{words}, {verdict.reviewer}, {verdict.given_at[:10]}"
    return f"{words}: {verdict.note}" if verdict.note else words


def pace(seconds_each: float | None, remaining: int) -> str:
    """Say what remains of a queue: "320 left · 12 s each · about 1 h 4 min"."""
    parts = [tr("{count} left").format(count=remaining)]
    if seconds_each is not None and remaining:
        parts.append(tr("{seconds} s each").format(seconds=round(seconds_each)))
        hours, minutes = divmod(round(seconds_each * remaining / 60), 60)
        words = tr("about {hours} h {minutes} min") if hours else tr("about {minutes} min")
        parts.append(words.format(hours=hours, minutes=max(minutes, 0 if hours else 1)))
    return " · ".join(parts)


def news_words(rows: Sequence[Verdict]) -> str:
    """Say what others did to the file meanwhile: "Meanwhile in this file: bo 3"."""
    counted = Counter(row.reviewer for row in rows)
    people = ", ".join(f"{name} ({count})" for name, count in counted.most_common())
    return tr("Another program has added verdicts to this run: {people}.").format(people=people)
