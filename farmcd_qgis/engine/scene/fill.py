"""Fill that nothing declares: constant values in solid areas, as clips, collars, dropouts and exports leave them.

Snow, clouds, roofs, shadows and compressed water are constant in places, too; but what lies around them is nearly of
the same value, while the ground beside a fill is of any. That was measured on 1,439 aerial and satellite images: of
the pixels around their own constant areas 63 % and more are near, mostly all; 29 % and more where the contrast was
raised until much of them was black or white; 2 % around what was laid on them.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .raster import SAMPLE_SIDE, WINDOWS_PER_SIDE, Flags, Pixels, Raster, sample_windows
from .validity import validity_of

Values = tuple[float | None, ...]
# Of all pixels that are valid.
LEAST_SHARE = 0.005
# A value as far from all others as this many times their whole span is none of an image, and so few are enough.
FAR_SPANS = 2.0
LEAST_FAR, LEAST_FAR_SHARE = 16, 0.0005
# Solid is what squares of this side, or lines this long and a pixel wide, cover.
SQUARE, LINE = 5, 48
# Near is what differs by less than this part of the span of the others, and by few steps of whole numbers.
NEAR_SPAN, NEAR_STEPS = 0.08, 3.0
SOME_NEAR, MOSTLY_NEAR = 0.2, 0.5
# What is as near by chance, anywhere in the image, proves nothing; where most is near, nothing does.
BY_CHANCE, MOST_BY_CHANCE = 1.2, 1 / 3
# An image that was magnified consists of squares, but of many values.
LEAST_OF_SOLID = 0.1
# Edges so long on average, in pixels, are drawn; those of clouds within an image are shorter.
STRAIGHT, RAGGED = 20.0, 4.0
# A frame that JPEG has blurred: whole, along the border, and behind a block of 8 pixels the ground is of any value.
WHOLE, AT_BORDER, BLOCK = 0.95, 0.05, 10
# Parts of a large raster lie so far apart in the sample that none is seen beside another.
APART = BLOCK + 2 + SQUARE
# Where nothing lies around an area, its value is no fill if as many of all others are near it.
FEW = 0.02
TRIED = 4
# So many pixels tell how values are spread.
ENOUGH = 20_000
MOST_FILLS = 8


class Fill(NamedTuple):
    """The value of each band that together make a fill (None: any), and its share of the raster's valid pixels."""

    values: Values
    share: float


def find_fills(raster: Raster) -> list[Fill]:
    """Find the undeclared fills among the valid pixels of a raster, by samples; the largest first.

    A fill may stand in every band, each with a value of its own, or in one.
    """
    found: dict[Values, float] = {}
    for values, valid in _samples(raster):
        for fill in _fills_of(values, valid):
            found[fill.values] = max(fill.share, found.get(fill.values, 0.0))
    fills = [Fill(values, share) for values, share in found.items()]
    return sorted(fills, key=lambda fill: -fill.share)[:MOST_FILLS]


def without_fills(raster: Raster, own_nodata: bool, ranges: tuple[tuple[int, float, float], ...]) -> Raster:
    """Return a raster whose undeclared fills are not valid."""
    for _ in range(MOST_FILLS):
        fills = tuple(fill.values for fill in find_fills(raster))
        if not fills:
            break
        fills = (*raster.fills, *fills)
        validity = validity_of(raster.dataset, raster.bands, own_nodata=own_nodata, ranges=ranges, fills=fills)
        raster = replace(raster, validity=validity, mask=validity.open(), fills=fills)
    return raster


