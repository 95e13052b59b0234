"""A web map becomes a file; the tiles come from a server on this computer."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProject, QgsRasterLayer, QgsRectangle

from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback, Progress
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.run.record import _input
from farmcd_qgis.engine.scene.pair import Pair
from farmcd_qgis.layers.web_maps import free_path, is_web_map, plan, save
from tests.helpers.rasters import scene, write_raster


@pytest.fixture
def other(tmp_path, qgis_new_project) -> QgsRasterLayer:
    layer = QgsRasterLayer(write_raster(tmp_path / "field_2009.tif", scene(100, 120)), "field")
    # The project frees it, before QGIS ends.
    return QgsProject.instance().addMapLayer(layer)


def test_the_map_is_saved_on_the_pixels_of_the_other_date(web, other, tmp_path):
    assert is_web_map(web)
    assert not is_web_map(other)
    planned = plan(web, other, None, None)
    assert (planned.width, planned.height) == (120, 100)
    assert planned.told["megabytes"] == pytest.approx(0.048)
    seen: list[Progress] = []
    path = save(planned, free_path(tmp_path, planned.name), Feedback(seen.append))
    assert path.name == "Map_of_2020_A.tif"
    file = gdal.Open(str(path))
    assert file.GetGeoTransform() == pytest.approx(gdal.Open(other.source()).GetGeoTransform())
    assert file.GetMetadataItem("LAYOUT", "IMAGE_STRUCTURE") == "COG"
    assert seen
    assert [name.name for name in tmp_path.iterdir() if ".part" in name.name] == []
    pair = Pair.open(RunRequest(other.source(), str(path), "", ""))
    _, after, valid = pair.read(pair.grid.whole)
    assert valid.all()
    assert (np.abs(after[1].astype(int) - 90) <= 1).all()
    assert _input(pair.sources[1], None, str(tmp_path))["attribution"] == "© the makers"
    assert free_path(tmp_path, planned.name).name == "Map_of_2020_A_2.tif"


def test_an_extent_narrows_it(web, other):
    box = other.extent()
    half = QgsRectangle(box.xMinimum(), box.yMinimum(), box.center().x(), box.yMaximum())
    planned = plan(web, other, half, other.crs())
    assert (planned.width, planned.height) == (60, 100)
    assert plan(web, other, half, other.crs(), resolution=4.0).width == 30


def test_what_cannot_be_planned_is_said(web, other):
    QgsProject.instance().setCrs(other.crs())
    box = other.extent()
    for arguments, code in (
        ((web, None, None, None), "web_no_place"),
        ((web, web, box, other.crs()), "web_no_place"),
        ((web, other, None, None, 0.01), "web_too_large"),
    ):
        with pytest.raises(InputError) as caught:
            plan(*arguments)
        assert caught.value.code == code


def test_a_server_without_images_leaves_nothing(web, other, server, tmp_path):
    planned = plan(web, other, None, None)
    server.missing = True
    with pytest.raises(FarmCDError) as caught:
        save(planned, tmp_path / "m.tif")
    assert caught.value.code == "web_empty"
    assert not list(Path(tmp_path).glob("m.tif*"))


def test_it_can_be_stopped(web, other, tmp_path):
    with pytest.raises(Cancelled):
        save(plan(web, other, None, None), tmp_path / "m.tif", Feedback(cancelled=lambda: True))
    assert not list(Path(tmp_path).glob("m.tif*"))
