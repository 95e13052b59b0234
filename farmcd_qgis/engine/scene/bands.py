"""Which bands of a raster are red, green and blue (and near infrared), by what they say of themselves."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from osgeo import gdal

from ...core.bands import NATURAL, OTHER_WORDS, canonical
from ...core.errors import InputError
from ...networks.card import read_card

INTERPRETATIONS = {gdal.GCI_RedBand: "red", gdal.GCI_GreenBand: "green", gdal.GCI_BlueBand: "blue"}
if (near_infrared := getattr(gdal, "GCI_NIRBand", None)) is not None:
    INTERPRETATIONS[near_infrared] = "nir"
WORDS = {
    "nir": r"nir|near[ _-]?infra[ -]?red|近红外|近紅外",
    "red": r"red|rot|rouge|rojo|红|紅",
    "green": r"green|gr[uü]n|vert|verde|绿|綠",
    "blue": r"blue|blau|bleu|azul|蓝|藍",
}
# Other bands than red, green and blue, though their names hold the words.
OTHER_BANDS = re.compile(r"edge|infra[ _-]?red|coast|aerosol|deep|cirrus|pan(chrom|$)|红边|紅邊|红外|紅外|海岸")
# What is no colour that an eye sees, where it is not the name of near infrared.
NO_COLOUR = re.compile(r"(?<![a-z])([slm]wir ?\d?|tir|thermal|[vh][vh]|nd[vw]i|evi|dem|dsm|dtm|height)(?![a-z])")
# Sentinel-2 and Landsat 8 and 9, whose red is band 4. Earlier Landsats have other numbers, and no band 8A or 9.
NUMBERED = {"blue": 2, "green": 3, "red": 4}
NUMBER = re.compile(r"(?:.*[ _])?B(?:and)?[ _]?0?(\d{1,2})A?", re.IGNORECASE)
OF_NUMBERED = {8, 9, 10, 11, 12}
# Hue, saturation, lightness; cyan, magenta, yellow, black; brightness and two differences of colours.
OTHER_SYSTEMS = (gdal.GCI_HueBand, gdal.GCI_YCbCr_CrBand)
NANOMETRES = {"red": (620, 700), "green": (520, 600), "blue": (440, 515), "nir": (760, 900)}


def named_bands(dataset: gdal.Dataset) -> dict[str, int]:
    """Return the bands, from 1 on, that say which colour they are: red, green, blue, nir, as far as known.

    Colour interpretation comes first, then names, then wavelengths, then the numbers of Sentinel-2 and Landsat 8.
    """
    bands = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
    for found in (_by_interpretation(bands), _by_name(bands), _by_wavelength(bands), _by_number(bands)):
        if {"red", "green", "blue"} <= found.keys():
            return found
    return {}


def bands_read(checkpoint: str) -> tuple[str, ...]:
    """Return what the channels of a checkpoint's input are, by name; red, green and blue where it does not say."""
    path = Path(checkpoint)
    # A checkpoint that cannot be read has its own finding.
    with suppress(InputError):
        if path.suffix == ".safetensors" and path.is_file():
            return canonical(read_card(path).bands)
    return NATURAL


def said_bands(dataset: gdal.Dataset, wanted: Sequence[str]) -> tuple[int, int, int] | None:
    """Return the three bands that say that they are what is wanted; None where they don't say it of all three."""
    found = {OTHER_WORDS.get(colour, colour): number for colour, number in named_bands(dataset).items()}
    if len(wanted) != 3 or not set(wanted) <= found.keys():
        return None
    return found[wanted[0]], found[wanted[1]], found[wanted[2]]


def natural_bands(dataset: gdal.Dataset) -> tuple[int, int, int]:
    """Return red, green and blue: as the bands say, else the first three that don't call themselves alpha."""
    if said := said_bands(dataset, NATURAL):
        return said
    bands = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
    images = [band.GetBand() for band in bands if band.GetColorInterpretation() != gdal.GCI_AlphaBand]
    return (images[0], images[1], images[2]) if len(images) > 2 else (1, 2, 3)


