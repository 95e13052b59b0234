"""What the dock guesses of images, how it writes figures, and what it must not import."""

import subprocess
import sys
from pathlib import Path

import pytest
from qgis.PyQt.QtWidgets import QLabel, QTextBrowser, QVBoxLayout, QWidget

from farmcd_qgis.core.dates import date_in
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.gui.detect.guess import guess_pair
from farmcd_qgis.gui.widgets.card import card_words, checkpoint_name, show_details, with_link
from farmcd_qgis.gui.widgets.panel_scroll import PanelScroll
from farmcd_qgis.gui.widgets.words import remaining_words


@pytest.mark.parametrize(
    ("names", "dates", "expected"),
    [
        (["a 2020", "b 2009"], [None, None], (1, 0)),
        (["x_20200831", "y_2020-07-15", "z"], [None, None, None], (1, 0)),
        (["x", "y"], ["2021-01-01", "2011-01-01"], (1, 0)),
        (["after", "before"], [None, None], (1, 0)),
        (["site_t2", "site_t1", "map"], [None, None, None], (1, 0)),
        (["dem", "before"], [None, None], (1, 0)),
        (["后时相", "前时相"], [None, None], (1, 0)),
        (["one", "two"], [None, None], (0, 1)),
        (["m_4709963_2009", "m_4709963_2020"], [None, None], (0, 1)),
        (["alone"], [None], None),
    ],
)
def test_guess(names, dates, expected):
    assert guess_pair(names, dates) == expected


def test_date_in_a_name():
    assert date_in("m_4709963_se_14_1_20090818") == "2009-08-18"
    assert date_in("landsat 2013") == "2013"
    assert date_in("tile 123456789") is None
    assert date_in("20210230 and 20210301") == "2021-03-01"


def test_words():
    card = {"name": "small", "resolution_m": [1, 8], "metrics": {"binary F1": 0.61}, "measured_on": "40 pairs, half"}
    assert remaining_words(0.2) == "1 s left"
    assert remaining_words(200) == "3 min left"
    assert remaining_words(5000) == "1 h 23 min left"
    assert "F1 of change 0.61 on 40 pairs." in card_words(card)
    card["metrics"] |= {"binary precision": 0.56, "binary recall": 0.7}
    assert card_words(card) == (
        "Suited to imagery of 1 to 8 m per pixel. "
        "Of ten marked hectares about 6 are right; of ten that changed it finds about 7."
    )
    assert card_words({"name": "theirs", "limits": "Not symmetric."}) == "Not symmetric."
    card["places"] = {"right": 0.72, "found": 0.66}
    assert "Of ten places that it marks, about 7 are right" in card_words(card)


def test_bundled_checkpoints_have_names_for_people(qgis_app):
    for path in bundled_checkpoints():
        assert checkpoint_name(path) != path.stem
    assert checkpoint_name(Path("my-own.safetensors")) == "my-own"


def test_the_figures_of_a_checkpoint_are_one_click_away(qtbot):
    card = {"name": "small", "metrics": {"binary F1": 0.61}, "limits": "Knows <one> region only."}
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = show_details(card, parent)
    words = dialog.findChild(QTextBrowser).toPlainText()
    assert "F1 of change" in words
    assert "0.610" in words
    assert "Knows <one> region only." in words
    assert "href" in with_link(card_words(card))
    dialog.close()


def test_plugin_imports_no_torch_and_nothing_of_the_engine():
    code = (
        "import sys, farmcd_qgis.plugin, farmcd_qgis.gui.detect.page, farmcd_qgis.processing.provider\n"
        "print([name for name in sys.modules if name == 'torch' or name.startswith('farmcd_qgis.engine')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert told.stdout.strip() == "[]"


def test_a_panel_is_never_cut_off_whatever_its_words_become(qtbot):
    panel, label = QWidget(), QLabel("few words")
    QVBoxLayout(panel).addWidget(label)
    scroll = PanelScroll(panel)
    qtbot.addWidget(scroll)
    scroll.show()
    before = scroll.minimumWidth()
    label.setText("many more words than there were when the dock was made")
    qtbot.waitUntil(lambda: scroll.minimumWidth() > before)
    assert scroll.viewport().width() >= panel.minimumSizeHint().width()
