"""Checkpoints as the authors' training saves them, made of the golden numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

EVAL = np.load(Path(__file__).parents[1] / "golden" / "schanger" / "schanger_tiny_eval.npz")
TINY = (4, 4, 8, 8, 8, 8)


def state() -> dict[str, Tensor]:
    """Return the golden weights, without the batch norms' counters."""
    return {name.removeprefix("sd/"): torch.tensor(EVAL[name]) for name in EVAL.files if name.startswith("sd/")}


def prior_state() -> dict[str, Tensor]:
    """Return the golden weights of the prior network."""
    return {name: value for name, value in state().items() if ".diff." not in name}


def write_authors(path: Path, tensors: dict[str, Tensor]) -> Path:
    """Write a compiled network's checkpoint, with what lies beside the weights."""
    wrapped: dict[str, Any] = {"epoch": 3, "state_dict": {f"_orig_mod.{name}": t for name, t in tensors.items()}}
    torch.save(wrapped, path)
    return path
