"""Lists of pairs as people save them: other editors' marks and line ends, endings, dots, and what is no list."""

from pathlib import Path

import pytest

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.training.datasets import open_dataset
from farmcd_qgis.training.names import names_of, read_names, stem_of
from farmcd_qgis.training.unlabelled import open_unlabelled
from tests.helpers.made_up_pairs import write_pairs


def test_a_list_is_read_whoever_saved_it(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeff0.png\r\n\r\ntile_1.5\r\nmy pair 2.JPG\r\n3.png 3.png 3.png".encode())
    assert names_of(str(path)) == (["0", "tile_1.5", "my pair 2", "3"], path)
    assert stem_of("a.b.tif") == "a.b"


def test_lists_of_a_data_set_are_read_so_too(tmp_path: Path) -> None:
    root = write_pairs(tmp_path, train=2) / "train"
    (root / "list").mkdir()
    (root / "list" / "train.txt").write_bytes(b"\xef\xbb\xbf0.tif\r\n1\r\n1\r\n")
    assert [pair.name for pair in open_dataset(root, "train", "classes").files] == ["0", "1", "1"]
    with pytest.raises(InputError) as caught:
        open_unlabelled(root, "train")
    assert caught.value.code == "names_twice"
    (root / "list" / "train.txt").write_bytes(b"\xef\xbb\xbf0.tif\r\n1\r\n")
    assert list(open_unlabelled(root, "train").places) == ["0", "1"]


@pytest.mark.parametrize(("content", "code"), [(b"a\na.png\n", "names_twice"), (b"\xff\xfea\0", "names_unreadable")])
def test_lists_that_are_none(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_names(path)
    assert caught.value.code == code
    assert str(path) in caught.value.text("zh")


def test_two_images_of_one_name(tmp_path: Path) -> None:
    root = write_pairs(tmp_path, train=1) / "train"
    (root / "A" / "0.jpg").write_bytes((root / "A" / "0.png").read_bytes())
    with pytest.raises(InputError) as caught:
        open_unlabelled(root)
    assert caught.value.code == "image_twice"
