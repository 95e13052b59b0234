"""The rasters of a run say what they hold, and failing to write them is told."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr

from farmcd_qgis.core.classes import FIVE, NODATA
from farmcd_qgis.core.errors import Cancelled, FarmCDError
from farmcd_qgis.core.feedback import SILENT, Feedback
from farmcd_qgis.engine.predict.blending import Rows
from farmcd_qgis.engine.run.journal import Journal, Step
from farmcd_qgis.engine.run.run_folder import RunFolder
from farmcd_qgis.engine.run.writer import write_rasters
from farmcd_qgis.engine.scene.grid import Grid
from tests.helpers.full_disk import largest_file

WIDTH, HEIGHT = 600, 530


def utm() -> str:
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32614)
    return crs.ExportToWkt()


GRID = Grid(WIDTH, HEIGHT, (500000.0, 0.6, 0.0, 5200000.0, 0.0, -0.6), utm())
TAGS = {"TIFFTAG_SOFTWARE": "FarmCD test", "FARMCD_CHECKPOINT_SHA256": "abc"}


def some_rows(seed: int = 0) -> Rows:
    generator = np.random.default_rng(seed)
    change = generator.integers(0, len(FIVE), (HEIGHT, WIDTH), np.uint8)
    change[:40] = NODATA
    confidence, second, arbitration = (generator.integers(0, 100, (HEIGHT, WIDTH), np.uint8) for _ in range(3))
    return Rows(0, 0, change, confidence, second, arbitration)


def cut(rows: Rows, first: int, last: int) -> Rows:
    return Rows(first, 0, *(array[first:last] for array in rows[2:]))


def write(
    folder: Path,
    rows: Rows,
    steps: tuple[int, ...] = (0, 7, 200, 392, HEIGHT),
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[float]:
    reported: list[float] = []
    feedback = Feedback(lambda step: reported.append(step.fraction), is_cancelled)
    (folder / "staging").mkdir()
    journal = Journal(folder / "staging", {})
    for first, last in pairwise(steps):
        journal.add(Step(0, last, 1, 0.1, row=first), cut(rows, first, last))
    write_rasters(journal, folder, GRID, TAGS, FIVE, feedback)
    return reported


def test_rasters_hold_the_rows_and_their_meaning(tmp_path: Path):
    rows = some_rows()
    reported = write(tmp_path, rows)
    change = gdal.Open(str(tmp_path / "change.tif"))
    np.testing.assert_array_equal(change.ReadAsArray(), rows.change)
    assert change.GetMetadataItem("LAYOUT", "IMAGE_STRUCTURE") == "COG"
    assert change.GetGeoTransform() == GRID.geotransform
    assert "UTM zone 14N" in change.GetProjection()
    assert change.GetMetadataItem("FARMCD_CHECKPOINT_SHA256") == "abc"
    assert json.loads(change.GetMetadataItem("FARMCD_CLASSES"))["2"] == "building"
    band = change.GetRasterBand(1)
    assert band.GetNoDataValue() == NODATA
    assert band.GetCategoryNames() == [row.label() for row in FIVE.rows]
    for row in FIVE.rows:
        assert "#{:02x}{:02x}{:02x}".format(*band.GetColorTable().GetColorEntry(row.id)[:3]) == row.colour
    assert band.GetOverviewCount() > 0
    overview = band.GetOverview(0).ReadAsArray()
    assert set(np.unique(overview)) <= {*range(len(FIVE)), NODATA}, "overviews must not mix class ids"

    confidence = gdal.Open(str(tmp_path / "confidence.tif"))
    np.testing.assert_array_equal(confidence.ReadAsArray(), [rows.confidence, rows.second])
    assert [confidence.GetRasterBand(n).GetDescription() for n in (1, 2)] == ["confidence (%)", "second class"]
    np.testing.assert_array_equal(gdal.Open(str(tmp_path / "arbitration.tif")).ReadAsArray(), rows.arbitration)
    assert reported == sorted(reported)
    assert reported[-1] == 1.0


def test_bytes_do_not_depend_on_how_rows_arrive(tmp_path: Path):
    for name, steps in (("a", (0, HEIGHT)), ("b", (0, 1, 2, 3, 100, 101, HEIGHT))):
        (tmp_path / name).mkdir()
        write(tmp_path / name, some_rows(), steps)
    names = sorted(path.name for path in (tmp_path / "a").iterdir() if path.is_file())
    assert "change.tif" in names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.parametrize("size", [500, 60_000, 150_000])
def test_failed_write_is_told_and_nothing_stays(tmp_path: Path, size: int):
    out = tmp_path / "deep" / "run"
    with (
        largest_file(size),
        pytest.raises(FarmCDError, match=r"space") as caught,
        RunFolder(str(out)) as folder,
    ):
        write(folder.path, some_rows())
    assert caught.value.code in ("disk_full", "write_failed")
    assert str(out) in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_cancel_while_optimising_leaves_nothing(tmp_path: Path):
    out = tmp_path / "run"
    with pytest.raises(Cancelled), RunFolder(str(out)) as folder:
        write(folder.path, some_rows(), is_cancelled=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_pieces_side_by_side_make_one_raster_and_what_is_empty_takes_no_room(tmp_path: Path):
    grid = GRID._replace(width=5000, height=3000)
    pixels = np.random.default_rng(0).integers(0, 6, (4, 300, 700), np.uint8)
    journal = Journal(tmp_path, {})
    for row in (0, 1500):
        journal.add(Step(0, row + 300, 1, 0.1, column=10, row=row), Rows(row, 10, *pixels))
        journal.add(Step(0, row + 600, 0, 0.1, row=row + 300), Rows(row + 300, 0, *(pixels[:, :0, :0])))
    journal.add(Step(2500, 3000, 1, 0.1, column=4300, row=2700), Rows(2700, 4300, *pixels))
    write_rasters(journal, tmp_path, grid, TAGS, FIVE, SILENT)
    expected = np.full((3000, 5000), NODATA, np.uint8)
    for row, column in ((0, 10), (1500, 10), (2700, 4300)):
        expected[row : row + 300, column : column + 700] = pixels[1]
    confidence = gdal.Open(str(tmp_path / "confidence.tif"))
    np.testing.assert_array_equal(confidence.GetRasterBand(1).ReadAsArray(), expected)
    empty, _ = confidence.GetRasterBand(1).GetDataCoverageStatus(1024, 0, 3000, 1000)
    assert empty == gdal.GDAL_DATA_COVERAGE_STATUS_EMPTY


def test_plain_qgis_shows_class_names(tmp_path: Path, qgis_app: object):
    from qgis.core import QgsPalettedRasterRenderer, QgsRasterLayer

    write(tmp_path, some_rows())
    layer = QgsRasterLayer(str(tmp_path / "change.tif"), "change")
    renderer = layer.renderer()
    assert isinstance(renderer, QgsPalettedRasterRenderer)
    shown = {int(row.value): (row.label, row.color.name()) for row in renderer.classes()}
    assert shown == {row.id: (row.label(), row.colour) for row in FIVE.changes}
