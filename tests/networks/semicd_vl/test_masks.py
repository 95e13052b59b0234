"""Masks without categories get the cover that their pixels are likeliest of."""

import json
from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.semicd_vl.opinions.choose import open_opinions
from farmcd_qgis.networks.semicd_vl.opinions.covers import LAND_COVER

IMAGE = np.zeros((3, 4, 6), np.uint8)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Water (5) on the left half, vegetation (4) on the right; one mask a half, in COCO's run lengths by columns."""
    probabilities = np.zeros((6, 4, 6), np.float32)
    probabilities[5, :, :3], probabilities[4, :, 3:] = 0.9, 0.7
    masks = [[0, 12, 12], [12, 12]]
    rows = [{"segmentation": {"size": [4, 6], "counts": counts}} for counts in masks]
    for date in "AB":
        for kind in ("said", "masks"):
            (tmp_path / kind / date).mkdir(parents=True)
        np.save(tmp_path / "said" / date / "p.npy", probabilities)
        (tmp_path / "masks" / date / "p.json").write_text(json.dumps(rows))
    return tmp_path


def test_masks_are_named_by_the_source(folders: Path) -> None:
    source = open_opinions(f"files:{folders / 'said'}+masks:{folders / 'masks'}", LAND_COVER)
    assert source.name == "files in said, masks in masks"
    seen = source.look(IMAGE, "p", "before")
    assert seen.instances is not None
    assert [(one.category, round(one.score, 3)) for one in seen.instances] == [(5, 0.9), (4, 0.7)]
    assert seen.instances[0].mask[:, :3].all()
    assert not seen.instances[0].mask[:, 3:].any()


def test_masks_that_lack_or_do_not_fit_are_told(folders: Path) -> None:
    source = open_opinions(f"files:{folders / 'said'}+masks:{folders / 'masks'}", LAND_COVER)
    (folders / "masks" / "B" / "p.json").write_text(json.dumps([{"segmentation": {"size": [2, 2], "counts": [0, 4]}}]))
    with pytest.raises(InputError) as caught:
        source.look(IMAGE, "p", "after")
    assert caught.value.code == "opinion_size"
    (folders / "masks" / "A" / "p.json").unlink()
    with pytest.raises(InputError) as caught:
        source.look(IMAGE, "p", "before")
    assert caught.value.code == "opinion_missing"
    with pytest.raises(InputError) as caught:
        open_opinions(f"files:{folders / 'said'}+masks:{folders / 'nothing'}")
    assert caught.value.code == "opinions_no_folder"
