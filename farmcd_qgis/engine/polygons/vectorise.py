"""From the rasters of a run to its polygons: candidates of change and hard regions.

What there is of the rasters streams by in bands of rows: to label what is connected, and to count what there is of each
label. The labels are kept meanwhile, in files, and outlined from there.
"""

import shutil
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from osgeo import ogr

from ...core.classes import ClassTable
from ...core.errors import InputError
from ...core.feedback import SILENT, Feedback
from ...core.polygons import PolygonSettings
from ...core.run_files import CANDIDATES, HARD_REGIONS, RUN_GPKG, RUN_JSON, UNREVIEWED
from ...core.run_record import load_record, run_classes
from ..run.package import count_reviewed, edits_lost, replaced
from ..scene.areas import hectares, mu
from ..scene.crs import check_proj
from ..scene.tiling import Window
from .components import Components, Labels
from .geopackage import Package, write_run_table
from .label_file import LabelFile, Labelled
from .outlines import outlines
from .tally import Bands, Rasters, Tally

SCRATCH = "vectorise.part"
# Hard regions end at every so many rows and columns: doubt may cover a whole scene, and nobody can work with that.
HARD_REGION_PIXELS = 512

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class VectorSummary:
    """How many polygons there are; `area_ha` holds the candidates' area in hectares by class name."""

    candidates: int
    hard_regions: int
    area_ha: dict[str, float]


def vectorise(
    run_dir: str | Path,
    *,
    tau: float = PolygonSettings.tau,
    minimum_mapping_unit_m2: float = PolygonSettings.minimum_mapping_unit_m2,
    connectivity: Literal[4, 8] = PolygonSettings.connectivity,
    classes: ClassTable | None = None,
    feedback: Feedback = SILENT,
) -> VectorSummary:
    """Write farmcd.gpkg of a run folder from its rasters: candidates, hard regions, styles, record.

    Areas are of the ellipsoid. What is smaller than `minimum_mapping_unit_m2` is left out of the layers; the rasters
    stay as they are. `classes` is the class table where the run has no record yet. Raises InputError if the folder
    holds no run, or one that was reviewed already (its verdicts would be lost), and Cancelled; then nothing is left
    behind.
    """
    check_proj()
    settings = PolygonSettings(tau, minimum_mapping_unit_m2, connectivity)
    run_dir = Path(run_dir)
    classes = classes or run_classes(run_dir)
    rasters = Rasters(run_dir, len(classes.predicted))
    target, scratch = run_dir / RUN_GPKG, run_dir / SCRATCH
    if reviewed := count_reviewed(target):
        raise InputError("reviewed", count=reviewed, file=target)
    for finding in edits_lost(target, classes):
        feedback.finding(finding)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        labelling, counting, candidates, hard_regions = feedback.split(0.4, 0.15, 0.3, 0.15)
        job = _Job(rasters, scratch, settings)
        with Package(scratch / RUN_GPKG, rasters.crs_wkt) as package:
            changed, doubtful = job.label(labelling)
            job.count([changed, doubtful], counting)
            package.write_layer(CANDIDATES, job.features(changed, partial(_candidate, classes), candidates))
            package.write_layer(HARD_REGIONS, job.features(doubtful, partial(_hard_region, classes), hard_regions))
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
    class_ids = changed.tally.classes.argmax(axis=1)
    area_ha = {
        row.name: hectares(float(changed.tally.area[class_ids == row.id].sum())) for row in classes.predicted[1:]
    }
    return VectorSummary(len(changed.tally.area), len(doubtful.tally.area), area_ha)


def _candidate(classes: ClassTable, number: int, tally: Tally) -> dict[str, Any]:
    at = number - 1
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
        "hard_share": round(tally.hard[at] / pixels, 4),
        "arbitration": round(tally.arbitration[at] / pixels / 100, 4) if tally.arbitrated else None,
        "disagreement": round(tally.disagreement[at] / pixels, 4) if tally.arbitrated else None,
        "status": UNREVIEWED,
    }


def _hard_region(classes: ClassTable, number: int, tally: Tally) -> dict[str, Any]:
    at = number - 1
    class_id = int(tally.classes[at].argmax())
    return {
        "region_id": number,
        **_measures(tally, at),
        "class_id": class_id,
        "class_name": classes.label(class_id),
    }


