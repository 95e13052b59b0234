"""Processing saves what a run needs of a web map; the tiles come from a server on this computer."""

from pathlib import Path

import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProject, QgsRasterLayer

from tests.helpers.algorithms import Feedback, run
from tests.helpers.rasters import LEFT, PIXEL, TOP, UTM, scene, write_raster


@pytest.fixture
def other(tmp_path: Path, qgis_new_project) -> QgsRasterLayer:
    layer = QgsRasterLayer(write_raster(tmp_path / "field_2009.tif", scene(100, 120)), "field")
    return QgsProject.instance().addMapLayer(layer)


def test_the_map_is_saved_on_the_other_images_pixels(provider, web, other, tmp_path):
    QgsProject.instance().addMapLayer(web)
    path = tmp_path / "saved.tif"
    found = run("savewebmap", {"WEB_MAP": web.id(), "OTHER": other.id(), "OUTPUT": str(path)})
    assert found["OUTPUT"] == str(path)
    file = gdal.Open(str(path))
    assert (file.RasterXSize, file.RasterYSize) == (120, 100)
    assert file.GetGeoTransform() == pytest.approx(gdal.Open(other.source()).GetGeoTransform())
    assert file.GetMetadataItem("ATTRIBUTION") == "© the makers"


def test_extent_and_resolution_are_heeded(provider, web, other, tmp_path):
    QgsProject.instance().addMapLayer(web)
    path = tmp_path / "saved.tif"
    box = f"{LEFT},{LEFT + 60 * PIXEL},{TOP - 40 * PIXEL},{TOP} [EPSG:{UTM}]"
    parameters = {"WEB_MAP": web.id(), "OTHER": other.id(), "EXTENT": box, "RESOLUTION": 4.0, "OUTPUT": str(path)}
    run("savewebmap", parameters)
    file = gdal.Open(str(path))
    assert (file.RasterXSize, file.RasterYSize) == (30, 20)
    assert file.GetGeoTransform()[1] == pytest.approx(4.0)


def test_what_cannot_be_saved_is_said(provider, web, other, tmp_path):
    QgsProject.instance().addMapLayer(web)
    path = tmp_path / "saved.tif"
    for parameters, sentence in (
        ({"WEB_MAP": other.id()}, "no web map"),
        ({"WEB_MAP": web.id()}, "choose an extent"),
        ({"WEB_MAP": web.id(), "OTHER": other.id(), "RESOLUTION": 0.001}, "smaller extent"),
    ):
        heard = Feedback()
        with pytest.raises(QgsProcessingException):
            run("savewebmap", parameters | {"OUTPUT": str(path)}, feedback=heard)
        assert any(kind == "error" and sentence in words for kind, words in heard.said)
    assert not path.exists()
