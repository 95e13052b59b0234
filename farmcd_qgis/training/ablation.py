"""`scripts/ablation`: what each part of the method is worth, in one table from one command.

Every row is the row before plus one part, trained by the same recipe on the same data; each run is a process of its own
and goes on where it was when the command is given again.
"""

import argparse
import json
import statistics
import subprocess  # nosec B404 this module's own rows
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.errors import FarmCDError
from .augment import AugmentSettings
from .recipe import Recipe, read_recipe
from .train import VALIDATION

COMMAND = f"{__name__.split('.')[0]}.commands.ablation_cli"

ROWS = ("small network alone", "+ CMLA gate", "+ hard-region co-training", "+ corrected losses", "+ augmentation")
FIGURES = {
    "binary F1": ("binary", "f1"),
    "precision": ("binary", "precision"),
    "recall": ("binary", "recall"),
    "SCD_IoU_mean": ("semantic", "scd_iou_mean"),
    "SeK": ("semantic", "sek"),
    "Fscd": ("semantic", "fscd"),
}


def ablated(recipe: Recipe, row: int, seed: int) -> Recipe:
    """Return the recipe of a row of the table: everything up to `row` switched on, the rest off.

    The loss without correction is the authors', without weights of classes; without augmentation crops stay random,
    and look for change as often.
    """
    loss, settings = dict(recipe.loss), recipe.augment
    if row < 2:
        loss["hard_weight"] = 0.0
    if row < 3:
        loss = {**loss, "mode": "paper", "class_weights": None, "unsettled_weight": 1.0}
    if row < 4:
        nothing: dict[str, Any] = dict.fromkeys(
            ("brightness", "contrast", "saturation", "hue", "haze", "blur", "shift"), 0.0
        )
        settings = AugmentSettings(
            change_share=settings.change_share, class_share=settings.class_share, turn=False, **nothing
        )
    network = {**recipe.network, "gate": row >= 1}
    name = f"{recipe.name}-ablation-{row}"
    return replace(recipe, name=name, seed=seed, network=network, loss=loss, augment=settings)


def table(out: Path, seeds: int) -> list[dict[str, Any]]:
    """Read the validation figures of every row: the mean over the seeds, and the range where there are several."""
    rows = []
    for row, name in enumerate(ROWS):
        found = [json.loads((_folder(out, row, seed) / VALIDATION).read_text("utf-8")) for seed in range(seeds)]
        figures = {}
        for title, (part, key) in FIGURES.items():
            values = [record[part][key] for record in found if record[part] is not None]
            spread = values and {"mean": statistics.mean(values), "least": min(values), "most": max(values)}
            figures[title] = spread or None
        rows.append({"row": name, "figures": figures})
    return rows


def as_markdown(rows: list[dict[str, Any]], about: str) -> str:
    """Write the table as Markdown, in percent."""
    lines = [about, "", f"| | {' | '.join(FIGURES)} |", f"|---|{'---|' * len(FIGURES)}"]
    for row in rows:
        cells = []
        for value in row["figures"].values():
            text = "" if value is None else f"{100 * value['mean']:.1f}"
            if value is not None and value["least"] != value["most"]:
                text += f" ({100 * value['least']:.1f} to {100 * value['most']:.1f})"
            cells.append(text)
        lines.append(f"| {row['row']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _folder(out: Path, row: int, seed: int) -> Path:
    return out / f"{row}-{seed}"


def _run_all(arguments: argparse.Namespace) -> str:
    recipe = read_recipe(arguments.recipe)
    shared = ["--recipe", str(arguments.recipe), "--data", str(arguments.data), "--out", str(arguments.out)]
    shared += ["--devices", str(arguments.devices)]
    shared += ["--accelerator", arguments.accelerator] if arguments.accelerator else []
    for row, name in enumerate(ROWS):
        for seed in range(arguments.seeds):
            sys.stderr.write(f"== {name}, seed {seed}\n")
            argv = [
                sys.executable,
                "-m",
                COMMAND,
                *shared,
                "--row",
                str(row),
                "--seed",
                str(seed),
            ]
            status = subprocess.run(argv, check=False).returncode  # nosec B603 our own interpreter and module
            if status:
                raise FarmCDError("row_failed", name=name, status=status)
    rows = table(arguments.out, arguments.seeds)
    about = f"Recipe {recipe.name}, {recipe.steps} steps, {arguments.seeds} seeds, validation pairs of "
    about += f"{arguments.data.absolute().name}, %."
    text = as_markdown(rows, about)
    (arguments.out / "ablation.md").write_text(text, encoding="utf-8")
    (arguments.out / "ablation.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return text
