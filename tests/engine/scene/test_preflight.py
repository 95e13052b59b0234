"""The preflight finds what is wrong before a model is loaded, and never raises."""

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.preflight import check, preflight
from farmcd_qgis.engine.scene.scene import Scene
from farmcd_qgis.engine.scene.shift import measure_shift
from tests.helpers.rasters import LEFT, PIXEL, TOP, scene, write_raster


def write_card(path: Path, resolution_m: list[float], **card) -> str:
    """Write a checkpoint's header with a card and no tensors."""
    card = {"name": "small", "resolution_m": resolution_m, **card}
    words = {"format": 1, "model": "fd_mamba", "config": {}, "card": card}
    header = json.dumps({"__metadata__": {"farmcd": json.dumps(words)}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return str(path)


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., RunRequest]:
    def make(before: np.ndarray | None = None, after: np.ndarray | None = None, **options) -> RunRequest:
        paths = {
            "before": write_raster(tmp_path / "field_20090818.tif", scene(seed=1) if before is None else before),
            "after": write_raster(tmp_path / "field_20200831.tif", scene(seed=2) if after is None else after),
            "out_dir": str(tmp_path / "run"),
            "checkpoint": write_card(tmp_path / "net.safetensors", [1, 8]),
        }
        return RunRequest(**{**paths, **options})

    return make


def codes(request: RunRequest) -> list[str]:
    return [finding.code for finding in preflight(request)]


def test_good_pair_has_nothing_to_say(request_of):
    assert codes(request_of()) == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"tile": 100}, "bad_tile"),
        ({"tile": 0}, "bad_tile"),
        ({"tile": -64}, "bad_tile"),
        ({"overlap": 256}, "bad_overlap"),
        ({"tau": 1.5}, "bad_tau"),
        ({"tau": float("nan")}, "bad_tau"),
        ({"minimum_mapping_unit_m2": -1.0}, "bad_minimum_mapping_unit"),
        ({"connectivity": 5}, "bad_connectivity"),
        ({"batch": -1}, "bad_batch"),
        ({"checkpoint": "nowhere.safetensors"}, "checkpoint_missing"),
        ({"before": "nowhere.tif"}, "missing_file"),
        ({"aoi": "nowhere.gpkg"}, "polygons_unreadable"),
    ],
)
def test_errors_are_found_first_and_stop_a_run(request_of, options, code):
    request = replace(request_of(), **options)
    assert preflight(request)[0].severity == "error"
    assert codes(request)[0] == code
    with pytest.raises(InputError) as caught:
        check(Scene.open(request))
    assert caught.value.code == code


def test_output_folder_in_use(tmp_path, request_of):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run.json").write_text("{}")
    (tmp_path / "file").touch()
    assert codes(request_of(out_dir=str(tmp_path / "old"))) == ["run_exists"]
    assert codes(request_of(out_dir=str(tmp_path / "file" / "run"))) == ["not_a_folder"]
    assert not (tmp_path / "run").exists()


def test_read_only_folder(request_of, monkeypatch):
    # Root may write anywhere, so the mode of a real folder would prove nothing here.
    monkeypatch.setattr("farmcd_qgis.engine.scene.preflight.os.access", lambda path, mode: False)
    assert codes(request_of()) == ["read_only"]


def test_same_file_twice_is_warned_of(request_of):
    request = request_of()
    assert "same_pair" in codes(replace(request, after=request.before))


def test_reversed_dates_are_warned_of(request_of):
    request = request_of()
    assert codes(replace(request, before=request.after, after=request.before)) == ["dates_reversed"]


def test_unknown_dates_are_told(tmp_path, request_of):
    path = write_raster(tmp_path / "x.tif", scene())
    assert codes(replace(request_of(), before=path)) == ["no_date"]


def test_resolution_outside_the_card_is_warned_of(tmp_path, request_of):
    coarse = (LEFT, 10, 0, TOP, 0, -10)
    paths = [write_raster(tmp_path / f"c_{year}.tif", scene(seed=year), geotransform=coarse) for year in (2009, 2020)]
    assert codes(replace(request_of(), before=paths[0], after=paths[1])) == ["resolution_untrained"]


