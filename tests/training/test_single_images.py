"""Single images with masks: what is opened, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.training.datasets import IGNORE, OTHER_THAN, UNSETTLED
from farmcd_qgis.training.single_images import MaskMeaning, open_single_images
from tests.helpers.made_up_images import SIDE, write, write_images

IMAGE = np.full((SIDE, SIDE, 3), 90, np.uint8)


def road(root: Path) -> Path:
    """Write a folder whose one mask tells road (3) from the rest."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:5] = 3
    write(root / "images" / "a.png", IMAGE)
    write(root / "masks" / "a.png", mask)
    return root


def refused(code: str, *arguments: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        open_single_images(*arguments)
    assert caught.value.code == code
    assert caught.value.message != caught.value.text("zh")
    return caught.value


def test_an_image_comes_twice_with_its_mask(tmp_path: Path) -> None:
    data = open_single_images(write_images(tmp_path), "train", MaskMeaning())
    assert len(data) == 3
    assert data[0].before is data[0].after
    assert set(np.unique(data[0].label)) == {4, 5, 255}
    assert [len(open_single_images(tmp_path, "val", MaskMeaning())), data.kind] == [2, "classes"]


def test_a_list_chooses_among_the_images_of_a_folder(tmp_path: Path) -> None:
    write_images(tmp_path, train=3)
    folder = tmp_path / "train"
    (folder / "list").mkdir()
    (folder / "list" / "few.txt").write_text("2.png\n0.png\n")
    assert [pair.name for pair in open_single_images(folder, "few", MaskMeaning()).files] == ["2", "0"]
    assert len(open_single_images(folder, "all", MaskMeaning())) == 3
    refused("no_split_of_images", folder, "train", MaskMeaning())


def test_masks_of_one_class_and_the_rest_must_be_explained(tmp_path: Path) -> None:
    folder = road(tmp_path)
    fault = refused("one_class_masks", folder, "all", MaskMeaning())
    assert "class 3" in fault.message
    meanings = [MaskMeaning(binary=True), *(MaskMeaning(zero=zero) for zero in ("unknown", "class", "other"))]
    labels = [set(np.unique(open_single_images(folder, "all", meaning)[0].label)) for meaning in meanings]
    assert labels == [{0, UNSETTLED}, {3, IGNORE}, {0, 3}, {3, OTHER_THAN + 3}]


def test_any_other_class_than_several_is_none(tmp_path: Path) -> None:
    folder = road(tmp_path)
    two = np.full((SIDE, SIDE), 3, np.uint8)
    two[:5], two[5:9] = 0, 1
    write(folder / "images" / "b.png", IMAGE)
    write(folder / "masks" / "b.png", two)
    fault = refused("other_than_several", folder, "all", MaskMeaning(zero="other"))
    assert "1, 3" in fault.message
    for name in "ab":
        write(folder / "masks" / f"{name}.png", np.zeros((SIDE, SIDE), np.uint8))
    refused("nothing_marked", folder, "all", MaskMeaning(zero="other"))


def test_palette_masks_are_class_ids_only_if_somebody_says_so(tmp_path: Path) -> None:
    folder = road(tmp_path)
    mask = Image.open(folder / "masks" / "a.png").convert("L")
    palette = Image.fromarray(np.asarray(mask), "P")
    palette.putpalette([0, 0, 0] * 256)
    palette.save(folder / "masks" / "a.png")
    refused("palette_mask", folder, "all", MaskMeaning(zero="class"))
    data = open_single_images(folder, "all", MaskMeaning(zero="class", palette_ids=True))
    assert set(np.unique(data[0].label)) == {0, 3}


def one_mask(root: Path, mask: Image.Image, suffix: str = "png") -> Path:
    write(root / "images" / "a.png", IMAGE)
    (root / "masks").mkdir()
    mask.save(root / "masks" / f"a.{suffix}")
    return root


@pytest.mark.parametrize("kind", ["L", "1"])
def test_masks_of_0_and_255_tell_no_classes(tmp_path: Path, kind: str) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:5] = 255
    folder = one_mask(tmp_path, Image.fromarray(mask).convert(kind))
    for zero in ("", "class", "unknown"):
        fault = refused("binary_masks", folder, "all", MaskMeaning(zero=zero))
        assert 'labels = "binary"' in fault.message
    assert set(np.unique(open_single_images(folder, "all", MaskMeaning(binary=True))[0].label)) == {0, UNSETTLED}


def test_255_is_unknown_where_another_id_marks_the_road(tmp_path: Path) -> None:
    folder = road(tmp_path)
    other = np.zeros((SIDE, SIDE), np.uint8)
    other[:7] = 255
    write(folder / "images" / "b.png", IMAGE)
    write(folder / "masks" / "b.png", other)
    first, second = (sample.label for sample in open_single_images(folder, "all", MaskMeaning(binary=True)))
    assert set(np.unique(first)) == {0, UNSETTLED}
    assert set(np.unique(second)) == {0, IGNORE}, "that road is 3 is told by the other mask"


def test_masks_kept_as_jpeg_tell_road_from_the_rest_but_no_classes(tmp_path: Path) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[3:21, 5:30] = 255
    folder = one_mask(tmp_path, Image.fromarray(mask), "jpg")
    refused("lossy_mask", folder, "all", MaskMeaning(zero="class"))
    label = open_single_images(folder, "all", MaskMeaning(binary=True))[0].label
    np.testing.assert_array_equal(label, np.where(mask > 0, UNSETTLED, 0))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16"])
def test_masks_of_colours_or_many_bits_are_refused(tmp_path: Path, mode: str) -> None:
    pixels = np.zeros((SIDE, SIDE), np.uint16 if mode == "I;16" else np.uint8)
    made = Image.fromarray(pixels) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    refused("label_mode", one_mask(tmp_path, made), "all", MaskMeaning(binary=True))


def test_what_lacks_or_does_not_fit_is_said(tmp_path: Path) -> None:
    refused("no_single_images", tmp_path, "all", MaskMeaning())
    folder = road(tmp_path / "road")
    write(folder / "images" / "b.png", IMAGE)
    fault = refused("single_image_missing", folder, "all", MaskMeaning(binary=True))
    assert "'b'" in fault.message
    write(folder / "masks" / "b.png", np.zeros((SIDE, SIDE - 1), np.uint8))
    with pytest.raises(InputError) as caught:
        open_single_images(folder, "all", MaskMeaning(binary=True))
    assert caught.value.code == "sizes_differ"
    write(folder / "masks" / "b.png", np.full((SIDE, SIDE), 77, np.uint8))
    with pytest.raises(InputError) as caught:
        open_single_images(folder, "all", MaskMeaning(zero="class"))
    assert caught.value.code == "unknown_label"
    empty = tmp_path / "empty"
    write(empty / "images" / "a.png", IMAGE)
    write(empty / "masks" / "a.png", np.zeros((SIDE, SIDE), np.uint8))
    refused("nothing_marked", empty, "all", MaskMeaning(binary=True))
    (empty / "images" / "a.png").unlink()
    refused("no_images_in_split", empty, "all", MaskMeaning(binary=True))
