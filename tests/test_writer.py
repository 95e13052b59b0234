"""The run folder appears as a whole or not at all; its rasters say what they hold."""

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr

from farmcd_qgis.classes import CHANGES, CLASSES, NODATA
from farmcd_qgis.engine.blending import Rows
from farmcd_qgis.engine.writer import STAGING, Grid, RasterWriter, RunFolder
from farmcd_qgis.protocol import Cancelled, FarmCDError, InputError

WIDTH, HEIGHT = 600, 530


def utm() -> str:
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32614)
    return crs.ExportToWkt()


GRID = Grid(WIDTH, HEIGHT, (500000.0, 0.6, 0.0, 5200000.0, 0.0, -0.6), utm())
TAGS = {"TIFFTAG_SOFTWARE": "FarmCD test", "FARMCD_CHECKPOINT_SHA256": "abc"}


def some_rows(seed: int = 0) -> Rows:
    generator = np.random.default_rng(seed)
    change = generator.integers(0, len(CLASSES), (HEIGHT, WIDTH), np.uint8)
    change[:40] = NODATA
    confidence, second, arbitration = (generator.integers(0, 100, (HEIGHT, WIDTH), np.uint8) for _ in range(3))
    return Rows(0, change, confidence, second, arbitration)


def cut(rows: Rows, first: int, last: int) -> Rows:
    return Rows(first, *(array[first:last] for array in rows[1:]))


def write(
    folder: Path,
    rows: Rows,
    steps: tuple[int, ...] = (0, 7, 200, 392, HEIGHT),
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[float]:
    reported: list[float] = []
    with closing(RasterWriter(folder, GRID, TAGS)) as writer:
        for first, last in pairwise(steps):
            writer.write(cut(rows, first, last))
        writer.finish(reported.append, is_cancelled)
    return reported


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let writing more than `size` bytes to one file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


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
    assert band.GetCategoryNames() == [row.label for row in CLASSES]
    for row in CLASSES:
        assert "#{:02x}{:02x}{:02x}".format(*band.GetColorTable().GetColorEntry(row.id)[:3]) == row.colour
    assert band.GetOverviewCount() > 0
    overview = band.GetOverview(0).ReadAsArray()
    assert set(np.unique(overview)) <= {*range(len(CLASSES)), NODATA}, "overviews must not mix class ids"

    confidence = gdal.Open(str(tmp_path / "confidence.tif"))
    np.testing.assert_array_equal(confidence.ReadAsArray(), [rows.confidence, rows.second])
    assert [confidence.GetRasterBand(n).GetDescription() for n in (1, 2)] == ["confidence (%)", "second class"]
    np.testing.assert_array_equal(gdal.Open(str(tmp_path / "arbitration.tif")).ReadAsArray(), rows.arbitration)
    assert not list(tmp_path.glob("*.rows*"))
    assert reported == sorted(reported)
    assert reported[-1] == 1.0


def test_bytes_do_not_depend_on_how_rows_arrive(tmp_path: Path):
    for name, steps in (("a", (0, HEIGHT)), ("b", (0, 1, 2, 3, 100, 101, HEIGHT))):
        (tmp_path / name).mkdir()
        write(tmp_path / name, some_rows(), steps)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "change.tif" in names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.parametrize("size", [500, 60_000, 150_000])
def test_failed_write_is_told_and_nothing_stays(tmp_path: Path, size: int):
    out = tmp_path / "deep" / "run"
    with (
        largest_file(size),
        pytest.raises(FarmCDError, match=r"Writing to .*run failed.*space") as caught,
        RunFolder(str(out)) as folder,
    ):
        write(folder.path, some_rows())
    assert caught.value.code == "write_failed"
    assert list(tmp_path.iterdir()) == []


def test_cancel_while_optimising_leaves_nothing(tmp_path: Path):
    out = tmp_path / "run"
    with pytest.raises(Cancelled), RunFolder(str(out)) as folder:
        write(folder.path, some_rows(), is_cancelled=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_published_together_and_run_json_present(tmp_path: Path):
    out = tmp_path / "deep" / "run"
    with RunFolder(str(out)) as folder:
        write(folder.path, some_rows())
        (folder.path / "run.json").write_text("{}")
        assert {path.name for path in out.iterdir()} == {STAGING}
        folder.publish()
    names = {path.name for path in out.iterdir()}
    assert {"change.tif", "confidence.tif", "arbitration.tif", "run.json"} <= names
    assert STAGING not in names


def test_failing_move_takes_back_what_was_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    replace = Path.replace

    def fail_at_run_json(path: Path, target: Path) -> Path:
        if path.name == "run.json":
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail_at_run_json)

    def make_run() -> None:
        with RunFolder(str(tmp_path / "run")) as folder:
            for name in ("change.tif", "farmcd.gpkg", "run.json"):
                (folder.path / name).write_text("x")
            folder.publish()

    with pytest.raises(FarmCDError, match="no space left"):
        make_run()
    assert list(tmp_path.iterdir()) == []


def test_what_lies_in_the_folder_is_not_harmed(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ZeroDivisionError), RunFolder(str(tmp_path)):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("name", "code"), [("run.json", "run_exists"), ("change.tif", "out_dir_in_use")])
def test_folder_in_use_is_refused_by_name(tmp_path: Path, name: str, code: str):
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=tmp_path.name) as caught, RunFolder(str(tmp_path)):
        pass
    assert caught.value.code == code
    assert (tmp_path / name).read_text() == "{}"


def test_leftovers_of_a_killed_worker_are_replaced(tmp_path: Path):
    (tmp_path / STAGING).mkdir()
    (tmp_path / STAGING / "change.tif").write_text("half")
    with RunFolder(str(tmp_path)) as folder:
        assert list(folder.path.iterdir()) == []


def test_folder_below_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="Cannot write to") as caught, RunFolder(str(tmp_path / "file" / "run")):
        pass
    assert caught.value.code == "out_dir_not_writable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_read_only_folder_is_refused(tmp_path: Path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(InputError, match="Cannot write to"), RunFolder(str(tmp_path / "run")):
            pass
    finally:
        tmp_path.chmod(0o755)


def test_plain_qgis_shows_class_names(tmp_path: Path, qgis_app: object):
    from qgis.core import QgsPalettedRasterRenderer, QgsRasterLayer

    write(tmp_path, some_rows())
    layer = QgsRasterLayer(str(tmp_path / "change.tif"), "change")
    renderer = layer.renderer()
    assert isinstance(renderer, QgsPalettedRasterRenderer)
    shown = {int(row.value): (row.label, row.color.name()) for row in renderer.classes()}
    assert shown == {row.id: (row.label, row.colour) for row in CHANGES}
