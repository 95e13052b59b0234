"""Copy and paste: change lands in the after image and the label alone, a pseudo-change in both images alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_pairs import SIDE, write_pairs
from PIL import Image

from farmcd_qgis.training.augment import Augmenter, AugmentSettings
from farmcd_qgis.training.datasets import ChangeDataset, open_dataset
from farmcd_qgis.training.pasting import Crop, paste

GREEN = 100.0


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ChangeDataset:
    """Pairs in each of which a square of 24 x 24 became bareland or water."""
    return open_dataset(write_pairs(tmp_path_factory.mktemp("data")), "train", "classes")


def field(label: int = 0) -> Crop:
    """An even crop, labelled the same everywhere."""
    return torch.full((3, SIDE, SIDE), GREEN), torch.full((3, SIDE, SIDE), GREEN), torch.full((SIDE, SIDE), label)


def touched(image: torch.Tensor) -> torch.Tensor:
    return (image != GREEN).any(0)


def pasted(dataset: ChangeDataset, share: float, pseudo_share: float, label: int = 0) -> list[Crop]:
    """Paste over many crops, each with a seed of its own."""
    crops = []
    for seed in range(40):
        torch.manual_seed(seed)
        crops.append(paste(dataset, field(label), share, pseudo_share))
    return crops


def test_segments_are_whole_places_of_one_class(dataset: ChangeDataset) -> None:
    segments = dataset.segments()
    assert sorted(segments) == [1, 5]
    for class_id, places in segments.items():
        for index, box in places:
            assert (dataset[index].label[box] == class_id).all()
            assert dataset[index].label[box].shape == (24, 24)


@pytest.mark.parametrize(("side", "count"), [(19, 0), (20, 4)])
def test_specks_are_no_segments(tmp_path: Path, side: int, count: int) -> None:
    root = write_pairs(tmp_path)
    for path in (root / "train" / "label").iterdir():
        label = np.asarray(Image.open(path)).copy()
        rows, columns = np.nonzero(label)
        label[rows.min() + side :], label[:, columns.min() + side :] = 0, 0
        Image.fromarray(label).save(path)
    dataset = open_dataset(root, "train", "classes")
    assert sum(map(len, dataset.segments().values())) == count
    if not count:
        assert all(torch.equal(a, b) for a, b in zip(paste(dataset, field(), 1.0, 0.0), field(), strict=True))


def test_change_is_laid_over_the_after_image_and_labelled(dataset: ChangeDataset) -> None:
    crops = pasted(dataset, 1.0, 0.0)
    seen = set()
    for before, after, label in crops:
        assert not touched(before).any()
        assert torch.equal(touched(after), label > 0)
        seen |= set(label.unique().tolist())
    assert seen == {0, 1, 5}
    sizes = [int((label > 0).sum()) for _, _, label in crops]
    # Cuts come as they were, 24 pixels wide, or smaller; never larger.
    assert max(sizes) <= 24 * 24
    assert len(set(sizes)) > 10


def test_water_that_is_laid_looks_like_water(dataset: ChangeDataset) -> None:
    for _, after, label in pasted(dataset, 1.0, 0.0):
        if 5 in label:
            red, _, blue = after[:, label == 5].mean(1).tolist()
            assert blue > red


def test_pseudo_changes_are_two_lights_or_crop_rotation(dataset: ChangeDataset) -> None:
    kinds = []
    for before, after, label in pasted(dataset, 0.0, 1.0):
        assert not label.any()
        laid = touched(after)
        if not laid.any():
            continue
        rotation = not touched(before).any()
        kinds.append(rotation)
        if rotation:
            # The fields are green before anything changes, whatever their light: 70, 120, 60.
            red, green, blue = after[:, laid].mean(1).tolist()
            assert green > 0.9 * red
            assert green > blue
        else:
            assert torch.equal(touched(before), laid)
            assert not torch.equal(before, after)
    assert 10 < sum(kinds) < len(kinds) - 10


def test_nothing_is_laid_over_change(dataset: ChangeDataset) -> None:
    for label in (2, 254, 255):
        for crop in pasted(dataset, 0.5, 0.5, label):
            assert all(torch.equal(a, b) for a, b in zip(crop, field(label), strict=True))


def test_batches_with_pasting_repeat_with_their_seeds(dataset: ChangeDataset) -> None:
    quiet = AugmentSettings(paste=0.5, paste_pseudo=0.5)
    first, second = (Augmenter(quiet).batch(dataset, [0, 1], 32, (1.0, 1.0), [7, 8]) for _ in range(2))
    assert torch.equal(first.after, second.after)
    assert torch.equal(first.label, second.label)
