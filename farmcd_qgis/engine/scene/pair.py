"""The pair: the before and the after raster, brought lazily onto one grid."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ...core.dates import given_date
from ...core.errors import InputError
from ...core.protocol import RunRequest
from .grid import Grid
from .looking import FILL
from .opening import Source, open_raster
from .placing import common_window, north_up, onto, round_the_world, turned
from .raster import (
    LARGEST_DECIMATED,
    LARGEST_WHOLE,
    SAMPLE_SIDE,
    Bytes,
    Flags,
    Limits,
    Raster,
    sample_windows,
    to_bytes,
)
from .tiling import Window


@dataclass(frozen=True)
class Stretch:
    """How both rasters came to 8 bits: per band what became 0 and 255 (None: unchanged), and the matching if any.

    `matching` is a table (3, 256) from values of the before raster to those of the after raster.
    """

    before: Limits | None
    after: Limits | None
    matching: list[list[int]] | None = None


class Pair:
    """Both rasters on the reference grid. Pixels are read window by window, nothing is copied.

    `sources` are both rasters as they lie in their files, `reference` the one that gives the grid; `grid` is that
    grid, also as `width`, `height`, `geotransform` and `crs_wkt`; `resolution_m` is its ground metres per pixel,
    `dates` the ISO dates or None. A Pair belongs to one thread at a time.
    """

    def __init__(
        self, before: Raster, after: Raster, reference: str, stretch: Stretch, shift: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        self.sources = before, after
        columns, rows = shift
        if reference == "before":
            self.before = self.reference = north_up(before)
            other = round_the_world(self.reference, turned(after))
            self.after = onto(self.reference, other, (columns, rows))
        else:
            self.after = self.reference = north_up(after)
            other = round_the_world(self.reference, turned(before))
            self.before = onto(self.reference, other, (-columns, -rows))
        self.common = common_window(self.reference, other)
        width, height = self.reference.size
        self.grid = Grid(width, height, self.reference.geotransform, self.reference.crs_wkt)
        self.width, self.height, self.geotransform, self.crs_wkt = self.grid
        self.resolution_m = self.reference.resolution_m
        self.dates: tuple[str | None, str | None] = (None, None)
        self._stretch = stretch
        self._matching: Bytes | None = None

    @classmethod
    def open(
        cls, request: RunRequest, shift: tuple[float, float] = (0.0, 0.0), stretch: Stretch | None = None
    ) -> "Pair":
        """Open and align both rasters of a request.

        `shift` is how far the content of the after raster lies right of and below that of the before raster, in pixels
        of the grid, which is made good; `stretch` is known where the pair was opened before. Raises InputError where a
        raster or a date cannot be used, or where the rasters overlap by less than 16 x 16 pixels.
        """
        dates = _given_dates(request)
        before = open_raster(Source.of(request, "before"))
        after = open_raster(Source.of(request, "after"))
        frozen = stretch or Stretch(before.stretch_limits(), after.stretch_limits())
        pair = cls(before, after, request.reference, frozen, shift)
        pair.dates = dates[0] or before.acquired(), dates[1] or after.acquired()
        if frozen.matching is not None:
            pair._matching = np.array(frozen.matching, np.uint8)
        elif request.match_histograms and stretch is None:
            pair._match_histograms()
        return pair

    @property
    def stretch(self) -> dict[str, Any]:
        """What the record keeps of the way to 8 bits."""
        return asdict(self._stretch)

    def read(self, window: Window) -> tuple[Bytes, Bytes, Flags]:
        """Read before and after, uint8 (3, h, w) each, and where both are valid, bool (h, w).

        The window must lie within the grid. Invalid pixels hold 128 in both dates.
        Raises InputError naming the file where it is damaged.
        """
        return self._read(window, None)

    def sample(self, within: Window | None = None) -> tuple[Bytes, Bytes, Flags]:
        """Read about a million pixels of the whole pair, or of a window, as `read` does.

        A large raster without overviews is read in windows, unless none of these holds a valid pixel. The work is
        bounded, however large the rasters.
        """
        within = within or self.grid.whole
        few = within != self.grid.whole and within.width * within.height <= LARGEST_DECIMATED
        if few or all(raster.is_quick_to_shrink for raster in self.sources):
            return self._shrunk(within)
        spread = self._read_spread(within)
        if spread[2].any():
            return spread
        if within.width * within.height <= LARGEST_WHOLE:
            return self._shrunk(within)
        return self._read_spread(within.intersection(self.common))

    def _read_spread(self, within: Window) -> tuple[Bytes, Bytes, Flags]:
        column, row, *size = within
        places = sample_windows(*size)
        return self._read_all([Window(column + x, row + y, width, height) for x, y, width, height in places])

    def _read_all(self, windows: list[Window]) -> tuple[Bytes, Bytes, Flags]:
        parts = [self._read(window, None) for window in windows]
        before, after, valid = (
            np.concatenate([each.reshape(*each.shape[:-2], -1) for each in part], axis=-1)
            for part in zip(*parts, strict=True)
        )
        return before, after, valid

    def _shrunk(self, within: Window) -> tuple[Bytes, Bytes, Flags]:
        return self._read(within, (min(within.width, SAMPLE_SIDE), min(within.height, SAMPLE_SIDE)))

    def _read(self, window: Window, out_size: tuple[int, int] | None) -> tuple[Bytes, Bytes, Flags]:
        values, valid = self.before.read(window, out_size)
        before = to_bytes(values, self._stretch.before)
        values, valid_after = self.after.read(window, out_size)
        after = to_bytes(values, self._stretch.after)
        if self._matching is not None:
            before = np.stack([table[band] for table, band in zip(self._matching, before, strict=True)])
        valid &= valid_after
        before[:, ~valid] = after[:, ~valid] = FILL
        return before, after, valid

    def _match_histograms(self) -> None:
        """Give the before raster the after raster's distribution of values, band by band."""
        before, after, valid = self.sample()
        if not valid.any():
            return
        table = np.empty((3, 256), np.uint8)
        for row, old, new in zip(table, before, after, strict=True):
            old_share, new_share = (
                np.bincount(band[valid], minlength=256).cumsum() / valid.sum() for band in (old, new)
            )
            row[:] = np.minimum(np.searchsorted(new_share, old_share - 1e-12), 255)
        self._matching = table
        self._stretch = replace(self._stretch, matching=table.tolist())


def _given_dates(request: RunRequest) -> tuple[str | None, str | None]:
    dates = []
    for role, text in (("before", request.before_date), ("after", request.after_date)):
        day = given_date(text) if text else None
        if text and day is None:
            raise InputError("bad_date", role=role, text=text)
        dates.append(day)
    return dates[0], dates[1]
