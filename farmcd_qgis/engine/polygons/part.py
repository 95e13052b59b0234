"""What one block knows of polygons: what is connected in it, what there is of each label, and what lies at its edges.

It lies in a folder, so that whoever joins the blocks need not have computed them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...core.feedback import Feedback
from ...core.polygons import PolygonSettings
from ...core.run_files import CANDIDATES, HARD_REGIONS
from ..scene.tiling import Blocks, Window
from .components import Components, Labels, Sides
from .label_file import LabelFile
from .tally import Bands, Rasters, Tally

LAYERS = (CANDIDATES, HARD_REGIONS)
# Hard regions end at every so many rows and columns: doubt may cover a whole scene, and nobody can work with that.
HARD_REGION_PIXELS = 512
EDGES = ("top", "bottom", "left", "right")

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """One layer of one block; `window` is the block, other positions count from the raster's upper left pixel.

    Of each label: its `tally`, the position of its first pixel, whether it may go on in another block, and the box of
    its pixels or one a little larger (top, bottom, left, right; the last two behind it). `edges` hold the labels along
    the sides of the block.
    """

    window: Window
    tally: Tally
    firsts: Longs
    open: Flags
    boxes: Longs
    edges: dict[str, Ids]
    labels: LabelFile

    def save(self, folder: Path, layer: str) -> None:
        """Write it into a folder, beside the labels that are there already."""
        arrays = {name: getattr(self.tally, name) for name in Tally.ARRAYS}
        arrays |= {"firsts": self.firsts, "open": self.open, "boxes": self.boxes, "index": self.labels.index}
        about = np.array([self.tally.unit, self.tally.arbitrated])
        np.savez(folder / f"{layer}.npz", window=np.array(self.window), about=about, **arrays, **self.edges)

    @classmethod
    def load(cls, folder: Path, layer: str) -> "Part":
        """Read one that `save` has written."""
        with np.load(folder / f"{layer}.npz") as found:
            unit, arbitrated = found["about"].tolist()
            tally = Tally(found["area"], unit, found["classes"].shape[1])
            for name in Tally.ARRAYS:
                setattr(tally, name, found[name])
            tally.arbitrated = bool(arbitrated)
            edges = {name: found[name] for name in EDGES}
            labels = LabelFile.written(_labels(folder, layer), found["index"])
            window = Window(*found["window"].tolist())
            return cls(window, tally, found["firsts"], found["open"], found["boxes"], edges, labels)

    def shown(self, names: Ids) -> Iterator[tuple[Window, Ids]]:
        """Yield the windows of the raster and their labels, each replaced by its name (see LabelFile)."""
        for window, ids in self.labels.read(names):
            yield self.placed(window), ids

    def placed(self, window: Window) -> Window:
        """Bring a window of the block to its place in the raster."""
        return window._replace(column=window.column + self.window.column, row=window.row + self.window.row)


def make_parts(
    rasters: Rasters, blocks: Blocks, index: int, settings: PolygonSettings, folder: Path, feedback: Feedback
) -> None:
    """Find and count what is connected in a block of a run's rasters, and write both layers into `folder`."""
    job = _Block(rasters, blocks, index, settings, folder)
    labelling, counting = feedback.split(0.7, 0.3)
    for layer, part in job.counted(job.labelled(labelling), counting).items():
        part.save(folder, layer)


