"""What checkpoints say of themselves, in the report's language."""

import pytest

from farmcd_qgis.core.card_texts import in_language
from farmcd_qgis.core.messages import catalogue
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.networks.card import describe_card
from farmcd_qgis.report.provenance import CARD_TEXTS


@pytest.mark.parametrize("path", bundled_checkpoints(), ids=lambda path: path.stem)
def test_bundled_checkpoints_speak_chinese(path):
    card = describe_card(str(path))
    texts = [card[name] for name in (*CARD_TEXTS, "limits") if card.get(name)]
    untold = [text for text in texts if in_language(text, "zh_CN").startswith("（英文原文）")]
    assert untold == [], "put their Chinese into resources/i18n/cards.toml"
    assert [in_language(text, "en") for text in texts] == texts


def test_no_sentence_is_left_over_and_strangers_are_marked():
    said = {describe_card(str(path)).get(name) for path in bundled_checkpoints() for name in (*CARD_TEXTS, "limits")}
    assert {row["en"] for row in catalogue("cards").values()} - said == set()
    assert in_language("Trained on my fields.", "zh") == "（英文原文）Trained on my fields."
    assert in_language("", "zh") == ""
