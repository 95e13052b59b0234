"""farmcd pseudo-labels, from a detector's files to a training set."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from farmcd_qgis.commands.cli import main
from farmcd_qgis.training.datasets import open_dataset

HOUSE = np.s_[4:12, 4:12]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One pair, and a detector's opinion that a house (cover 0 of the authors') came."""
    for date in "AB":
        for place in ("pairs", "said"):
            (tmp_path / place / date).mkdir(parents=True)
        Image.new("RGB", (24, 24), "green").save(tmp_path / "pairs" / date / "one.png")
        probabilities = np.full((6, 24, 24), 0.02, np.float32)
        probabilities[3] = 0.9
        if date == "B":
            probabilities[:, *HOUSE] = 0.02
            probabilities[0, *HOUSE] = 0.9
        np.save(tmp_path / "said" / date / "one.npy", probabilities)
    return tmp_path


def test_pairs_become_a_training_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "out"
    assert (
        main(["pseudo-labels", str(folder / "pairs"), "--opinions", f"files:{folder / 'said'}", "--out", str(out)]) == 0
    )
    told = capsys.readouterr().out
    assert told.splitlines()[-1] == str(out)
    assert "1 pairs labelled by files in said: sure of 100.0% of the pixels, of which 11.1% changed" in told
    label = open_dataset(out, "train", "classes")[0].label
    assert (label[HOUSE] == 2).all()
    assert (label > 0).sum() == 64


def test_a_lacking_opinion_is_said_in_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "said" / "B" / "one.npy").unlink()
    arguments = [
        str(folder / "pairs"),
        "--opinions",
        f"files:{folder / 'said'}",
        "--out",
        str(folder / "out"),
        "--json",
    ]
    assert main(["pseudo-labels", *arguments]) == 2
    event = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert event["kind"] == "error"
    assert event["data"]["code"] == "opinion_missing"
    assert not (folder / "out").exists()
