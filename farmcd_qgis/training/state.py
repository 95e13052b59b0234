"""What a training run keeps on disk, so that a killed one goes on where it was."""

import csv
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..core.errors import InputError

_FORMAT = 1


@dataclass
class RunState:
    """Where a run is: steps done, samples drawn, seconds spent, best score so far, validations and log rows."""

    step: int = 0
    drawn: int = 0
    seconds: float = 0.0
    best: float = -1.0
    validations: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)


def save_state(path: Path, state: RunState, recipe: str, **parts: Any) -> None:
    """Write the state and the state dictionaries in `parts` to `path`, whole or not at all."""
    values = {name: module.state_dict() for name, module in parts.items()}
    partial = path.with_name(path.name + ".part")
    torch.save({"format": _FORMAT, "recipe": recipe, "state": vars(state), **values}, partial)
    partial.replace(path)


def load_state(path: Path, recipe: str, **parts: Any) -> RunState:
    """Load what `save_state` wrote into `parts` and return the state.

    Raises InputError if the file was written under another recipe, since the curve would not go on.
    """
    values = torch.load(path, weights_only=True, map_location="cpu")
    if values["recipe"] != recipe:
        raise InputError("other_recipe", path=path)
    for name, module in parts.items():
        module.load_state_dict(values[name])
    return RunState(**values["state"])


def write_log(path: Path, rows: list[dict[str, float]]) -> None:
    """Write the log rows as CSV, whole, so that a resumed run leaves no row twice."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    partial = path.with_name(path.name + ".part")
    with partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(rows)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
