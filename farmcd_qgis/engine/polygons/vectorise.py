"""From the rasters of a run to its polygons: candidates of change and hard regions.

Block by block it is found what is connected, and counted what there is of it; then blocks are joined, numbered and
outlined. Within a block the rasters stream by in bands of rows. However a raster is cut, the polygons, their numbers
and their figures are the same.
"""

import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from osgeo import ogr

from ...core.classes import ClassTable
from ...core.errors import InputError
from ...core.feedback import SILENT, Feedback
from ...core.polygons import PolygonSettings
from ...core.run_files import CANDIDATES, HARD_REGIONS, RUN_GPKG, RUN_JSON, UNREVIEWED
from ...core.run_record import load_record, run_classes
from ..run.disk import writing_to
from ..run.durable import settle, unique
from ..run.package import count_reviewed, edits_lost, replaced
from ..scene.areas import hectares, mu
from ..scene.crs import check_proj
from ..scene.tiling import Blocks
from .features import Place, in_order, outline_block
from .geopackage import Package, write_run_table
from .numbering import Numbers, number
from .part import LAYERS, Part, least_units, make_parts
from .tally import Rasters, Tally

SCRATCH = "vectorise.part"
# The side of the blocks that a run is cut into where nobody says otherwise, so that memory does not grow with it.
# Smaller ones would have more tiles predicted twice at their edges.
BLOCK_SIDE = 12_288
# Parts of blocks that are in memory at a time.
PARTS_KEPT = 8


@dataclass(frozen=True)
class VectorSummary:
    """How many polygons there are; `area_ha` holds the candidates' area in hectares by class name."""

    candidates: int
    hard_regions: int
    area_ha: dict[str, float]


@dataclass(frozen=True)
class Outlining:
    """The second half of the work on polygons: what is known of every block lies in files, under any process's eyes.

    `parts` names the folder with the parts of each block that has any, `folder` is where the rest comes.
    """

    blocks: Blocks
    parts: Mapping[int, Path]
    folder: Path
    place: Place

    def part_of(self, layer: str) -> Callable[[int], Part | None]:
        """Return what reads the parts of a layer."""

        @lru_cache(PARTS_KEPT)
        def read(index: int) -> Part | None:
            return Part.load(self.parts[index], layer) if index in self.parts else None

        return read

    def file_of(self, layer: str, index: int) -> Path:
        """Return where the numbers of a block are."""
        return self.folder / layer / f"{index}.npz"

    def features_of(self, layer: str, index: int) -> Path:
        """Return where the features of a block are."""
        return self.folder / layer / str(index)

    def number(self, settings: PolygonSettings, minimum: int) -> dict[str, int]:
        """Number the components of both layers; returns how many there are."""
        counts = {}
        for layer in LAYERS:
            (self.folder / layer).mkdir(parents=True)
            file_of = partial(self.file_of, layer)
            counts[layer] = number(self.blocks, self.part_of(layer), settings.connectivity, minimum, file_of)
        return counts

    def outline(self, index: int, feedback: Feedback = SILENT) -> None:
        """Outline what is a block's affair. Done twice, even at the same time, it gives the same."""
        for layer, step in zip(LAYERS, feedback.split(2, 1), strict=True):
            target = self.features_of(layer, index)
            if self.file_of(layer, index).exists() and not target.exists():
                numbers = Numbers.load(self.file_of(layer, index))
                private = unique(target)
                with writing_to(self.folder):
                    outline_block(index, numbers, self.part_of(layer), self.place, private, step)
                    settle(private, target)


def vectorise(
    run_dir: str | Path,
    *,
    tau: float = PolygonSettings.tau,
    minimum_mapping_unit_m2: float = PolygonSettings.minimum_mapping_unit_m2,
    connectivity: Literal[4, 8] = PolygonSettings.connectivity,
    classes: ClassTable | None = None,
    feedback: Feedback = SILENT,
    work: "Work | None" = None,
) -> VectorSummary:
    """Write farmcd.gpkg of a run folder from its rasters: candidates, hard regions, styles, record.

    Areas are of the ellipsoid. What is smaller than `minimum_mapping_unit_m2` is left out of the layers; the rasters
    stay as they are. `classes` is the class table where the run has no record yet, `work` says how a run is cut and
    what of it is done. Raises InputError if the folder holds no run, or one that was reviewed already (its verdicts
    would be lost), FarmCDError if the disk is full, and Cancelled; then nothing is left behind.
    """
    check_proj()
    settings = PolygonSettings(tau, minimum_mapping_unit_m2, connectivity)
    run_dir = Path(run_dir)
    classes = classes or run_classes(run_dir)
    rasters = Rasters.of_run(run_dir, len(classes.predicted))
    work = work or Work(Blocks.cut(rasters.width, rasters.height, BLOCK_SIDE))
    target, scratch = run_dir / RUN_GPKG, run_dir / SCRATCH
    if reviewed := count_reviewed(target):
        raise InputError("reviewed", count=reviewed, file=target)
    for finding in edits_lost(target, classes):
        feedback.finding(finding)
    shutil.rmtree(scratch, ignore_errors=True)
    with writing_to(run_dir):
        scratch.mkdir()
    try:
        with writing_to(run_dir):
            counting, outlining, writing = feedback.split(0.55, 0.35, 0.1)
            parts = work.finish_parts(rasters, settings, scratch, counting)
            place = Place(rasters.width, rasters.geotransform)
            job = Outlining(work.blocks, parts, work.shared or scratch, place)
            counts = job.number(settings, least_units(settings, rasters))
            work.outline_all(job, outlining)
            areas = [0] * len(classes.predicted)
            with Package(scratch / RUN_GPKG, rasters.crs_wkt) as package:
                candidates = _features(
                    job, CANDIDATES, partial(_candidate, classes), counts[CANDIDATES], writing, areas
                )
                package.write_layer(CANDIDATES, candidates)
                package.write_layer(
                    HARD_REGIONS, _features(job, HARD_REGIONS, partial(_hard_region, classes), 0, writing)
                )
                package.write_styles(classes, rasters.arbitrated)
            _write_record(run_dir, scratch / RUN_GPKG, classes)
            _step(feedback, 1.0)
            with replaced(scratch / RUN_GPKG, target):
                pass
    except BaseException as error:
        # The functions that were left hold files open, and Windows removes no file that is.
        traceback.clear_frames(error.__traceback__)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    unit = rasters.areas.unit
    area_ha = {row.name: hectares(areas[row.id] * unit) for row in classes.predicted[1:]}
    return VectorSummary(counts[CANDIDATES], counts[HARD_REGIONS], area_ha)


