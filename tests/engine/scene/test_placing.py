"""Pixels lie where the file, or the person, says: turned, around the world, shifted, in any CRS."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.assess.sample import count_strata, draw_sample
from farmcd_qgis.engine.assess.training_set import training_set
from farmcd_qgis.engine.polygons.geopackage import Package, create_layer
from farmcd_qgis.engine.polygons.vectorise import vectorise
from farmcd_qgis.engine.scene.crs import check_kept, check_proj
from farmcd_qgis.engine.scene.grid import Grid
from farmcd_qgis.engine.scene.look import look_over
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.raster import filled_windows
from farmcd_qgis.engine.scene.scene import Scene
from farmcd_qgis.engine.scene.shift import measure_shift, windows_of
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM, crs_of, rectangle, scene, write_polygons, write_raster

SIDE = 128


def request_of(tmp_path: Path, before: str, after: str, **options) -> RunRequest:
    return RunRequest(before, after, str(tmp_path / "run"), "", **options)


def read_all(pair: Pair) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return pair.read(pair.grid.whole)


def turn(pixels: np.ndarray, quarters: int, flip: bool = False) -> tuple[np.ndarray, tuple[float, ...]]:
    """Store an image turned by quarters, with the geotransform by which it lies as it did."""
    side, step = pixels.shape[1] * PIXEL, PIXEL
    right, down = LEFT + side, TOP - side
    stored = np.rot90(pixels, quarters, axes=(1, 2))
    places = [
        (LEFT, step, 0, TOP, 0, -step),
        (right, 0, -step, TOP, -step, 0),
        (right, -step, 0, down, 0, step),
        (LEFT, 0, step, down, step, 0),
    ]
    place = places[quarters]
    if flip:
        x, dx, rx, y, ry, dy = place
        width = stored.shape[2]
        stored = stored[:, :, ::-1]
        place = (x + width * dx, -dx, rx, y + width * ry, -ry, dy)
    return np.ascontiguousarray(stored), place


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("both", [False, True])
def test_turned_rasters_are_read_exactly(tmp_path, quarters, flip, both):
    images = scene(300, 300, seed=1), scene(300, 300, seed=2)
    turned, place = turn(images[1], quarters, flip)
    after = write_raster(tmp_path / "a_2020.tif", turned, geotransform=place)
    pixels, at = turn(images[0], quarters, flip) if both else turn(images[0], 0)
    before = write_raster(tmp_path / "b_2009.tif", pixels, geotransform=at)
    for reference in ("after", "before"):
        pair = Pair.open(request_of(tmp_path, before, after, reference=reference))
        assert pair.geotransform == pytest.approx((LEFT, PIXEL, 0, TOP, 0, -PIXEL))
        seen = read_all(pair)
        np.testing.assert_array_equal(seen[0], images[0])
        np.testing.assert_array_equal(seen[1], images[1])
        assert seen[2].all()


def test_a_slanted_raster_is_not_blurred_more_than_it_must_be(tmp_path):
    """The same raster, warped by GDAL in one block of equal sides, gives the same pixels."""
    angle = np.radians(30)
    c, s = PIXEL * np.cos(angle), PIXEL * np.sin(angle)
    path = write_raster(tmp_path / "a_2020.tif", scene(300, 300, seed=2), geotransform=(LEFT, c, s, TOP, s, -c))
    before = write_raster(tmp_path / "b_2009.tif", scene(400, 400, seed=1), geotransform=(LEFT, 2, 0, TOP + 300, 0, -2))
    pair = Pair.open(request_of(tmp_path, before, path))
    _, after, valid = read_all(pair)
    options = ["XSCALE=1", "YSCALE=1"]
    expected = gdal.Warp("", path, format="MEM", resampleAlg="bilinear", dstAlpha=True, warpOptions=options)
    inside = valid & (expected.ReadAsArray()[3] > 0)
    assert inside.mean() > 0.2
    assert np.abs(after[:, inside].astype(int) - expected.ReadAsArray()[:3, inside]).max() <= 1


STEP = 5e-5


def around(left: float, pixels: np.ndarray, path: Path) -> str:
    place = (left - SIDE / 2 * STEP, STEP, 0, -16.8 + SIDE / 2 * STEP, 0, -STEP)
    return write_raster(path, pixels, epsg=4326, geotransform=place)


def test_degrees_on_either_side_of_the_antimeridian(tmp_path):
    before = around(-180.0, scene(SIDE, SIDE, seed=1), tmp_path / "b_2009.tif")
    after = around(180.0, scene(SIDE, SIDE, seed=2), tmp_path / "a_2020.tif")
    for reference, left in (("after", 180.0), ("before", -180.0)):
        pair = Pair.open(request_of(tmp_path, before, after, reference=reference))
        assert pair.geotransform[0] == pytest.approx(left - SIDE / 2 * STEP)
        seen = read_all(pair)
        np.testing.assert_array_equal(seen[0], scene(SIDE, SIDE, seed=1))
        np.testing.assert_array_equal(seen[1], scene(SIDE, SIDE, seed=2))


@pytest.mark.parametrize("left", [180.0, -180.0])
@pytest.mark.parametrize("degrees_first", [False, True])
def test_metres_and_degrees_across_the_antimeridian(tmp_path, left, degrees_first):
    degrees = around(left, scene(SIDE, SIDE, seed=2), tmp_path / "d_2020.tif")
    metres = str(tmp_path / "m_2009.tif")
    gdal.Warp(metres, degrees, dstSRS="EPSG:32760", resampleAlg="near", dstNodata=0).FlushCache()
    names = (degrees, metres) if degrees_first else (metres, degrees)
    pair = Pair.open(request_of(tmp_path, *names))
    before, after, valid = read_all(pair)
    assert valid.mean() > 0.9
    # The same image in both dates, warped: the halves on both sides of the meridian agree.
    for half in (slice(0, pair.width // 2 - 4), slice(pair.width // 2 + 4, None)):
        there = valid[:, half]
        differences = np.abs(before[:, :, half].astype(int) - after[:, :, half])[:, there]
        assert np.median(differences) < 15


def test_degrees_from_0_to_360(tmp_path):
    pixels = scene(SIDE, SIDE, seed=1)
    place = (200.0, STEP, 0, -16.8, 0, -STEP)
    before = write_raster(tmp_path / "b_2009.tif", pixels, epsg=4326, geotransform=place)
    after = write_raster(tmp_path / "a_2020.tif", pixels, epsg=4326, geotransform=(-160.0, *place[1:]))
    seen = read_all(Pair.open(request_of(tmp_path, before, after)))
    np.testing.assert_array_equal(seen[0], pixels)


def test_places_apart_do_not_overlap(tmp_path):
    before = around(10.0, scene(SIDE, SIDE, seed=1), tmp_path / "b_2009.tif")
    after = around(12.0, scene(SIDE, SIDE, seed=2), tmp_path / "a_2020.tif")
    with pytest.raises(InputError) as caught:
        Pair.open(request_of(tmp_path, before, after))
    assert caught.value.code == "no_overlap"


def test_the_crs_that_a_person_sets_wins(tmp_path):
    before = write_raster(tmp_path / "b_2009.tif", scene(seed=1))
    bare = write_raster(tmp_path / "bare_2020.tif", scene(seed=2), epsg=None)
    other = write_raster(tmp_path / "other_2020.tif", scene(seed=2), epsg=26714)
    with pytest.raises(InputError) as caught:
        Pair.open(request_of(tmp_path, before, bare))
    assert caught.value.code == "no_crs"
    for path in (bare, other):
        for crs in (f"EPSG:{UTM}", crs_of(UTM).ExportToWkt()):
            opened = Scene.open(request_of(tmp_path, before, path, after_crs=crs))
            np.testing.assert_array_equal(read_all(opened.pair)[1], scene(seed=2))
            assert read_all(opened.pair)[2].all()
            assert osr.SpatialReference(opened.pair.crs_wkt).GetAuthorityCode(None) == str(UTM)
            assert "crs_set" in [finding.code for finding in look_over(opened, False)]
    with pytest.raises(InputError) as unknown:
        Pair.open(request_of(tmp_path, before, bare, after_crs="EPSG:0"))
    assert unknown.value.code == "crs_unknown"


def shifted_pair(tmp_path: Path, columns: int, rows: int) -> RunRequest:
    large = scene(800, 800, seed=9)
    before = write_raster(tmp_path / "s_2009.tif", large[:, 60:740, 60:740])
    moved = large[:, 60 - rows : 740 - rows, 60 - columns : 740 - columns]
    return request_of(tmp_path, before, write_raster(tmp_path / "s_2020.tif", moved))


@pytest.mark.parametrize("reference", ["after", "before"])
@pytest.mark.parametrize(("columns", "rows"), [(6, -4), (-3, 2)])
def test_a_shift_is_made_good_when_asked_for(tmp_path, columns, rows, reference):
    request = replace(shifted_pair(tmp_path, columns, rows), reference=reference)
    before, after, _ = read_all(Scene.open(request).pair)
    assert (before != after).mean() > 0.9
    opened = Scene.open(replace(request, correct_shift=True))
    assert opened.shift is not None
    assert (opened.shift.columns, opened.shift.rows) == pytest.approx((columns, rows), abs=0.1)
    before, after, valid = read_all(opened.pair)
    assert np.abs(before.astype(int) - after)[:, valid].mean() < 4
    said = {finding.code: finding.values for finding in look_over(opened, True)}
    assert "shifted" not in said
    assert said["shift_corrected"]["columns"] == pytest.approx(columns, abs=0.1)


def test_half_a_pixel_is_measured(tmp_path):
    fine = scene(1400, 1400, seed=9).astype(float)
    smooth = sum(np.roll(np.roll(fine, dy, 1), dx, 2) for dy in (-1, 0, 1) for dx in (-1, 0, 1)) / 9
    before, after = (
        smooth[:, 10:1330, 10 + dx : 1330 + dx].reshape(3, 660, 2, 660, 2).mean(axis=(2, 4)) for dx in (0, 1)
    )
    paths = [
        write_raster(tmp_path / f"h_{year}.tif", image.astype(np.uint8))
        for year, image in ((2009, before), (2020, after))
    ]
    shift = measure_shift(Pair.open(request_of(tmp_path, *paths)))
    assert shift is not None
    assert (shift.columns, shift.rows) == pytest.approx((-0.5, 0.0), abs=0.15)


def test_what_cannot_be_measured_is_not_corrected(tmp_path):
    rng = np.random.default_rng(0)
    paths = [write_raster(tmp_path / f"n_{y}.tif", rng.integers(1, 255, (3, 600, 600), np.uint8)) for y in (2009, 2020)]
    opened = Scene.open(request_of(tmp_path, *paths, correct_shift=True))
    assert opened.shift is None
    assert "shift_not_measured" in [finding.code for finding in look_over(opened, True)]


@pytest.mark.parametrize(("width", "height"), [(100, 100), (280, 280), (320, 900), (560, 560), (5000, 3000)])
def test_windows_of_the_shift_share_no_pixel(width, height):
    windows = windows_of(width, height)
    for number, one in enumerate(windows):
        assert one.right <= width
        assert one.bottom <= height
        assert one.width == one.height
        assert all(other.intersection(one)[2] * other.intersection(one)[3] == 0 for other in windows[:number])


def test_small_clips_of_unlike_seasons_raise_no_alarm(tmp_path):
    """Two images that share nothing but a few edges: what windows find by chance contradicts itself."""
    for seed in range(8):
        paths = [write_raster(tmp_path / f"c_{y}.tif", scene(300, 300, seed=seed + y)) for y in (2009, 2020)]
        assert measure_shift(Pair.open(request_of(tmp_path, *paths))) is None


KM = "+proj=utm +zone=14 +datum=WGS84 +units=km +no_defs"
FEET = "+proj=utm +zone=14 +datum=NAD83 +units=us-ft +no_defs"
OWN = "+proj=tmerc +lat_0=0 +lon_0=117 +k=1 +x_0=500000 +ellps=krass +towgs84=15.8,-154.4,-82.3,0,0,0,0 +units=m"
AEA = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +x_0=0 +y_0=0 +ellps=krass +units=m +no_defs"


@pytest.mark.parametrize("text", [KM, FEET, OWN, AEA, "EPSG:32614", "EPSG:4326", "EPSG:4490", "ESRI:102025"])
def test_rasters_and_polygons_of_a_run_have_the_same_crs(tmp_path, text):
    crs = osr.SpatialReference()
    crs.SetFromUserInput(text)
    tiff = gdal.GetDriverByName("GTiff").Create(str(tmp_path / "x.tif"), 4, 4)
    tiff.SetSpatialRef(crs)
    tiff.SetGeoTransform((1, 0.001, 0, 1, 0, -0.001))
    tiff = None
    tiff = gdal.Open(str(tmp_path / "x.tif"))
    wkt = tiff.GetProjection()
    path = tmp_path / "farmcd.gpkg"
    with Package(path, wkt) as package:
        package.write_layer("candidates", [])
    file = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_UPDATE)
    create_layer(file, "points", osr.SpatialReference(wkt), ogr.wkbPoint)
    file = None
    file = ogr.Open(str(path))
    for name in ("candidates", "points"):
        kept = file.GetLayerByName(name).GetSpatialRef()
        assert kept.IsSame(osr.SpatialReference(wkt), ["IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES"]), name
        # QGIS makes nothing of a code that it does not know.
        assert kept.GetAuthorityName(None) in (None, "EPSG", "ESRI")
    check_kept(Grid(4, 4, (500000 / crs.GetLinearUnits(), 1, 0, 5e6 / crs.GetLinearUnits(), 0, -1), wkt))


def test_a_crs_that_cannot_be_written_is_said_at_once(tmp_path):
    crs = osr.SpatialReference()
    crs.SetFromUserInput("+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18 +ellps=WGS84 +no_defs")
    paths = []
    for year in (2009, 2020):
        paths.append(
            write_raster(tmp_path / f"p_{year}.tif", scene(), epsg=None, geotransform=(0, 1e-4, 0, 0, 0, -1e-4))
        )
        file = gdal.OpenEx(paths[-1], gdal.OF_RASTER | gdal.OF_UPDATE)
        file.SetSpatialRef(crs)
        file = None
    with pytest.raises(InputError) as caught:
        list(look_over(Scene.open(request_of(tmp_path, *paths)), False))
    assert caught.value.code in ("crs_not_kept", "local_crs", "no_crs")


def test_a_database_of_another_proj_is_said_before_any_work(monkeypatch, tmp_path):
    class Broken(osr.SpatialReference):
        def ImportFromEPSG(self, code: int) -> int:
            raise RuntimeError("proj.db contains DATABASE.LAYOUT.VERSION.MINOR = 0")

    monkeypatch.setattr("farmcd_qgis.engine.scene.crs.osr.SpatialReference", Broken)
    monkeypatch.setenv("PROJ_LIB", "/opt/other/proj")
    monkeypatch.delenv("PROJ_DATA", raising=False)
    with pytest.raises(InputError, match="PROJ_LIB=/opt/other/proj") as caught:
        check_proj()
    assert caught.value.code == "proj_unusable"
    jobs = [
        lambda: vectorise(tmp_path),
        lambda: count_strata(tmp_path),
        lambda: draw_sample(tmp_path, {}, 1),
        lambda: training_set([tmp_path], tmp_path / "set"),
    ]
    for job in jobs:
        with pytest.raises(InputError) as caught:
            job()
        assert caught.value.code == "proj_unusable"


def mosaic(path: Path, tile: str, side: int) -> str:
    """Write a virtual mosaic of side x side pixels, empty but for one tile in its middle."""
    middle, size = side // 2, 64
    rectangle = f'<SrcRect xOff="0" yOff="0" xSize="{size}" ySize="{size}"/>'
    rectangle += f'<DstRect xOff="{middle}" yOff="{middle}" xSize="{size}" ySize="{size}"/>'
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{n}"><NoDataValue>0</NoDataValue><SimpleSource><SourceFilename>{tile}'
        f"</SourceFilename><SourceBand>{n}</SourceBand>{rectangle}</SimpleSource></VRTRasterBand>"
        for n in (1, 2, 3)
    )
    place = f"{LEFT - PIXEL * middle}, {PIXEL}, 0, {TOP + PIXEL * middle}, 0, {-PIXEL}"
    head = f'<VRTDataset rasterXSize="{side}" rasterYSize="{side}"><SRS>EPSG:{UTM}</SRS>'
    path.write_text(f"{head}<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>")
    return str(path)


def test_a_huge_mosaic_costs_what_its_extent_costs(tmp_path):
    """4,000,000 x 4,000,000 pixels that are nearly all empty, and an extent of 64 x 64: seconds, not minutes."""
    before = write_raster(tmp_path / "b_2009.tif", scene(seed=1))
    tile = write_raster(tmp_path / "t_2020.tif", scene(seed=2))
    after = mosaic(tmp_path / "a_2020.vrt", tile, 4_000_000)
    extent = (LEFT, TOP - 64 * PIXEL, LEFT + 64 * PIXEL, TOP)
    opened = Scene.open(request_of(tmp_path, before, after, extent=extent))
    findings = [finding.code for finding in look_over(opened, True)]
    assert opened.mask.bounds[2:] == (64, 64)
    np.testing.assert_array_equal(opened.pair.read(opened.mask.bounds)[1], scene(seed=2))
    assert "no_common_ground" not in findings
    file = gdal.Open(after)
    windows = filled_windows(file.GetRasterBand(1))
    assert windows
    assert any(c <= 2_000_000 < c + w and r <= 2_000_000 < r + h for c, r, w, h in windows)


def test_polygons_on_a_huge_mosaic_take_little_memory(tmp_path):
    before = write_raster(tmp_path / "b_2009.tif", scene(seed=1))
    after = mosaic(tmp_path / "a_2020.vrt", write_raster(tmp_path / "t_2020.tif", scene(seed=2)), 4_000_000)
    aoi = write_polygons(tmp_path / "aoi.gpkg", [rectangle(10, 10, 50, 60)])
    opened = Scene.open(request_of(tmp_path, before, after, aoi=aoi))
    assert opened.mask.bounds[2:] == (40, 50)
    assert opened.mask.read(opened.mask.bounds).all()
    country = write_polygons(tmp_path / "country.gpkg", [rectangle(-1e6, -1e6, 1e6, 1e6)])
    whole = Scene.open(request_of(tmp_path, before, after, aoi=country)).mask
    assert whole.any(opened.mask.bounds)
    assert json.dumps(whole.digests)