def test_bands_the_checkpoint_was_not_trained_on(request_of, tmp_path):
    request = request_of(checkpoint=write_card(tmp_path / "nir.safetensors", [1, 8], bands="red, near infrared, blue"))
    assert codes(request) == ["bands_untrained"]
    assert codes(replace(request, before_bands=(1, 2, 3))) == ["bands_untrained"]
    assert codes(replace(request, before_bands=(1, 2, 3), after_bands=(1, 3, 2))) == []


def test_bands_that_say_that_they_are_what_the_checkpoint_reads(request_of, tmp_path):
    checkpoint = write_card(tmp_path / "nir.safetensors", [1, 8], bands=["red", "near infrared", "blue"])
    four = np.concatenate([scene(seed=1), scene(seed=2)[:1]])
    before = write_raster(tmp_path / "before_20090818.tif", four)
    file = gdal.Open(before, gdal.GA_Update)
    file.GetRasterBand(4).SetDescription("NIR")
    file = None
    request = replace(request_of(checkpoint=checkpoint), before=before)
    assert codes(replace(request, after=before)) == ["same_pair", "bands_as_read", "bands_as_read"]
    assert codes(request) == ["bands_untrained", "bands_as_read"]
    assert [raster.bands for raster in Scene.open(request).pair.sources] == [(1, 4, 3), (1, 2, 3)]


def test_much_coarser_date_is_warned_of(tmp_path, request_of):
    coarse = (LEFT, 5 * PIXEL, 0, TOP, 0, -5 * PIXEL)
    path = write_raster(tmp_path / "c_2009.tif", scene(), geotransform=coarse)
    assert "resolutions_differ" in codes(replace(request_of(), before=path))


def test_stretch_is_told(request_of):
    findings = preflight(request_of(after=scene(seed=2).astype(np.uint16) * 10))
    assert [finding.code for finding in findings] == ["stretched", "matching_proposed"]
    assert "UInt16" in findings[0].message


def test_common_ground_of_nodata_alone_is_an_error(tmp_path, request_of):
    left, right = scene(seed=1), scene(seed=2)
    left[:, :, :32], right[:, :, 32:] = 0, 0
    paths = [write_raster(tmp_path / f"h_{year}.tif", half, nodata=0) for year, half in ((2009, left), (2020, right))]
    request = replace(request_of(), before=paths[0], after=paths[1])
    assert codes(request) == ["no_common_ground"]
    assert [finding.code for finding in preflight(request, deep=False)] == []


def test_little_common_ground_is_warned_of(tmp_path, request_of):
    part = scene(seed=1)
    part[:, :, 20:] = 0
    path = write_raster(tmp_path / "p_2009.tif", part, nodata=0)
    assert codes(replace(request_of(), before=path)) == ["little_common_ground"]


@pytest.mark.parametrize(("columns", "rows"), [(0, 0), (5, -3), (-12, 7)])
def test_shift_is_measured(tmp_path, request_of, columns, rows):
    large = scene(700, 700, seed=9)
    before = write_raster(tmp_path / "s_2009.tif", large[:, 50:650, 50:650])
    moved = large[:, 50 - rows : 650 - rows, 50 - columns : 650 - columns]
    request = replace(request_of(), before=before, after=write_raster(tmp_path / "s_2020.tif", moved))
    shift = measure_shift(Pair.open(request))
    assert shift is not None
    assert (shift.columns, shift.rows, shift.windows) == (columns, rows, 16)
    assert ("shifted" in codes(request)) == bool(columns)


def test_unlike_images_have_no_shift(tmp_path, request_of):
    rng = np.random.default_rng(0)
    paths = [
        write_raster(tmp_path / f"n_{year}.tif", rng.integers(1, 255, (3, 600, 600), np.uint8)) for year in (2009, 2020)
    ]
    assert measure_shift(Pair.open(replace(request_of(), before=paths[0], after=paths[1]))) is None


def test_little_space_is_warned_of(request_of, monkeypatch):
    class Usage:
        free = 1000

    monkeypatch.setattr("farmcd_qgis.engine.scene.look.shutil.disk_usage", lambda path: Usage)
    assert codes(request_of()) == ["little_space"]
