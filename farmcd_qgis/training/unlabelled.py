"""Pairs without labels, with what opinions say of them where somebody asked: half of semi-supervised training.

A folder has `A` and `B` (or SPLIT/A and SPLIT/B, or list/SPLIT.txt, as labelled ones do). Beside them
`opinions/change`, `opinions/A` and `opinions/B` hold what `pseudo_labels` writes, greyscale PNG: `change` class ids,
254 and 255 as labels have them, the others 1 foreground, 0 background and 255.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core.classes import FIVE, NO_CHANGE
from ..core.errors import InputError
from .datasets import ALL, IGNORE, UNSETTLED, _find, _read_image, _read_label, image_names
from .names import read_names, stem_of

OPINIONS = "opinions"
# What lies in the folder of opinions: change between the dates, foreground of each.
MASKS = ("change", "A", "B")


class UnlabelledSample(NamedTuple):
    """One pair: images uint8 (3, H, W); opinions uint8 (H, W), 255 where nothing is said.

    `change` holds class ids, 254 where a change has no class; the others 1 foreground and 0 background.
    """

    before: np.ndarray
    after: np.ndarray
    change: np.ndarray
    cover_before: np.ndarray
    cover_after: np.ndarray


@dataclass(frozen=True)
class UnlabelledFiles:
    """Where one pair lies, and its masks in the order of MASKS, None where nobody was asked."""

    name: str
    before: Path
    after: Path
    masks: tuple[Path | None, Path | None, Path | None] = (None, None, None)


class UnlabelledPairs:
    """Pairs that are read from disk each time: there may be far more of them than labelled ones.

    `binary`: the masks of change say only whether a pixel changed, as the authors' do.
    """

    def __init__(self, files: Sequence[UnlabelledFiles], binary: bool = False) -> None:
        self.files = tuple(files)
        self.binary = binary

        # Where a pair lies, by its name.
        self.places = {pair.name: place for place, pair in enumerate(self.files)}

    def __len__(self) -> int:
        return len(self.files)

    @property
    def with_opinions(self) -> int:
        """How many pairs have opinions."""
        return sum(any(pair.masks) for pair in self.files)

    def __getitem__(self, index: int) -> UnlabelledSample:
        """Read a pair; raises InputError for a file that cannot be used, naming it."""
        pair = self.files[index]
        before, after = _read_image(pair.before), _read_image(pair.after)
        size = before.shape[1:]
        known = [{row.id for row in FIVE.rows} | {UNSETTLED}, {0, 1}, {0, 1}]
        masks = [
            np.full(size, IGNORE, np.uint8) if path is None else _read_mask(path, values)
            for path, values in zip(pair.masks, known, strict=True)
        ]
        for path, shape in zip((pair.after, *pair.masks), (after.shape[1:], *(m.shape for m in masks)), strict=True):
            if shape != size:
                seen, wanted = ("{1} x {0}".format(*sides) for sides in (shape, size))
                raise InputError("unlabelled_size", file=str(path), seen=seen, wanted=wanted)
        change = masks[0]
        if self.binary:
            change = np.where((change == NO_CHANGE) | (change == IGNORE), change, np.uint8(UNSETTLED))
        return UnlabelledSample(before, after, change, masks[1], masks[2])


def open_unlabelled(
    root: Path, split: str = ALL, opinions: Path | None = None, binary: bool = False
) -> UnlabelledPairs:
    """Find the pairs of a split under `root`, and their opinions, in the folder `opinions` of the split by default.

    Raises InputError where there is no pair, an image is missing, two pairs have one name, or `opinions` is named and
    has none of them.
    """
    listing = root / "list" / f"{split}.txt"
    if listing.is_file():
        folder = root
        names = read_names(listing)
    else:
        folder = root / split if (root / split / "A").is_dir() else root
        names = image_names(folder / "A") if (folder / "A").is_dir() else []
    if not names:
        raise InputError("no_unlabelled_pairs", folder=str(root), split=split)
    masks = opinions or folder / OPINIONS
    pairs = UnlabelledPairs([_pair(folder, name, masks) for name in names], binary)
    if len(pairs.places) < len(pairs):
        stems = [pair.name for pair in pairs.files]
        raise InputError("image_twice", folder=folder / "A", image=next(s for s in stems if stems.count(s) > 1))
    if opinions is not None and not pairs.with_opinions:
        raise InputError("no_opinions", folder=str(opinions), name=stem_of(names[0]), count=len(names))
    return pairs


def _pair(folder: Path, name: str, opinions: Path) -> UnlabelledFiles:
    before, after = (_find(folder / date, name) for date in "AB")
    if before is None or after is None:
        lacking = folder / ("A" if before is None else "B")
        raise InputError("unlabelled_missing", folder=str(lacking), name=stem_of(name))
    change, first, second = (_find(opinions / kind, name) for kind in MASKS)
    return UnlabelledFiles(stem_of(name), before, after, (change, first, second))


def _read_mask(path: Path, known: set[int]) -> np.ndarray:
    mask = _read_label(path)
    if unknown := sorted(set(np.unique(mask).tolist()) - known - {IGNORE}):
        raise InputError("opinion_mask", file=str(path), seen=", ".join(map(str, unknown[:5])))
    return mask
