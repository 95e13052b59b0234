"""Labelled GeoTIFF pairs and verdicts become the one folder that training reads."""

import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import ogr
from PIL import Image

from farmcd_qgis.commands.cli import main
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.engine.assess.training_set import training_set
from farmcd_qgis.training.datasets import check_dataset, open_dataset
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM, crs_of, scene, write_raster


def labelled_pair(folder: Path) -> np.ndarray:
    """Write a pair whose before raster has half the resolution and 16 bit, with water, a polygon without class, and
    where nobody looked; returns the label."""
    folder.mkdir()
    after = scene(40, 40)
    for date in ("A", "B"):
        (folder / date).mkdir()
    coarse = (scene(20, 20, seed=2).astype(np.uint16)) * 100
    write_raster(folder / "A" / "farm.tif", coarse, geotransform=(LEFT, 2 * PIXEL, 0, TOP, 0, -2 * PIXEL))
    write_raster(folder / "B" / "farm.tif", after)

    def box(column: int, row: int, width: int, height: int) -> str:
        x, y = LEFT + column * PIXEL, TOP - row * PIXEL
        right, low = x + width * PIXEL, y - height * PIXEL
        return f"POLYGON (({x} {y}, {right} {y}, {right} {low}, {x} {low}, {x} {y}))"

    file = ogr.GetDriverByName("GPKG").CreateDataSource(str(folder / "labels.gpkg"))
    labels = file.CreateLayer("labels", crs_of(UTM), ogr.wkbPolygon)
    labels.CreateField(ogr.FieldDefn("class", ogr.OFTString))
    labelled = file.CreateLayer("labelled", crs_of(UTM), ogr.wkbPolygon)
    for layer, shape, name in (
        (labels, box(2, 3, 10, 8), "water"),
        (labels, box(20, 20, 5, 5), None),
        (labelled, box(0, 0, 40, 23), None),
    ):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkt(shape))
        if name:
            feature["class"] = name
        layer.CreateFeature(feature)
    file = labels = labelled = layer = feature = None
    wanted = np.zeros((40, 40), np.uint8)
    wanted[3:11, 2:12], wanted[20:25, 20:25], wanted[23:] = 5, 254, 255
    return wanted


def test_pairs_with_polygons(tmp_path: Path) -> None:
    wanted = labelled_pair(tmp_path / "pairs")
    found = training_set([tmp_path / "pairs"], tmp_path / "set")
    assert (found.samples, found.pixels) == (1, int((wanted != 255).sum()))
    dataset = open_dataset(tmp_path / "set", "train")
    assert dataset.kind == "classes"
    sample = dataset[0]
    np.testing.assert_array_equal(sample.label, wanted)
    np.testing.assert_array_equal(sample.after, scene(40, 40))
    assert sample.before.shape == sample.after.shape
    assert np.ptp(sample.before) > 100
    assert {finding.code for finding in check_dataset(dataset)} == {"empty_class", "unsettled"}
    (row,) = json.loads((tmp_path / "set" / "samples.json").read_text())["samples"]
    assert row["pair"] == str(tmp_path / "pairs" / "A" / "farm.tif")
    assert {path.suffix for path in (tmp_path / "set").rglob("*.*")} == {".png", ".txt", ".json"}


def test_splits_and_annotations_are_kept(tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    for split in ("train", "val"):
        labelled_pair(tmp_path / "pairs" / split)
    (tmp_path / "pairs" / "val" / "json").mkdir()
    annotation = {"farm": {"scene": "farmland", "nuisance": ["shadow"], "confidence": {"shadow": 0.9}}}
    (tmp_path / "pairs" / "val" / "json" / "index.json").write_text(json.dumps(annotation))
    assert main(["training-set", str(tmp_path / "pairs"), "--out", str(tmp_path / "set")]) == 0
    names = {split: (tmp_path / "set" / "list" / f"{split}.txt").read_text().split() for split in ("train", "val")}
    assert {split: len(listed) for split, listed in names.items()} == {"train": 1, "val": 1}
    assert names["train"] != names["val"]
    assert "Ignore shadow" in str(open_dataset(tmp_path / "set", "val").files[0].context)


def test_large_pairs_are_cut_without_a_rest(tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    labelled_pair(folder)
    for date, seed in (("A", 3), ("B", 4)):
        write_raster(folder / date / "farm.tif", scene(1100, 2300, seed=seed))
    found = training_set([folder], tmp_path / "set")
    assert found.samples == 1
    rows = json.loads((tmp_path / "set" / "samples.json").read_text())["samples"]
    assert [row["window"]["width"] for row in rows] == [1024]
    label = np.asarray(Image.open(tmp_path / "set" / "label" / rows[0]["name"]))
    assert label.shape == (1100, 1024)
    assert (label[3:11, 2:12] == 5).all()


def test_what_is_no_source_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare" / "A").mkdir(parents=True)
    sources = {"empty": "no_run", "nowhere": "no_run", "bare": "no_training_source"}
    for source, code in ((tmp_path / name, code) for name, code in sources.items()):
        with pytest.raises(InputError) as caught:
            training_set([source], tmp_path / "set")
        assert caught.value.code == code
        assert not (tmp_path / "set").exists()
    labelled_pair(tmp_path / "pairs")
    (tmp_path / "pairs" / "B" / "farm.tif").unlink()
    with pytest.raises(InputError) as missing:
        training_set([tmp_path / "pairs"], tmp_path / "set")
    assert missing.value.code == "missing_image"
