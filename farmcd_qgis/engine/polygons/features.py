"""From parts to features: each block outlines what is its affair, one writer takes all in the order of their numbers.

A component over a border goes to the block that it begins in, which looks through the box of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ...core.feedback import SILENT, Feedback
from ..scene.tiling import Blocks, Window
from .label_file import Labelled
from .numbering import Numbers, PartOf
from .outlines import outlines
from .part import Part
from .tally import BAND_PIXELS, Tally

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """Where a raster lies: its width in pixels and its geotransform."""

    width: int
    geotransform: tuple[float, ...]


class Features:
    """The features that a block has outlined, in files of its own: `numbers`, and the rest in their order."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "features.npz") as found:
            self.numbers: Longs = found["numbers"]
            self._spans = found["spans"].tolist()
            unit, arbitrated = found["about"].tolist()
            self.tally = Tally(found["area"], unit, found["classes"].shape[1])
            for name in Tally.ARRAYS:
                setattr(self.tally, name, found[name])
            self.tally.arbitrated = bool(arbitrated)
        self._path = folder / "features.wkb"
        self._file: BinaryIO | None = None

    def outline(self, at: int) -> bytes:
        """Return the WKB of the feature at a position."""
        self._file = self._file or self._path.open("rb")
        begin, length = self._spans[at]
        self._file.seek(begin)
        return self._file.read(length)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def outline_block(
    index: int, numbers: Numbers, part_of: PartOf, place: Place, folder: Path, feedback: Feedback = SILENT
) -> None:
    """Outline what is a block's affair into `folder`, which is made."""
    folder.mkdir(parents=True)
    found: list[int] = []
    spans: list[tuple[int, int]] = []
    tallies: list[Tally] = []
    with (folder / "features.wkb").open("wb") as file:

        def keep(number: int, outline: bytes) -> None:
            spans.append((file.tell(), len(outline)))
            found.append(number)
            file.write(outline)

        part = part_of(index)
        if part is not None:
            own = []
            for label, outline in _inside(part, numbers.own, place, feedback):
                own.append(label - 1)
                keep(int(numbers.own[label - 1]), outline)
            tallies.append(part.tally.of(np.array(own, np.int64)))
        begins = np.flatnonzero(np.diff(numbers.members[:, 0], prepend=0))
        for rows in np.split(numbers.members, begins[1:]) if len(begins) else []:
            feedback.check()
            outline, tally = _over_borders(rows, part_of, place)
            keep(int(rows[0, 0]), outline)
            tallies.append(tally)
    if not tallies:
        return
    order = np.argsort(np.array(found, np.int64))
    tally = Tally.joined(tallies).of(order)
    arrays = {name: getattr(tally, name) for name in Tally.ARRAYS}
    about = np.array([tally.unit, tally.arbitrated])
    in_order = {
        "numbers": np.array(found, np.int64)[order],
        "spans": np.array(spans, np.int64).reshape(-1, 2)[order],
    }
    np.savez(folder / "features.npz", about=about, **in_order, **arrays)


def _inside(part: Part, own: Longs, place: Place, feedback: Feedback) -> Iterator[tuple[int, bytes]]:
    """Outline the labels of a block that have a number."""
    names = np.zeros(len(own) + 1, np.int32)
    labels = np.flatnonzero(own) + 1
    names[labels] = labels

    def labelled() -> Iterator[Labelled]:
        for window, ids in part.shown(names):
            feedback.check()
            feedback.progress("polygons", (window.bottom - part.window.row) / part.window.height)
            yield Labelled(window, ids)

    return outlines(labelled(), place.width, part.boxes[:, 1] - 1, place.geotransform)


def _over_borders(rows: Longs, part_of: PartOf, place: Place) -> tuple[bytes, Tally]:
    """Outline one component that is made of labels of several blocks: rows of number, block and label."""
    parts: dict[int, Part] = {}
    wanted: dict[int, list[int]] = {}
    for _, block, label in rows.tolist():
        if block not in parts:
            part = part_of(block)
            if part is None:
                continue
            parts[block] = part
        wanted.setdefault(block, []).append(label)
    tally = Tally.joined([parts[block].tally.of(np.array(labels) - 1) for block, labels in wanted.items()]).summed()
    boxes = np.concatenate([parts[block].boxes[np.array(labels) - 1] for block, labels in wanted.items()])
    top, left = (int(boxes[:, at].min()) for at in (0, 2))
    bottom, right = (int(boxes[:, at].max()) for at in (1, 3))
    box = Window(left, top, right - left, bottom - top)
    shown = [(parts[block], np.array(labels)) for block, labels in wanted.items()]
    ((_, outline),) = outlines(_painted(box, shown), place.width, np.array([bottom - 1]), place.geotransform)
    return outline, tally


def _painted(box: Window, shown: list[tuple[Part, Longs]]) -> Iterator[Labelled]:
    """Yield the pixels of a box, from top to bottom, 1 where a block has one of its labels."""
    names = []
    for part, labels in shown:
        chosen = np.zeros(len(part.open) + 1, np.int32)
        chosen[labels] = 1
        names.append(chosen)
    step = max(1, BAND_PIXELS // box.width)
    for top in range(box.row, box.bottom, step):
        band = Window(box.column, top, box.width, min(step, box.bottom - top))
        ids = np.zeros((band.height, band.width), np.int32)
        for (part, _), chosen in zip(shown, names, strict=True):
            for window, found in part.labels.near(top - part.window.row, band.bottom - 1 - part.window.row):
                there = part.placed(window)
                common = there.intersection(band)
                if common.width and common.height:
                    ids[_within(common, band)] |= chosen[found[_within(common, there)]]
        yield Labelled(band, ids)


def _within(window: Window, whole: Window) -> tuple[slice, slice]:
    row, column = window.row - whole.row, window.column - whole.column
    return slice(row, row + window.height), slice(column, column + window.width)


def in_order(blocks: Blocks, folder_of: Callable[[int], Path]) -> Iterator[tuple[int, bytes, Tally, int]]:
    """Yield all features by their numbers: number, WKB, and the tally with the position in it.

    Those that begin in a row of blocks come before those of the next.
    """
    for row in range(len(blocks.rows) - 1):
        indexes = range(row * blocks.across, (row + 1) * blocks.across)
        found = [Features(folder_of(index)) for index in indexes if (folder_of(index) / "features.npz").exists()]
        try:
            owners = np.concatenate([np.zeros(0, int), *(np.full(len(f.numbers), at) for at, f in enumerate(found))])
            places = np.concatenate([np.zeros(0, int), *(np.arange(len(f.numbers)) for f in found)])
            numbers = np.concatenate([np.zeros(0, np.int64), *(f.numbers for f in found)])
            for at in np.argsort(numbers).tolist():
                features, place = found[owners[at]], int(places[at])
                yield int(numbers[at]), features.outline(place), features.tally, place
        finally:
            for features in found:
                features.close()
