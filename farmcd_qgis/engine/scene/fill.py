"""Fill that nothing declares: one constant, extreme value in a large area, as clips, collars and exports leave it."""

from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from osgeo import gdal, ogr, osr

from .raster import SAMPLE_SIDE, Flags, Pixels, Raster, sample_windows

# Of all pixels that are valid.
LEAST_SHARE = 0.005
# A connected area counts that has so large a part of the constant pixels...
LARGEST_PART = 0.2
# ...and that touches the border, or fills its own box as nothing natural does.
LEAST_SOLID = 0.95
# A value as far from all others as this many times their whole span is none of an image.
FAR_SPANS = 2.0


class Fill(NamedTuple):
    """The value of each band that together make a fill, and its share of the valid pixels of the raster."""

    values: tuple[float, ...]
    share: float


def find_fill(raster: Raster) -> Fill | None:
    """Find an undeclared fill among the valid pixels of a raster, by a sample; None where there is none.

    Saturated clouds and black water are constant and extreme, too, but of a ragged shape within the image; a fill
    touches the border in a large area, or is a box, or lies far from all other values.
    """
    values, valid = _sample(raster)
    seen = values[:, valid].astype(np.float64)
    if not seen.size:
        return None
    best: Fill | None = None
    ends = seen.min(axis=1), seen.max(axis=1)
    # Bands may have a fill each, such as -9999 and 0.
    for choice in product((0, 1), repeat=len(values)):
        extremes = np.array([ends[end][band] for band, end in enumerate(choice)])
        constant = valid & (values == extremes.astype(values.dtype)[:, None, None]).all(axis=0)
        share = float(constant.sum() / valid.sum())
        rest = values[:, valid & ~constant].astype(np.float64)
        if share < LEAST_SHARE or not rest.size or (best is not None and share <= best.share):
            continue
        if _is_far(extremes, rest) or any(_is_laid_on(part) for part in _large_parts(constant)):
            best = Fill(tuple(float(value) for value in extremes), share)
    return best


def _sample(raster: Raster) -> tuple[Pixels, Flags]:
    """Read the raster smaller, values (3, h, w) and valid (h, w); of one that is large, only its edge and windows."""
    width, height = raster.size
    if raster.is_quick_to_shrink:
        return raster.read((0, 0, width, height), (min(width, SAMPLE_SIDE), min(height, SAMPLE_SIDE)))
    parts = [raster.read(window) for window in sample_windows(width, height)]
    return np.concatenate([part for part, _ in parts], axis=2), np.concatenate([part for _, part in parts], axis=1)


def _is_far(extremes: npt.NDArray[np.float64], rest: npt.NDArray[np.float64]) -> bool:
    low, high = rest.min(axis=1), rest.max(axis=1)
    gap = np.maximum(low - extremes, extremes - high)
    return bool((gap > FAR_SPANS * np.maximum(high - low, np.finfo(np.float32).tiny)).all())


class _Part(NamedTuple):
    """A connected area of a sample: its pixels, its box, the size of the sample."""

    pixels: float
    box: tuple[float, float, float, float]
    width: int
    height: int


def _large_parts(constant: Flags) -> list[_Part]:
    height, width = constant.shape
    image = gdal.GetDriverByName("MEM").Create("", width, height, 1, gdal.GDT_Byte)
    image.SetGeoTransform((0, 1, 0, 0, 0, 1))
    image.GetRasterBand(1).WriteArray(constant.astype(np.uint8))
    holder = ogr.GetDriverByName("Memory").CreateDataSource("")
    plane = osr.SpatialReference()
    plane.SetLocalCS("sample")
    layer = holder.CreateLayer("parts", plane, ogr.wkbPolygon)
    gdal.Polygonize(image.GetRasterBand(1), image.GetRasterBand(1), layer, -1)
    least = LARGEST_PART * constant.sum()
    parts = []
    for feature in layer:
        geometry = feature.GetGeometryRef()
        if geometry.GetArea() >= least:
            left, right, top, bottom = geometry.GetEnvelope()
            parts.append(_Part(geometry.GetArea(), (left, top, right, bottom), width, height))
    return parts


def _is_laid_on(part: _Part) -> bool:
    left, top, right, bottom = part.box
    at_border = left <= 0 or top <= 0 or right >= part.width or bottom >= part.height
    return at_border or part.pixels >= LEAST_SOLID * (right - left) * (bottom - top)