def called_otherwise(dataset: gdal.Dataset, bands: Sequence[int]) -> list[str]:
    """Return how the bands read as red, green and blue call themselves, where that is something else; empty elsewhere.

    Such are false colours, cyan, magenta and yellow, hue and saturation, polarisations, and numbers in the order of the
    sensors, whose blue comes first.
    """
    every = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
    chosen = [dataset.GetRasterBand(number) for number in bands]
    wanted = dict(zip(NATURAL, bands, strict=True))
    colours = [_by_interpretation(every), _by_name(every), _by_wavelength(every), _by_number(every)]
    others = any(
        wanted.get(colour, number) != number or (colour not in wanted and number in bands)
        for found in colours
        for colour, number in found.items()
    )
    alien = any(
        OTHER_SYSTEMS[0] <= band.GetColorInterpretation() <= OTHER_SYSTEMS[1]
        or NO_COLOUR.search((band.GetDescription() or "").lower())
        for band in chosen
    )
    numbers = [int(found[1]) for band in chosen if (found := NUMBER.fullmatch(band.GetDescription() or ""))]
    rising = len(numbers) == 3 and numbers == sorted(numbers) and numbers != list(bands)
    if not (others or alien or rising):
        return []
    return [band.GetDescription() or gdal.GetColorInterpretationName(band.GetColorInterpretation()) for band in chosen]


def _first(named: list[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for colour, number in named:
        found.setdefault(colour, number)
    return found


def _by_interpretation(bands: list[gdal.Band]) -> dict[str, int]:
    kinds = [(INTERPRETATIONS.get(band.GetColorInterpretation()), band.GetBand()) for band in bands]
    found = _first([(colour, number) for colour, number in kinds if colour])
    return {**{key: number for key, number in _by_name(bands).items() if key == "nir"}, **found}


def _by_name(bands: list[gdal.Band]) -> dict[str, int]:
    """Find colours by names: those that are a colour's name alone before those that hold one among other words."""
    named = [(colour, band.GetBand()) for band in bands if (colour := _colour(band.GetDescription(), alone=True))]
    among = [(colour, band.GetBand()) for band in bands if (colour := _colour(band.GetDescription(), alone=False))]
    return _first([*named, *among])


def _colour(name: str | None, alone: bool) -> str | None:
    words = (name or "").strip().lower()
    if not alone and OTHER_BANDS.search(words):
        return "nir" if re.search(WORDS["nir"], words) else None
    for colour, pattern in WORDS.items():
        whole = re.fullmatch(pattern, words) if alone else re.search(rf"(?<![a-z])(?:{pattern})(?![a-z])", words)
        if whole:
            return colour
    return None


def _by_wavelength(bands: list[gdal.Band]) -> dict[str, int]:
    named = []
    for band in bands:
        length = _nanometres(band)
        for colour, (low, high) in NANOMETRES.items():
            if length is not None and low <= length <= high:
                named.append((abs(length - (low + high) / 2), colour, band.GetBand()))
    return _first([(colour, number) for _, colour, number in sorted(named)])


def _nanometres(band: gdal.Band) -> float | None:
    said = band.GetMetadataItem("CENTRAL_WAVELENGTH_UM", "IMAGERY")
    if said:
        return _number(said, 1000.0)
    said = band.GetMetadataItem("wavelength")
    if said:
        unit = (band.GetMetadataItem("wavelength_units") or "").lower()
        length = _number(said, 1.0)
        return length * 1000 if length is not None and ("micro" in unit or length < 20) else length
    found = re.search(r"(\d{3,4}(?:\.\d+)?) ?(?:nm|nanomet)", band.GetDescription() or "", re.IGNORECASE)
    return float(found[1]) if found else None


def _number(text: Any, factor: float) -> float | None:
    try:
        return float(text) * factor
    except ValueError:
        return None


def _by_number(bands: list[gdal.Band]) -> dict[str, int]:
    numbers: dict[int, int] = {}
    for band in bands:
        found = NUMBER.fullmatch(band.GetDescription() or "")
        if found:
            numbers.setdefault(int(found[1]), band.GetBand())
    if not OF_NUMBERED & numbers.keys():
        return {}
    return {colour: numbers[number] for colour, number in NUMBERED.items() if number in numbers}
