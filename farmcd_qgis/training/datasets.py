"""Pairs with labels from the data sets' own folders: the authors' layout and CLCD's.

Every sample comes out the same way whatever the layout: two RGB images and one label image of class
ids. Two values have a meaning of their own: `IGNORE` (nothing is known here) and `UNSETTLED` (changed,
but nobody settled into what; only the margin "no change / some change" is trained and measured there).
"""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..core.class_file import class_table_of
from ..core.classes import FIVE, NO_CHANGE, NODATA, UNKNOWN_CLASS, ClassTable
from ..core.errors import InputError
from ..core.protocol import Finding
from ..core.run_files import SAMPLES_JSON
from .annotations import UNKNOWN, read_annotations
from .names import IMAGE_SUFFIXES, read_names, stem_of

IGNORE = NODATA
UNSETTLED = UNKNOWN_CLASS
# Plus a class id: masks of that class alone say of the pixel that it is another (see `single_images`).
OTHER_THAN = 128
# Labels as polygons, which the engine makes pictures of.
POLYGONS = "labels.gpkg"
# The split of a folder that has none.
ALL = "all"

# Of more than 8 bits, which would be cut off at 255 instead of being brought to 8 bits.
_DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_DECODERS = 2

logger = logging.getLogger(__name__)

LabelKind = Literal["binary", "classes", "mixed"]
Labels = Literal["auto", "binary", "classes"]


class Sample(NamedTuple):
    """One pair: `before` and `after` uint8 (3, H, W), `label` uint8 (H, W) with class ids, 254, 255."""

    before: np.ndarray
    after: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class PairFiles:
    """Where one pair lies; `classes` is the five-class label beside a binary one, `context` the prompt, if there is."""

    name: str
    before: Path
    after: Path
    label: Path
    classes: Path | None = None
    context: str | None = None


class ChangeDataset:
    """All pairs of a split, decoded once and kept in memory as they are on disk (8 bit).

    `table` says what the ids of the labels mean.
    """

    def __init__(self, files: Sequence[PairFiles], kind: LabelKind, table: ClassTable = FIVE) -> None:
        self.files = tuple(files)
        self.kind = kind
        self.table = table
        self._samples: list[Sample] = []
        self._by_class: dict[int, list[int]] | None = None

    @classmethod
    def of(cls, parts: Sequence[tuple["ChangeDataset", Sequence[int]]]) -> "ChangeDataset":
        """Make a data set of chosen samples of others; an index may be named more than once."""
        kinds = {part.kind for part, _ in parts}
        files = [part.files[i] for part, indices in parts for i in indices]
        chosen = cls(files, kinds.pop() if len(kinds) == 1 else "mixed", parts[0][0].table)
        chosen._samples = [part[i] for part, indices in parts for i in indices]
        return chosen

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        if not self._samples:
            self.load()
        return self._samples[index]

    def load(self) -> None:
        """Decode every file; raises InputError for a file that cannot be used, naming it."""
        with ThreadPoolExecutor(_DECODERS) as pool:
            self._samples = list(pool.map(self._read, self.files))

    def seen_as(self, table: ClassTable) -> "ChangeDataset":
        """Return the data set with the ids of another table, by the names of classes; 254 for one that it has not.

        A table that tells no classes of change apart changes nothing.
        """
        if len(table.predicted) < 3 or table.predicted == self.table.predicted:
            return self
        if not self._samples:
            self.load()
        ids = np.arange(256, dtype=np.uint8)
        for row in self.table.changes:
            there = self.table.translate(row.id, table)
            ids[row.id] = there if there < len(table.predicted) else UNSETTLED
        made = ChangeDataset(self.files, self.kind, table)
        made._samples = [sample._replace(label=ids[sample.label]) for sample in self._samples]
        return made

    def named(self, names: Sequence[str], listing: Path) -> "ChangeDataset":
        """Return the pairs of these names; raises InputError for names that no pair has, by the list they are from."""
        places = {pair.name: place for place, pair in enumerate(self.files)}
        if lacking := [name for name in names if name not in places]:
            raise InputError("names_unknown", file=str(listing), count=len(lacking), first=lacking[0])
        if not names:
            raise InputError("names_empty", file=str(listing))
        return ChangeDataset.of([(self, [places[name] for name in names])])

    def by_class(self) -> dict[int, list[int]]:
        """Return {class id of change: the samples that hold it}, classes that no sample holds left out."""
        if self._by_class is None:
            held = [np.unique(self[index].label) for index in range(len(self))]
            rows = {row.id: [i for i, ids in enumerate(held) if row.id in ids] for row in self.table.changes}
            self._by_class = {class_id: samples for class_id, samples in rows.items() if samples}
        return self._by_class

    def _read(self, files: PairFiles) -> Sample:
        before, after = _read_image(files.before), _read_image(files.after)
        label = _read_label(files.label)
        _check_sizes(files, before, after, label)
        if self.kind == "binary":
            return Sample(before, after, np.where(label > 0, UNSETTLED, NO_CHANGE).astype(np.uint8))
        if files.classes is None:
            if self.kind == "mixed":
                return Sample(before, after, merge_labels(label > 0, np.where(label > 0, IGNORE, NO_CHANGE)))
            return Sample(before, after, _checked_ids(label, files.label, self.table))
        classes = _checked_ids(_read_label(files.classes), files.classes, self.table)
        _check_sizes(files, before, after, classes)
        return Sample(before, after, merge_labels(label > 0, classes))


