"""A date that comes in several files: a band in each, or tiles of a mosaic. They become one virtual raster."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from osgeo import gdal, osr

from ...core.errors import InputError
from ...core.messages import why
from .bands import named_bands
from .validity import alpha_band, valid_in

SUFFIXES = {".tif", ".tiff", ".jp2", ".img", ".vrt", ".png", ".jpg", ".jpeg", ".ecw", ".sid", ".dat", ".bil", ".bsq"}
COLOURS = ("red", "green", "blue")
NEAR_INFRARED = "nir"
# The bands of Landsat 4 to 7; those of the later ones are numbered as Sentinel-2's.
OLD_LANDSAT = re.compile(r"L[TEO]0?[4-7]", re.IGNORECASE)
OLD_NUMBERS = {"red": 3, "green": 2, "blue": 1, NEAR_INFRARED: 4}
NUMBER = re.compile(r"(?:^|[_.-])B(?:AND)?[_-]?0?(\d{1,2})(?![0-9])", re.IGNORECASE)
# Of a name such as T50SKD_20190812_B04_10m, what says nothing of the band.
RESOLUTION = re.compile(r"[_-]\d+m$", re.IGNORECASE)
# An image within a container, such as NETCDF:"file.nc":red, as GDAL names it; a drive has one letter.
IMAGE_WITHIN = re.compile(r"[A-Za-z0-9_]{2,}:")
# Bands of one image cover the same ground, but for a pixel of the coarsest.
SAME_GROUND = 0.01
# What is within the sources of a virtual raster, but for their nodata, and which band they read.
INNER = re.compile(r"<(?:Simple|Complex)Source>(.*?)(?:<NODATA>.*?)?</(?:Simple|Complex)Source>", re.DOTALL)
BAND, MASK = re.compile("<SourceBand>.*?</SourceBand>"), "<SourceBand>mask,1</SourceBand>"
OF_COLOURS = {"red": gdal.GCI_RedBand, "green": gdal.GCI_GreenBand, "blue": gdal.GCI_BlueBand}


def files_of(path: str, parts: Sequence[str]) -> list[str]:
    """List the files of a date: a raster and its further parts, or the rasters of a folder by name."""
    folder = Path(path)
    if not folder.is_dir():
        return [path, *parts]
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    return [*map(str, found), *parts]


def join(files: Sequence[str], role: str, in_order: bool = False) -> str:
    """Make the text of a virtual raster of several files; raises InputError where they cannot be one image.

    `in_order` says that files of a band each are red, green, blue and near infrared, where their names say nothing.
    """
    if not files:
        raise InputError("no_parts", role=role)
    opened = {_name(file): _open(file, role) for file in files}
    counts = {dataset.RasterCount for dataset in opened.values()}
    if len(opened) > 1 and counts == {1}:
        return _stack(opened, role, in_order)
    if min(counts) >= len(COLOURS) and (len(counts) == 1 or any(map(named_bands, opened.values()))):
        return _mosaic(opened, role)
    raise InputError("parts_unlike", role=role, count=len(opened), bands=sorted(counts))


def _name(file: str) -> str:
    """Return the name by which a file is opened from anywhere."""
    return file if _is_within(file) else str(Path(file).absolute())


def _stem(file: str) -> str:
    """Return the part of a name that says what is in it."""
    return re.split(r"[:/]", file)[-1] if _is_within(file) else RESOLUTION.sub("", Path(file).stem)


def _is_within(file: str) -> bool:
    return IMAGE_WITHIN.match(file) is not None and not Path(file).exists()


def _open(file: str, role: str) -> gdal.Dataset:
    try:
        return gdal.OpenEx(_name(file), gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR)
    except RuntimeError as error:
        raise InputError("not_a_raster", role=role, path=file, reason=error) from error


def _mosaic(opened: dict[str, gdal.Dataset], role: str) -> str:
    _check_crs(opened, role)
    first, tiles = next(iter(opened.values())), list(opened)
    # Between tiles there is nothing, which masks say already; GDAL would forget them for an alpha band.
    masked = any(_is_masked(each) for each in opened.values())
    types = {dataset.GetRasterBand(1).DataType for dataset in opened.values()}
    # GDAL says what is wrong with tiles of unlike types.
    if len(types) == 1 and len({_Kind.of(dataset) for dataset in opened.values()}) > 1:
        tiles, masked = _made_alike(opened, role), True
        first = gdal.Open(tiles[0])
    joined = _built(tiles, role, addAlpha=not masked)
    for number in range(1, first.RasterCount + 1):
        band = first.GetRasterBand(number)
        joined.GetRasterBand(number).SetDescription(band.GetDescription())
        joined.GetRasterBand(number).SetColorInterpretation(band.GetColorInterpretation())
    return _text(joined)


class _Kind(NamedTuple):
    """What GDAL takes from the first tile of a mosaic for all of them, or refuses where it differs."""

    colours: tuple[tuple[str, int], ...]
    interpretations: tuple[int, ...]
    nodata: tuple[str, ...]
    is_masked: bool

    @classmethod
    def of(cls, dataset: gdal.Dataset) -> "_Kind":
        bands = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
        return cls(
            tuple(sorted(named_bands(dataset).items())),
            tuple(band.GetColorInterpretation() for band in bands),
            tuple(str(band.GetNoDataValue()) for band in bands),
            _is_masked(dataset),
        )


def _is_masked(dataset: gdal.Dataset) -> bool:
    return bool(dataset.GetRasterBand(1).GetMaskFlags() & gdal.GMF_PER_DATASET)


def _made_alike(opened: dict[str, gdal.Dataset], role: str) -> list[str]:
    """Bring unlike tiles to the same bands, as they say of themselves, with what is valid as alpha: virtual rasters."""
    tiles = list(opened.values())
    said, counts = [named_bands(tile) for tile in tiles], {tile.RasterCount for tile in tiles}
    if len(counts) == 1 and all(colours == said[0] for colours in said):
        bands = [tiles[0].GetRasterBand(number) for number in range(1, tiles[0].RasterCount + 1)]
        labels = [(band.GetDescription(), band.GetColorInterpretation()) for band in bands]
        return [_tile(tile, range(1, len(bands) + 1), labels) for tile in tiles]
    if {} in said:
        silent, other = said.index({}), next(number for number, colours in enumerate(said) if colours)
        files, bands = list(opened), [said[other][colour] for colour in COLOURS]
        raise InputError("parts_order", role=role, path=files[silent], other=files[other], bands=bands)
    colours = [colour for colour in (*COLOURS, NEAR_INFRARED) if all(colour in each for each in said)]
    labels = [(colour, OF_COLOURS.get(colour, gdal.GCI_Undefined)) for colour in colours]
    return [_tile(tile, [each[colour] for colour in colours], labels) for tile, each in zip(tiles, said, strict=True)]


def _tile(dataset: gdal.Dataset, bands: Iterable[int], labels: Iterable[tuple[str, int]]) -> str:
    """Make a virtual raster of some bands of a tile, with their names and interpretations, and alpha."""
    alpha = alpha_band(dataset)
    chosen = [(band, label) for band, label in zip(bands, labels, strict=True) if band != alpha]
    numbers = [band for band, _ in chosen]
    virtual = gdal.Translate("", dataset, format="VRT", bandList=numbers, noData="none", maskBand="none")
    for number, (_, (name, interpretation)) in enumerate(chosen, start=1):
        virtual.GetRasterBand(number).SetDescription(name)
        virtual.GetRasterBand(number).SetColorInterpretation(interpretation)
    valid_in(dataset, numbers).add_to(virtual)
    return _text(virtual)


def _stack(opened: dict[str, gdal.Dataset], role: str, in_order: bool) -> str:
    chosen = _by_colour(opened)
    if in_order and not chosen and len(COLOURS) <= len(opened) <= len(COLOURS) + 1:
        chosen = dict(zip((*COLOURS, NEAR_INFRARED), opened, strict=False))
    if not set(COLOURS) <= chosen.keys():
        raise InputError("parts_unnamed", role=role, names=[Path(file).name for file in opened])
    order = [colour for colour in (*COLOURS, NEAR_INFRARED) if colour in chosen]
    used = {chosen[colour]: opened[chosen[colour]] for colour in order}
    _check_crs(used, role)
    boxes = np.array([_box(dataset) for dataset in used.values()])
    if np.ptp(boxes, axis=0).max() > SAME_GROUND * (boxes[0, 2:] - boxes[0, :2]).max():
        raise InputError("parts_apart", role=role, names=[Path(file).name for file in used])
    joined = _built(used, role, separate=True)
    for number, colour in enumerate(order, start=1):
        joined.GetRasterBand(number).SetDescription(colour)
    text = _text(joined)
    return _with_masks(text) if any(map(_is_masked, used.values())) else text


def _with_masks(text: str) -> str:
    """Give a virtual raster of bands the mask that GDAL leaves out: valid is what the masks of all its files say."""
    sources = "".join(f"<SimpleSource>{BAND.sub(MASK, inner)}</SimpleSource>" for inner in INNER.findall(text))
    kind = 'dataType="Byte" subClass="VRTDerivedRasterBand"'
    band = f"<VRTRasterBand {kind}><PixelFunctionType>mul</PixelFunctionType>{sources}</VRTRasterBand>"
    return text.replace("</VRTDataset>", f"<MaskBand>{band}</MaskBand></VRTDataset>")


def _built(files: Iterable[str], role: str, **options: bool) -> gdal.Dataset:
    try:
        # Else GDAL leaves out what does not fit, with a warning that nobody sees.
        return gdal.BuildVRT("", list(files), resolution="highest", strict=True, **options)
    except RuntimeError as error:
        raise InputError("parts_unfit", role=role, reason=why(error)) from error


def _by_colour(opened: dict[str, gdal.Dataset]) -> dict[str, str]:
    """Tell by names which file holds which colour."""
    names = [_stem(file) for file in opened]
    labels = gdal.GetDriverByName("MEM").Create("", 1, 1, len(names))
    for number, name in enumerate(names, start=1):
        labels.GetRasterBand(number).SetDescription(re.sub(r"[_.-]+", " ", name))
    files = list(opened)
    if found := named_bands(labels):
        return {colour: files[number - 1] for colour, number in found.items()}
    numbers = {int(match[1]): file for name, file in zip(names, files, strict=True) if (match := NUMBER.search(name))}
    old = any(OLD_LANDSAT.match(Path(part.strip('"')).name) for file in files for part in file.split(":"))
    if not old and numbers.keys() == {1, 2, 3}:  # As any files are counted.
        return {}
    wanted = OLD_NUMBERS if old else {"red": 4, "green": 3, "blue": 2, NEAR_INFRARED: 8 if 8 in numbers else 5}
    return {colour: numbers[number] for colour, number in wanted.items() if number in numbers}


def _check_crs(opened: dict[str, gdal.Dataset], role: str) -> None:
    crs = [dataset.GetSpatialRef() for dataset in opened.values()]
    if any(each is None for each in crs):
        lacking = next(file for file, each in zip(opened, crs, strict=True) if each is None)
        raise InputError("no_crs", role=role, path=lacking)
    names = list(dict.fromkeys(each.GetName() for each in crs))
    if not all(_same(each, crs[0]) for each in crs):
        raise InputError("parts_crs", role=role, names=names)


def _same(one: osr.SpatialReference, other: osr.SpatialReference) -> bool:
    return bool(one.IsSame(other, ["IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES"]))


def _box(dataset: gdal.Dataset) -> tuple[float, float, float, float]:
    x, dx, _, y, _, dy = dataset.GetGeoTransform()
    right, bottom = x + dataset.RasterXSize * dx, y + dataset.RasterYSize * dy
    return min(x, right), min(y, bottom), max(x, right), max(y, bottom)


def _text(joined: gdal.Dataset) -> str:
    joined.FlushCache()
    return joined.GetMetadata("xml:VRT")[0]
