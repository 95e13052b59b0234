"""A pixel is valid where every chosen band is, by all that is known of it together."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.scene.look import look_over
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.scene import Scene
from tests.helpers.rasters import LEFT, PIXEL, TOP, scene, write_raster

SIDE = 96
HOLE = (slice(20, 50), slice(30, 80))
RGBA = [gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand, gdal.GCI_AlphaBand]


def request_of(tmp_path: Path, after: str, **options) -> RunRequest:
    before = write_raster(tmp_path / "b_2009.tif", scene(SIDE, SIDE, seed=1))
    return RunRequest(before, after, str(tmp_path / "run"), "", **options)


def valid_of(tmp_path: Path, after: str, **options) -> np.ndarray:
    pair = Pair.open(request_of(tmp_path, after, **options))
    return pair.read(pair.grid.whole)[2]


def codes(request: RunRequest) -> dict[str, dict]:
    return {finding.code: finding.values for finding in look_over(Scene.open(request), True)}


def holed(value: float = 0, bands: slice = slice(None), dtype=np.uint8) -> np.ndarray:
    pixels = scene(SIDE, SIDE, seed=2).astype(dtype)
    pixels[(bands, *HOLE)] = value
    return pixels


def expected() -> np.ndarray:
    valid = np.ones((SIDE, SIDE), bool)
    valid[HOLE] = False
    return valid


def with_bands(path: str, **per_band) -> str:
    """Set nodata or interpretation of each band (None: leave it)."""
    file = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_UPDATE)
    for number in range(1, file.RasterCount + 1):
        band = file.GetRasterBand(number)
        if (value := per_band.get("nodata", [None] * 9)[number - 1]) is not None:
            band.SetNoDataValue(value)
        if (kind := per_band.get("interpretations", [None] * 9)[number - 1]) is not None:
            band.SetColorInterpretation(kind)
    file.FlushCache()
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("bands", [slice(0, 1), slice(1, 3), slice(None)])
def test_nodata_of_some_bands_or_all(tmp_path, dtype, bands):
    value = 0 if dtype in (np.uint8, np.uint16) else -9999
    path = write_raster(tmp_path / "a_2020.tif", holed(value, bands, dtype), nodata=value)
    np.testing.assert_array_equal(valid_of(tmp_path, path), expected())


def test_nodata_of_one_band_stays_out_of_the_stretch(tmp_path):
    path = write_raster(tmp_path / "a_2020.tif", holed(-9999, slice(0, 1), np.int16), nodata=-9999)
    low, high = Pair.open(request_of(tmp_path, path)).stretch["after"][0]
    assert 1 <= low < high <= 254


def test_nodata_declared_by_some_bands(tmp_path):
    source = write_raster(tmp_path / "plain.tif", holed())
    vrt = gdal.Translate(str(tmp_path / "a_2020.vrt"), source, format="VRT")
    for number in (2, 3):
        vrt.GetRasterBand(number).SetNoDataValue(0)
    vrt = None
    np.testing.assert_array_equal(valid_of(tmp_path, str(tmp_path / "a_2020.vrt")), expected())


def test_nodata_values_of_the_dataset_mean_all_bands_together(tmp_path):
    pixels = holed()
    pixels[0, 5, 5] = 0
    path = write_raster(tmp_path / "a_2020.tif", pixels)
    file = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_UPDATE)
    file.SetMetadataItem("NODATA_VALUES", "0 0 0")
    file = None
    np.testing.assert_array_equal(valid_of(tmp_path, path), expected())


def test_alpha_holds_beside_nodata(tmp_path):
    alpha = np.full((1, SIDE, SIDE), 255, np.uint8)
    alpha[(0, *HOLE)] = 0
    pixels = np.concatenate([scene(SIDE, SIDE, seed=2), alpha])
    pixels[1, 3, 4] = 255
    path = with_bands(write_raster(tmp_path / "a_2020.tif", pixels, nodata=255), interpretations=RGBA)
    wanted = expected()
    wanted[3, 4] = False
    np.testing.assert_array_equal(valid_of(tmp_path, path), wanted)


def test_a_mask_band_holds_beside_nodata(tmp_path):
    pixels = scene(SIDE, SIDE, seed=2)
    pixels[2, 70, 70] = 7
    path = write_raster(tmp_path / "a_2020.tif", np.where(pixels == 7, 8, pixels), nodata=None, mask=expected())
    file = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_UPDATE)
    file.GetRasterBand(3).WriteArray(np.array([[7]], np.uint8), 70, 70)
    file.GetRasterBand(3).SetNoDataValue(7)
    file = None
    wanted = expected()
    wanted[70, 70] = False
    np.testing.assert_array_equal(valid_of(tmp_path, path), wanted)


def test_nan_and_nodata_hold_together(tmp_path):
    pixels = holed(-1, slice(0, 1), np.float32)
    pixels[1, 2, 3] = np.nan
    pixels[2, 4, 5] = np.inf
    wanted = expected()
    wanted[2, 3] = wanted[4, 5] = False
    path = write_raster(tmp_path / "a_2020.tif", pixels, nodata=-1)
    np.testing.assert_array_equal(valid_of(tmp_path, path), wanted)


@pytest.mark.parametrize("resample", [PIXEL, PIXEL * 0.5, PIXEL * 2.5])
def test_the_same_rule_holds_for_a_warped_raster(tmp_path, resample):
    """One band's hole on another grid: the warped validity is that of the hole in all bands."""
    place = (LEFT - 10.3, resample, 0, TOP + 7.7, 0, -resample)
    side = int(SIDE * PIXEL / resample) + 30
    grids = []
    for bands in (slice(1, 2), slice(None)):
        values = scene(side, side, seed=2).astype(np.int16)
        middle = slice(side // 3, side // 2)
        values[bands, middle, middle] = -9999
        path = write_raster(tmp_path / f"a{bands.start}_2020.tif", values, nodata=-9999, geotransform=place)
        grids.append(valid_of(tmp_path, path, reference="before"))
    np.testing.assert_array_equal(*grids)
    assert 0.01 < 1 - grids[0].mean() < 0.3


def test_a_chosen_band_is_data_though_it_calls_itself_alpha(tmp_path):
    pixels = np.concatenate([scene(SIDE, SIDE, seed=2), scene(SIDE, SIDE, seed=3)[:1]])
    pixels[(3, *HOLE)] = 0
    path = with_bands(write_raster(tmp_path / "a_2020.tif", pixels), interpretations=RGBA)
    assert valid_of(tmp_path, path, after_bands=(4, 2, 3)).all()
    assert valid_of(tmp_path, path).all()
    assert codes(request_of(tmp_path, path))["alpha_is_image"] == {"role": "after", "band": 4}
    assert "alpha_is_image" not in codes(request_of(tmp_path, path, after_bands=(4, 2, 3)))


def test_a_feathered_alpha_is_a_mask_still(tmp_path):
    alpha = np.clip(np.abs(np.arange(SIDE) - 48) * 12 - 120, 0, 255).astype(np.uint8)
    pixels = np.concatenate([scene(SIDE, SIDE, seed=2), np.broadcast_to(alpha, (1, SIDE, SIDE))])
    path = with_bands(write_raster(tmp_path / "a_2020.tif", pixels), interpretations=RGBA)
    np.testing.assert_array_equal(valid_of(tmp_path, path), np.broadcast_to(alpha > 0, (SIDE, SIDE)))
    assert "alpha_grey" in codes(request_of(tmp_path, path))


def test_what_a_person_sets_wins(tmp_path):
    path = write_raster(tmp_path / "a_2020.tif", holed(7, slice(0, 1)))
    assert (valid_of(tmp_path, path, after_nodata=((0, 7, 7),))[HOLE] == 0).all()
    assert (valid_of(tmp_path, path, after_nodata=((1, 5, 9),))[HOLE] == 0).all()
    assert valid_of(tmp_path, path, after_nodata=((4, 7, 7),)).all()
    declared = write_raster(tmp_path / "d_2020.tif", holed(7), nodata=7)
    assert not valid_of(tmp_path, declared)[HOLE].any()
    assert valid_of(tmp_path, declared, after_own_nodata=False).all()
    assert "nodata_set" in codes(request_of(tmp_path, declared, after_own_nodata=False))


def test_ranges_of_fractions(tmp_path):
    pixels = scene(SIDE, SIDE, seed=2).astype(np.float32) / 255
    pixels[(0, *HOLE)] = -0.25
    path = write_raster(tmp_path / "a_2020.tif", pixels)
    np.testing.assert_array_equal(valid_of(tmp_path, path, after_nodata=((0, -0.5, -0.25),)), expected())
    assert valid_of(tmp_path, path, after_nodata=((0, -0.5, -0.26),)).all()


@pytest.mark.parametrize(("fill", "dtype"), [(0, np.uint8), (-9999, np.int16), (1e20, np.float32), (255, np.uint8)])
@pytest.mark.parametrize("place", [HOLE, (slice(None), slice(0, 12)), (slice(80, None), slice(60, None))])
def test_an_undeclared_fill_is_found_and_can_be_nodata(tmp_path, fill, dtype, place):
    pixels = scene(SIDE, SIDE, seed=2).astype(dtype)
    pixels[(slice(None), *place)] = fill
    path = write_raster(tmp_path / "a_2020.tif", pixels)
    assert valid_of(tmp_path, path).all()
    found = codes(request_of(tmp_path, path))["undeclared_fill"]
    wanted = np.ones((SIDE, SIDE), bool)
    wanted[place] = False
    assert found["role"] == "after"
    assert found["percent"] == pytest.approx(100 * (1 - wanted.mean()), rel=0.01)
    treated = request_of(tmp_path, path, treat_fill_as_nodata=True)
    np.testing.assert_array_equal(valid_of(tmp_path, path, treat_fill_as_nodata=True), wanted)
    assert "undeclared_fill" not in codes(treated)
    assert "fill_is_nodata" in codes(treated)


def test_a_second_fill_is_nodata_too(tmp_path):
    pixels = scene(SIDE, SIDE, seed=2).astype(np.int16)
    pixels[:, :20], pixels[(slice(None), *HOLE)] = -32768, -9999
    treated = codes(request_of(tmp_path, write_raster(tmp_path / "a_2020.tif", pixels), treat_fill_as_nodata=True))
    assert treated["fill_is_nodata"]["found"] == ["-32768", "-9999"]
    assert {"undeclared_fill", "fill_remains"}.isdisjoint(treated)


def test_a_slanted_black_frame_is_a_fill(tmp_path):
    pixels = scene(SIDE, SIDE, seed=2)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    frame = (rows + columns < 40) | (rows + columns > 160)
    pixels[:, frame] = 0
    path = write_raster(tmp_path / "a_2020.tif", pixels)
    assert codes(request_of(tmp_path, path))["undeclared_fill"]["percent"] == pytest.approx(100 * frame.mean(), 0.01)


@pytest.mark.parametrize("seed", range(3))
def test_bright_clouds_within_an_image_are_no_fill(tmp_path, seed):
    pixels = scene(SIDE, SIDE, seed=2)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    rng = np.random.default_rng(seed)
    cloud = np.hypot(rows - 48, columns - 48) < 14 + 6 * np.sin(3 * np.arctan2(rows - 48, columns - 48) + rng.random())
    pixels[:, cloud] = 255
    path = write_raster(tmp_path / "a_2020.tif", pixels)
    assert "undeclared_fill" not in codes(request_of(tmp_path, path))


def test_an_image_without_fill_has_none(tmp_path):
    path = write_raster(tmp_path / "a_2020.tif", scene(SIDE, SIDE, seed=2))
    assert codes(request_of(tmp_path, path)) == {}