def merge_labels(changed: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Join a binary label and a five-class one into uint8 (H, W) class ids.

    Changed pixels without a settled class become `UNSETTLED`; where the two contradict each other
    (changed, yet class "no change", or a class where nothing changed) nothing is known: `IGNORE`.
    """
    merged = np.where(changed, classes, NO_CHANGE).astype(np.uint8)
    merged[changed & (classes == IGNORE)] = UNSETTLED
    merged[changed & (classes == NO_CHANGE)] = IGNORE
    merged[~changed & (classes != NO_CHANGE)] = IGNORE
    return merged


def open_dataset(root: Path, split: str, labels: Labels = "auto", classes: ClassTable | None = None) -> ChangeDataset:
    """Find the pairs of a split under `root`, in the authors' layout or in CLCD's.

    The authors' layout is A, B, label and list/SPLIT.txt (one file name per line); CLCD's is
    SPLIT/A, SPLIT/B, SPLIT/label and optionally SPLIT/label5 (of all pairs or some), paired by stem. The split "all" is
    every pair of a folder that has A, B and label but no splits. Both may have a folder json with scene and nuisances
    (see `annotations`). `labels` says what a lone label folder holds: "binary" (0 or not), "classes" (class ids), or
    "auto": classes in a training set that the engine made, else binary if it holds 255 and no class id. `classes` is
    what the ids mean (None: the table in the folder, else the five classes).
    Raises InputError where files are missing, are there twice, or are no pair.
    """
    listing = root / "list" / f"{split}.txt"
    if listing.is_file():
        # A pair that is named twice is drawn twice as often.
        folder, files = root, [_pair_files(root, name) for name in read_names(listing, once=False)]
    elif (root / split / "A").is_dir():
        folder = root / split
        files = [_pair_files(folder, name) for name in _names_of_pairs(folder)]
    elif split == ALL and (root / "A").is_dir():
        folder, files = root, [_pair_files(root, name) for name in _names_of_pairs(root)]
    else:
        raise InputError("no_dataset", root=root, split=split, listing=listing, pictures=root / split / "A")
    if not files:
        raise InputError("empty_split", split=split, root=root)
    contexts = read_annotations(folder, split)
    files = [replace(pair, context=contexts.get(pair.name, UNKNOWN if contexts else None)) for pair in files]
    table = classes or class_table_of(root) or FIVE
    if any(pair.classes is not None for pair in files):
        return ChangeDataset(files, "mixed", table)
    if labels == "auto":
        labels = "classes" if (root / SAMPLES_JSON).is_file() else _guess_kind(files)
    kind: LabelKind = labels
    return ChangeDataset(files, kind, table)


def opened(root: Path, split: str, labels: Labels, classes: ClassTable | None = None) -> ChangeDataset:
    """Open and decode a split, and log what is to be known of its labels; raises as `open_dataset` does."""
    dataset = open_dataset(root, split, labels, classes)
    dataset.load()
    for finding in check_dataset(dataset):
        logger.log(logging.INFO if finding.severity == "info" else logging.WARNING, "%s: %s", split, finding.message)
    logger.info("%s: %d pairs, %s labels", split, len(dataset), dataset.kind)
    return dataset


def as_classes(label: Tensor, classes: int) -> Tensor:
    """Make labels fit a network of `classes` classes: of a binary one any change is class 1; 255 stays."""
    if classes > 2:
        return label
    return torch.where((label == NO_CHANGE) | (label == IGNORE), label, torch.ones_like(label))


def class_pixels(dataset: ChangeDataset) -> dict[int, int]:
    """Count the pixels of every label value in the data set (class ids, 254 and 255)."""
    counts = np.zeros(256, np.int64)
    for index in range(len(dataset)):
        counts += np.bincount(dataset[index].label.ravel(), minlength=256)
    return {value: int(counts[value]) for value in np.flatnonzero(counts)}


def check_dataset(dataset: ChangeDataset) -> list[Finding]:
    """Look at the label pixels before training starts: empty classes and missing change, each in a sentence.

    Raises InputError if nothing changed anywhere, since then nothing can be learned.
    """
    counts = class_pixels(dataset)
    changed = sum(n for value, n in counts.items() if value not in (NO_CHANGE, IGNORE))
    if not changed:
        known = counts.get(NO_CHANGE)
        raise InputError("no_change_labelled" if known else "nothing_labelled", count=len(dataset))
    findings = []
    if not counts.get(NO_CHANGE):
        findings.append(Finding("warning", "no_unchanged"))
    if dataset.kind == "binary":
        findings.append(Finding("warning", "binary_labels"))
    else:
        missing = [row.label() for row in dataset.table.predicted[1:] if not counts.get(row.id)]
        if missing:
            findings.append(Finding("warning", "empty_class", {"missing": missing}))
    if counts.get(UNSETTLED):
        share = counts[UNSETTLED] / changed
        findings.append(Finding("info", "unsettled", {"share": share}))
    return findings


def image_names(folder: Path) -> list[str]:
    """Return the names of the images in a folder; hidden files, as some systems leave them, are none."""
    names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    return [name for name in names if not name.startswith(".")]


def _names_of_pairs(folder: Path) -> list[str]:
    """Return the names in A; raises InputError for an after image without its before image, and for a stem twice."""
    names = image_names(folder / "A")
    stems = Counter(Path(name).stem for name in names)
    if twice := next((stem for stem, count in stems.items() if count > 1), None):
        raise InputError("image_twice", folder=folder / "A", image=twice)
    after = image_names(folder / "B") if (folder / "B").is_dir() else []
    if lone := next((name for name in after if Path(name).stem not in stems), None):
        raise InputError("missing_image", folder=folder / "A", image=Path(lone).stem, name=lone)
    return names


def _pair_files(folder: Path, name: str) -> PairFiles:
    classes = _find(folder / "label5", name)
    found = {kind: _find(folder / kind, name) for kind in ("A", "B", "label")}
    if found["label"] is None and (folder / POLYGONS).is_file():
        raise InputError("polygon_labels", path=folder / POLYGONS)
    for kind, path in found.items():
        if path is None:
            raise InputError("missing_image", folder=folder / kind, image=stem_of(name), name=name)
    before, after, label = (path for path in found.values() if path is not None)
    return PairFiles(stem_of(name), before, after, label, classes)


def _find(folder: Path, name: str) -> Path | None:
    """Look for `name`, or for another image with its stem (images are often JPEG where labels are PNG)."""
    endings = [ending for suffix in IMAGE_SUFFIXES for ending in (suffix, suffix.upper())]
    candidates = [folder / name, *(folder / (stem_of(name) + ending) for ending in endings)]
    return next((path for path in candidates if path.is_file()), None)


def _guess_kind(files: Sequence[PairFiles]) -> Literal["binary", "classes"]:
    values = set().union(*(np.unique(_read_label(pair.label)).tolist() for pair in files))
    if values <= {0, 255} and 255 in values:
        return "binary"
    if values <= {0, 1}:
        raise InputError("ambiguous_labels")
    return "classes"


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
    except (OSError, SyntaxError) as error:
        raise InputError("unreadable_image", path=path, reason=error) from error
    return image


def _read_image(path: Path) -> np.ndarray:
    image = _open(path)
    if image.mode in _DEEP_MODES:
        raise InputError("deep_image", path=path, mode=image.mode)
    return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))


def _read_label(path: Path) -> np.ndarray:
    image = _open(path)
    if image.mode == "P":
        raise InputError("palette_label", path=path)
    if image.mode not in ("L", "1"):
        raise InputError("label_mode", path=path, mode=image.mode)
    return np.asarray(image.convert("L"))


def _checked_ids(label: np.ndarray, path: Path, table: ClassTable) -> np.ndarray:
    unknown = sorted(set(np.unique(label).tolist()) - {row.id for row in table.rows} - {UNSETTLED, IGNORE})
    if unknown:
        raise InputError(
            "unknown_label", path=path, found=unknown, last=len(table) - 1, unsettled=UNSETTLED, ignored=IGNORE
        )
    return label


def _check_sizes(files: PairFiles, before: np.ndarray, after: np.ndarray, label: np.ndarray) -> None:
    sizes = {"before": before.shape[1:], "after": after.shape[1:], "label": label.shape}
    if len(set(sizes.values())) > 1:
        seen = ", ".join(f"{kind} {shape[1]} x {shape[0]}" for kind, shape in sizes.items())
        raise InputError("sizes_differ", pair=files.name, seen=seen)