def _samples(raster: Raster) -> Iterator[tuple[Pixels, Flags]]:
    """Read the whole raster smaller, and parts of a large one as they are: values (3, h, w) and valid (h, w)."""
    width, height = raster.size
    if raster.is_quick_to_shrink:
        yield raster.read((0, 0, width, height), (min(width, SAMPLE_SIDE), min(height, SAMPLE_SIDE)))
    if max(width, height) > SAMPLE_SIDE:
        side = min(SAMPLE_SIDE // WINDOWS_PER_SIDE, width, height)
        corners = [(column, row, side, side) for row in (0, height - side) for column in (0, width - side)]
        parts = [raster.read(window) for window in (*sample_windows(width, height), *corners)]
        yield (
            np.concatenate([np.pad(values, ((0, 0), (0, 0), (0, APART))) for values, _ in parts], axis=2),
            np.concatenate([np.pad(valid, ((0, 0), (0, APART))) for _, valid in parts], axis=1),
        )


def _fills_of(values: Pixels, valid: Flags) -> Iterator[Fill]:
    total = int(valid.sum())
    if not total:
        return
    left = valid.copy()
    every = tuple(range(len(values)))
    for bands in (every, *((band,) for band in every)):
        for numbers in _candidates(values, left, bands):
            area = _Area.of(values, left, bands, numbers)
            if area.is_fill(total):
                share = float(area.equal.sum() / total)
                yield Fill(tuple(numbers[bands.index(band)] if band in bands else None for band in every), share)
                left &= ~area.equal
    yield from _far(values, left, total)


def _far(values: Pixels, left: Flags, total: int) -> Iterator[Fill]:
    """Find values that lie far from all others of their band; of the same pixels, they make one fill."""
    found: list[tuple[Flags, list[float | None]]] = []
    for band, plane in enumerate(values):
        for end in _far_ends(plane[left], max(LEAST_FAR, LEAST_FAR_SHARE * total)):
            equal = left & (plane == plane.dtype.type(end))
            same = next((numbers for where, numbers in found if np.array_equal(where, equal)), None)
            if same is None:
                same = [None] * len(values)
                found.append((equal, same))
            same[band] = end
    for equal, numbers in found:
        yield Fill(tuple(numbers), float(equal.sum() / total))


def _far_ends(seen: Pixels, least: float) -> list[float]:
    """Return the lowest and the highest values that are far from all others and are held by so many."""
    found: list[float] = []
    for _ in range(MOST_FILLS):
        if not seen.size:
            break
        ends = {float(seen.min()), float(seen.max())}
        rest = seen[~np.isin(seen, list(ends))].astype(np.float64)
        if not rest.size:
            break
        span = max(rest.max() - rest.min(), float(np.finfo(np.float32).tiny))
        far = [end for end in ends if max(rest.min() - end, end - rest.max()) > FAR_SPANS * span]
        if not far:
            break
        found += [end for end in far if (seen == seen.dtype.type(end)).sum() >= least]
        seen = seen[~np.isin(seen, far)]
    return found


def _candidates(values: Pixels, valid: Flags, bands: tuple[int, ...]) -> list[tuple[float, ...]]:
    """Return the values of some bands that solid areas hold, the commonest first."""
    same_right, same_down = valid[:, 1:] & valid[:, :-1], valid[1:] & valid[:-1]
    for band in bands:
        same_right &= values[band][:, 1:] == values[band][:, :-1]
        same_down &= values[band][1:] == values[band][:-1]
    solid = _covered(*_padded(same_right, same_down)) & valid
    total = int(solid.sum())
    least = max(LEAST_SHARE * valid.sum() / 2, LEAST_OF_SOLID * total if len(bands) == 1 else 0)
    if not total or total < least:
        return []
    step = -(-total // ENOUGH)
    found, counts = np.unique(values[list(bands)][:, solid][:, ::step], axis=1, return_counts=True)
    order = [number for number in np.argsort(-counts)[:TRIED] if counts[number] * step >= least]
    return [tuple(float(value) for value in found[:, number]) for number in order]


class _Area(NamedTuple):
    """Where some bands hold certain values, `equal`, and the solid part of that; (h, w) each.

    `planes` are the bands, (n, h, w), `numbers` the values.
    """

    equal: Flags
    solid: Flags
    valid: Flags
    planes: Pixels
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, values: Pixels, valid: Flags, bands: tuple[int, ...], numbers: tuple[float, ...]) -> "_Area":
        """Find where bands hold values."""
        planes = values[list(bands)]
        equal = valid & (planes == np.array(numbers).astype(values.dtype)[:, None, None]).all(axis=0)
        # What is not valid is whatever would make an area whole.
        whole = equal | ~valid
        right, down = whole[:, 1:] & whole[:, :-1], whole[1:] & whole[:-1]
        solid = _covered(*_padded(right, down)) & equal
        return cls(equal, solid, valid, planes, numbers)

    def is_fill(self, total: int) -> bool:
        """Tell whether this is laid on the image, and large enough to matter, of so many pixels in all."""
        rest = self.valid & ~self.equal
        if self.solid.sum() < LEAST_SHARE * total or not rest.any():
            return False
        near, edge = self._near(rest), self._mean_edge()
        border = np.concatenate([self.solid[0], self.solid[-1], self.solid[:, 0], self.solid[:, -1]]).mean()
        around, anywhere = self._near_around(near, rest, 0, 1), float(near[rest].mean())
        if around <= (max(SOME_NEAR, BY_CHANCE * anywhere) if anywhere <= MOST_BY_CHANCE else SOME_NEAR):
            brightest = all(
                plane[rest].max() <= number for plane, number in zip(self.planes, self.numbers, strict=True)
            )
            return not (brightest and border == 0 and edge < RAGGED)
        if len(self.planes) == 1:
            return False
        is_frame = border >= AT_BORDER and self.solid.sum() >= WHOLE * self.equal.sum()
        return edge >= STRAIGHT or (is_frame and self._near_around(near, rest, BLOCK, BLOCK + 2) <= MOSTLY_NEAR)

    def _near(self, rest: Flags) -> Flags:
        near = self.valid.copy()
        for plane, number in zip(self.planes, self.numbers, strict=True):
            seen = plane[rest]
            low, high = np.percentile(seen[:: -(-len(seen) // ENOUGH)].astype(np.float64), (2, 98))
            steps = NEAR_STEPS if np.issubdtype(plane.dtype, np.integer) else 0.0
            near &= np.abs(plane.astype(np.float64) - number) <= max(NEAR_SPAN * (high - low), steps)
        return near

    def _near_around(self, near: Flags, rest: Flags, begin: int, end: int) -> float:
        """Return how many of the pixels that lie so far around are near."""
        ring = grown(self.solid, end) & ~grown(self.solid, begin) & self.valid
        return float(near[ring].mean()) if ring.any() else float(near[rest].mean() > FEW)

    def _mean_edge(self) -> float:
        """Return the mean length of the straight edges of the solid part, in pixels."""
        across, down = self.solid[1:] != self.solid[:-1], self.solid[:, 1:] != self.solid[:, :-1]
        begins = (across[:, 1:] > across[:, :-1]).sum() + across[:, 0].sum()
        begins += (down[1:] > down[:-1]).sum() + down[0].sum()
        return float((across.sum() + down.sum()) / max(1, begins))


def grown(flags: Flags, by: int) -> Flags:
    """Return what lies within so many pixels of what is true, along rows and columns."""
    for axis in (0, 1):
        flags = _shifted_or(flags, axis, -by, by)
    return flags


def _padded(right: Flags, down: Flags) -> tuple[Flags, Flags]:
    """Say of every pixel whether its neighbour to the right, or below, is the same; none is behind the border."""
    return np.pad(right, ((0, 0), (0, 1))), np.pad(down, ((0, 1), (0, 0)))


def _covered(right: Flags, down: Flags) -> Flags:
    """Return what squares and long lines of equal pixels cover."""
    rows = _runs(right, SQUARE, 1)
    squares = _runs(rows & down, SQUARE, 0) & _moved(rows, SQUARE - 1, 0)
    out = _shifted_or(_shifted_or(squares, 0, 0, SQUARE - 1), 1, 0, SQUARE - 1)
    for axis, same in ((1, right), (0, down)):
        out |= _shifted_or(_runs(same, LINE, axis), axis, 0, LINE - 1)
    return out


def _runs(same: Flags, length: int, axis: int) -> Flags:
    """Return where a run of so many equal pixels begins; `same` says whether the next one is equal."""
    out, done = same, 1
    while done < length - 1:
        step = min(done, length - 1 - done)
        out = out & _moved(out, step, axis)
        done += step
    return out


def _shifted_or(flags: Flags, axis: int, first: int, last: int) -> Flags:
    """Return what lies from `first` to `last` pixels behind what is true."""
    out, done = _moved(flags, -first, axis), 1
    while done < last - first + 1:
        step = min(done, last - first + 1 - done)
        out = out | _moved(out, -step, axis)
        done += step
    return out


def _moved(flags: Flags, by: int, axis: int) -> Flags:
    """Return flags that every pixel has from the one `by` pixels behind it; from behind the border, none."""
    length = flags.shape[axis]
    out: Flags = np.zeros_like(flags)
    if abs(by) < length:
        to, whence = (slice(0, length - by), slice(by, None)) if by >= 0 else (slice(-by, None), slice(0, length + by))
        cut = (slice(None),) * axis
        out[(*cut, to)] = flags[(*cut, whence)]
    return out
