"""Views of pairs without labels: same place for images and opinions, other light for the strong ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from farmcd_qgis.training.datasets import Sample
from farmcd_qgis.training.unlabelled import UnlabelledPairs, open_unlabelled
from farmcd_qgis.training.views import StrongSettings, ViewMaker, labelled_views

SIDE = 48


@pytest.fixture
def pairs(tmp_path: Path) -> UnlabelledPairs:
    """Two pairs whose red says the change class, green and blue the foreground of the dates."""
    random = np.random.default_rng(3)
    for folder in ("A", "B", "opinions/change", "opinions/A", "opinions/B"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("one", "two"):
        blocks = random.integers(0, 2, (3, 6, 6)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
        blocks[0] *= 5
        image = Image.fromarray((blocks.transpose(1, 2, 0) * 40).astype(np.uint8))
        for folder in "AB":
            image.save(tmp_path / folder / f"{name}.png")
        for folder, mask in zip(("change", "A", "B"), blocks, strict=True):
            Image.fromarray(mask).save(tmp_path / "opinions" / folder / f"{name}.png")
    return open_unlabelled(tmp_path)


def test_opinions_lie_where_the_image_shows_them(pairs: UnlabelledPairs) -> None:
    made = ViewMaker(StrongSettings()).batch(pairs, [0, 1, 0, 1], 24, (1.0, 1.0), range(4))
    masks = torch.stack((made.change, made.cover_before, made.cover_after), 1)
    torch.testing.assert_close(made.weak_before, masks.float() * 40)
    torch.testing.assert_close(made.weak_after, made.weak_before)
    assert not torch.equal(made.weak_before[0], made.weak_before[2])


def test_a_change_of_scale_keeps_them_together(pairs: UnlabelledPairs) -> None:
    made = ViewMaker(StrongSettings()).batch(pairs, [0, 1] * 4, 32, (0.7, 1.4), range(8))
    masks = torch.stack((made.change, made.cover_before, made.cover_after), 1).float() * 40
    assert made.weak_before.shape == (8, 3, 32, 32)
    # Only the seams between blocks are blurred.
    assert ((made.weak_before - masks).abs() < 1).float().mean() > 0.75


def test_the_strong_view_has_other_light_each_date_its_own(pairs: UnlabelledPairs) -> None:
    made = ViewMaker(StrongSettings()).batch(pairs, [0] * 12, 32, (1.0, 1.0), range(12))
    differs = [(strong - made.weak_before).abs().mean((1, 2, 3)) for strong in (made.strong_before, made.strong_after)]
    assert (torch.stack(differs) > 1).float().mean() > 0.7
    assert (made.strong_before - made.strong_after).abs().mean() > 1
    plain = StrongSettings(jitter=0.0, blur=0.0)
    same = ViewMaker(plain).batch(pairs, [0], 32, (1.0, 1.0), [3])
    torch.testing.assert_close(same.strong_before, same.weak_before, rtol=0, atol=1e-3)


def test_a_sample_follows_from_its_seed_alone(pairs: UnlabelledPairs) -> None:
    maker = ViewMaker(StrongSettings())
    alone = maker.batch(pairs, [1], 24, (0.8, 1.2), [7])
    among = maker.batch(pairs, [0, 1, 0], 24, (0.8, 1.2), [5, 7, 9])
    for one, many in zip(alone, among, strict=True):
        torch.testing.assert_close(one[0], many[1], rtol=0, atol=0)


def test_images_smaller_than_the_crop_are_enlarged(pairs: UnlabelledPairs) -> None:
    made = ViewMaker(StrongSettings()).batch(pairs, [0], 96, (0.5, 1.0), [1])
    assert made.weak_before.shape == (1, 3, 96, 96)
    assert set(made.change.unique().tolist()) == {0, 5}


def test_labels_and_opinions_of_labelled_pairs_are_cut_alike(pairs: UnlabelledPairs) -> None:
    said = pairs[0]
    sample = Sample(said.before, said.after, said.change)
    made = labelled_views([(sample, said), (sample, None)], 24, (1.0, 1.0), [4, 4])
    before, after, label, change, first, second = made
    torch.testing.assert_close(before[0], torch.stack((label[0], first[0], second[0])).float() * 40)
    assert torch.equal(label[0], change[0])
    assert torch.equal(label[0], label[1])
    assert (change[1] == 255).all()
    assert torch.equal(after, before)
