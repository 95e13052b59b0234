"""The journal of a run: which rows are finished, and the pieces that hold them, so that a killed run goes on.

A piece is a small raster of its own. It is on the disk before the journal names it, and a line that a power cut tore
is left out: what the journal tells is always there. The first line says what the run is of.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import uuid4

import numpy as np
from osgeo import gdal

from ...core.classes import NODATA
from ...core.run_files import JOURNAL, PIECES
from ..predict.blending import Rows
from .disk import writing_to
from .durable import put, sync
from .identity import Identity, differences

# The bands of a piece, fields of Rows; the last is missing where there is no arbitration.
FIELDS = ("change", "confidence", "second", "arbitration")
BLOCK = 512


class Step(NamedTuple):
    """Finished rows: those above `until`, counted in the run's rasters, of the strip that begins at `strip`.

    `file` is the piece that holds them, at (`column`, `row`) with `width` x `height` pixels; "" where no pixel has a
    result. `tiles` were predicted for them in `seconds`, but for `skipped` that a screen left out.
    """

    strip: int
    until: int
    tiles: int
    seconds: float
    file: str = ""
    column: int = 0
    row: int = 0
    width: int = 0
    height: int = 0
    skipped: int = 0


class Pieces(Protocol):
    """The finished rows of a run, wherever they lie."""

    @property
    def steps(self) -> Sequence[Step]:
        """What is finished."""

    def path(self, step: Step) -> Path:
        """Return the raster of a step's pixels, bands of bytes in the order of FIELDS."""


class Journal:
    """The finished rows of a run that is under way in `staging`.

    What an earlier process left there is taken over if it is of the same `identity`, else removed: then `differs`
    lists what is not the same. Raises FarmCDError if the disk is full, InputError if it cannot be written to.
    """

    def __init__(self, staging: Path, identity: Identity) -> None:
        self._file = staging / JOURNAL
        self._pieces = staging / PIECES
        self.steps: list[Step] = []
        with writing_to(staging):
            earlier, steps = _read(self._file)
            self.differs = [] if earlier is None else differences(earlier, identity)
            if earlier is None or self.differs:
                shutil.rmtree(self._pieces, ignore_errors=True)
            self._pieces.mkdir(exist_ok=True)
            if earlier is not None and not self.differs:
                self.steps = self._whole(steps)
            self._rewrite(identity)

    @property
    def seconds(self) -> float:
        """How long the prediction of all that is finished took."""
        return sum(step.seconds for step in self.steps)

    @property
    def tiles(self) -> int:
        """How many tiles were predicted for all that is finished."""
        return sum(step.tiles for step in self.steps)

    @property
    def skipped(self) -> int:
        """How many of the tiles a screen left out."""
        return sum(step.skipped for step in self.steps)

    def reached(self, strip: int) -> int:
        """Return the first row of a strip that is not finished."""
        return max((step.until for step in self.steps if step.strip == strip), default=0)

    def add(self, step: Step, rows: Rows) -> None:
        """Keep finished rows for good; `step` tells of them, its piece apart."""
        height, width = rows.change.shape
        with writing_to(self._file.parent):
            if height and width:
                name = f"{step.strip}-{step.until}.tif"
                _write_piece(self._pieces / name, rows)
                step = step._replace(file=name, width=width, height=height)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(step) + "\n")
            if step.file:
                sync(self._file)
        self.steps.append(step)

    def path(self, step: Step) -> Path:
        """Return the raster of a step's pixels, bands of bytes in the order of FIELDS."""
        return self._pieces / step.file

    def _whole(self, steps: list[Step]) -> list[Step]:
        """Leave out what follows a piece that somebody removed, and pieces that no line names."""
        for number, step in enumerate(steps):
            if step.file and not self.path(step).is_file():
                steps = steps[:number]
                break
        named = {step.file for step in steps}
        for path in self._pieces.iterdir():
            if path.name not in named:
                path.unlink()
        return steps

    def _rewrite(self, identity: Identity) -> None:
        lines = [json.dumps(identity), *(json.dumps(step) for step in self.steps)]
        partial = self._file.with_name(self._file.name + ".part")
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        put(partial, self._file)


def _read(file: Path) -> tuple[Identity | None, list[Step]]:
    """Read a journal as far as it is whole."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    try:
        identity = json.loads(lines[0])
        if not isinstance(identity, dict):
            return {}, []
    except (IndexError, ValueError):
        return None, []
    steps = []
    for line in lines[1:]:
        try:
            steps.append(Step(*json.loads(line)))
        except (ValueError, TypeError):
            break
    return identity, steps


def _write_piece(path: Path, rows: Rows) -> None:
    # Made in memory: what goes wrong with a disk then shows where Python writes, and reading goes on meanwhile.
    name = f"/vsimem/{uuid4().hex}.tif"
    height, width = rows.change.shape
    fields = [field for field in FIELDS if getattr(rows, field) is not None]
    options = ["TILED=YES", f"BLOCKXSIZE={BLOCK}", f"BLOCKYSIZE={-(-height // 16) * 16}", "INTERLEAVE=BAND"]
    options += ["COMPRESS=DEFLATE", "ZLEVEL=1", "SPARSE_OK=TRUE"]
    file = gdal.GetDriverByName("GTiff").Create(name, width, height, len(fields), gdal.GDT_Byte, options)
    try:
        for number, field in enumerate(fields, start=1):
            band = file.GetRasterBand(number)
            band.SetNoDataValue(NODATA)
            band.WriteArray(np.ascontiguousarray(getattr(rows, field)))
        band = file = None
        partial = path.with_name(path.name + ".part")
        partial.write_bytes(_content(name))
        put(partial, path)
    finally:
        file = None
        gdal.Unlink(name)


def _content(name: str) -> bytes:
    file = gdal.VSIFOpenL(name, "rb")
    try:
        return bytes(gdal.VSIFReadL(1, gdal.VSIStatL(name).size, file))
    finally:
        gdal.VSIFCloseL(file)
