"""The accuracy dock in words."""

from collections.abc import Sequence
from html import escape

from ...accuracy.judgements import JUDGED, SKIPPED, UNJUDGED, UNSURE, Judgement
from ...core.classes import ClassTable
from ..widgets.words import class_words, tr


def states() -> dict[str, str]:
    return {
        UNJUDGED: tr("Not judged"),
        JUDGED: tr("Judged"),
        UNSURE: tr("Cannot tell"),
        SKIPPED: tr("Skipped"),
    }


def judgement_words(classes: ClassTable, judgement: Judgement) -> str:
    """Say what holds for a point: "Road, ann, 2026-11-21: note"."""
    words = states()[judgement.judgement] if judgement.class_id is None else class_words(classes, judgement.class_id)
    words = f"{words}, {judgement.reviewer}, {judgement.given_at[:10]}"
    return f"{words}: {judgement.note}" if judgement.note else words


def result_page(notes: Sequence[str], tables: str) -> str:
    """Put what limits the figures above them, as rich text."""
    return "".join(f"<p>{escape(note)}</p>" for note in notes) + tables
