"""Labels that nobody drew: a folder of pairs and a source of opinions become a training set."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.core.protocol import Finding
from farmcd_qgis.networks.semicd_vl.opinions.covers import AUTHORS, FARMLAND, Covers, covers_from
from farmcd_qgis.networks.semicd_vl.opinions.source import Date, Opinion, checked
from farmcd_qgis.networks.semicd_vl.rules import EventRule
from farmcd_qgis.training.coarser import Coarser, laid_on
from farmcd_qgis.training.datasets import open_dataset
from farmcd_qgis.training.pseudo_labels import write_pseudo_labels
from farmcd_qgis.training.unlabelled import open_unlabelled

SIDE = 32
HOUSE, POND = np.s_[4:12, 4:12], np.s_[18:26, 10:26]
GREEN, GREY, BLUE, BROWN = (60, 150, 60), (180, 180, 180), (40, 60, 200), (130, 90, 50)


class ByColour:
    """Somebody who knows farmland, houses and ponds by their colour, and is not sure of brown."""

    name = "by colour"
    threshold = 0.8

    def __init__(self, covers: Covers = FARMLAND) -> None:
        self.covers = covers

    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        numbers = {GREEN: 4, GREY: 1, BLUE: 3}
        made = np.full((6, *image.shape[1:]), 1 / 6, np.float32)
        for colour, number in numbers.items():
            there = (image == np.array(colour)[:, None, None]).all(0)
            made[:, there] = 0.02
            made[number, there] = 0.9
        return checked(made, self.covers, image.shape[1:], self.name)


def fields(**painted: tuple[Any, tuple[int, int, int]]) -> Image.Image:
    image = np.empty((SIDE, SIDE, 3), np.uint8)
    image[:] = GREEN
    for place, colour in painted.values():
        image[place] = colour
    return Image.fromarray(image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pairs: a house and a pond came in one, brown lies over the other, and its pond was filled."""
    root = tmp_path / "pairs"
    for date in "AB":
        (root / date).mkdir(parents=True)
    fields().save(root / "A" / "one.png")
    fields(house=(HOUSE, GREY), pond=(POND, BLUE)).save(root / "B" / "one.png")
    fields(pond=(POND, BLUE)).save(root / "A" / "two.png")
    fields(doubt=(HOUSE, BROWN)).save(root / "B" / "two.png")
    return root


def test_pseudo_labels_are_a_training_set_of_five_classes(folder: Path, tmp_path: Path) -> None:
    seen = []
    made = write_pseudo_labels(open_unlabelled(folder), ByColour(), tmp_path / "out", feedback=Feedback(seen.append))
    data = open_dataset(tmp_path / "out", "train", "classes")
    expected = np.zeros((SIDE, SIDE), np.uint8)
    expected[HOUSE], expected[POND] = 2, 5
    np.testing.assert_array_equal(data[0].label, expected)
    np.testing.assert_array_equal(data[0].after, np.asarray(Image.open(folder / "B" / "one.png")).transpose(2, 0, 1))
    doubt = np.zeros((SIDE, SIDE), np.uint8)
    doubt[HOUSE] = 255
    np.testing.assert_array_equal(data[1].label, doubt)
    assert made.pairs == 2
    assert made.pixels["building"] == 64
    assert made.pixels["water"] == 128
    assert made.known == pytest.approx(1 - 64 / (2 * SIDE**2))
    assert [step.fraction for step in seen] == [0.5, 1.0]


def test_the_record_says_how_they_were_made(folder: Path, tmp_path: Path) -> None:
    covers = replace(FARMLAND, rule=EventRule("sum", 0.1))
    write_pseudo_labels(open_unlabelled(folder), ByColour(covers), tmp_path / "out", threshold=0.7)
    record = json.loads((tmp_path / "out" / "pseudo_labels.json").read_text())
    assert record["source"] == "by colour"
    assert covers_from(record["covers"]) == covers
    assert record["threshold"] == 0.7
    assert record["names"] == ["one", "two"]
    assert str(tmp_path) not in json.dumps(record)


def test_the_masks_come_back_as_opinions(folder: Path, tmp_path: Path) -> None:
    write_pseudo_labels(open_unlabelled(folder), ByColour(), tmp_path / "out")
    pairs = open_unlabelled(tmp_path / "out", "train")
    assert pairs.with_opinions == 2
    sample = pairs[0]
    assert sorted(np.unique(sample.change).tolist()) == [0, 2, 5]
    assert not sample.cover_before.any()
    np.testing.assert_array_equal(sample.cover_after == 1, sample.change > 0)
    # The same opinions beside the pairs they are of; and without, nothing is said.
    there = open_unlabelled(folder, opinions=tmp_path / "out" / "opinions")
    np.testing.assert_array_equal(there[1].change, pairs[1].change)
    nothing = open_unlabelled(folder)
    assert nothing.with_opinions == 0
    assert (nothing[0].change == 255).all()


def test_binary_masks_say_no_class(folder: Path, tmp_path: Path) -> None:
    write_pseudo_labels(open_unlabelled(folder), ByColour(), tmp_path / "out")
    sample = open_unlabelled(tmp_path / "out", "train", binary=True)[0]
    assert sorted(np.unique(sample.change).tolist()) == [0, 254]


