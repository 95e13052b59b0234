"""An office's own class table is written into a checkpoint, and travels from there."""

from pathlib import Path

import pytest

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.networks.card import read_card
from farmcd_qgis.networks.checkpoint import load_checkpoint, save_checkpoint
from farmcd_qgis.networks.convert import convert
from tests.helpers.small_network import CARD, made, same

NAMES = ("stable", "greenhouse", "quarry", "track", "orchard", "pond")


def table(names: tuple[str, ...] = NAMES, more: str = "") -> str:
    rows = [f'[[classes]]\nname = "{name}"\ncolour = "#0000{k:02x}"\nlabels = {{ zh = "类{k}" }}\n'
            for k, name in enumerate(names)]  # fmt: skip
    return "".join(rows) + more


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "ours.safetensors"
    save_checkpoint(made(), CARD, path)
    return path


def test_a_table_is_written_into_the_card_and_the_weights_stay(tmp_path, ours, capsys):
    given, target = tmp_path / "office.toml", tmp_path / "office.safetensors"
    only_people = '[[classes]]\nname = "other"\ncolour = "#ffffff"\npredicted = false\n'
    given.write_text(table(more=only_people), encoding="utf-8")
    assert main(["convert", str(ours), str(target), "--classes", str(given)]) == 0
    classes = read_card(target).classes
    assert [row.name for row in classes.rows] == [*NAMES, "other"]
    assert [row.name for row in classes.predicted] == [*NAMES]
    assert classes.label(1, "zh") == "类1"
    assert same(load_checkpoint(ours), load_checkpoint(target))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (table(NAMES[:4]), "classes_count"),
        ("classes = 3", "bad_class_table"),
        ("", "bad_class_table"),
        ("no toml [", "unreadable_classes"),
        (table().replace("#000001", "blue"), "bad_class_table"),
        (table(more='[[classes]]\nname = "pond"\ncolour = "#ffffff"\npredicted = false\n'), "bad_class_table"),
    ],
)
def test_a_table_that_cannot_be_used_is_said_and_nothing_is_written(tmp_path, ours, text, code):
    given, target = tmp_path / "office.toml", tmp_path / "office.safetensors"
    given.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        convert(ours, target, classes=given)
    assert caught.value.code == code
    assert not target.exists()
