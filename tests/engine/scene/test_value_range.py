"""Which values become black and white, in the hand of the person."""

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.value_range import ValueRange, parse_range
from farmcd_qgis.engine.scene.look import look_over
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.scene import Scene
from tests.helpers.rasters import scene, write_raster


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, None),
        ("", None),
        ("0:3000", ValueRange(((0.0, 3000.0),))),
        (" -1.5 : 2e3 ", ValueRange(((-1.5, 2000.0),))),
        ("0:1,2:3,4:5", ValueRange(((0.0, 1.0), (2.0, 3.0), (4.0, 5.0)))),
        ("1:99%", ValueRange(((1.0, 99.0),), True)),
        ("1:99%,0:100%,2:98%", ValueRange(((1.0, 99.0), (0.0, 100.0), (2.0, 98.0)), True)),
    ],
)
def test_ranges_are_read(text, found):
    assert parse_range(text, "before") == found


@pytest.mark.parametrize(
    "text", ["3000", "5:5", "9:1", "0:101%", "-1:50%", "0:1,2:3", "a:b", "nan:1", "0:inf", "1:2:3"]
)
def test_what_is_no_range_is_said(text):
    with pytest.raises(InputError) as caught:
        parse_range(text, "after")
    assert caught.value.code == "bad_value_range"


@pytest.fixture
def paths(tmp_path) -> dict[str, str]:
    return {
        "before": write_raster(tmp_path / "b_2009.tif", scene(seed=1)),
        "after": write_raster(tmp_path / "a_2020.tif", scene(seed=2).astype(np.uint16) * 10),
    }


def read(paths: dict[str, str], **options) -> tuple[np.ndarray, np.ndarray]:
    pair = Pair.open(RunRequest(**paths, out_dir="", checkpoint="", **options))
    return pair.read(pair.grid.whole)[:2]


def test_fixed_values_of_either_date(paths):
    _, after = read(paths, after_range="0:2550")
    np.testing.assert_array_equal(after, scene(seed=2))
    before, _ = read(paths, before_range="0:127.5")
    np.testing.assert_array_equal(before, np.minimum(scene(seed=1).astype(int) * 2, 255))
    _, after = read(paths, after_range="0:2550,0:5100,0:1275")
    np.testing.assert_array_equal(after[0], scene(seed=2)[0])
    assert abs(after[1].astype(int) * 2 - scene(seed=2)[1]).max() <= 1


def test_shares_of_either_date(paths):
    wanted = scene(seed=2)[0] * 10.0
    low, high = np.percentile(wanted, (10, 90))
    _, after = read(paths, after_range="10:90%")
    np.testing.assert_array_equal(after[0], np.clip((wanted - low) / (high - low) * 255 + 0.5, 0, 255).astype(np.uint8))
    before, _ = read(paths, before_range="5:95%")
    assert (before[0] == 0).mean() == pytest.approx(0.05, abs=0.02)
    np.testing.assert_array_equal(read(paths)[0], scene(seed=1))


def test_matching_is_proposed_where_8_bits_meet_16(paths):
    def codes(**options) -> set[str]:
        request = RunRequest(**paths, out_dir="", checkpoint="", **options)
        return {finding.code for finding in look_over(Scene.open(request), True)}

    assert "matching_proposed" in codes()
    assert "matching_proposed" not in codes(match_histograms=True)


def test_a_range_is_of_the_values_as_qgis_shows_them(paths):
    plain = read(paths, after_range="0:2000")[1]
    file = gdal.Open(paths["after"], gdal.GA_Update)
    for number, scale in enumerate((0.0001, 0.5, -2.0), start=1):
        file.GetRasterBand(number).SetScale(scale)
        file.GetRasterBand(number).SetOffset(7.0)
    file = None
    scaled = read(paths, after_range="7:7.2,7:1007,-3993:7")[1]
    np.testing.assert_allclose(scaled.astype(int), plain, atol=1)
