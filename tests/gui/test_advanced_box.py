"""Settings that follow the checkpoint until a person chooses."""

from types import SimpleNamespace

import pytest

from farmcd_qgis.gui.detect import workers
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


def test_the_folded_box_says_how_much_was_changed(box):
    assert box.title() == "Advanced"
    box.tau.setValue(0.7)
    box.fill.setChecked(True)
    assert box.title() == "Advanced (2 changed)"
    # What follows the checkpoint was changed by nobody.
    box.fit({"order_free": True, "bands": ["red", "nir", "blue"]})
    assert box.title() == "Advanced (2 changed)"
    box.symmetric.setChecked(False)
    assert box.title() == "Advanced (3 changed)"
    box.tau.clear()
    box.fill.setChecked(False)
    box.symmetric.setChecked(True)
    assert box.title() == "Advanced"


def test_further_files_of_a_date_go_into_the_request(box):
    assert box.values()["before_parts"] == ()
    box.before_parts.setFilePath('"/images/B03 a.tif" "/images/B04.tif"')
    box.after_parts.setFilePath("/images/other.tif")
    assert box.values()["before_parts"] == ("/images/B03 a.tif", "/images/B04.tif")
    assert box.values()["after_parts"] == ("/images/other.tif",)


def test_the_screen_is_offered_where_the_card_tells_what_it_does(box):
    assert box.screen.isHidden()
    box.fit({"screens": True, "screening": {"skipped": 0.4, "kept": 0.996}})
    assert not box.screen.isHidden()
    assert "40 %" in box.screen.toolTip()
    assert box.values()["screen"] is False
    box.screen.setChecked(True)
    assert box.values()["screen"] is True
    box.fit({"screens": False, "screening": {}})
    assert box.screen.isHidden()
    assert box.values()["screen"] is False


@pytest.mark.parametrize(
    ("cores", "memory", "dask", "most", "words"),
    [
        (8, 64.0, True, 8, "8 cores and 64 GB"),
        (16, 8.0, True, 4, "allows 4"),
        (2, 1.0, True, 1, "allows 1"),
        (4, None, True, 4, "it has 4 cores."),
        (8, 64.0, False, 1, "package distributed"),
    ],
)
def test_as_many_workers_as_cores_and_memory_allow(qtbot, qgis_iface, monkeypatch, cores, memory, dask, most, words):
    monkeypatch.setattr(workers.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(workers, "memory_gb", lambda: memory)
    monkeypatch.setattr(workers, "has_dask", lambda: dask)
    box = AdvancedBox()
    qtbot.addWidget(box)
    assert box.workers.maximum() == most
    assert box.workers.isEnabled() == (most > 1)
    assert words in box.workers.toolTip()
    assert box.values()["workers"] == 1


def test_the_memory_of_this_computer_is_known():
    assert workers.memory_gb() > 0.1


def test_what_somebody_installed_for_himself_does_not_count(monkeypatch, tmp_path):
    monkeypatch.setattr(workers.site, "getusersitepackages", lambda: str(tmp_path))
    for origin, there in ((tmp_path / "distributed" / "__init__.py", False), ("/usr/lib/distributed.py", True)):
        monkeypatch.setattr(workers, "find_spec", lambda _, origin=origin: SimpleNamespace(origin=str(origin)))
        assert workers.has_dask() is there
    monkeypatch.setattr(workers, "find_spec", lambda _: None)
    assert not workers.has_dask()


def test_unfolding_shows_nothing_that_the_checkpoint_does_not_offer(box):
    box.show()
    box.fit({"attends": True})
    box.setCollapsed(False)
    assert not box.attention.isHidden()
    for hidden in (box.screen, box.symmetric):
        assert hidden.isHidden()
    box.setCollapsed(True)
    box.fit({})
    box.setCollapsed(False)
    assert box.attention.isHidden()
