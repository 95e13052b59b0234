"""A map of change classes against references whose figures can be counted."""

import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.errors import Cancelled, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.engine.assess.evaluate import evaluate
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM, crs_of, write_raster


def write_map(path: Path, ids: np.ndarray, **options) -> str:
    return write_raster(path, ids[None].astype(np.uint8), nodata=255, **options)


@pytest.fixture
def result(tmp_path: Path) -> str:
    """32 x 32 pixels of 2 m: bareland in the upper left quarter, building in the upper right, one column of nodata."""
    ids = np.zeros((32, 32), np.uint8)
    ids[:16, :16], ids[:16, 16:], ids[:, 31] = 1, 2, 255
    return write_map(tmp_path / "change.tif", ids)


def write_polygons(path: Path, rows: list[tuple[tuple[float, float, float, float], object]], epsg: int = UTM) -> str:
    """Write rectangles (columns and rows of the map: left, top, right, bottom) with a text field `kind`."""
    file = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = file.CreateLayer("truth", crs_of(UTM), ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("kind", ogr.OFTString))
    for (left, top, right, bottom), kind in rows:
        feature = ogr.Feature(layer.GetLayerDefn())
        xs, ys = (LEFT + PIXEL * left, LEFT + PIXEL * right), (TOP - PIXEL * top, TOP - PIXEL * bottom)
        ring = ", ".join(f"{x} {y}" for x, y in ((xs[0], ys[0]), (xs[1], ys[0]), (xs[1], ys[1]), (xs[0], ys[1])))
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POLYGON (({ring}, {xs[0]} {ys[0]}))"))
        feature.SetField("kind", kind)
        layer.CreateFeature(feature)
    layer = file = None
    if epsg != UTM:
        gdal.VectorTranslate(str(path.with_suffix(".geojson")), str(path), dstSRS=f"EPSG:{epsg}", reproject=True)
        return str(path.with_suffix(".geojson"))
    return str(path)


def test_raster_of_classes(result: str, tmp_path: Path):
    truth = np.zeros((32, 32), np.uint8)
    truth[:8] = 1
    truth[8:12, 16:] = 2
    truth[12:16] = 254
    truth[31] = 255
    record = evaluate(result, write_map(tmp_path / "truth.tif", truth))
    # Changed: 8 rows, half of 4 more, 4 unsettled ones, in 31 columns; all of it is said to be changed, and the
    # 4 x 16 pixels below bareland as well. Settled classes: the 15 columns of building in the first 8 rows are wrong.
    assert record["binary_matrix"] == [[15 * 31, 4 * 16], [0, 8 * 31 + 4 * 15 + 4 * 31]]
    assert record["class_matrix"][1][:3] == [0, 8 * 16, 8 * 15]
    assert record["class_matrix"][2][:3] == [0, 0, 4 * 15]
    assert record["classes"]["building"]["precision"] == pytest.approx(60 / 180)


def test_mask_of_black_and_white(result: str, tmp_path: Path):
    truth = np.zeros((1, 32, 32), np.uint8)
    truth[0, :16] = 255
    record = evaluate(result, write_raster(tmp_path / "mask.tif", truth))
    assert record["binary"]["f1"] == pytest.approx(1)
    assert record["classes"] is None


def test_a_coloured_picture_is_no_reference(result: str, tmp_path: Path):
    mask = np.zeros((32, 32), np.uint8)
    mask[:8] = 255
    grey = write_raster(tmp_path / "grey.tif", np.stack([mask] * 3))
    assert evaluate(result, grey)["binary"]["recall"] == pytest.approx(1)
    colours = write_raster(tmp_path / "colours.tif", np.stack([mask, 255 - mask, mask]))
    with pytest.raises(InputError) as refused:
        evaluate(result, colours)
    assert refused.value.code == "coloured_reference"


def test_reference_on_another_grid(result: str, tmp_path: Path):
    truth = np.zeros((8, 8), np.uint8)
    truth[:4] = 3
    coarse = write_map(tmp_path / "truth.tif", truth, geotransform=(LEFT, 8.0, 0, TOP, 0, -8.0))
    assert evaluate(result, coarse)["binary_matrix"] == [[16 * 31, 0], [0, 16 * 31]]


@pytest.mark.parametrize("epsg", [UTM, 4326])
def test_polygons_with_names_of_classes(result: str, tmp_path: Path, epsg: int):
    rows = [((0, 0, 16, 16), "Bareland"), ((16, 0, 32, 8), "2"), ((16, 8, 32, 16), "道路"), ((0, 24, 8, 32), None)]
    record = evaluate(result, write_polygons(tmp_path / "truth.gpkg", rows, epsg), "kind")
    assert record["binary_matrix"] == [[16 * 31 - 64, 0], [64, 16 * 31]]
    assert record["class_matrix"][1][1] == 256
    assert record["class_matrix"][3][:4] == [0, 0, 8 * 15, 0]


def test_polygons_without_classes_measure_change_alone(result: str, tmp_path: Path):
    record = evaluate(result, write_polygons(tmp_path / "truth.gpkg", [((0, 0, 32, 16), "x")]))
    assert record["binary"]["f1"] == pytest.approx(1)
    assert record["classes"] is None


def test_files_and_command_line(result: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    truth = write_polygons(tmp_path / "truth.gpkg", [((0, 0, 16, 16), "bareland")])
    assert main(["evaluate", result, truth, "--class-field", "kind", "--out", str(tmp_path / "out")]) == 0
    assert "F1 of bareland 100.0 %" in capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert record["binary"]["recall"] == pytest.approx(1)
    assert "240" in (tmp_path / "out" / "evaluation.html").read_text()  # the pixels of building where nothing changed


def test_what_cannot_be_compared_is_said(result: str, tmp_path: Path):
    far = write_map(tmp_path / "far.tif", np.ones((8, 8)), geotransform=(LEFT + 9000, 2, 0, TOP, 0, -2))
    strange = write_map(tmp_path / "strange.tif", np.full((32, 32), 77))
    placeless = write_map(tmp_path / "placeless.tif", np.ones((32, 32)), epsg=None)
    polygons = write_polygons(tmp_path / "truth.gpkg", [((0, 0, 8, 8), "swamp")])
    cases = {
        (str(tmp_path / "none.tif"), None): "not_opened",
        (far, None): "no_common_pixels",
        (strange, None): "unknown_class_id",
        (placeless, None): "no_place",
        (polygons, "class"): "no_class_field",
        (polygons, "kind"): "unknown_reference_class",
        (polygons + "|layername=other", None): "polygons_no_layer",
    }
    for (reference, field), code in cases.items():
        with pytest.raises(InputError) as caught:
            evaluate(result, reference, field)
        assert caught.value.code == code


def test_cancel(result: str):
    with pytest.raises(Cancelled):
        evaluate(result, result, feedback=Feedback(cancelled=lambda: True))
