"""`scripts/evaluate` on folders as people have them: odd ones are measured, or a sentence says why not."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from farmcd_qgis.commands.evaluate_cli import main
from farmcd_qgis.networks.checkpoint import save_checkpoint
from tests.helpers.small_network import CARD, made

SIDE = 32


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    save_checkpoint(made(), CARD, tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def noise(path: Path, height: int = SIDE, width: int = SIDE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(len(path.name)).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(values).save(path)


def label(path: Path, value: int = 255, height: int = SIDE, width: int = SIDE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = np.zeros((height, width), np.uint8)
    ids[: height // 2] = value
    Image.fromarray(ids).save(path)


def pair(folder: Path, name: str, suffixes: tuple[str, str, str] = (".png", ".png", ".png")) -> None:
    noise(folder / "A" / (name + suffixes[0]))
    noise(folder / "B" / (name + suffixes[1]))
    label(folder / "label" / (name + suffixes[2]))


def measured(data: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict:
    arguments = ["--checkpoint", str(checkpoint), "--data", str(data), "--tile", "32", "--json", *more]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1, "one line on standard output"
    return json.loads(printed)


def refused(data: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    arguments = ["--checkpoint", str(checkpoint), "--data", str(data), "--tile", "32", "--json", *more]
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.count("\n") == 1, "one sentence"
    return printed.err


def test_any_split_and_any_format_is_measured(tmp_path: Path, checkpoint: Path, capsys) -> None:
    folder = tmp_path / "data" / "examination"
    pair(folder, "one", (".png", ".JPG", ".TIF"))
    pair(folder, "two", (".bmp", ".jpeg", ".png"))
    pair(folder, "three.b", (".webp", ".tiff", ".PNG"))
    Image.new("L", (SIDE, SIDE), 90).save(folder / "A" / "grey.png")
    noise(folder / "B" / "grey.png")
    Image.new("1", (SIDE, SIDE), 1).save(folder / "label" / "grey.png")
    (folder / "A" / "Thumbs.db").write_bytes(b"no image")
    (folder / "A" / "._one.png").write_bytes(b"what another system leaves")
    record = measured(tmp_path / "data", checkpoint, capsys, "--split", "examination")
    assert record["pairs"] == 4
    assert record["class_matrix"] is None
    assert sum(map(sum, record["binary_matrix"])) == 4 * SIDE * SIDE


def test_pairs_without_label5_count_as_changed_or_not(tmp_path: Path, checkpoint: Path, capsys) -> None:
    folder = tmp_path / "data" / "val"
    pair(folder, "one")
    pair(folder, "two")
    label(folder / "label5" / "two.png", 3)
    record = measured(tmp_path / "data", checkpoint, capsys)
    assert sum(map(sum, record["binary_matrix"])) == 2 * SIDE * SIDE
    assert sum(record["class_matrix"][3]) == SIDE * SIDE // 2
    # Of the first pair what did not change is settled, and nothing else.
    assert sum(map(sum, record["class_matrix"])) == SIDE * SIDE * 3 // 2


def test_small_and_narrow_images_and_one_class_labels(tmp_path: Path, checkpoint: Path, capsys) -> None:
    folder = tmp_path / "data"
    for name, shape in (("dot", (1, 1)), ("line", (3, 70)), ("large", (45, 33))):
        noise(folder / "A" / f"{name}.png", *shape)
        noise(folder / "B" / f"{name}.png", *shape)
        label(folder / "label" / f"{name}.png", 1, *shape)
    record = measured(folder, checkpoint, capsys, "--split", "all", "--labels", "binary", "--scale", "0.3")
    assert record["pairs"] == 3
    assert sum(map(sum, record["binary_matrix"])) == 1 + 3 * 70 + 45 * 33


def test_nothing_changed_anywhere(tmp_path: Path, checkpoint: Path, capsys) -> None:
    folder = tmp_path / "data"
    pair(folder, "one")
    label(folder / "label" / "one.png", 0)
    record = measured(folder, checkpoint, capsys, "--split", "all", "--labels", "binary")
    assert record["binary"]["recall"] == 0


def test_several_checkpoints_of_one_name_are_one_line(tmp_path: Path, checkpoint: Path, capsys) -> None:
    pair(tmp_path / "data", "one")
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / checkpoint.name
    save_checkpoint(made(), CARD, other)
    files = ["--checkpoint", str(checkpoint), str(other)]
    assert main([*files, "--data", str(tmp_path / "data"), "--split", "all", "--tile", "32", "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert json.loads(printed).keys() == {str(checkpoint), str(other)}


def test_calibration_is_one_line_too(tmp_path: Path, checkpoint: Path, capsys) -> None:
    folder = tmp_path / "data"
    for name in ("one", "two"):
        pair(folder, name)
        label(folder / "label" / f"{name}.png", 3)
    record = measured(folder, checkpoint, capsys, "--split", "all", "--labels", "classes", "--calibrate")
    assert record["temperature"] > 0


def _empty(folder: Path) -> None:
    (folder / "A").mkdir(parents=True)


def _no_after(folder: Path) -> None:
    pair(folder, "one")
    (folder / "B" / "one.png").unlink()


def _no_before(folder: Path) -> None:
    pair(folder, "one")
    noise(folder / "B" / "two.png")


def _no_label(folder: Path) -> None:
    pair(folder, "one")
    (folder / "label" / "one.png").unlink()


def _sizes(folder: Path) -> None:
    pair(folder, "one")
    noise(folder / "B" / "one.png", 20, 30)


def _class_sizes(folder: Path) -> None:
    pair(folder, "one")
    label(folder / "label5" / "one.png", 3, 16, 16)


def _twice(folder: Path) -> None:
    pair(folder, "one")
    noise(folder / "A" / "one.jpg")


def _deep(folder: Path) -> None:
    pair(folder, "one")
    Image.fromarray(np.full((SIDE, SIDE), 4000, np.uint16)).save(folder / "A" / "one.png")


def _broken(folder: Path) -> None:
    pair(folder, "one")
    (folder / "B" / "one.png").write_bytes(b"no image")


def _unknown_class(folder: Path) -> None:
    pair(folder, "one")
    label(folder / "label5" / "one.png", 9)


def _coloured_label(folder: Path) -> None:
    pair(folder, "one")
    noise(folder / "label" / "one.png")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "holds no data set with a split 'val'"),
        (_empty, "has no pair in it"),
        (_no_after, "has no image 'one'"),
        (_no_before, "has no image 'two'"),
        (_no_label, "has no image 'one'"),
        (_sizes, "before 32 x 32, after 30 x 20"),
        (_class_sizes, "label 16 x 16"),
        (_twice, "two images named 'one'"),
        (_deep, "more than 8 bits"),
        (_broken, "cannot be read as an image"),
        (_unknown_class, "holds the values 9"),
        (_coloured_label, "has the mode RGB"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(
    make: Callable[[Path], None], words: str, tmp_path: Path, checkpoint: Path, capsys
) -> None:
    (tmp_path / "data").mkdir()
    make(tmp_path / "data" / "val")
    assert words in refused(tmp_path / "data", checkpoint, capsys)
