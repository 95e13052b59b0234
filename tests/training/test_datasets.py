"""Both layouts, what the label values become, and every way in which labels can be wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.training.augment import Augmenter, AugmentSettings, random_crop
from farmcd_qgis.training.datasets import (
    ALL,
    IGNORE,
    UNSETTLED,
    check_dataset,
    class_pixels,
    merge_labels,
    open_dataset,
)

SIDE = 32


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def write_pair(folder: Path, name: str, label: np.ndarray, suffix: str = ".png") -> None:
    image = np.arange(SIDE * SIDE * 3, dtype=np.uint8).reshape(SIDE, SIDE, 3)
    write(folder / "A" / (name + suffix), image)
    write(folder / "B" / (name + suffix), image[::-1])
    write(folder / "label" / f"{name}.png", label)


def authors_layout(root: Path, label: np.ndarray) -> Path:
    write_pair(root, "one", label)
    (root / "list").mkdir()
    (root / "list" / "train.txt").write_text("one.png 1\n\n")
    return root


def square(value: int, background: int = 0) -> np.ndarray:
    label = np.full((SIDE, SIDE), background, np.uint8)
    label[8:16, 8:16] = value
    return label


def test_authors_layout(tmp_path: Path) -> None:
    dataset = open_dataset(authors_layout(tmp_path, square(3)), "train")
    assert (len(dataset), dataset.kind) == (1, "classes")
    sample = dataset[0]
    assert sample.before.shape == sample.after.shape == (3, SIDE, SIDE)
    assert sample.before[:, 0, 1].tolist() == [3, 4, 5]
    assert class_pixels(dataset) == {0: SIDE * SIDE - 64, 3: 64}


def test_clcd_layout_with_classes_beside_the_binary_label(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    write_pair(folder, "00001", square(255), suffix=".jpg")
    classes = square(2)
    classes[8:10, 8:16] = 255
    write(folder / "label5" / "00001.png", classes)
    dataset = open_dataset(tmp_path, "train")
    assert dataset.kind == "mixed"
    assert class_pixels(dataset) == {0: SIDE * SIDE - 64, 2: 48, UNSETTLED: 16}


def test_binary_labels_become_unsettled_change(tmp_path: Path) -> None:
    write_pair(tmp_path / "val", "a", square(255))
    dataset = open_dataset(tmp_path, "val")
    assert dataset.kind == "binary"
    assert class_pixels(dataset) == {0: SIDE * SIDE - 64, UNSETTLED: 64}
    assert "binary_labels" in {finding.code for finding in check_dataset(dataset)}


def test_changed_pixels_without_a_class_in_a_class_label(tmp_path: Path) -> None:
    label = square(3)
    label[20:22] = UNSETTLED
    dataset = open_dataset(authors_layout(tmp_path, label), "train")
    assert class_pixels(dataset) == {0: SIDE * SIDE - 64 - 2 * SIDE, 3: 64, UNSETTLED: 2 * SIDE}


def test_annotations_become_contexts(tmp_path: Path) -> None:
    root = authors_layout(tmp_path, square(3))
    write_pair(root, "two", square(3))
    (root / "list" / "train.txt").write_text("one.png\ntwo.png\n")
    assert [pair.context for pair in open_dataset(root, "train").files] == [None, None]
    geopix = {
        "scene": "farmland",
        "nuisance": ["season", "cloud", "shadow", "aliens"],
        "confidence": {"cloud": 0.5, "season": 0.51},
    }
    (root / "json").mkdir()
    (root / "json" / "index.json").write_text(json.dumps({"one": geopix}))
    wanted = "Satellite image of farmland area. Ignore shadow, season."
    unknown = "Satellite image of unknown area. Clear conditions."
    assert [pair.context for pair in open_dataset(root, "train").files] == [wanted, unknown]
    line = {"id": "two", "split": "train", "geopix": {"scene": "moon", "nuisance": []}}
    (root / "json" / "train.jsonl").write_text(json.dumps(line) + "\n\n")
    assert [pair.context for pair in open_dataset(root, "train").files] == [unknown, unknown]
    (root / "json" / "train.jsonl").write_text('{"id": "two"}\n')
    assert codes_of(root) == "bad_annotations"


def test_labels_as_polygons_are_for_the_engine(tmp_path: Path) -> None:
    for date in ("A", "B"):
        (tmp_path / date).mkdir()
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / date / "farm.png")
    (tmp_path / "labels.gpkg").touch()
    with pytest.raises(InputError, match="farmcd training-set") as caught:
        open_dataset(tmp_path, ALL)
    assert caught.value.code == "polygon_labels"


def test_contradicting_labels_are_ignored() -> None:
    merged = merge_labels(np.array([True, True, True, False, False]), np.array([4, 255, 0, 0, 4], np.uint8))
    assert merged.tolist() == [4, UNSETTLED, IGNORE, 0, IGNORE]


def test_empty_classes_are_told(tmp_path: Path) -> None:
    findings = check_dataset(open_dataset(authors_layout(tmp_path, square(3)), "train"))
    assert [finding.code for finding in findings] == ["empty_class"]
    assert "Bareland, Building, Vegetation, Water" in findings[0].message


def codes_of(root: Path, labels: str = "auto") -> str:
    with pytest.raises(InputError) as caught:
        check_dataset(open_dataset(root, "train", labels))  # type: ignore[arg-type]
    return caught.value.code


def test_unusable_data_sets(tmp_path: Path) -> None:
    assert codes_of(tmp_path) == "no_dataset"
    (tmp_path / "train" / "A").mkdir(parents=True)
    assert codes_of(tmp_path) == "empty_split"


def test_unusable_labels(tmp_path: Path) -> None:
    assert codes_of(authors_layout(tmp_path / "values", square(9))) == "unknown_label"
    assert codes_of(authors_layout(tmp_path / "ones", square(1))) == "ambiguous_labels"
    assert codes_of(authors_layout(tmp_path / "nothing", square(0)), "classes") == "no_change_labelled"
    assert codes_of(authors_layout(tmp_path / "unknown", square(255, background=255)), "classes") == "nothing_labelled"
    assert codes_of(authors_layout(tmp_path / "small", square(3)[:16])) == "sizes_differ"
    root = authors_layout(tmp_path / "palette", square(3))
    Image.fromarray(square(3)).convert("P").save(root / "label" / "one.png")
    assert codes_of(root) == "palette_label"
    (root / "label" / "one.png").write_bytes(b"no image")
    assert codes_of(root) == "unreadable_image"
    (root / "label" / "one.png").unlink()
    assert codes_of(root) == "missing_image"


def test_crops_keep_dates_and_label_together(tmp_path: Path) -> None:
    """The images hold the label itself, so that whatever is done to one must be seen in the others."""
    label = square(3)
    folder = tmp_path / "train"
    write_pair(folder, "a", label)
    for date in ("A", "B"):
        write(folder / date / "a.png", np.repeat(label[..., None] * 50, 3, 2))
    dataset = open_dataset(tmp_path, "train")
    torch.manual_seed(0)
    quiet = AugmentSettings(brightness=0, contrast=0, saturation=0, hue=0, haze=0, blur=0, shift=0)
    batch = Augmenter(quiet).batch(dataset, [0] * 8, 16, (1.0, 1.0))
    assert batch.before.shape == (8, 3, 16, 16)
    expected = batch.label * 50.0
    assert torch.allclose(batch.before[:, 0], expected, atol=1e-3)
    assert torch.allclose(batch.after[:, 2], expected, atol=1e-3)
    assert len({tuple(row.flatten().tolist()) for row in batch.label}) > 1


def test_crops_are_sought_where_something_changed(tmp_path: Path) -> None:
    label = np.zeros((SIDE, SIDE), np.uint8)
    label[30, 30] = 5
    folder = tmp_path / "train"
    write_pair(folder, "a", label)
    sample = open_dataset(tmp_path, "train")[0]
    torch.manual_seed(0)
    assert all(bool((random_crop(sample, 8, (1, 1), 1.0)[2] == 5).any()) for _ in range(20))


def test_rare_classes_are_sought_as_often_as_common_ones(tmp_path: Path) -> None:
    """Of three pairs two hold building everywhere and one holds a single pixel of road."""
    folder = tmp_path / "train"
    for name in ("a", "b"):
        write_pair(folder, name, np.full((SIDE, SIDE), 2, np.uint8))
    label = np.zeros((SIDE, SIDE), np.uint8)
    label[5, 27] = 3
    write_pair(folder, "c", label)
    dataset = open_dataset(tmp_path, "train")
    assert dataset.by_class() == {2: [0, 1], 3: [2]}
    torch.manual_seed(0)
    quiet = AugmentSettings(class_share=1, brightness=0, contrast=0, saturation=0, hue=0, haze=0, blur=0, shift=0)
    labels = Augmenter(quiet).batch(dataset, [0] * 64, 8, (1.0, 1.0)).label
    holds_road = (labels == 3).flatten(1).any(1)
    assert (holds_road | (labels == 2).all(2).all(1)).all()
    assert 16 < int(holds_road.sum()) < 48


def test_a_scale_that_would_leave_the_image_is_raised(tmp_path: Path) -> None:
    write_pair(tmp_path / "train", "a", square(255))
    sample = open_dataset(tmp_path, "train")[0]
    before, _, label = random_crop(sample, 16, (0.1, 0.2), 0.0)
    # 16 pixels out of 32 need at least a scale of 0.5: the whole image, each pixel the mean of four.
    assert before[0].mean() == pytest.approx(float(sample.before[0].mean()), abs=1.0)
    assert int((label == UNSETTLED).sum()) == 16


def test_augmented_batches_repeat_with_the_seed(tmp_path: Path) -> None:
    write_pair(tmp_path / "train", "a", square(255))
    dataset = open_dataset(tmp_path, "train")
    augmenter = Augmenter(AugmentSettings())
    batches = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        batches.append(augmenter.batch(dataset, [0, 0], 16, (0.5, 1.0)))
    assert torch.equal(batches[0].after, batches[1].after)
    assert not torch.equal(batches[0].after, batches[2].after)
    assert float(batches[0].before.min()) >= 0
    assert float(batches[0].before.max()) <= 255
