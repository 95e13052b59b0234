"""`scripts/pretraining`: is it true that pre-training on single images pays? (docs/methods/schanger.md, section 6)"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .recipe import Recipe
from .tables import Row, training_row, with_names
from .train import BEST

# Labelled pairs of CLCD's training split, by the list that names them.
LISTS = {"clcd_10.txt": "36 pairs", "": "all 360 pairs"}
PRIOR = "prior"
# How often a pass draws an image of land cover where images of roads are beside them: of the sets that this is measured
# on, 54 and 385, either has half of the crops.
TIMES_BESIDE_ROADS = 7


def rows(prior: Recipe, change: Recipe, images: Path, data: Path, out: Path, roads: Path | None = None) -> list[Row]:
    """List the rows: the prior network itself, and the change network from it and from random weights.

    `roads` are more images for the prior network, whose masks tell road from any other cover.
    """
    if roads is not None:
        # Their masks are kept as the others are.
        more = {"folder": str(roads), "zero": "other", "palette_ids": prior.loss.get("palette_ids", False)}
        prior = replace(prior, loss={**prior.loss, "times": TIMES_BESIDE_ROADS, "more": [more]})
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
