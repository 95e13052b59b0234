"""Dates that come as several files: a band in each, or tiles of a mosaic."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from farmcd_qgis.commands.arguments import add_request
from farmcd_qgis.commands.console import Parser
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.run.identity import stamps
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.engine.scene.scene import Scene
from farmcd_qgis.engine.scene.tiling import Window
from tests.helpers.colour_predictor import ColourPredictor
from tests.helpers.rasters import LEFT, PIXEL, TOP, scene, write_raster


def bands_in(folder: Path, pixels: np.ndarray, names: list[str], **options) -> Path:
    folder.mkdir()
    for name, band in zip(names, pixels, strict=True):
        write_raster(folder / name, band[None], **options)
    return folder


@contextmanager
def masks_within(inside: str) -> Iterator[None]:
    """Let GDAL write masks into the files, or beside them."""
    usual = gdal.GetConfigOption("GDAL_TIFF_INTERNAL_MASK")
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", inside)
    yield
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", usual)


def opened(tmp_path: Path, after: str, **options) -> Pair:
    before = write_raster(tmp_path / "b_2009.tif", scene(seed=1))
    return Pair.open(RunRequest(before, after, str(tmp_path / "run"), "", **options))


def pixels_of(pair: Pair) -> np.ndarray:
    return pair.read(pair.grid.whole)[1]


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["blue.tif", "green.tif", "red.tif"], [2, 1, 0]),
        (["x_B02_10m.tif", "x_B03_10m.tif", "x_B04_10m.tif", "x_B08_10m.tif"], [2, 1, 0]),
        (
            [
                "LC08_L1TP_123036_20190812_B2.TIF",
                "LC08_L1TP_123036_20190812_B3.TIF",
                "LC08_L1TP_123036_20190812_B4.TIF",
            ],
            [2, 1, 0],
        ),
        (
            [
                "LT05_L1TP_123036_19990812_B1.TIF",
                "LT05_L1TP_123036_19990812_B2.TIF",
                "LT05_L1TP_123036_19990812_B3.TIF",
            ],
            [2, 1, 0],
        ),
        (["a-Red.tif", "b-Green.tif", "c-Blue.tif", "d-NIR.tif", "e-RedEdge.tif"], [0, 1, 2]),
        (["红.tif", "绿.tif", "蓝.tif"], [0, 1, 2]),
    ],
)
def test_bands_in_files_of_a_folder(tmp_path, names, order):
    pixels = np.concatenate([scene(seed=2), scene(seed=3)])[: len(names)]
    folder = bands_in(tmp_path / "product_20190812", pixels, names)
    (folder / "readme.txt").write_text("no image")
    pair = opened(tmp_path, str(folder))
    np.testing.assert_array_equal(pixels_of(pair), pixels[order])
    assert pair.dates[1] == "2019-08-12"


def test_named_parts_are_joined(tmp_path):
    folder = bands_in(tmp_path / "f", scene(seed=2), ["r_red.tif", "g_green.tif", "b_blue.tif"])
    files = [str(folder / name) for name in ("g_green.tif", "r_red.tif", "b_blue.tif")]
    np.testing.assert_array_equal(pixels_of(opened(tmp_path, files[0], after_parts=tuple(files[1:]))), scene(seed=2))


def test_files_without_telling_names_are_taken_in_the_order_given(tmp_path):
    folder = bands_in(tmp_path / "f", scene(seed=2)[[2, 0, 1]], ["Band1.tif", "Band2.tif", "Band3.tif"])
    files = [str(folder / name) for name in ("Band2.tif", "Band3.tif", "Band1.tif")]
    np.testing.assert_array_equal(pixels_of(opened(tmp_path, files[0], after_parts=tuple(files[1:]))), scene(seed=2))


def test_bands_of_unlike_resolution(tmp_path):
    folder = bands_in(tmp_path / "f", scene(seed=2)[:2], ["x_red.tif", "x_green.tif"])
    coarse = scene(seed=2)[2:, ::2, ::2]
    write_raster(folder / "x_blue.tif", coarse, geotransform=(LEFT, 2 * PIXEL, 0, TOP, 0, -2 * PIXEL))
    found = pixels_of(opened(tmp_path, str(folder)))
    np.testing.assert_array_equal(found[:2], scene(seed=2)[:2])
    np.testing.assert_array_equal(found[2], coarse[0].repeat(2, 0).repeat(2, 1))


def test_nodata_of_each_band_holds(tmp_path):
    pixels = scene(seed=2)
    pixels[1, 10:20, 10:20] = 0
    folder = bands_in(tmp_path / "f", pixels, ["red.tif", "green.tif", "blue.tif"], nodata=0)
    pair = opened(tmp_path, str(folder))
    valid = pair.read(pair.grid.whole)[2]
    assert not valid[10:20, 10:20].any()
    assert valid.sum() == 64 * 64 - 100


@pytest.mark.parametrize("inside", ["YES", "NO"])
def test_masks_of_each_band_hold(tmp_path, inside):
    pixels, masks = scene(seed=2), np.ones((3, 64, 64), bool)
    masks[0, 10:20, 10:20] = masks[2, 40:50] = False
    folder = tmp_path / "f"
    folder.mkdir()
    with masks_within(inside):
        for name, band, mask in zip(("red", "blue"), pixels[::2], masks[::2], strict=True):
            write_raster(folder / f"{name}.tif", band[None], mask=mask)
    write_raster(folder / "green.tif", pixels[1:2], nodata=float(pixels[1, 0, 0]))
    _, after, valid = opened(tmp_path, str(folder)).read(Window(0, 0, 64, 64))
    expected = masks.all(axis=0) & (pixels[1] != pixels[1, 0, 0])
    np.testing.assert_array_equal(valid, expected)
    np.testing.assert_array_equal(after[:, valid], pixels[:, valid])


def test_a_mask_that_changes_is_seen(tmp_path):
    folder = bands_in(tmp_path / "f", scene(seed=2), ["red.tif", "green.tif", "blue.tif"])
    (folder / "red.tif").unlink()
    with masks_within("NO"):
        write_raster(folder / "red.tif", scene(seed=2)[:1], mask=np.eye(64))
    before = write_raster(tmp_path / "b_2009.tif", scene(seed=1))
    found = Scene.open(RunRequest(before, str(folder), "", ""))
    assert str(folder / "red.tif.msk") in [stamp[0] for stamp in stamps(found.pair.sources[1].dataset)]
    (folder / "red.tif.msk").unlink()
    with pytest.raises(InputError) as caught:
        found.refuse_if_changed()
    assert caught.value.code == "input_changed"


def tile_in(folder: Path, number: int, pixels: np.ndarray, **options) -> Path:
    """Write one of two tiles beside each other, each half of 64 columns."""
    folder.mkdir(exist_ok=True)
    place = (LEFT + 32 * number * PIXEL, PIXEL, 0, TOP, 0, -PIXEL)
    part = pixels[:, :, 32 * number : 32 * (number + 1)]
    return Path(write_raster(folder / f"tile{number}.tif", part, geotransform=place, **options))


def call(path: Path, kinds: list[int], names: tuple[str, ...] = ()) -> None:
    file = gdal.Open(str(path), gdal.GA_Update)
    for number, kind in enumerate(kinds, start=1):
        file.GetRasterBand(number).SetColorInterpretation(kind)
    for number, name in enumerate(names, start=1):
        file.GetRasterBand(number).SetDescription(name)


RGB = [gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand]


@pytest.mark.parametrize("by_names", [True, False])
def test_tiles_of_unlike_band_order(tmp_path, by_names):
    whole, folder = scene(seed=2), tmp_path / "f"
    one, other = tile_in(folder, 0, whole), tile_in(folder, 1, whole[::-1])
    if by_names:
        call(one, [gdal.GCI_Undefined] * 3, ("red", "green", "blue"))
        call(other, [gdal.GCI_Undefined] * 3, ("blue", "green", "red"))
    else:
        call(other, RGB[::-1])
    pair = opened(tmp_path, str(folder))
    np.testing.assert_array_equal(pixels_of(pair), whole)
    assert pair.read(pair.grid.whole)[2].all()
    assert [stamp[0] for stamp in stamps(pair.sources[1].dataset)] == [str(one), str(other)]


def test_tiles_of_which_one_has_alpha_or_nodata(tmp_path):
    whole, holes = scene(seed=2), np.ones((64, 64), bool)
    holes[10:20, 5:20] = holes[30:40, 40:50] = False
    for kind in ("alpha", "nodata", "mask"):
        folder, options = tmp_path / kind, {}
        pixels = np.where(holes, whole, 0).astype(np.uint8)
        if kind == "alpha":
            pixels = np.concatenate([pixels, holes[None].astype(np.uint8) * 255])
        elif kind == "nodata":
            options = {"nodata": 0}
        else:
            options = {"mask": holes[:, 32:]}
        one, other = tile_in(folder, 0, whole), tile_in(folder, 1, pixels, **options)
        call(one, RGB)
        call(other, [*RGB, gdal.GCI_AlphaBand][: len(pixels)])
        pair = opened(tmp_path, str(folder))
        _, after, valid = pair.read(pair.grid.whole)
        expected = holes.copy()
        expected[:, :32] = True
        np.testing.assert_array_equal(valid, expected, kind)
        np.testing.assert_array_equal(after[:, valid], whole[:, valid], kind)


def test_a_tile_that_does_not_say_its_bands_is_named(tmp_path):
    one, other = tile_in(tmp_path / "f", 0, scene(seed=2)), tile_in(tmp_path / "f", 1, scene(seed=2))
    call(one, [gdal.GCI_Undefined] * 3)
    call(other, RGB[::-1])
    with pytest.raises(InputError) as caught:
        opened(tmp_path, str(tmp_path / "f"))
    assert caught.value.code == "parts_order"
    assert "tile0.tif" in caught.value.message


def test_tiles_of_a_mosaic(tmp_path):
    whole = scene(64, 64, seed=2)
    folder = tmp_path / "tiles_2020"
    folder.mkdir()
    for number, (row, column) in enumerate(((0, 0), (0, 32), (32, 0))):
        place = (LEFT + column * PIXEL, PIXEL, 0, TOP - row * PIXEL, 0, -PIXEL)
        part = whole[:, row : row + 32, column : column + 32]
        write_raster(folder / f"tile{number}.tif", part, geotransform=place, nodata=0)
    pair = opened(tmp_path, str(folder))
    _, after, valid = pair.read(pair.grid.whole)
    expected = np.ones((64, 64), bool)
    expected[32:, 32:] = False
    np.testing.assert_array_equal(valid, expected)
    np.testing.assert_array_equal(after[:, valid], whole[:, valid])


def test_one_image_in_a_folder(tmp_path):
    (tmp_path / "f").mkdir()
    write_raster(tmp_path / "f" / "image.tif", scene(seed=2))
    np.testing.assert_array_equal(pixels_of(opened(tmp_path, str(tmp_path / "f"))), scene(seed=2))


def make_bad(folder: Path, code: str) -> Path:
    if code == "no_parts":
        folder.mkdir()
    elif code == "parts_unnamed":
        bands_in(folder, scene(seed=2), ["one.tif", "two.tif", "three.tif"])
    elif code == "parts_unlike":
        bands_in(folder, scene(seed=2)[:1], ["red.tif"])
        write_raster(folder / "all.tif", scene(seed=2))
    elif code == "parts_crs":
        bands_in(folder, scene(seed=2)[:2], ["red.tif", "green.tif"])
        write_raster(folder / "blue.tif", scene(seed=2)[2:], epsg=32613)
    else:
        bands_in(folder, scene(seed=2)[:2], ["red.tif", "green.tif"])
        write_raster(folder / "blue.tif", scene(seed=2)[2:], geotransform=(LEFT + 50, PIXEL, 0, TOP, 0, -PIXEL))
    return folder


@pytest.mark.parametrize("code", ["no_parts", "parts_unnamed", "parts_unlike", "parts_crs", "parts_apart"])
def test_what_is_no_image_together_is_said(tmp_path, code):
    with pytest.raises(InputError) as caught:
        opened(tmp_path, str(make_bad(tmp_path / "f", code)))
    assert caught.value.code == code
    assert caught.value.message != caught.value.text("zh")


def test_a_run_keeps_the_virtual_raster_and_hashes_every_part(make_request: Callable[..., RunRequest], tmp_path):
    request = make_request()
    whole = gdal.Open(request.after)
    folder = tmp_path / "bands_20200831"
    folder.mkdir()
    for number, name in enumerate(("red", "green", "blue"), start=1):
        gdal.Translate(str(folder / f"{name}.tif"), whole, bandList=[number]).FlushCache()
    reference = detect(request, predictor=ColourPredictor())
    request = replace(request, after=str(folder), out_dir=f"{request.out_dir}-parts")
    run = Path(detect(request, predictor=ColourPredictor()).run_dir)
    one, other = (gdal.Open(f"{path}/change.tif").ReadAsArray() for path in (reference.run_dir, run))
    np.testing.assert_array_equal(one, other)
    after = json.loads((run / "run.json").read_text())["inputs"]["after"]
    assert after["path"] == str(run / "after.vrt")
    assert len({part["sha256"] for part in after["parts"]}) == 3
    np.testing.assert_array_equal(gdal.Open(after["path"]).ReadAsArray(), whole.ReadAsArray())
    # The same run again is known as the same, and a part that changed makes it another.
    assert "finished_before" in [finding.code for finding in detect(request, predictor=ColourPredictor()).findings]
    (folder / "red.tif").write_bytes((folder / "green.tif").read_bytes() + b" ")
    with pytest.raises(InputError) as differs:
        detect(request, predictor=ColourPredictor())
    assert differs.value.code == "run_exists"


def test_the_command_line_takes_parts():
    parser = Parser()
    add_request(parser, out_required=False)
    found = parser.parse_args(["b", "a", "--before-parts", "x", "y"])
    assert (found.before, found.after, found.before_parts, found.after_parts) == ("b", "a", ("x", "y"), ())


def test_a_scene_holds_the_stamps_of_all_parts(tmp_path):
    folder = bands_in(tmp_path / "f", scene(seed=2), ["red.tif", "green.tif", "blue.tif"])
    before = write_raster(tmp_path / "b_2009.tif", scene(seed=1))
    found = Scene.open(RunRequest(before, str(folder), "", ""))
    found.refuse_if_changed()
    (folder / "green.tif").unlink()
    with pytest.raises(InputError) as caught:
        found.refuse_if_changed()
    assert caught.value.code == "input_changed"
