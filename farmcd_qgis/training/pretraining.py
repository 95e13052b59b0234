"""`scripts/pretraining`: is it true that pre-training on single images pays? (docs/methods/schanger.md, section 6)"""

from collections.abc import Callable
from pathlib import Path

from .recipe import Recipe
from .tables import Row, training_row, with_names
from .train import BEST

# Labelled pairs of CLCD's training split, by the list that names them.
LISTS = {"clcd_10.txt": "36 pairs", "": "all 360 pairs"}
PRIOR = "prior"


def rows(prior: Recipe, change: Recipe, images: Path, data: Path, out: Path) -> list[Row]:
    """List the rows: the prior network itself, and the change network from it and from random weights."""
    found = [training_row("the prior network, on its own images", PRIOR, prior, images)]
    starts: dict[str, Callable[[int], Path | None]] = {
        "random": lambda seed: None,
        "pretrained": lambda seed: out / f"{PRIOR}-{seed}" / BEST,
    }
    for names, pairs in LISTS.items():
        for kind, start in starts.items():
            words = "from random weights" if kind == "random" else "pre-trained on land cover"
            folder = f"{kind}-{'36' if names else '360'}"
            found.append(training_row(f"{pairs}, {words}", folder, with_names(change, names), data, start))
    return found