def test_with_the_authors_covers_a_filled_pond_would_not_count_but_a_house_gone_does(tmp_path: Path) -> None:
    root = tmp_path / "pairs"
    for date in "AB":
        (root / date).mkdir(parents=True)
    fields(house=(HOUSE, GREY)).save(root / "A" / "gone.png")
    fields().save(root / "B" / "gone.png")
    write_pseudo_labels(open_unlabelled(root), ByColour(AUTHORS), tmp_path / "out")
    label = open_dataset(tmp_path / "out", "train", "classes")[0].label
    assert (label[HOUSE] == 2).all()
    assert (label > 0).sum() == 64


class Broken(ByColour):
    """Somebody who fails on the second pair."""

    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        if name == "two":
            return checked(np.full((6, *image.shape[1:]), np.nan), self.covers, image.shape[1:], self.name)
        return super().look(image, name, date)


def test_what_cannot_be_finished_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    pairs = open_unlabelled(folder)
    with pytest.raises(InputError) as caught:
        write_pseudo_labels(pairs, Broken(), tmp_path / "out")
    assert caught.value.code == "opinion_nan"
    assert not (tmp_path / "out").exists()
    with pytest.raises(Cancelled):
        write_pseudo_labels(pairs, ByColour(), tmp_path / "out", feedback=Feedback(cancelled=lambda: True))
    assert not (tmp_path / "out").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(InputError) as caught:
        write_pseudo_labels(pairs, ByColour(), tmp_path / "full")
    assert caught.value.code == "pseudo_labels_not_empty"
    assert (tmp_path / "full" / "mine.txt").read_text() == "keep"
    with pytest.raises(FarmCDError) as fault:
        write_pseudo_labels(pairs, ByColour(), tmp_path / "full" / "mine.txt" / "out")
    assert fault.value.code == "pseudo_labels_unwritten"
    assert str(tmp_path) in fault.value.text("zh")


def test_folders_without_pairs_and_lists_that_name_missing_ones(folder: Path, tmp_path: Path) -> None:
    def code(*arguments: Any, **named: Any) -> str:
        with pytest.raises(InputError) as caught:
            open_unlabelled(*arguments, **named)
        assert caught.value.text("en") != caught.value.text("zh")
        return caught.value.code

    assert code(tmp_path) == "no_unlabelled_pairs"
    assert code(folder, opinions=tmp_path / "nowhere") == "no_opinions"
    (folder / "list").mkdir()
    (folder / "list" / "few.txt").write_text("one.png\nthree.png\n")
    assert code(folder, "few") == "unlabelled_missing"
    (folder / "B" / "two.png").unlink()
    assert code(folder) == "unlabelled_missing"


@pytest.mark.parametrize(
    ("mask", "told"), [(np.full((SIDE, SIDE), 7), "opinion_mask"), (np.zeros((5, 5)), "unlabelled_size")]
)
def test_masks_that_cannot_be_used(folder: Path, mask: np.ndarray, told: str) -> None:
    (folder / "opinions" / "B").mkdir(parents=True)
    Image.fromarray(mask.astype(np.uint8)).save(folder / "opinions" / "B" / "one.png")
    with pytest.raises(InputError) as caught:
        open_unlabelled(folder)[0]
    assert caught.value.code == told
    assert "one.png" in caught.value.text("en")


class Unsure(ByColour):
    """Somebody who is sure of nothing."""

    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        return checked(np.full((6, *image.shape[1:]), 1 / 6), self.covers, image.shape[1:], self.name)


class OneDate(ByColour):
    """Somebody who names instances of the after date alone."""

    def look(self, image: np.ndarray, name: str, date: Date) -> Opinion:
        return replace(super().look(image, name, date), instances=() if date == "after" else None)


def test_labels_that_teach_nothing_are_told_of(folder: Path, tmp_path: Path) -> None:
    findings: list[Finding] = []
    feedback = Feedback(on_finding=findings.append)
    write_pseudo_labels(open_unlabelled(folder), Unsure(), tmp_path / "unsure", feedback=feedback)
    for path in (folder / "B").iterdir():
        path.write_bytes((folder / "A" / path.name).read_bytes())
    write_pseudo_labels(open_unlabelled(folder), ByColour(), tmp_path / "same", feedback=feedback)
    assert [one.code for one in findings] == ["pseudo_labels_unsure", "pseudo_labels_no_change"]


def test_instances_of_one_date_alone_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        write_pseudo_labels(open_unlabelled(folder), OneDate(), tmp_path / "out")
    assert caught.value.code == "opinion_one_date"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("threshold", [0.0, 1.5, float("nan")])
def test_thresholds_that_no_probability_can_be(folder: Path, tmp_path: Path, threshold: float) -> None:
    with pytest.raises(InputError) as caught:
        write_pseudo_labels(open_unlabelled(folder), ByColour(), tmp_path / "out", threshold)
    assert caught.value.code == "opinion_threshold"


def test_a_source_that_looks_at_coarser_images_says_it_of_the_images_pixels(folder: Path, tmp_path: Path) -> None:
    source = Coarser(ByColour(), 0.5)
    write_pseudo_labels(open_unlabelled(folder), source, tmp_path / "out")
    label = open_dataset(tmp_path / "out", "train", "classes")[0].label
    expected = np.zeros((SIDE, SIDE), np.uint8)
    expected[HOUSE], expected[POND] = 2, 5
    np.testing.assert_array_equal(label, expected)
    mask = np.zeros((SIDE, SIDE), bool)
    assert laid_on(mask[:7, :5], (SIDE, SIDE)).shape == (SIDE, SIDE)
    for scale in (0.0, 2.0):
        with pytest.raises(InputError) as caught:
            Coarser(ByColour(), scale)
        assert caught.value.code == "opinion_scale"
