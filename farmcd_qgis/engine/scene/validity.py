"""Which pixels of a raster are valid. One rule: where every chosen band is, by all that is known of it together.

Known are nodata values per band, GDAL's dataset-wide nodata, mask bands, alpha, the ranges that a person has set, and a
fill that is to be treated as nodata; NaN and infinity are never valid (the reader sees to that). Any of them alone
makes a pixel invalid. They are joined in a virtual raster of one band, so that windows, shrunk reads and warping all
heed the same rule.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape  # nosec B406 # writes, never reads

import numpy as np
from osgeo import gdal, gdal_array

# Any number of these apart: band (0: every one), lowest and highest value.
Range = tuple[int, float, float]
VALID = 255
# An alpha band of which more pixels than this are neither opaque nor transparent is no mask but an image.
MOSTLY = 0.5
OFTEN = 0.1
SAMPLE = 512


class Validity(NamedTuple):
    """The virtual raster, as text, whose only band is 0 where a raster is not valid; "" where all of it is."""

    vrt: str

    def open(self) -> tuple[gdal.Dataset, int] | None:
        """Open that raster, as dataset and band; None where all is valid."""
        return (gdal.Open(self.vrt), 1) if self.vrt else None

    def add_to(self, dataset: gdal.Dataset) -> None:
        """Add it to a virtual raster of the same size, as alpha."""
        dataset.AddBand(gdal.GDT_Byte)
        band = dataset.GetRasterBand(dataset.RasterCount)
        band.SetMetadataItem("source_0", _simple(self.vrt, "1"), "new_vrt_sources")
        band.SetColorInterpretation(gdal.GCI_AlphaBand)


ALL_VALID = Validity("")


def validity_of(
    dataset: gdal.Dataset,
    bands: Sequence[int],
    *,
    own_nodata: bool = True,
    ranges: Iterable[Range] = (),
    fills: Sequence[Sequence[float | None]] = (),
) -> Validity:
    """Join all that is known of the validity of chosen bands.

    `own_nodata` is False where a person has switched the file's nodata values off; `ranges` are what they have set
    instead or besides: band (0: every band) and lowest and highest value; `fills` are the values of the chosen bands
    that together mean nodata (None: whatever that band holds).
    """
    name = dataset.GetDescription()
    chosen = list(dict.fromkeys(bands))
    sources: list[str] = []
    for number in chosen:
        band = dataset.GetRasterBand(number)
        value = band.GetNoDataValue() if own_nodata else None
        flags = band.GetMaskFlags()
        if value is not None and flags & gdal.GMF_NODATA:
            sources.append(_simple(name, f"mask,{number}"))
        elif value is not None and np.isfinite(value):
            # A mask band stands before it, and GDAL then forgets the value.
            sources.append(_outside(name, band, number, value, value))
    sources += _masks(dataset, name, chosen, own_nodata)
    for number, low, high in ranges:
        for each in chosen if number == 0 else [number] if number in chosen else []:
            sources.append(_outside(name, dataset.GetRasterBand(each), each, low, high))
    for fill in fills:
        at = [(band, value) for band, value in zip(bands, fill, strict=True) if value is not None]
        parts = [_outside(name, dataset.GetRasterBand(band), band, value, value) for band, value in at]
        sources.append(_simple(_vrt(dataset, parts, "sum"), "1"))
    return Validity(_vrt(dataset, sources, "mul")) if sources else ALL_VALID


def valid_in(dataset: gdal.Dataset, bands: Sequence[int]) -> Validity:
    """Say what `validity_of` says by a virtual raster in any case, also where all is valid."""
    found = validity_of(dataset, bands)
    return found if found.vrt else Validity(_vrt(dataset, [_simple(dataset.GetDescription(), f"mask,{bands[0]}")], ""))


def _masks(dataset: gdal.Dataset, name: str, bands: Sequence[int], own_nodata: bool) -> list[str]:
    """Return the sources of mask bands and alpha; a chosen band is data, whatever it calls itself."""
    found = []
    for number in bands:
        flags = dataset.GetRasterBand(number).GetMaskFlags()
        by_values = bool(flags & gdal.GMF_NODATA)
        if flags & (gdal.GMF_ALL_VALID | gdal.GMF_ALPHA) or (by_values and not flags & gdal.GMF_PER_DATASET):
            continue
        # NODATA_VALUES of the dataset are nodata values, too.
        if not by_values or own_nodata:
            found.append(_simple(name, f"mask,{number}"))
            if flags & gdal.GMF_PER_DATASET:
                break
    alpha = alpha_band(dataset)
    if alpha and alpha not in bands and not is_image(dataset, alpha):
        found.append(_simple(name, str(alpha)))
    return found


def alpha_band(dataset: gdal.Dataset) -> int | None:
    """Return the number of the band that calls itself alpha; None if there is none."""
    for number in range(1, dataset.RasterCount + 1):
        if dataset.GetRasterBand(number).GetColorInterpretation() == gdal.GCI_AlphaBand:
            return number
    return None


def grey_share(dataset: gdal.Dataset, alpha: int) -> float:
    """Return the share of pixels at which an alpha band is neither opaque nor transparent, by a sample."""
    band = dataset.GetRasterBand(alpha)
    width, height = min(SAMPLE, band.XSize), min(SAMPLE, band.YSize)
    if band.GetOverviewCount() or band.XSize * band.YSize <= SAMPLE**2 * 64:
        values = band.ReadAsArray(buf_xsize=width, buf_ysize=height)
    else:
        values = band.ReadAsArray((band.XSize - width) // 2, (band.YSize - height) // 2, width, height)
    return float(((values > values.min()) & (values < values.max())).mean())


def is_image(dataset: gdal.Dataset, alpha: int) -> bool:
    """Tell whether a band that calls itself alpha holds an image, such as near infrared written by mistake so."""
    return grey_share(dataset, alpha) > MOSTLY


def _vrt(dataset: gdal.Dataset, sources: list[str], function: str) -> str:
    size = f'rasterXSize="{dataset.RasterXSize}" rasterYSize="{dataset.RasterYSize}"'
    joined = f"<PixelFunctionType>{function}</PixelFunctionType>" if len(sources) > 1 else ""
    kind = ' subClass="VRTDerivedRasterBand"' if joined else ""
    band = f'<VRTRasterBand dataType="Byte" band="1"{kind}>{joined}{"".join(sources)}</VRTRasterBand>'
    return f"<VRTDataset {size}>{band}</VRTDataset>"


def _simple(name: str, band: str) -> str:
    return f"<SimpleSource>{_from(name, band)}</SimpleSource>"


def _outside(name: str, band: gdal.Band, number: int, low: float, high: float) -> str:
    """Return a source that is 0 where a band's value is from `low` to `high`, else VALID."""
    kind = gdal_array.GDALTypeCodeToNumericTypeCode(band.DataType)
    table = [(low, 0.0), (high, 0.0)] if high > low else [(low, 0.0)]
    before, behind = _next(low, kind, -1), _next(high, kind, 1)
    table = [*([(before, VALID)] if np.isfinite(before) else []), *table]
    table += [(behind, VALID)] if np.isfinite(behind) else []
    text = ",".join(f"{value!r}:{out:g}" for value, out in table)
    return f"<ComplexSource>{_from(name, str(number))}<LUT>{text}</LUT></ComplexSource>"


def _next(value: float, kind: type, direction: int) -> float:
    """Return the value next to one among those that a band can hold."""
    if np.issubdtype(kind, np.integer):
        return float(np.ceil(value) - 1 if direction < 0 else np.floor(value) + 1)
    with np.errstate(over="ignore"):
        return float(np.nextafter(kind(value), kind(direction * np.inf)))


def _from(name: str, band: str) -> str:
    return f'<SourceFilename relativeToVRT="0">{escape(name)}</SourceFilename><SourceBand>{band}</SourceBand>'
