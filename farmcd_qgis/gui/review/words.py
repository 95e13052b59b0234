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
        BIGGEST: tr("Largest first"),
        PLACE: tr("By place"),
    }


def evidence(
    classes: ClassTable, candidates: Candidates, row: int, referee: str = "", second_share: float | None = None
) -> list[tuple[str, str]]:
    """List what speaks for and against the model's class of a candidate: ("Confidence", "62 %, else building"), ….

    `referee` is what the referee said: "real", "pseudo_change", or else nothing that counts; `second_share` (0-1) of
    the area has the second class in the second place, None if that is not known.
    """
    if candidates.class_id[row] == NO_CHANGE:
        return [(tr("Origin"), tr("Drawn by hand: the model saw no change here."))]
    sure, second = percent(candidates.confidence_mean[row]), int(candidates.second_class_id[row])
    words = tr("{percent} %").format(percent=sure)
    if len(classes.predicted) > 2:
        words = tr("{percent} %, else {class_name}").format(
            percent=sure, class_name=class_words(classes, second).lower()
        )
        if second_share is not None:
            words += " " + tr("(on {percent} % of the area)").format(percent=percent(second_share))
    rows = [(tr("Confidence"), words)]
    if not np.isnan(candidates.arbitration[row]):
        prior = tr("{percent} % for no change").format(percent=percent(candidates.arbitration[row]))
        rows.append((tr("Text prior"), prior))
    said = {"real": tr("Real change"), PSEUDO_CHANGE: tr("Pseudo-change")}
    if referee in said:
        rows.append((tr("Referee"), said[referee]))
    return rows


def neighbours(session: Session, row: int, crs: QgsCoordinateReferenceSystem) -> str:
    """Say what lies around a candidate: "3 building, 1 road within 100 m (2 not reviewed, 2 confirmed)"."""
    candidates = session.candidates
    here = QgsPointXY(float(candidates.x[row]), float(candidates.y[row]))
    near = within(candidates, row, map_units(NEAR_METRES, here, crs))
    if not len(near):
        return tr("none within {metres} m").format(metres=NEAR_METRES)
    classes = Counter(int(class_id) for class_id in candidates.class_id[near])
    words = [
        f"{count} {class_words(session.store.classes, class_id).lower()}" for class_id, count in classes.most_common()
    ]
    said = Counter(session.status(int(other)) for other in near)
    verdicts = [f"{said[status]} {name.lower()}" for status, name in statuses().items() if said[status]]
    return tr("{classes} within {metres} m ({verdicts})").format(
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
