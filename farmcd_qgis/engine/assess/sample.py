"""The accuracy sample: pixels of change.tif drawn at random within each mapped class, of a raster of any size."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from osgeo import gdal, ogr

from ...core.errors import FarmCDError, InputError
from ...core.feedback import SILENT, Feedback
from ...core.run_files import ACCURACY_SAMPLE, ACCURACY_STRATA, CHANGE_TIF, JUDGEMENT_LOG, RUN_GPKG, UNJUDGED
from ...core.run_record import run_classes
from ..polygons.geopackage import create_layer, store_style
from ..scene.areas import PixelAreas, hectares
from ..scene.crs import check_proj

# Pixels that are in memory at a time.
BAND_PIXELS = 1 << 20
# More than anybody judges by eye.
LARGEST_SAMPLE = 20_000
# Up to so many pixels a class is shuffled as a whole; of more, pixels are drawn one by one.
SHUFFLED = 1 << 16
DRAWN_AT_A_TIME = 1024

Bytes = npt.NDArray[np.uint8]
Whole = npt.NDArray[np.int64]

POINT_FIELDS = {
    "sample_id": ogr.OFTInteger64,
    "map_class_id": ogr.OFTInteger,
    "x": ogr.OFTReal,
    "y": ogr.OFTReal,
    "judgement": ogr.OFTString,
    "reference_class_id": ogr.OFTInteger,
}
STRATUM_FIELDS = {
    "class_id": ogr.OFTInteger,
    "pixels": ogr.OFTInteger64,
    "area_ha": ogr.OFTReal,
    "drawn": ogr.OFTInteger64,
    "seed": ogr.OFTInteger64,
}


class Pixel(NamedTuple):
    """A drawn pixel."""

    class_id: int
    column: int
    row: int


@dataclass(frozen=True)
class Mapped:
    """What a map holds of each of its K class ids: pixels, int64 (K,), and hectares on the ellipsoid, float64 (K,)."""

    pixels: Whole
    area_ha: npt.NDArray[np.float64]

    def as_strata(self) -> list[dict[str, Any]]:
        """List the classes that occur as plain values."""
        there = np.flatnonzero(self.pixels).tolist()
        return [{"class_id": i, "pixels": int(self.pixels[i]), "area_ha": float(self.area_ha[i])} for i in there]


class ChangeMap:
    """change.tif of a run, read in bands of rows. Raises InputError where there is none."""

    def __init__(self, run_dir: Path) -> None:
        try:
            self._file = gdal.Open(str(run_dir / CHANGE_TIF))
        except RuntimeError as error:
            raise InputError("no_raster_of_run", folder=run_dir, file=CHANGE_TIF, reason=error) from error
        self.classes = len(run_classes(run_dir).predicted)
        self.width, self.height = self._file.RasterXSize, self._file.RasterYSize
        self.spatial_reference = self._file.GetSpatialRef()

    def count(self, feedback: Feedback) -> Mapped:
        """Count pixels and measure areas, class by class."""
        areas = PixelAreas(self._file.GetGeoTransform(), self._file.GetProjection(), self.width, self.height)
        pixels, area_m2 = np.zeros(self.classes, np.int64), np.zeros(self.classes)
        for row, change in self._bands(feedback):
            values = change.ravel()
            pixels += np.bincount(values, minlength=256)[: self.classes]
            measured = areas.rows(row, len(change)).ravel()
            area_m2 += np.bincount(values, measured, minlength=256)[: self.classes]
        return Mapped(pixels, np.array([hectares(area) for area in area_m2]))

    def find(self, ordinals: Mapping[int, Whole], feedback: Feedback) -> list[Pixel]:
        """Return the pixels that come at the given places, from 0 on, among those of their class in reading order."""
        sorted_ordinals = {class_id: np.sort(wanted) for class_id, wanted in ordinals.items() if len(wanted)}
        seen = np.zeros(self.classes, np.int64)
        found: dict[tuple[int, int], Pixel] = {}
        for row, change in self._bands(feedback):
            values = change.ravel()
            here = np.bincount(values, minlength=256)[: self.classes]
            for class_id, wanted in sorted_ordinals.items():
                first, last = np.searchsorted(wanted, (seen[class_id], seen[class_id] + here[class_id]))
                if first == last:
                    continue
                places = np.flatnonzero(values == class_id)[wanted[first:last] - seen[class_id]]
                for ordinal, place in zip(wanted[first:last].tolist(), places.tolist(), strict=True):
                    found[class_id, ordinal] = Pixel(class_id, place % self.width, row + place // self.width)
            seen += here
        return [found[class_id, ordinal] for class_id, wanted in ordinals.items() for ordinal in wanted.tolist()]

    def centre(self, pixel: Pixel) -> tuple[float, float]:
        """Return a pixel's centre in map units."""
        x, y = gdal.ApplyGeoTransform(self._file.GetGeoTransform(), pixel.column + 0.5, pixel.row + 0.5)
        return x, y

    def _bands(self, feedback: Feedback) -> Iterator[tuple[int, Bytes]]:
        step = max(1, BAND_PIXELS // self.width)
        for row in range(0, self.height, step):
            feedback.check()
            count = min(step, self.height - row)
            yield row, self._file.GetRasterBand(1).ReadAsArray(0, row, self.width, count)
            feedback.progress("sample", (row + count) / self.height)


def count_strata(run_dir: str | Path, *, feedback: Feedback = SILENT) -> list[dict[str, Any]]:
    """Return class_id, pixels and area_ha of each class that occurs in a run's map, so that a sample can be planned.

    Raises InputError if the folder holds no run.
    """
    check_proj()
    return ChangeMap(Path(run_dir)).count(feedback).as_strata()


def draw_sample(
    run_dir: str | Path,
    points: Mapping[int, int],
    seed: int,
    *,
    feedback: Feedback = SILENT,
) -> dict[str, Any]:
    """Draw `points` pixels by class id at random and store them as the layer `accuracy_sample` of farmcd.gpkg.

    A sample without judgements is replaced. One that somebody has begun to judge grows instead, by its own seed: the
    larger sample holds the smaller one, and both are random. A class with fewer pixels than asked for is taken whole.
    Returns the seed, the number of points and the strata. Raises InputError for a folder without polygons, a sample
    larger than LARGEST_SAMPLE, and a map that is not the one the begun sample was drawn from; FarmCDError where the
    file cannot be written, with what it held left as it was.
    """
    check_proj()
    folder = Path(run_dir)
    if not (folder / RUN_GPKG).is_file():
        raise InputError("no_polygons_yet", file=RUN_GPKG, folder=folder)
    change = ChangeMap(folder)
    counting, finding = feedback.split(1, 1)
    mapped = change.count(counting)
    with _said(folder / RUN_GPKG):
        file = gdal.OpenEx(str(folder / RUN_GPKG), gdal.OF_VECTOR | gdal.OF_UPDATE)
        begun = _begun(file, mapped)
    if begun is not None:
        seed = begun[1]
    kept = begun[0] if begun is not None else np.zeros(change.classes, np.int64)
    wanted = np.array([points.get(class_id, 0) for class_id in range(change.classes)], np.int64)
    wanted = np.clip(np.maximum(wanted, kept), 0, mapped.pixels)
    if not 0 < wanted.sum() <= LARGEST_SAMPLE:
        raise InputError("bad_sample_size", count=wanted.sum(), most=LARGEST_SAMPLE)
    ordinals = {
        class_id: chosen(int(mapped.pixels[class_id]), int(count), seed, class_id)[kept[class_id] :]
        for class_id, count in enumerate(wanted.tolist())
    }
    pixels = change.find(ordinals, finding)
    # In a random order, so that whoever judges cannot guess the class from the neighbours in the queue.
    order = np.random.default_rng([seed, change.classes, int(kept.sum())]).permutation(len(pixels))
    _write(file, change, [pixels[place] for place in order], int(kept.sum()), mapped, wanted, seed)
    strata = [row | {"drawn": int(wanted[row["class_id"]])} for row in mapped.as_strata()]
    return {"seed": seed, "points": int(wanted.sum()), "strata": strata}


def chosen(pixels: int, count: int, seed: int, class_id: int) -> Whole:
    """Choose `count` of `pixels` places at random, each as likely, int64 (count,).

    The same seed gives the same places; of a larger count, they are the first ones.
    """
    random = np.random.default_rng([seed, class_id])
    if pixels <= SHUFFLED:
        return random.permutation(pixels)[:count]
    # A dictionary, since it keeps the order of what comes first.
    places: dict[int, None] = {}
    while len(places) < count:
        places.update(dict.fromkeys(random.integers(pixels, size=DRAWN_AT_A_TIME).tolist()))
    return np.array(list(places)[:count], np.int64)


def _begun(file: gdal.Dataset, mapped: Mapped) -> tuple[Whole, int] | None:
    """Return the points drawn by class, (K,), and the seed of a sample that somebody has judged; None otherwise."""
    log = file.GetLayerByName(JUDGEMENT_LOG)
    table = file.GetLayerByName(ACCURACY_STRATA)
    if log is None or table is None or not log.GetFeatureCount():
        return None
    drawn, pixels, seed = np.zeros_like(mapped.pixels), np.zeros_like(mapped.pixels), 0
    for stratum in table:
        drawn[stratum["class_id"]], pixels[stratum["class_id"]] = stratum["drawn"], stratum["pixels"]
        seed = stratum["seed"]
    if not np.array_equal(pixels, mapped.pixels):
        raise InputError("other_map", file=CHANGE_TIF)
    return drawn, seed


def _write(
    file: gdal.Dataset,
    change: ChangeMap,
    pixels: list[Pixel],
    kept: int,
    mapped: Mapped,
    drawn: Whole,
    seed: int,
) -> None:
    """Add points after the `kept` ones, or begin the sample anew if there are none; all of it or nothing."""
    with _transaction(file):
        layer = file.GetLayerByName(ACCURACY_SAMPLE) if kept else None
        if layer is None:
            crs = change.spatial_reference
            layer = create_layer(file, ACCURACY_SAMPLE, crs, ogr.wkbPoint, ["OVERWRITE=YES"])
            _add_fields(layer, POINT_FIELDS)
            store_style(file, ACCURACY_SAMPLE)
        for number, pixel in enumerate(pixels, kept + 1):
            x, y = change.centre(pixel)
            point = ogr.Geometry(ogr.wkbPoint)
            point.AddPoint_2D(x, y)
            _add(layer, zip(POINT_FIELDS, (number, pixel.class_id, x, y, UNJUDGED), strict=False), number, point)
        table = file.CreateLayer(ACCURACY_STRATA, None, ogr.wkbNone, ["OVERWRITE=YES"])
        _add_fields(table, STRATUM_FIELDS)
        for row in mapped.as_strata():
            _add(table, {**row, "drawn": int(drawn[row["class_id"]]), "seed": seed}.items())


@contextmanager
def _transaction(file: gdal.Dataset) -> Iterator[None]:
    with _said(file.GetDescription()):
        file.StartTransaction()
        try:
            yield
        except BaseException:
            file.RollbackTransaction()
            raise
        file.CommitTransaction()


@contextmanager
def _said(path: Path | str) -> Iterator[None]:
    """Turn what SQLite says of a file that cannot be used into a sentence."""
    try:
        yield
    except RuntimeError as error:
        raise FarmCDError("sample_not_stored", path=path, reason=error) from error


def _add(
    layer: ogr.Layer, values: Iterable[tuple[str, Any]], number: int | None = None, point: ogr.Geometry | None = None
) -> None:
    feature = ogr.Feature(layer.GetLayerDefn())
    if number is not None:
        feature.SetFID(number)
        feature.SetGeometryDirectly(point)
    for field, value in values:
        feature[field] = value
    layer.CreateFeature(feature)


def _add_fields(layer: ogr.Layer, fields: Mapping[str, int]) -> None:
    for field, kind in fields.items():
        layer.CreateField(ogr.FieldDefn(field, kind))
