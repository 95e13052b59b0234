"""A screen is fitted on made-up pairs, in which change is easy to see, and may then be switched on."""

from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.engine.predict.blending import padded
from farmcd_qgis.networks.card import check_screens, read_card
from farmcd_qgis.networks.screening import Screen
from farmcd_qgis.training import screening
from farmcd_qgis.training.datasets import open_dataset
from farmcd_qgis.training.screening import Judged, fit_screening
from tests.helpers.made_up_pairs import write_pairs


def test_the_threshold_keeps_what_is_asked_for():
    changed = np.linspace(0, 1, 1000, dtype=np.float32)
    judged = Judged(changed, changed > 0, np.zeros(1000, np.int64), changed)
    assert (changed >= judged.threshold()).mean() >= 0.995
    assert (changed >= judged.threshold() + 0.002).mean() < 0.995


def test_a_fitted_screen_tells_changed_tiles_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(screening, "STEPS", 60)
    pairs = write_pairs(tmp_path / "pairs", train=6, val=3)
    (source,) = (path for path in bundled_checkpoints() if path.stem == "farmcd-clcd-attention")
    target = tmp_path / "screening.safetensors"
    assert main(["fit-screening", str(source), str(pairs), "--out", str(target)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == str(target)
    assert "100.0 % of the changed area is kept" in said[-2]
    card = read_card(target)
    check_screens(card, target)
    assert card.screening["pairs"] == 3
    # The same images with nothing changed stay below the threshold that keeps all change.
    screen, data = Screen.load(target, "cpu"), open_dataset(pairs, "val")
    before = np.stack([padded(data[index].before, 256) for index in range(3)])
    after = np.stack([padded(data[index].after, 256) for index in range(3)])
    threshold = card.screening["threshold"]
    assert (screen.scores(before, after) >= threshold).all()
    assert (screen.scores(before, before) < threshold).all()
    with pytest.raises(InputError, match="give the new one another name"):
        fit_screening(source, pairs, source)
