"""A fill that no file declares is seen wherever it stands and whatever its value; what is natural is none."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.scene.fill import Fill, find_fills
from farmcd_qgis.engine.scene.look import look_over
from farmcd_qgis.engine.scene.opening import Source, open_raster
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.scene import Scene
from tests.helpers.rasters import write_raster

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = [ROOT / "resources/sample" / f"m_4709963_se_14_1_{day}.tif" for day in ("20090818", "20200831")]
SHARED = ROOT.parent / "shared" / "data"
SIDE = 320


def ground(dtype: type = np.uint8, date: int = 1) -> np.ndarray:
    """Cut a clip of the bundled sample, (3, 320, 320), as another type and with its span of values."""
    pixels = gdal.Open(str(SAMPLE[date])).ReadAsArray(300, 200, SIDE, SIDE)[:3]
    if dtype is np.uint8:
        return np.clip(pixels, 1, 254)
    return (pixels * 12.5 + 300).astype(dtype) if dtype is not np.float32 else (pixels / 255).astype(dtype)


def places() -> dict[str, np.ndarray]:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    angle = np.arctan2(rows - 160, columns - 160)
    frame = np.ones((SIDE, SIDE), bool)
    frame[6:-6, 6:-6] = False
    line = np.ones((SIDE, SIDE), bool)
    line[1:-1, 1:-1] = False
    boxes = (rows % 40 < 8) & (columns % 40 < 8) & (rows > 8) & (columns > 8)
    return {
        "hole": (rows >= 100) & (rows < 160) & (columns >= 60) & (columns < 180),
        "side": columns < 24,
        "frame": frame,
        "thin_frame": line,
        "collar": (rows + 2 * columns < 200) | (rows + 2 * columns > 760),
        "clip": np.hypot(rows - 160, columns - 160) > 140 + 15 * np.sin(5 * angle),
        "small_boxes": boxes,
        "stripes": rows % 40 < 2,
    }


def raster_of(tmp_path: Path, pixels: np.ndarray, **options):
    path = write_raster(tmp_path / "a_2020.tif", pixels, **options)
    return open_raster(Source(path, "after"))


def values_of(fills: list[Fill]) -> list[tuple[float | None, ...]]:
    return [fill.values for fill in fills]


VALUES = [
    (np.uint8, 0),
    (np.uint8, 255),
    (np.uint8, 128),
    (np.uint16, 0),
    (np.uint16, 65535),
    (np.uint16, 1500),
    (np.int16, -9999),
    (np.int16, 0),
    (np.float32, 0.0),
    (np.float32, 1e20),
    (np.float32, -3.4028234663852886e38),
    (np.float32, 0.5),
]
# Every place with a black and a white fill, and each value in two places.
PAIRS = [(place, *each) for place in places() for each in VALUES[:2]]
PAIRS += [(place, *each) for place in ("hole", "clip") for each in VALUES[2:]]


@pytest.mark.parametrize(("place", "dtype", "value"), PAIRS)
def test_a_fill_of_all_bands_is_found(tmp_path, place, dtype, value):
    pixels, where = ground(dtype), places()[place]
    pixels[:, where] = value
    fill, *more = find_fills(raster_of(tmp_path, pixels))
    assert more == []
    assert fill.values == (float(dtype(value)),) * 3
    assert fill.share == pytest.approx(where.mean(), rel=0.02)


@pytest.mark.parametrize(("place", "band"), [("hole", 0), ("side", 1), ("frame", 2), ("small_boxes", 0)])
@pytest.mark.parametrize(
    ("dtype", "value"), [(np.uint8, 0), (np.uint8, 255), (np.uint16, 0), (np.int16, -9999), (np.float32, 1e20)]
)
def test_a_fill_of_one_band_is_found(tmp_path, place, band, dtype, value):
    pixels, where = ground(dtype), places()[place]
    pixels[band, where] = value
    fill, *more = find_fills(raster_of(tmp_path, pixels))
    assert more == []
    assert fill.values == tuple(float(dtype(value)) if number == band else None for number in range(3))
    assert fill.share == pytest.approx(where.mean(), rel=0.02)


@pytest.mark.parametrize("role", ["before", "after"])
def test_a_fill_of_one_band_is_said_and_can_be_nodata(tmp_path, role):
    pixels, where = ground(np.int16), places()["small_boxes"]
    pixels[1, where] = -9999
    paths = {"before": write_raster(tmp_path / "b_2009.tif", ground(date=0))}
    paths["after"] = write_raster(tmp_path / "a_2020.tif", ground(np.int16))
    paths[role] = write_raster(tmp_path / f"{role}_fill.tif", pixels)

    def said(treat: bool) -> dict[str, dict]:
        request = RunRequest(**paths, out_dir=str(tmp_path / "run"), checkpoint="", treat_fill_as_nodata=treat)
        return {finding.code: finding.values for finding in look_over(Scene.open(request), True)}

    warned = said(False)["undeclared_fill"]
    assert warned["role"] == role
    assert warned["found"] == [{"code": "value_of_band", "values": {"value": -9999.0, "band": 2}}]
    treated = said(True)
    assert {"undeclared_fill", "fill_remains"}.isdisjoint(treated)
    assert treated["fill_is_nodata"]["role"] == role
    request = RunRequest(**paths, out_dir=str(tmp_path / "run"), checkpoint="", treat_fill_as_nodata=True)
    pair = Pair.open(request)
    np.testing.assert_array_equal(pair.read(pair.grid.whole)[2], ~where)


def test_the_band_is_called_by_its_number_in_the_file(tmp_path):
    pixels = np.concatenate([ground(), ground()[:1]])
    pixels[3, places()["hole"]] = 0
    before = write_raster(tmp_path / "b_2009.tif", ground(date=0))
    after = write_raster(tmp_path / "a_2020.tif", pixels)
    request = RunRequest(before, after, str(tmp_path / "run"), "", after_bands=(4, 2, 3))
    said = {finding.code: finding for finding in look_over(Scene.open(request), True)}
    assert "(0 in band 4)" in said["undeclared_fill"].text("en")
    assert "第 4 波段的 0" in said["undeclared_fill"].text("zh")


def test_bands_may_have_a_fill_each(tmp_path):
    pixels, where = ground(np.int16), places()["hole"]
    for band, value in enumerate((-9999, 0, 32767)):
        pixels[band, where] = value
    assert values_of(find_fills(raster_of(tmp_path, pixels))) == [(-9999, 0, 32767)]


def test_several_fills_are_all_found_and_treated(tmp_path):
    pixels, where = ground(np.int16), places()
    pixels[:, where["frame"]], pixels[:, where["hole"]], pixels[0, 200:240, 200:260] = 0, -9999, 20000
    path = write_raster(tmp_path / "a_2020.tif", pixels)
    found = {(0, 0, 0), (-9999, -9999, -9999), (20000, None, None)}
    assert set(values_of(find_fills(open_raster(Source(path, "after"))))) == found
    treated = open_raster(Source(path, "after", treat_fill=True))
    assert set(treated.fills) == found
    assert find_fills(treated) == []


def test_a_fill_beside_not_a_number_is_found(tmp_path):
    pixels = ground(np.float32)
    pixels[:, :40], pixels[:, 40:46], pixels[:, 100:140:3, 50:90] = np.nan, -1.0, np.nan
    pixels[:, 100:140, 90:130] = -1.0
    assert values_of(find_fills(raster_of(tmp_path, pixels))) == [(-1.0, -1.0, -1.0)]


def test_gaps_of_a_mosaic_are_found(tmp_path):
    tiles = []
    for number, (x, y) in enumerate(((0, 0), (340, 0), (0, 340))):
        place = (500000.0 + x * 2, 2.0, 0, 5200000.0 - y * 2, 0, -2.0)
        tiles.append(write_raster(tmp_path / f"t{number}.tif", ground(), geotransform=place))
    gdal.BuildVRT(str(tmp_path / "mosaic.vrt"), tiles).FlushCache()
    raster = open_raster(Source(str(tmp_path / "mosaic.vrt"), "after"))
    assert values_of(find_fills(raster)) == [(0, 0, 0)]


def test_a_white_frame_that_jpeg_has_blurred_is_found(tmp_path):
    pixels = ground()
    pixels[:, places()["collar"]] = 255
    path = write_raster(tmp_path / "a_2020.tif", pixels, options=["COMPRESS=JPEG", "JPEG_QUALITY=80"])
    assert values_of(find_fills(open_raster(Source(path, "after")))) == [(255, 255, 255)]


def test_the_collar_of_a_large_raster_is_found(tmp_path):
    """Of one without overviews, only parts are read: none of them may hold the edge of the collar."""
    side = 8600
    file = gdal.GetDriverByName("GTiff").Create(
        str(tmp_path / "large.tif"), side, side, 3, gdal.GDT_Byte, ["TILED=YES", "SPARSE_OK=TRUE"]
    )
    file.SetGeoTransform((500000, 2, 0, 5200000, 0, -2))
    file.SetProjection(gdal.Open(str(SAMPLE[0])).GetProjection())
    tile = np.tile(ground(), (1, 3, 3))
    for row in range(640, side - 960, 960):
        for column in range(640, side - 960, 960):
            file.WriteArray(tile, column, row)
    file = None
    assert values_of(find_fills(open_raster(Source(str(tmp_path / "large.tif"), "after")))) == [(0, 0, 0)]


def test_a_fill_with_soft_edges_is_found(tmp_path):
    pixels = ground()
    pixels[:, places()["collar"]] = 0
    path = write_raster(tmp_path / "s_2020.tif", pixels)
    soft = str(tmp_path / "a_2020.tif")
    gdal.Warp(soft, path, xRes=1.7, yRes=1.7, resampleAlg="bilinear", srcNodata="none").FlushCache()
    assert values_of(find_fills(open_raster(Source(soft, "after")))) == [(0, 0, 0)]


@pytest.mark.parametrize("date", [0, 1])
@pytest.mark.parametrize("kind", ["plain", "bright", "dark", "cut", "magnified", "compressed"])
def test_what_is_natural_is_no_fill(tmp_path, date, kind):
    pixels, options = ground(date=date), []
    if kind == "bright":  # Snow and clouds that are saturated.
        pixels = np.clip(pixels.astype(float) * 2.2, 0, 255).astype(np.uint8)
    elif kind == "dark":  # Water and shadows that are cut to black.
        pixels = np.clip(pixels.astype(float) * 1.5 - 120, 0, 255).astype(np.uint8)
    elif kind == "cut":  # As QGIS stretches an image that is exported as it is shown.
        low, high = np.percentile(pixels, (5, 95), axis=(1, 2))[..., None, None]
        pixels = np.clip((pixels - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    elif kind == "magnified":
        pixels = np.repeat(np.repeat(pixels[:, :40, :40], 8, axis=1), 8, axis=2)
    elif kind == "compressed":
        options = ["COMPRESS=JPEG", "JPEG_QUALITY=30"]
    assert find_fills(raster_of(tmp_path, pixels, options=options)) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the imagery of ../shared/data")
@pytest.mark.parametrize(
    "pattern", ["oscd/*RGBN.tif", "india_1m/*.tif", "naip_nd/*.tif", "sztaki/A/*", "clcd/val/A/0046*"]
)
def test_real_images_have_no_fill(pattern):
    files = sorted(SHARED.glob(pattern))
    assert files
    for file in files:
        dataset = gdal.Open(str(file))
        place = (500000, 2, 0, 5200000, 0, -2)
        placed = gdal.Translate("", dataset, format="VRT", outputSRS="EPSG:32614", bandList=[1, 2, 3])
        placed.SetGeoTransform(place)
        name = f"/vsimem/{file.stem}.vrt"
        gdal.GetDriverByName("VRT").CreateCopy(name, placed)
        assert find_fills(open_raster(Source(name, "after"))) == [], file.name
        gdal.Unlink(name)
