"""What a checkpoint's figures mean, in words for people who decide whether to use it."""

from collections.abc import Mapping
from typing import Any

from .messages import part


def card_in_words(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return sentences (code and values, see core.messages) on the places that a checkpoint marks and finds.

    `card` is a card as plain values; one without such figures gives none.
    """
    places = card.get("places") or {}
    sentences = []
    if {"right", "found"} <= places.keys():
        sentences.append(part("card_places", right=_of_ten(places["right"]), found=_of_ten(places["found"])))
    if {"small_found", "small_ha"} <= places.keys():
        small = part("card_small_places", hectares=places["small_ha"], found=_of_ten(places["small_found"]))
        sentences.append(small)
    if {"hard_area", "hard_errors"} <= places.keys():
        shares = {"area": 100 * places["hard_area"], "errors": 100 * places["hard_errors"]}
        sentences.append(part("card_hard_regions", **shares))
    return sentences + screening_in_words(card.get("screening") or {})


def screening_in_words(screening: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return what was measured of a checkpoint's screen as a sentence, none where nothing was."""
    names = ("kept", "skipped", "time_saved", "recall_lost")
    if not {*names, "pairs"} <= screening.keys():
        return []
    shares = {name: 100 * screening[name] for name in names}
    return [part("card_screening", pairs=int(screening["pairs"]), **shares)]


def _of_ten(share: float) -> int:
    return round(10 * share)
