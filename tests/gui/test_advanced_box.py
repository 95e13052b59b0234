"""Settings that follow the checkpoint until a person chooses."""

import pytest

from farmcd_qgis.gui.detect.advanced_box import AdvancedBox


@pytest.fixture
def box(qtbot, qgis_iface) -> AdvancedBox:
    box = AdvancedBox()
    qtbot.addWidget(box)
    return box


def test_both_orders_are_asked_for_where_the_checkpoint_learned_from_both(box):
    assert box.values()["symmetric"] is None
    box.fit({"order_free": True})
    assert box.symmetric.isChecked()
    assert box.values()["symmetric"] is True
    box.symmetric.setChecked(False)
    assert box.values()["symmetric"] is False
    box.fit({"order_free": True})
    assert not box.symmetric.isChecked(), "a person has chosen"


def test_they_are_not_offered_where_it_did_not(box):
    box.fit({"order_free": True})
    box.fit({})
    assert box.symmetric.isHidden()
    assert not box.symmetric.isChecked()
    assert box.values()["symmetric"] is None


def test_attention_is_offered_where_the_network_can_show_it(box):
    assert box.attention.isHidden()
    box.fit({"attends": True})
    assert not box.attention.isHidden()
    assert box.values()["attention"] is False
    box.attention.setChecked(True)
    assert box.values()["attention"] is True
    box.fit({})
    assert box.attention.isHidden()
    assert box.values()["attention"] is False