@dataclass(frozen=True)
class Work:
    """How a run is cut into `blocks`, and what of the work on polygons was done or is to be done elsewhere.

    `parts` are the folders of parts that are made already, by block; `shared` is a folder that all who outline can see,
    `spread` lets them: it is given what to outline.
    """

    blocks: Blocks
    parts: Mapping[int, Path] | None = None
    shared: Path | None = None
    spread: Callable[[Outlining, Feedback], None] | None = None

    def finish_parts(
        self, rasters: Rasters, settings: PolygonSettings, scratch: Path, feedback: Feedback
    ) -> Mapping[int, Path]:
        """Make the parts that are not made yet."""
        if self.parts is not None:
            return self.parts
        parts = {}
        for index, step in enumerate(feedback.split(*[1.0] * len(self.blocks))):
            parts[index] = scratch / f"part-{index}"
            parts[index].mkdir()
            make_parts(rasters, self.blocks, index, settings, parts[index], step)
        return parts

    def outline_all(self, job: Outlining, feedback: Feedback) -> None:
        """Outline every block."""
        if self.spread is not None:
            self.spread(job, feedback)
            return
        for index, step in enumerate(feedback.split(*[1.0] * len(self.blocks))):
            job.outline(index, step)


def _features(
    job: Outlining,
    layer: str,
    describe: Callable[[int, Tally, int], dict[str, Any]],
    count: int,
    feedback: Feedback,
    areas: list[int] | None = None,
) -> Iterator[tuple[ogr.Geometry, dict[str, Any]]]:
    """Yield the features of a layer by their numbers, and add up their areas by class."""
    for number_, outline, tally, at in in_order(job.blocks, partial(job.features_of, layer)):
        if number_ % 1000 == 0:
            _step(feedback, number_ / max(count, number_))
        values = describe(number_, tally, at)
        if areas is not None:
            areas[values["class_id"]] += int(tally.area[at])
        yield ogr.CreateGeometryFromWkb(outline), values


def _candidate(classes: ClassTable, number: int, tally: Tally, at: int) -> dict[str, Any]:
    pixels = tally.pixels[at]
    class_id, second = int(tally.classes[at].argmax()), int(tally.seconds[at].argmax())
    return {
        "candidate_id": number,
        "class_id": class_id,
        "class_name": classes.label(class_id),
        "second_class_id": second,
        "second_class_name": classes.label(second),
        **_measures(tally, at),
        "confidence_min": int(tally.confidence_min[at]) / 100,
        "hard_share": round(float(tally.hard[at] / pixels), 4),
        "arbitration": round(float(tally.arbitration[at] / pixels / 100), 4) if tally.arbitrated else None,
        "disagreement": round(float(tally.disagreement[at] / pixels), 4) if tally.arbitrated else None,
        "status": UNREVIEWED,
    }


def _hard_region(classes: ClassTable, number: int, tally: Tally, at: int) -> dict[str, Any]:
    class_id = int(tally.classes[at].argmax())
    return {
        "region_id": number,
        **_measures(tally, at),
        "class_id": class_id,
        "class_name": classes.label(class_id),
    }


def _measures(tally: Tally, at: int) -> dict[str, float]:
    area = tally.area_m2(at)
    return {
        "area_ha": round(hectares(area), 6),
        "area_mu": round(mu(area), 5),
        "confidence_mean": round(float(tally.confidence[at] / tally.pixels[at] / 100), 4),
    }


def _step(feedback: Feedback, fraction: float) -> None:
    feedback.check()
    feedback.progress("polygons", fraction)


def _write_record(run_dir: Path, gpkg: Path, classes: ClassTable) -> None:
    """Put the class table into a new GeoPackage, and the record where the run is finished."""
    from ..run.record import flatten

    record = load_record(run_dir) if (run_dir / RUN_JSON).exists() else {}
    write_run_table(gpkg, flatten({**record, "classes": classes.to_json()}))
