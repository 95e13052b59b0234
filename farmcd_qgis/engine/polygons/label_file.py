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
Longs = npt.NDArray[np.int64]


class Labelled(NamedTuple):
    """A window and the labels of its pixels, int32 (h, w), 0 for none; other windows lie above or below it."""

    window: Window
    ids: Ids


class LabelFile:
    """The labels of windows from top to bottom, read in the order in which they were added; open at no other time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._windows: list[Window] = []
        self._begins: list[int] = []
        self._last: tuple[int, Ids] = (-1, np.zeros((0, 0), np.int32))

    @classmethod
    def written(cls, path: Path, index: Longs) -> "LabelFile":
        """Return the file that another process has written, by its `index`."""
        file = cls(path)
        file._windows = [Window(*map(int, row[:4])) for row in index]
        file._begins = [int(row[4]) for row in index]
        return file

    @property
    def index(self) -> Longs:
        """Where what was added lies: columns, rows, widths, heights of the windows, and bytes in the file, (n, 5)."""
        rows = [(*window, begin) for window, begin in zip(self._windows, self._begins, strict=True)]
        return np.array(rows, np.int64).reshape(-1, 5)

    def add(self, window: Window, ids: Ids) -> None:
        """Append the labels (h, w) of a window; raises OSError if the disk is full."""
        flat = ids.ravel()
        begins = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        runs = np.stack([np.diff(begins, append=flat.size), flat[begins]]).astype(np.int32)
        with self._path.open("ab" if self._windows else "wb") as file:
            self._begins.append(file.tell())
            np.save(file, runs)
        self._windows.append(window)

    def read(self, names: Ids) -> Iterator[Labelled]:
        """Yield what was added, each label replaced by its name: `names` holds that of label 0, 1, ..."""
        for at, window in enumerate(self._windows):
            lengths, ids = self._runs(at)
            yield Labelled(window, np.repeat(names[ids], lengths).reshape(window.height, window.width))

    def near(self, first: int, last: int) -> Iterator[Labelled]:
        """Yield what was added that has rows from `first` to `last`, as it was added."""
        for at, window in enumerate(self._windows):
            if window.row <= last and window.bottom > first:
                if self._last[0] != at:
                    lengths, ids = self._runs(at)
                    self._last = at, np.repeat(ids, lengths).reshape(window.height, window.width)
                yield Labelled(window, self._last[1])

    def remove(self) -> None:
        """Remove the file, if anything was added."""
        self._path.unlink(missing_ok=True)

    def _runs(self, at: int) -> Ids:
        with self._path.open("rb") as file:
            file.seek(self._begins[at])
            runs: Ids = np.load(file)
            return runs


def reach(window: Window, above: Ids) -> tuple[int, int]:
    """Return the columns, first and past the last, of a window and of what is labelled in the row above it (width,).

    What is above may go on, or end, outside the window.
    """
    there = np.flatnonzero(above)
    if not len(there):
        return window.column, window.right
    return min(window.column, int(there[0])), max(window.right, int(there[-1]) + 1)