def _measures(tally: Tally, at: int) -> dict[str, float]:
    area = float(tally.area[at])
    return {
        "area_ha": round(hectares(area), 6),
        "area_mu": round(mu(area), 5),
        "confidence_mean": round(tally.confidence[at] / tally.pixels[at] / 100, 4),
    }


@dataclass(frozen=True)
class _Layer:
    """What is connected, on its way to a layer: `file` holds provisional labels, `last_rows` the last rows of the final
    ones or a little more.
    """

    file: LabelFile
    labels: Labels
    tally: Tally
    last_rows: Longs

    @classmethod
    def of(cls, file: LabelFile, labels: Labels, classes: int) -> "_Layer":
        """Return a layer of which nothing is counted yet."""
        return cls(file, labels, Tally(labels.areas, classes), np.zeros(len(labels.areas) + 1, np.int64))


@dataclass(frozen=True)
class _Job:
    """The way from rasters to layers."""

    rasters: Rasters
    scratch: Path
    settings: PolygonSettings

    def hard(self, bands: Bands) -> npt.NDArray[np.bool_]:
        """Tell where the network is in doubt."""
        # Rounded, since 100 * 0.29 is a little less than 29.
        return bands.valid & (bands.confidence < round(100 * self.settings.tau, 6))

    def hard_squares(self, window: Window, bands: Bands) -> Bytes:
        """Return where the network is in doubt as 1 to 4, other than in the squares next to it, else 0."""
        rows = np.arange(window.row, window.bottom) // HARD_REGION_PIXELS % 2
        columns = np.arange(window.column, window.right) // HARD_REGION_PIXELS % 2
        return np.where(self.hard(bands), 1 + 2 * rows[:, None] + columns, 0).astype(np.uint8)

    def label(self, feedback: Feedback) -> list[_Layer]:
        """Find what is connected: where there is change, and where the network is in doubt."""
        files = [LabelFile(self.scratch / name) for name in (CANDIDATES, HARD_REGIONS)]
        found = [
            Components(self.rasters.width, self.settings.connectivity, self.settings.minimum_mapping_unit_m2)
            for _ in files
        ]
        for window in self.rasters.spans():
            bands = self.rasters.read(window)
            areas = self.rasters.areas.rows(window.row, window.height, slice(window.column, window.right))
            values = np.where(bands.valid, bands.change, 0).astype(np.uint8), self.hard_squares(window, bands)
            for file, components, own in zip(files, found, values, strict=True):
                file.add(window, components.add(window, own, areas))
            _step(feedback, window.bottom / self.rasters.height)
        return [
            _Layer.of(file, components.labels(), self.rasters.classes)
            for file, components in zip(files, found, strict=True)
        ]

    def count(self, layers: list[_Layer], feedback: Feedback) -> None:
        """Count what there is of each label."""
        for parts in zip(*(layer.file.read(layer.labels.final) for layer in layers), strict=True):
            window = parts[0].window
            bands = self.rasters.read(window)
            hard = self.hard(bands)
            for layer, part in zip(layers, parts, strict=True):
                layer.tally.add(part.ids, bands, hard)
                layer.last_rows[part.ids] = window.bottom - 1
            _step(feedback, window.bottom / self.rasters.height)

    def features(
        self, layer: _Layer, describe: Callable[[int, Tally], dict[str, Any]], feedback: Feedback
    ) -> Iterator[tuple[ogr.Geometry, dict[str, Any]]]:
        """Yield the features of a layer: outlines and what is told of them."""

        def labelled() -> Iterator[Labelled]:
            for part in layer.file.read(layer.labels.final):
                yield part
                _step(feedback, part.window.bottom / self.rasters.height)

        place = self.rasters.geotransform
        for number, polygon in outlines(labelled(), self.rasters.width, layer.last_rows[1:], place):
            yield polygon, describe(number, layer.tally)


def _step(feedback: Feedback, fraction: float) -> None:
    feedback.check()
    feedback.progress("polygons", fraction)


def _write_record(run_dir: Path, gpkg: Path, classes: ClassTable) -> None:
    """Put the class table into a new GeoPackage, and the record where the run is finished."""
    from ..run.record import flatten

    record = load_record(run_dir) if (run_dir / RUN_JSON).exists() else {}
    write_run_table(gpkg, flatten({**record, "classes": classes.to_json()}))