@dataclass(frozen=True)
class _Block:
    """A block on the way from rasters to parts."""

    rasters: Rasters
    blocks: Blocks
    index: int
    settings: PolygonSettings
    folder: Path

    @cached_property
    def window(self) -> Window:
        return self.blocks.window(self.index)

    def sides(self, layer: str) -> Sides:
        """Say at which sides what is connected may go on; hard regions end at their squares in any case."""
        window, multiple = self.window, HARD_REGION_PIXELS if layer == HARD_REGIONS else 0
        cuts = window.row, window.bottom, window.column, window.right
        ends = 0, self.rasters.height, 0, self.rasters.width
        return Sides(*(at != end and not (multiple and at % multiple == 0) for at, end in zip(cuts, ends, strict=True)))

    def values(self, window: Window, bands: Bands) -> dict[str, Bytes]:
        """Return what is connected, by layer: classes of change; where the network is in doubt, its squares.

        The latter are 1 to 4, other than in the squares next to them, else 0.
        """
        rows = np.arange(window.row, window.bottom) // HARD_REGION_PIXELS % 2
        columns = np.arange(window.column, window.right) // HARD_REGION_PIXELS % 2
        squares = np.where(self.hard(bands), 1 + 2 * rows[:, None] + columns, 0).astype(np.uint8)
        return {CANDIDATES: np.where(bands.valid, bands.change, 0).astype(np.uint8), HARD_REGIONS: squares}

    def hard(self, bands: Bands) -> Flags:
        """Tell where the network is in doubt."""
        # Rounded, since 100 * 0.29 is a little less than 29.
        return bands.valid & (bands.confidence < round(100 * self.settings.tau, 6))

    def inside(self, window: Window) -> Window:
        """Bring a window of the raster to its place in the block."""
        return window._replace(column=window.column - self.window.column, row=window.row - self.window.row)

    def labelled(self, feedback: Feedback) -> dict[str, tuple[LabelFile, Labels]]:
        """Find what is connected; the files then hold provisional labels."""
        files = {layer: LabelFile(self.folder / f"{layer}.provisional") for layer in LAYERS}
        connectivity = self.settings.connectivity
        minimum = least_units(self.settings, self.rasters)
        size = self.window.width, connectivity, minimum, self.window.height
        found = {layer: Components(*size, self.sides(layer)) for layer in LAYERS}
        for window in self.rasters.spans(self.window):
            bands = self.rasters.read(window)
            areas = self.rasters.areas.units(window.row, window.height, slice(window.column, window.right))
            inside = self.inside(window)
            for layer, values in self.values(window, bands).items():
                files[layer].add(inside, found[layer].add(inside, values, areas))
            _step(feedback, (inside.bottom) / self.window.height)
        return {layer: (files[layer], found[layer].labels()) for layer in LAYERS}

    def counted(self, found: dict[str, tuple[LabelFile, Labels]], feedback: Feedback) -> dict[str, Part]:
        """Count what there is of each label, and write the labels anew, since many were joined."""
        parts = {layer: self._empty(layer, labels) for layer, (_, labels) in found.items()}
        files = [provisional.read(labels.final) for provisional, labels in found.values()]
        for read in zip(*files, strict=True):
            inside = read[0].window
            window = parts[CANDIDATES].placed(inside)
            bands = self.rasters.read(window)
            values, hard = self.values(window, bands), self.hard(bands)
            for layer, (_, ids) in zip(LAYERS, read, strict=True):
                part = parts[layer]
                part.tally.add(ids, bands, hard, values[layer])
                part.labels.add(inside, ids)
                _widen(part.boxes, window, ids)
                _keep_edges(part, inside, ids)
            _step(feedback, inside.bottom / self.window.height)
        for provisional, _ in found.values():
            provisional.remove()
        return parts

    def _empty(self, layer: str, labels: Labels) -> Part:
        width, height = self.window.width, self.window.height
        tally = Tally(labels.areas, self.rasters.areas.unit, self.rasters.classes)
        rows, columns = np.divmod(labels.firsts, width)
        firsts = (rows + self.window.row) * self.rasters.width + columns + self.window.column
        far = 1 << 40
        boxes = np.tile(np.array([far, 0, far, 0], np.int64), (len(firsts), 1))
        lengths = {"top": width, "bottom": width, "left": height, "right": height}
        edges = {name: np.zeros(length, np.int32) for name, length in lengths.items()}
        return Part(self.window, tally, firsts, labels.open, boxes, edges, LabelFile(_labels(self.folder, layer)))


def least_units(settings: PolygonSettings, rasters: Rasters) -> int:
    """Return the minimum mapping unit in the whole numbers of areas."""
    return int(np.ceil(settings.minimum_mapping_unit_m2 / rasters.areas.unit))


def _widen(boxes: Longs, window: Window, ids: Ids) -> None:
    """Let the boxes of labels hold those of a window, whose own is taken where a run goes on in the next row."""
    flat = ids.ravel()
    begins = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    ends = np.append(begins[1:], flat.size) - 1
    there = flat[begins] > 0
    at, begins, ends = flat[begins][there] - 1, begins[there], ends[there]
    if not len(at):
        return
    (top, left), (bottom, right) = np.divmod(begins, window.width), np.divmod(ends, window.width)
    over = top != bottom
    left, right = np.where(over, 0, left), np.where(over, window.width - 1, right)
    order = np.argsort(at, kind="stable")
    groups = np.flatnonzero(np.append(True, at[order][1:] != at[order][:-1]))
    labels = at[order][groups]
    for place, values, take in (
        (0, top + window.row, np.minimum),
        (1, bottom + window.row + 1, np.maximum),
        (2, left + window.column, np.minimum),
        (3, right + window.column + 1, np.maximum),
    ):
        boxes[labels, place] = take(boxes[labels, place], take.reduceat(values[order], groups))


def _keep_edges(part: Part, inside: Window, ids: Ids) -> None:
    columns, rows = slice(inside.column, inside.right), slice(inside.row, inside.bottom)
    if inside.row == 0:
        part.edges["top"][columns] = ids[0]
    if inside.bottom == part.window.height:
        part.edges["bottom"][columns] = ids[-1]
    if inside.column == 0:
        part.edges["left"][rows] = ids[:, 0]
    if inside.right == part.window.width:
        part.edges["right"][rows] = ids[:, -1]


def _labels(folder: Path, layer: str) -> Path:
    return folder / f"{layer}.labels"


def _step(feedback: Feedback, fraction: float) -> None:
    feedback.check()
    feedback.progress("polygons", fraction)
