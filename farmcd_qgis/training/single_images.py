"""Single images with masks, as a data set whose pairs are twice the same image: what prior networks learn from.

A folder has `images` and `masks` (or `labels`, or `label`), matched by stem; below a folder of the split's name, or
chosen by `list/SPLIT.txt` (one file name a line), or all of them as the split "all".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..core.errors import InputError
from .datasets import (
    ALL,
    IGNORE,
    NO_CHANGE,
    OTHER_THAN,
    UNSETTLED,
    ChangeDataset,
    PairFiles,
    Sample,
    _check_sizes,
    _checked_ids,
    _find,
    _open,
    _read_image,
    _read_label,
    class_pixels,
    image_names,
)

IMAGES, MASKS = "images", ("masks", "labels", "label")
_LOSSY = (".jpg", ".jpeg")

Zero = Literal["", "class", "unknown", "other"]


@dataclass(frozen=True)
class MaskMeaning:
    """What masks hold: class ids, or only 0 and the rest (`binary`; 255 is unknown where other ids mark the rest).

    `zero` says what 0 is among class ids: a class like the others, "unknown" and not to be learned, or "other", any but
    the one class that the masks mark (`OTHER_THAN` + its id); "" where nobody says, which is refused for masks that
    tell one class from the rest. `palette_ids`: the numbers of palette images are class ids, and not merely the order
    of their colours.
    """

    binary: bool = False
    zero: Zero = ""
    palette_ids: bool = False


class SingleImages(ChangeDataset):
    """Images with masks; `before` and `after` of a sample are the same image."""

    def __init__(self, files: Sequence[PairFiles], meaning: MaskMeaning) -> None:
        super().__init__(files, "binary" if meaning.binary else "classes")
        self.meaning = meaning

    def load(self) -> None:
        """Decode every file, and tell what 255 is in binary masks, and 0 in those of one class.

        Raises InputError as `ChangeDataset.load` does, and where 0 shall be any other class than several.
        """
        super().load()
        if not (self.meaning.binary or self.meaning.zero == "other"):
            return
        values = set().union(*(np.unique(sample.label).tolist() for sample in self._samples)) - {NO_CHANGE, IGNORE}
        if self.meaning.binary:
            self._samples = [sample._replace(label=_marked(sample.label, bool(values))) for sample in self._samples]
            return
        if len(values) > 1 or UNSETTLED in values:
            raise InputError("other_than_several", folder=str(self.files[0].label.parent), ids=sorted(values))
        for marked in values:
            self._samples = [sample._replace(label=_others(sample.label, marked)) for sample in self._samples]

    def _read(self, files: PairFiles) -> Sample:
        image, mask = _read_image(files.before), self._mask(files.label)
        _check_sizes(files, image, image, mask)
        return Sample(image, image, mask)

    def _mask(self, path: Path) -> np.ndarray:
        opened = _open(path)
        if opened.mode == "P" and not (self.meaning.palette_ids or self.meaning.binary):
            raise InputError("palette_mask", path=path)
        is_palette = opened.mode == "P"
        mask = np.asarray(opened) if is_palette else _read_label(path)
        is_lossy = path.suffix.lower() in _LOSSY
        if self.meaning.binary:
            # What all masks hold decides what 255 is: see `load`.
            return np.where(mask > 127, IGNORE, NO_CHANGE).astype(np.uint8) if is_lossy else mask
        if is_lossy:
            raise InputError("lossy_mask", path=path)
        mask = _checked_ids(mask, path, self.table)
        return np.where(mask == 0, IGNORE, mask).astype(np.uint8) if self.meaning.zero == "unknown" else mask


def _marked(mask: np.ndarray, knows_unknown: bool) -> np.ndarray:
    marked = np.where(mask != NO_CHANGE, UNSETTLED, NO_CHANGE).astype(np.uint8)
    if knows_unknown:
        marked[mask == IGNORE] = IGNORE
    return marked


def _others(mask: np.ndarray, marked: int) -> np.ndarray:
    return np.where(mask == NO_CHANGE, OTHER_THAN + marked, mask).astype(np.uint8)


def open_single_images(root: Path, split: str, meaning: MaskMeaning) -> SingleImages:
    """Find the images of a split and their masks, and decode them.

    Raises InputError where there are none, a mask is missing or unusable, nothing is marked in any mask, or masks tell
    one class from the rest and nobody says what the rest is.
    """
    folder = root / split if (root / split / IMAGES).is_dir() else root
    masks = next((folder / name for name in MASKS if (folder / name).is_dir()), None)
    if not (folder / IMAGES).is_dir() or masks is None:
        raise InputError("no_single_images", folder=str(folder), names=MASKS)
    names = _names(root, folder, split)
    if not names:
        raise InputError("no_images_in_split", folder=str(folder), split=split)
    data = SingleImages([_files(folder, masks, name) for name in names], meaning)
    data.load()
    _check(data, folder)
    return data


def _names(root: Path, folder: Path, split: str) -> list[str]:
    listing = root / "list" / f"{split}.txt"
    if listing.is_file():
        return [line.split()[0] for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
    if folder == root and split != ALL:
        raise InputError("no_split_of_images", folder=str(root), split=split)
    return image_names(folder / IMAGES)


def _files(folder: Path, masks: Path, name: str) -> PairFiles:
    image, mask = _find(folder / IMAGES, name), _find(masks, name)
    if image is None or mask is None:
        lacking = folder / IMAGES if image is None else masks
        raise InputError("single_image_missing", folder=str(lacking), name=Path(name).stem)
    return PairFiles(Path(name).stem, image, image, mask)


def _check(data: SingleImages, folder: Path) -> None:
    counts = class_pixels(data)
    classes = sorted(set(counts) - {NO_CHANGE, IGNORE})
    meaning = data.meaning
    if not classes and counts.get(IGNORE) and not meaning.binary and _holds_zero_and_255(data):
        raise InputError("binary_masks", folder=str(folder))
    if not classes:
        raise InputError("nothing_marked", folder=str(folder), count=len(data))
    if not meaning.binary and not meaning.zero and NO_CHANGE in counts and len(classes) == 1:
        raise InputError("one_class_masks", folder=str(folder), id=classes[0])


def _holds_zero_and_255(data: SingleImages) -> bool:
    """Say whether the first masks hold 0 and 255 and nothing else, whatever is made of 0."""
    values = set().union(*(np.unique(np.asarray(_open(pair.label))).tolist() for pair in data.files[:8]))
    return values in ({NO_CHANGE, IGNORE}, {False, True})
