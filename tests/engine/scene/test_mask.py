"""Areas of interest, extents and farmland polygons become pixels of the pair's grid."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from osgeo import ogr

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.scene.mask import Mask
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.tiling import Window
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM, crs_of, rectangle, scene, warp, write_polygons, write_raster

WHOLE = Window(0, 0, 64, 48)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Mask]:
    paths = [write_raster(tmp_path / f"{name}.tif", scene(48, 64)) for name in "ba"]

    def open_mask(**options) -> Mask:
        request = RunRequest(*paths, str(tmp_path / "run"), "", **options)
        return Mask.open(Pair.open(request), request)

    return open_mask


def square(column: int, row: int, right: int, bottom: int) -> np.ndarray:
    expected = np.zeros((48, 64), bool)
    expected[row:bottom, column:right] = True
    return expected


def test_nothing_said_is_everything(opened):
    mask = opened()
    assert mask.bounds == WHOLE
    assert mask.read(WHOLE).all()
    assert mask.any(Window(60, 40, 4, 4))


def test_area_of_interest_is_cut_out(tmp_path, opened):
    mask = opened(aoi=write_polygons(tmp_path / "aoi.gpkg", [rectangle(10, 5, 30, 25), rectangle(40, 20, 44, 30)]))
    assert mask.bounds == Window(10, 5, 34, 25)
    expected = square(10, 5, 30, 25) | square(40, 20, 44, 30)
    np.testing.assert_array_equal(mask.read(WHOLE), expected)
    np.testing.assert_array_equal(mask.read(Window(8, 3, 10, 12)), expected[3:15, 8:18])
    assert not mask.any(Window(46, 0, 10, 10))


def test_pixel_centres_decide(tmp_path, opened):
    mask = opened(aoi=write_polygons(tmp_path / "aoi.gpkg", [rectangle(10.4, 5.6, 30.4, 25.6)]))
    assert mask.bounds == Window(10, 6, 20, 20)
    np.testing.assert_array_equal(mask.read(WHOLE), square(10, 6, 30, 26))


def test_named_layer_and_other_crs(tmp_path, opened):
    polygon = ogr.CreateGeometryFromWkt(rectangle(10, 5, 30, 25))
    polygon.AssignSpatialReference(crs_of(UTM))
    polygon.TransformTo(crs_of(4326))
    path = write_polygons(tmp_path / "degrees.gpkg", [polygon.ExportToWkt()], epsg=4326)
    mask = opened(aoi=f"{path}|layername=areas")
    assert (mask.read(WHOLE) ^ square(10, 5, 30, 25)).sum() <= 60
    assert mask.read(Window(12, 7, 16, 16)).all()


def test_farmland_narrows_the_mask_but_not_its_bounds(tmp_path, opened):
    farmland = write_polygons(tmp_path / "fields.gpkg", [rectangle(-50, -50, 20, 20)])
    mask = opened(farmland=farmland, extent=(LEFT, TOP - 40 * PIXEL, LEFT + 30 * PIXEL, TOP), extent_crs=f"EPSG:{UTM}")
    assert mask.bounds == Window(0, 0, 30, 40)
    np.testing.assert_array_equal(mask.read(WHOLE), square(0, 0, 20, 20))
    assert not mask.any(Window(32, 21, 8, 8))


def test_no_window_with_a_pixel_is_passed_over(tmp_path, opened):
    generator = np.random.default_rng(5)
    places = generator.uniform((-3, -3), (64, 48), (40, 2))
    sizes = generator.uniform(0.2, 3, (40, 2))
    boxes = [rectangle(x, y, x + w, y + h) for (x, y), (w, h) in zip(places, sizes, strict=True)]
    # Edges on the edges of pixels and blocks are where rounding could hide one.
    boxes += [rectangle(31, 31, 33, 33), rectangle(32, 0, 33, 1), rectangle(0, 32, 1, 33)]
    mask = opened(farmland=write_polygons(tmp_path / "fields.gpkg", boxes))
    for row in range(48):
        for column in range(64):
            window = Window(column, row, 1, 1)
            assert mask.any(window) or not mask.read(window).any()


def test_crossing_polygons_are_repaired(tmp_path, opened):
    x, y = [LEFT + PIXEL * at for at in (10, 30)], [TOP - PIXEL * at for at in (10, 30)]
    bow_tie = f"POLYGON(({x[0]} {y[0]},{x[1]} {y[1]},{x[1]} {y[0]},{x[0]} {y[1]},{x[0]} {y[0]}))"
    mask = opened(aoi=write_polygons(tmp_path / "tie.gpkg", [bow_tie]))
    assert mask.read(WHOLE)[20, 11]
    assert mask.read(WHOLE)[20, 28]
    assert not mask.read(WHOLE)[11, 20]


@pytest.mark.parametrize("role", ["aoi", "farmland"])
@pytest.mark.parametrize("fault", ["outside", "unreadable", "no_crs", "not_polygons"])
def test_bad_layers_get_a_sentence(tmp_path, opened, role, fault):
    path = tmp_path / "layer.gpkg"
    if fault == "outside":
        write_polygons(path, [rectangle(1000, 1000, 1010, 1010)])
    elif fault == "no_crs":
        write_polygons(path, [rectangle(0, 0, 10, 10)], epsg=None)
    elif fault == "not_polygons":
        write_polygons(path, [f"POINT({LEFT} {TOP})"], kind=ogr.wkbPoint)
    else:
        path.write_text("{}")
    with pytest.raises(InputError) as caught:
        opened(**{role: str(path)})
    assert caught.value.code == ("not_polygons" if fault == "not_polygons" else f"polygons_{fault}")
    assert caught.value.values["role"] == role
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("extent", "crs", "code"),
    [
        ((0, 0, 1, 1), None, "place_outside"),
        ((LEFT, TOP, LEFT, TOP), None, "extent_empty"),
        ((0, 0, 1, 1), "EPSG:999999", "extent_outside"),
        ((0, 100, 10, 110), "EPSG:4326", "place_outside"),
    ],
)
def test_bad_extents_get_a_sentence(opened, extent, crs, code):
    with pytest.raises(InputError) as caught:
        opened(extent=extent, extent_crs=crs)
    assert caught.value.code == code


def test_extent_and_area_that_do_not_meet(tmp_path, opened):
    aoi = write_polygons(tmp_path / "aoi.gpkg", [rectangle(40, 40, 44, 44)])
    with pytest.raises(InputError, match="lies outside"):
        opened(aoi=aoi, extent=(LEFT, TOP - 20 * PIXEL, LEFT + 20 * PIXEL, TOP))


def grid_at(left: float, epsg: int, tmp_path: Path) -> Pair:
    step = 5e-5
    place = (left - 32 * step, step, 0, -16.8 + 32 * step, 0, -step)
    paths = [write_raster(tmp_path / f"m{n}.tif", scene(64, 64), epsg=4326, geotransform=place) for n in "ba"]
    if epsg != 4326:
        paths = [warp(path, tmp_path / f"w{n}.tif", dstSRS=f"EPSG:{epsg}") for n, path in enumerate(paths)]
    return Pair.open(RunRequest(*paths, str(tmp_path / "run"), ""))


@pytest.mark.parametrize("extent", [(179.999, -16.801, 180.001, -16.799), (179.999, -16.801, -179.999, -16.799)])
@pytest.mark.parametrize(("left", "epsg"), [(180.0, 4326), (-180.0, 4326), (180.0, 32760)])
def test_an_extent_across_the_antimeridian(tmp_path, extent, left, epsg):
    pair = grid_at(left, epsg, tmp_path)
    request = RunRequest("", "", "", "", extent=extent, extent_crs="EPSG:4326")
    bounds = Mask.open(pair, request).bounds
    width_m = 213.0 if epsg == 32760 else 40 * pair.resolution_m
    assert bounds.width * pair.resolution_m == pytest.approx(width_m, rel=0.1)
    assert bounds.column > 0
    assert bounds.right < pair.width


def test_the_extent_of_the_world_is_all(tmp_path, opened):
    for extent in ((-180.0, -90.0, 180.0, 90.0), (-170.0, 0.0, -20.0, 89.0), (0.0, -90.0, 360.0, 90.0)):
        assert opened(extent=extent, extent_crs="EPSG:4326").bounds == WHOLE
