"""Rasters of every kind come onto one grid, as 8 bits, with what is invalid in either date marked."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.tiling import Window
from tests.helpers.rasters import BAD_RASTERS, LEFT, PIXEL, TOP, UTM, bad_rasters, scene, warp, write_raster

TYPES = (np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Pair]:
    def open_pair(before: str | None = None, after: str | None = None, **options) -> Pair:
        before = write_raster(tmp_path / "b.tif", scene(seed=1)) if before is None else before
        after = write_raster(tmp_path / "a.tif", scene(seed=2)) if after is None else after
        return Pair.open(RunRequest(before, after, str(tmp_path / "run"), "", **options))

    return open_pair


def read_all(pair: Pair) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return pair.read(Window(0, 0, pair.width, pair.height))


def test_bytes_on_one_grid_pass_unchanged(opened):
    before, after, valid = read_all(opened())
    np.testing.assert_array_equal(before, scene(seed=1))
    np.testing.assert_array_equal(after, scene(seed=2))
    assert valid.all()


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_is_stretched_once_for_the_whole_raster(tmp_path, opened, dtype):
    values = scene(seed=3)
    factor = 1 if dtype == np.uint8 else 3
    path = write_raster(tmp_path / "typed.tif", values.astype(dtype) * factor)
    pair = opened(after=path)
    whole = read_all(pair)[1]
    part = pair.read(Window(7, 9, 20, 30))[1]
    np.testing.assert_array_equal(part, whole[:, 9:39, 7:27])
    if dtype == np.uint8:
        assert pair.stretch["after"] is None
        return
    low, high = np.percentile(values[0].astype(float) * factor, (2, 98))
    np.testing.assert_allclose(pair.stretch["after"][0], (low, high))
    expected = np.clip((values[0] * float(factor) - low) / (high - low) * 255 + 0.5, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(whole[0], expected)


def test_constant_band_becomes_grey(tmp_path, opened):
    pair = opened(after=write_raster(tmp_path / "flat.tif", np.full((3, 64, 64), 7, np.int16)))
    assert (read_all(pair)[1] == 128).all()


def test_band_order(tmp_path, opened):
    pixels = np.concatenate([scene(seed=4), scene(seed=5)])
    pair = opened(after=write_raster(tmp_path / "six.tif", pixels), after_bands=(5, 1, 3))
    np.testing.assert_array_equal(read_all(pair)[1], pixels[[4, 0, 2]])


@pytest.mark.parametrize("nodata", [0.0, 255.0])
def test_nodata_in_any_band_is_invalid_in_both_dates(tmp_path, opened, nodata):
    pixels = scene(seed=4)
    pixels[:, 10:20, 30:40] = nodata
    pixels[0, 40, 40] = nodata
    pair = opened(after=write_raster(tmp_path / "holes.tif", pixels, nodata=nodata))
    before, after, valid = read_all(pair)
    expected = np.ones((64, 64), bool)
    expected[10:20, 30:40] = False
    expected[40, 40] = False
    np.testing.assert_array_equal(valid, expected)
    assert (before[:, ~valid] == 128).all()
    assert (after[:, ~valid] == 128).all()


def test_nodata_that_the_type_cannot_hold_marks_nothing(tmp_path, opened):
    pixels = np.full((3, 64, 64), 241, np.uint8)
    pixels[:, 0] = 5
    vrt = tmp_path / "odd.vrt"
    gdal.Translate(str(vrt), write_raster(tmp_path / "odd.tif", pixels), format="VRT").FlushCache()
    vrt.write_text(vrt.read_text().replace("<ColorInterp>", "<NoDataValue>-9999</NoDataValue><ColorInterp>"))
    assert read_all(opened(after=str(vrt)))[2].all()


def test_nan_and_infinity_are_invalid(tmp_path, opened):
    pixels = scene(seed=4).astype(np.float32)
    pixels[1, 3, 4], pixels[2, 5, 6] = np.nan, np.inf
    _, after, valid = read_all(opened(after=write_raster(tmp_path / "nan.tif", pixels)))
    assert {tuple(place) for place in np.argwhere(~valid)} == {(3, 4), (5, 6)}
    assert (after[:, 3, 4] == 128).all()


def test_mask_band_and_alpha_are_honoured(tmp_path, opened):
    shown = np.ones((64, 64), bool)
    shown[:8] = False
    masked = opened(after=write_raster(tmp_path / "masked.tif", scene(), mask=shown))
    np.testing.assert_array_equal(read_all(masked)[2], shown)
    rgba = np.concatenate([scene(), shown[None] * np.uint8(255)])
    path = write_raster(tmp_path / "alpha.tif", rgba, options=["PHOTOMETRIC=RGB", "ALPHA=YES"])
    np.testing.assert_array_equal(read_all(opened(after=path))[2], shown)


@pytest.mark.parametrize("epsg", [4326, 3857, 32613, 4490])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_another_crs_is_warped_onto_the_reference(tmp_path, opened, epsg, dtype):
    source = write_raster(tmp_path / "utm.tif", scene(160, 160, seed=6).astype(dtype))
    other = warp(source, tmp_path / "other.tif", dstSRS=f"EPSG:{epsg}", resampleAlg="cubic", dstNodata=0)
    pair = opened(before=other, after=source)
    assert (pair.width, pair.height) == (160, 160)
    before, after, valid = read_all(pair)
    inner = slice(10, -10)
    assert valid[inner, inner].all()
    correlation = np.corrcoef(before[:, inner, inner].ravel(), after[:, inner, inner].ravel())[0, 1]
    assert correlation > 0.9
    part = pair.read(Window(33, 41, 50, 60))
    np.testing.assert_array_equal(part[0], before[:, 41:101, 33:83])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_ground_that_only_one_raster_covers_is_invalid(tmp_path, opened, dtype):
    moved = (LEFT + 20 * PIXEL, PIXEL, 0, TOP - 10 * PIXEL, 0, -PIXEL)
    path = write_raster(tmp_path / "moved.tif", scene(seed=3).astype(dtype), geotransform=moved)
    before, _, valid = read_all(opened(before=path))
    expected = np.zeros((64, 64), bool)
    expected[10:, 20:] = True
    np.testing.assert_array_equal(valid, expected)
    if dtype == np.uint8:
        np.testing.assert_array_equal(before[:, 10:, 20:], scene(seed=3)[:, :54, :44])


def test_finer_raster_is_averaged(tmp_path, opened):
    fine = scene(256, 256, seed=3)
    path = write_raster(tmp_path / "fine.tif", fine, geotransform=(LEFT, PIXEL / 4, 0, TOP, 0, -PIXEL / 4))
    before = read_all(opened(before=path))[0]
    expected = fine.reshape(3, 64, 4, 64, 4).mean(axis=(2, 4))
    assert np.abs(before.astype(float) - expected).max() <= 1


def test_reference_may_be_the_before_raster(tmp_path, opened):
    coarse = write_raster(tmp_path / "coarse.tif", scene(32, 32), geotransform=(LEFT, 2 * PIXEL, 0, TOP, 0, -2 * PIXEL))
    assert opened(before=coarse).width == 64
    assert opened(before=coarse, reference="before").width == 32
    assert opened(before=coarse, reference="before").resolution_m == pytest.approx(4, rel=1e-3)


def test_rotated_raster_is_warped_north_up(tmp_path, opened):
    turned = write_raster(tmp_path / "turned.tif", scene(), geotransform=(LEFT, 1.8, 0.8, TOP, 0.8, -1.8))
    pair = opened(after=turned, before=turned)
    assert pair.geotransform[2] == pair.geotransform[4] == 0
    before, after, valid = read_all(pair)
    assert 0.3 < valid.mean() < 0.95
    np.testing.assert_array_equal(before, after)


def test_flipped_raster_is_turned_upright(tmp_path, opened):
    upside_down = (LEFT, PIXEL, 0, TOP - 64 * PIXEL, 0, PIXEL)
    path = write_raster(tmp_path / "flipped.tif", scene(seed=2)[:, ::-1], geotransform=upside_down)
    np.testing.assert_array_equal(read_all(opened(after=path))[1], scene(seed=2))


def test_geographic_pixels_are_measured_on_the_ground(tmp_path, opened):
    degrees = (10.0, 1e-5, 0, 60.0, 0, -1e-5)
    path = write_raster(tmp_path / "degrees.tif", scene(), epsg=4326, geotransform=degrees)
    east, north = 1e-5 * 111412 * np.cos(np.radians(60)), 1e-5 * 111412
    assert opened(before=path, after=path).resolution_m == pytest.approx(np.sqrt(east * north), rel=5e-3)


def test_dates_come_from_request_metadata_and_name(tmp_path, opened):
    named = write_raster(tmp_path / "scene_2020-08-31_x.tif", scene())
    year = write_raster(tmp_path / "mosaic2009.tif", scene())
    assert opened(before=year, after=named).dates == ("2009", "2020-08-31")
    assert opened(before=year, after=named, before_date="2009-08-18").dates[0] == "2009-08-18"
    dataset = gdal.Open(year, gdal.GA_Update)
    dataset.SetMetadataItem("ACQUISITION_DATE", "2011:07:03 10:00")
    dataset = None
    assert opened(before=year).dates[0] == "2011-07-03"


def test_matching_gives_before_the_distribution_of_after(tmp_path, opened):
    dark = write_raster(tmp_path / "dark.tif", scene(seed=2) // 3)
    pair = opened(before=dark, match_histograms=True)
    before, after, _ = read_all(pair)
    assert abs(float(before.mean()) - float(after.mean())) < 3
    assert np.array(pair.stretch["matching"]).shape == (3, 256)


@pytest.mark.parametrize("code", BAD_RASTERS)
def test_bad_input_gets_its_own_sentence(tmp_path, opened, code):
    path = bad_rasters(tmp_path)[code]
    with pytest.raises(InputError) as caught:
        opened(before=path)
    assert caught.value.code == code
    assert path in caught.value.message
    assert caught.value.message.endswith((".", ")"))


def test_a_tag_that_makes_no_sense_is_said(tmp_path, opened):
    path = tmp_path / "tag.tif"
    written = Path(write_raster(path, scene())).read_bytes()
    # The tag of the planes' order, which may be left out, becomes a unit of resolution that there is not.
    planes, unit = (struct.pack("<HHII", number, 3, 1, value) for number, value in ((284, 1), (296, 77)))
    assert written.count(planes) == 1
    path.write_bytes(written.replace(planes, unit))
    with pytest.raises(InputError) as caught:
        opened(after=str(path))
    assert caught.value.code == "not_a_raster"
    assert "ResolutionUnit" in caught.value.message


def test_three_pixels_are_too_few(tmp_path, opened):
    with pytest.raises(InputError, match="share only 3 x 3 pixels"):
        opened(after=write_raster(tmp_path / "tiny.tif", scene(3, 3)))


def test_bands_that_are_not_there(opened):
    with pytest.raises(InputError, match="has bands 1 to 3, but bands 1, 2, 4"):
        opened(after_bands=(1, 2, 4))


def test_palette_image_is_told_what_to_do(tmp_path, opened):
    copy = gdal.Translate(str(tmp_path / "p.vrt"), write_raster(tmp_path / "p.tif", scene()[:1]), format="VRT")
    copy.GetRasterBand(1).SetColorTable(gdal.ColorTable())
    copy.FlushCache()
    with pytest.raises(InputError, match="PCT to RGB"):
        opened(after=str(tmp_path / "p.vrt"))


def test_sixteen_pixels_are_enough(tmp_path, opened):
    pair = opened(after=write_raster(tmp_path / "small.tif", scene(16, 16), epsg=UTM))
    assert read_all(pair)[2].shape == (16, 16)
