"""A checkpoint's figures of places become sentences."""

from farmcd_qgis.core.card_words import card_in_words
from farmcd_qgis.core.messages import say


def words(places: dict[str, float], language: str = "en") -> list[str]:
    return [say(row["code"], row["values"], language) for row in card_in_words({"places": places})]


def test_figures_of_places_are_told_of_ten() -> None:
    places = {
        "right": 0.72,
        "found": 0.66,
        "small_found": 0.49,
        "small_ha": 0.2,
        "hard_area": 0.056,
        "hard_errors": 0.53,
    }
    first, small, hard = words(places)
    assert "about 7 are right" in first
    assert "finds about 7" in first
    assert "0.2 ha, it finds about 5" in small
    assert "6 % of the ground" in hard
    assert "53 %" in hard
    assert ["十处约有 7 处" in words(places, "zh")[0], len(words(places, "zh"))] == [True, 3]


def test_a_card_without_such_figures_says_nothing() -> None:
    assert card_in_words({}) == []
    assert card_in_words({"places": {"right": 0.5}}) == []
