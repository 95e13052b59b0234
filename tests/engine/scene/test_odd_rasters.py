"""Rasters that are seldom met: types, depths, places and datums of their own. Each is read rightly, or refused."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.scene.crs import is_rough
from farmcd_qgis.engine.scene.grid import Grid
from farmcd_qgis.engine.scene.look import look_over
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.scene import Scene
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM, crs_of, rectangle, scene, write_polygons, write_raster

SIDE = 64
# An ellipsoid whose datum nobody knows.
OLD = "+proj=utm +zone=14 +ellps=krass +units=m +type=crs"


def pair_of(tmp_path: Path, after: str, **options) -> Pair:
    return Pair.open(request_of(tmp_path, after, **options))


def request_of(tmp_path: Path, after: str, **options) -> RunRequest:
    before = write_raster(tmp_path / "b_2009.tif", scene(SIDE, SIDE, seed=1))
    return RunRequest(before, after, "", "", **options)


def after_of(pair: Pair) -> np.ndarray:
    return pair.read(pair.grid.whole)[1]


def findings(tmp_path: Path, after: str, **options) -> dict[str, dict]:
    return {found.code: found.values for found in look_over(Scene.open(request_of(tmp_path, after, **options)), True)}


@pytest.mark.parametrize("south_up", [False, True])
def test_signed_bytes_keep_their_signs(tmp_path, south_up):
    meant = scene(SIDE, SIDE, seed=2).astype(np.int16) - 128
    place = (LEFT, PIXEL, 0, TOP - SIDE * PIXEL, 0, PIXEL) if south_up else (LEFT, PIXEL, 0, TOP, 0, -PIXEL)
    stored = meant[:, ::-1] if south_up else meant
    signed = write_raster(
        tmp_path / "signed.tif",
        stored.astype(np.int8).view(np.uint8),
        geotransform=place,
        options=["PIXELTYPE=SIGNEDBYTE"],
    )
    plain = write_raster(tmp_path / "plain.tif", meant)
    assert (after_of(pair_of(tmp_path, signed)) == after_of(pair_of(tmp_path, plain))).all()


@pytest.mark.parametrize("bits", [1, 4, 7])
def test_images_of_few_bits_are_as_bright_as_others(tmp_path, bits):
    pixels = scene(SIDE, SIDE, seed=2) >> (8 - bits)
    seen = after_of(pair_of(tmp_path, write_raster(tmp_path / "few.tif", pixels, options=[f"NBITS={bits}"])))
    assert (seen.min(), seen.max()) == (0, 255)


def test_bands_of_unlike_types_are_warped_as_they_are(tmp_path):
    pixels = scene(SIDE, SIDE, seed=2)
    kinds = [pixels[0], pixels[1].astype(np.uint16) * 100, pixels[2].astype(np.float32) / 7]
    names = [write_raster(tmp_path / f"{number}.tif", band[None]) for number, band in enumerate(kinds)]
    gdal.BuildVRT(str(tmp_path / "unlike.vrt"), names, separate=True).FlushCache()
    turned = gdal.Open(str(tmp_path / "unlike.vrt"))
    # Said to lie turned, so that it is warped, pixel for pixel.
    turned.SetGeoTransform((LEFT, PIXEL, 0, TOP - SIDE * PIXEL, 0, PIXEL))
    turned.FlushCache()
    seen = after_of(pair_of(tmp_path, str(tmp_path / "unlike.vrt")))[:, ::-1]
    for band, plane in zip(seen, pixels, strict=True):
        assert np.corrcoef(band.ravel(), plane.ravel())[0, 1] > 0.98


def test_alpha_before_the_image_is_not_red(tmp_path):
    hole = np.zeros((SIDE, SIDE), bool)
    hole[10:20, 10:40] = True
    pixels = np.concatenate([np.where(hole, 0, 255)[None], scene(SIDE, SIDE, seed=2)]).astype(np.uint8)
    path = write_raster(tmp_path / "argb.tif", pixels, options=["PHOTOMETRIC=MINISBLACK"])
    file = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_UPDATE)
    for number, kind in enumerate([gdal.GCI_AlphaBand] + [gdal.GCI_Undefined] * 3, start=1):
        file.GetRasterBand(number).SetColorInterpretation(kind)
    file = None
    pair = pair_of(tmp_path, path)
    assert pair.after.bands == (2, 3, 4)
    assert (pair.read(pair.grid.whole)[2] == ~hole).all()


@pytest.mark.parametrize("place", [(np.nan, 2, 0, TOP, 0, -2), (LEFT, 0, 0, TOP, 0, 0), (LEFT, 2, 2, TOP, 2, 2)])
def test_a_place_that_makes_no_sense_is_told(tmp_path, place):
    path = write_raster(tmp_path / "a.tif", scene(SIDE, SIDE, seed=2))
    gdal.Translate(str(tmp_path / "a.vrt"), path, format="VRT").FlushCache()
    file = gdal.Open(str(tmp_path / "a.vrt"))
    file.SetGeoTransform(place)
    file.FlushCache()
    with pytest.raises(InputError, match="makes no sense"):
        pair_of(tmp_path, str(tmp_path / "a.vrt"))


def test_bands_of_one_value_are_told(tmp_path):
    pixels = scene(SIDE, SIDE, seed=2)
    pixels[1] = 7
    assert findings(tmp_path, write_raster(tmp_path / "a.tif", pixels))["constant_bands"]["bands"] == [2]
    assert "constant_bands" not in findings(tmp_path, write_raster(tmp_path / "b.tif", scene(SIDE, SIDE, seed=3)))


@pytest.mark.parametrize(
    ("own", "grid", "rough"),
    [
        (4214, 4490, True),  # Beijing 1954 on CGCS2000
        (4610, 4490, True),  # Xian 1980 on CGCS2000
        (4610, 4326, True),
        (4490, 4326, False),  # CGCS2000 and WGS 84
        (4267, 4269, False),  # NAD27 and NAD83
        (4269, 4326, False),
        (4490, 4490, False),
    ],
)
def test_datums_without_a_known_way_are_told(own, grid, rough):
    longitude = -99.0 if own in (4267, 4269) else 113.0
    place = Grid(100, 100, (longitude, 1e-5, 0, 34.7, 0, -1e-5), crs_of(grid).ExportToWkt())
    assert is_rough(crs_of(own), place) is rough


def test_farmland_of_another_datum_is_told(tmp_path):
    inside = [rectangle(4, 4, 60, 60)]
    after = write_raster(tmp_path / "a.tif", scene(SIDE, SIDE, seed=2))
    farmland = write_polygons(tmp_path / "same.gpkg", inside)
    assert "rough_place" not in findings(tmp_path, after, farmland=farmland)
    told = findings(tmp_path, after, farmland=farmland, farmland_crs=OLD)["rough_place"]
    assert told["role"] == "farmland"


@pytest.mark.parametrize("unfit", ["type", "south-up"])
def test_tiles_that_do_not_fit_are_never_left_out(tmp_path, unfit):
    folder = tmp_path / "tiles"
    folder.mkdir()
    pixels = scene(SIDE, SIDE, seed=2)
    write_raster(folder / "1.tif", pixels[:, :, :32])
    side = (LEFT + 32 * PIXEL, PIXEL, 0, TOP, 0, -PIXEL)
    if unfit == "type":
        write_raster(folder / "2.tif", pixels[:, :, 32:].astype(np.uint16), geotransform=side)
    else:
        x, dx, _, y, _, dy = side
        write_raster(folder / "2.tif", pixels[:, ::-1, 32:], geotransform=(x, dx, 0, y + SIDE * dy, 0, -dy))
    with pytest.raises(InputError) as refused:
        pair_of(tmp_path, str(folder))
    assert refused.value.code == "parts_unfit"


def test_images_of_one_band_in_a_container_are_named_and_joined(tmp_path):
    pixels = scene(SIDE, SIDE, seed=2)
    names = {"red": 0, "green": 1, "blue": 2}
    path = tmp_path / "three.gpkg"
    for name, band in names.items():
        one = write_raster(tmp_path / f"{name}.tif", pixels[band][None], epsg=UTM)
        options = [f"RASTER_TABLE={name}", "APPEND_SUBDATASET=YES", "TILE_FORMAT=PNG"]
        gdal.Translate(str(path), one, format="GPKG", creationOptions=options).FlushCache()
    with pytest.raises(InputError) as refused:
        pair_of(tmp_path, str(path))
    several = {f"GPKG:{path}:{name}" for name in names}
    assert set(refused.value.values["names"]) == several
    red, *others = sorted(several, key=lambda name: "red" not in name)
    seen = after_of(pair_of(tmp_path, red, after_parts=tuple(others)))
    assert (seen == pixels).all()


@pytest.mark.parametrize("with_masks", [False, True])
def test_there_is_nothing_between_tiles(tmp_path, with_masks):
    folder = tmp_path / "tiles"
    folder.mkdir()
    pixels, valid = scene(SIDE, SIDE, seed=2), np.ones((SIDE, SIDE), bool)
    valid[:, 24:40] = False
    for name, columns in (("1", slice(0, 24)), ("2", slice(40, SIDE))):
        place = (LEFT + columns.start * PIXEL, PIXEL, 0, TOP, 0, -PIXEL)
        mask = np.ones((SIDE, columns.stop - columns.start), bool)
        if with_masks:
            mask[5:9] = False
            valid[5:9] = False
        options = {"mask": mask} if with_masks else {}
        write_raster(folder / f"{name}.tif", pixels[:, :, columns], geotransform=place, **options)
    pair = pair_of(tmp_path, str(folder), reference="before")
    assert (pair.read(pair.grid.whole)[2] == valid).all()


def cut_jpeg(folder: Path) -> str:
    whole, name = folder / "whole.jpg", folder / "cut.jpg"
    gdal.Translate(str(whole), write_raster(folder / "t.tif", scene(256, 256)), format="JPEG").FlushCache()
    content = whole.read_bytes()
    name.write_bytes(content[: len(content) // 2])
    (folder / "cut.jgw").write_text(f"{PIXEL}\n0\n0\n{-PIXEL}\n{LEFT + PIXEL / 2}\n{TOP - PIXEL / 2}\n")
    return str(name)


def test_a_jpeg_that_ends_too_early_is_damaged(tmp_path):
    with pytest.raises(InputError) as caught:
        pair_of(tmp_path, cut_jpeg(tmp_path), after_crs=f"EPSG:{UTM}")
    assert caught.value.code == "damaged_rows"


@pytest.mark.parametrize("of_itself", [False, True])
def test_a_virtual_raster_of_what_is_not_there(tmp_path, of_itself):
    source, virtual = write_raster(tmp_path / "s.tif", scene()), tmp_path / "v.vrt"
    gdal.Translate(str(virtual), source, format="VRT").FlushCache()
    if of_itself:
        virtual.write_text(virtual.read_text().replace("s.tif", "v.vrt"))
    Path(source).unlink()
    with pytest.raises(InputError) as caught:
        pair_of(tmp_path, str(virtual))
    assert caught.value.code == "not_a_raster"


def test_changes_behind_a_virtual_raster_of_a_virtual_raster_are_seen(tmp_path):
    source = write_raster(tmp_path / "s.tif", scene())
    gdal.Translate(str(tmp_path / "inner.vrt"), source, format="VRT").FlushCache()
    gdal.Translate(str(tmp_path / "outer.vrt"), str(tmp_path / "inner.vrt"), format="VRT").FlushCache()
    found = Scene.open(request_of(tmp_path, str(tmp_path / "outer.vrt")))
    Path(source).write_bytes(Path(source).read_bytes() + b" ")
    with pytest.raises(InputError) as caught:
        found.refuse_if_changed()
    assert (caught.value.code, caught.value.values["path"]) == ("input_changed", source)
