"""Web maps of every protocol become files; the services are on this computer."""

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt import sip

from farmcd_qgis.core.errors import FarmCDError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.core.protocol import Finding
from farmcd_qgis.layers.web_maps import is_web_map, plan, save
from tests.helpers.rasters import UTM, crs_of, scene, write_raster
from tests.helpers.web_services import MAKERS, STEPS, picture, sources

NAMES = ["wms 3857", "wms 32614", "wms 4326", "wms 1.1.1", "wmts", "arcgis", "arcgis tiles"]


@pytest.fixture
def other(tmp_path, qgis_new_project) -> QgsRasterLayer:
    layer = QgsRasterLayer(write_raster(tmp_path / "field_2009.tif", scene(100, 120)), "field")
    return QgsProject.instance().addMapLayer(layer)


@pytest.fixture
def layer_of(services) -> Iterator[Callable[[str], QgsRasterLayer]]:
    made: list[QgsRasterLayer] = []

    def make(name: str) -> QgsRasterLayer:
        provider, source, _ = sources(services.port)[name]
        made.append(QgsRasterLayer(source, name, provider))
        assert made[-1].isValid(), made[-1].error().message()
        return made[-1]

    yield make
    for layer in made:
        if not sip.isdeleted(layer):
            sip.delete(layer)


def drawn_at(file: gdal.Dataset, epsg: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what is drawn where a file's pixels lie, (3, h, w), and where that is the same all around, (h, w)."""
    x, dx, _, y, _, dy = file.GetGeoTransform()
    columns, rows = np.meshgrid(np.arange(file.RasterXSize) + 0.5, np.arange(file.RasterYSize) + 0.5)
    places = np.stack([x + columns.ravel() * dx, y + rows.ravel() * dy], axis=1)
    moved = np.array(osr.CoordinateTransformation(crs_of(UTM), crs_of(epsg)).TransformPoints(places))[:, :2].T
    inner = np.abs(moved / STEPS[epsg] % 1 - 0.5).max(axis=0) < 0.25
    return picture(*moved.reshape(2, *rows.shape), epsg), inner.reshape(rows.shape)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_lies_where_it_belongs(name, layer_of, services, other, tmp_path):
    layer, epsg = layer_of(name), sources(services.port)[name][2]
    assert is_web_map(layer)
    planned = plan(layer, other, None, None)
    assert (planned.width, planned.height) == (120, 100)
    file = gdal.Open(str(save(planned, tmp_path / "map.tif")))
    assert file.GetGeoTransform() == pytest.approx(gdal.Open(other.source()).GetGeoTransform())
    expected, inner = drawn_at(file, epsg)
    found = file.ReadAsArray()
    print(
        name,
        file.RasterCount,
        inner.mean(),
        (found[:3, inner] == expected[:, inner]).mean(),
        file.GetMetadataItem("ATTRIBUTION"),
    )
    assert inner.mean() > 0.2
    assert (found[:3, inner] == expected[:, inner]).all()
    assert (found[3] == 255).all()
    assert file.GetMetadataItem("ATTRIBUTION") == MAKERS


def test_what_did_not_come_is_said(layer_of, services, other, tmp_path):
    planned = plan(layer_of("wmts"), other, None, None)
    services.fails = re.compile("TILECOL=[0-9]*[02468](&|$)")
    said: list[Finding] = []
    file = gdal.Open(str(save(planned, tmp_path / "map.tif", Feedback(on_finding=said.append))))
    empty = (file.GetRasterBand(4).ReadAsArray() == 0).mean()
    assert 0 < empty < 1
    assert [finding.code for finding in said] == ["web_holes"]
    assert said[0].values["percent"] == pytest.approx(100 * empty)


@pytest.mark.parametrize("name", ["wms 3857", "arcgis"])
def test_a_service_that_fails_leaves_nothing(name, layer_of, services, other, tmp_path):
    planned = plan(layer_of(name), other, None, None)
    services.fails = re.compile("")
    with pytest.raises(FarmCDError) as caught:
        save(planned, tmp_path / "map.tif")
    assert caught.value.code == "web_empty"
    assert not list(tmp_path.glob("map.tif*"))
