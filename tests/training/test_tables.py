"""Tables are measured row by row, go on where they were stopped, and say what was not run."""

import json
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.training import few_labels, pretraining
from farmcd_qgis.training.few_labels import Asked
from farmcd_qgis.training.names import names_of
from farmcd_qgis.training.recipe import read_recipe
from farmcd_qgis.training.tables import Row, fill, with_budget
from farmcd_qgis.training.train import VALIDATION

RECIPES = Path(few_labels.__file__).parent / "recipes"


def test_a_row_is_measured_once_and_a_stopped_table_goes_on(tmp_path: Path) -> None:
    measured: list[tuple[str, int]] = []

    def row(name: str, f1: float, seeded: bool = True) -> Row:
        def measure(folder: Path, seed: int) -> None:
            measured.append((name, seed))
            if name == "breaks" and len(measured) < 3:
                raise KeyboardInterrupt
            folder.mkdir(parents=True, exist_ok=True)
            figures = {"f1": f1 + seed / 100, "precision": 0.5, "recall": 0.5}
            (folder / VALIDATION).write_text(json.dumps({"binary": figures, "semantic": None}))

        return Row(name, name, measure, seeded)

    rows = [row("floor", 0.2, seeded=False), row("breaks", 0.4), row("later", 0.6)]
    with pytest.raises(KeyboardInterrupt):
        fill(rows, tmp_path, 2, "about")
    assert "breaks (not run)" in (tmp_path / "table.md").read_text()
    text = fill(rows, tmp_path, 2, "about")
    # All rows with one seed, before any with the next.
    assert measured == [("floor", 0), ("breaks", 0), ("breaks", 0), ("later", 0), ("breaks", 1), ("later", 1)]
    assert fill(rows, tmp_path, 2, "about") == text
    assert len(measured) == 6
    assert "| breaks | 40.5 (40.0 to 41.0) |" in text
    assert "| floor | 20.0 |" in text
    with pytest.raises(InputError) as caught:
        fill(rows, tmp_path, 2, "about", only=["nothing"])
    assert caught.value.code == "row_unknown"


def test_the_tables_have_the_rows_that_were_asked_for(tmp_path: Path) -> None:
    recipe = with_budget(read_recipe(RECIPES / "few_labels.toml"), 5, 1.0)
    assert (recipe.steps, recipe.max_minutes) == (5, 1.0)
    folders = [row.folder for row in few_labels.rows(recipe, tmp_path, Asked("network:x.safetensors"), tmp_path)]
    kinds = ("labels", "consistency", "opinions")
    assert folders[:4] == ["cva", "irmad", "pixels", "mixed"]
    of_training = [f"{kind}-{share}" for share in ("05", "10", "20") for kind in kinds]
    assert folders[4:] == [*of_training[:3], "paper-05", *of_training[3:]]
    without = [row.folder for row in few_labels.rows(recipe, tmp_path, None, tmp_path)]
    assert without[:3] == ["cva", "irmad", "labels-05"]
    paying = pretraining.rows(read_recipe(RECIPES / "pretraining_prior.toml"), recipe, tmp_path, tmp_path, tmp_path)
    assert [row.folder for row in paying] == ["prior", "random-36", "pretrained-36", "random-360", "pretrained-360"]
    assert len(names_of("clcd_10.txt")[0]) == 36
