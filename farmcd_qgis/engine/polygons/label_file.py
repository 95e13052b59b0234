"""Labels on the way from one pass over the rasters to the next: a file of runs, stretches of one label in a row.

Runs rather than a raster: they are written and read in less than a tenth of the time that compressed pixels take.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..scene.tiling import Window

Ids = npt.NDArray[np.int32]


class Labelled(NamedTuple):
    """A window and the labels of its pixels, int32 (h, w), 0 for none; other windows lie above or below it."""

    window: Window
    ids: Ids


class LabelFile:
    """The labels of windows from top to bottom, read in the order in which they were added; open at no other time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._windows: list[Window] = []
        path.write_bytes(b"")

    def add(self, window: Window, ids: Ids) -> None:
        """Append the labels (h, w) of a window; raises OSError if the disk is full."""
        flat = ids.ravel()
        begins = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        runs = np.stack([np.diff(begins, append=flat.size), flat[begins]]).astype(np.int32)
        with self._path.open("ab") as file:
            np.save(file, runs)
        self._windows.append(window)

    def read(self, names: Ids) -> Iterator[Labelled]:
        """Yield what was added, each label replaced by its name: `names` holds that of label 0, 1, ..."""
        with self._path.open("rb") as file:
            for window in self._windows:
                lengths, ids = np.load(file)
                yield Labelled(window, np.repeat(names[ids], lengths).reshape(window.height, window.width))


def reach(window: Window, above: Ids) -> tuple[int, int]:
    """Return the columns, first and past the last, of a window and of what is labelled in the row above it (width,).

    What is above may go on, or end, outside the window.
    """
    there = np.flatnonzero(above)
    if not len(there):
        return window.column, window.right
    return min(window.column, int(there[0])), max(window.right, int(there[-1]) + 1)
