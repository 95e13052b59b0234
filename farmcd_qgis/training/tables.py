"""Tables that are measured row by row: `scripts/few_labels` and `scripts/pretraining`.

Every row and seed has a folder of its own with its figures; what is there is not measured again, and the table is
written anew after each row, so that a command may be stopped at any time and given again.
"""

import json
import logging
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from .ablation import FIGURES, as_markdown
from .recipe import Recipe
from .train import VALIDATION, train

TABLE = "table"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """One row: `measure` puts what it needs into a folder of its own, with a seed, and writes VALIDATION there.

    Rows of which nothing is drawn by chance are measured once.
    """

    name: str
    folder: str
    measure: Callable[[Path, int], None]
    seeded: bool = True


def fill(rows: Sequence[Row], out: Path, seeds: int, about: str, only: Sequence[str] = ()) -> str:
    """Measure the rows that lack, those of the folders `only` if any are named, and return the table as Markdown.

    Raises InputError for a folder that no row has, and whatever a row raises.
    """
    known = [row.folder for row in rows]
    if unknown := [name for name in only if name not in known]:
        raise InputError("row_unknown", row=unknown[0], known=", ".join(known))
    out.mkdir(parents=True, exist_ok=True)
    # Seed by seed, so that a command that was stopped has compared all rows with one.
    for seed in range(seeds):
        for row in (row for row in rows if row.seeded or not seed):
            folder = out / f"{row.folder}-{seed}"
            if (only and row.folder not in only) or _finished(folder):
                continue
            logger.info("== %s, seed %d", row.name, seed)
            row.measure(folder, seed)
            (folder / "finished").touch()
            _write(rows, out, seeds, about)
    return _write(rows, out, seeds, about)


def training_row(
    name: str, folder: str, recipe: Recipe, data: Path, start: Callable[[int], Path | None] = lambda seed: None
) -> Row:
    """Make a row of a training by a recipe, from the checkpoint of its seed that `start` names."""

    def measure(out: Path, seed: int) -> None:
        train(replace(recipe, seed=recipe.seed + seed), data, out, start=start(seed))

    return Row(name, folder, measure)


def with_budget(recipe: Recipe, steps: int | None, minutes: float | None) -> Recipe:
    """Return a recipe of so many steps, and of so many minutes if those come first."""
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    return recipe if minutes is None else replace(recipe, max_minutes=minutes)


def with_names(recipe: Recipe, names: str, **loss: Any) -> Recipe:
    """Return a recipe whose labels are those of a list of pairs, and whose loss has other weights."""
    return replace(recipe, data=replace(recipe.data, names=names), loss={**recipe.loss, **loss})


def _finished(folder: Path) -> bool:
    return (folder / "finished").is_file()


def _write(rows: Sequence[Row], out: Path, seeds: int, about: str) -> str:
    """Write the table of what is there as Markdown and JSON; rows that are not measured stay empty."""
    table = []
    for row in rows:
        folders = [out / f"{row.folder}-{seed}" for seed in range(seeds if row.seeded else 1)]
        found = [json.loads((f / VALIDATION).read_text("utf-8")) for f in folders if _finished(f)]
        figures: dict[str, Any] = {}
        for title, (part, key) in FIGURES.items():
            values = [record[part][key] for record in found if record.get(part) is not None]
            spread = {"mean": statistics.mean(values), "least": min(values), "most": max(values)} if values else None
            figures[title] = spread
        table.append({"row": row.name if found else f"{row.name} (not run)", "figures": figures})
    text = as_markdown(table, about)
    (out / f"{TABLE}.md").write_text(text, encoding="utf-8")
    (out / f"{TABLE}.json").write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    return text
