"""A tile server on this computer, and a layer that it draws."""

import urllib.parse
from collections.abc import Iterator

import pytest
from osgeo import gdal
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt import sip

from tests.helpers.map_server import MapHandler, png, serving


class Tiles(MapHandler):
    """Answers every tile with one colour, the red one by the column of the tile."""

    missing = False

    def do_GET(self) -> None:
        column = int(self.path.strip("/").split("/")[1])
        if type(self).missing:
            self.send_error(404)
            return
        image = gdal.GetDriverByName("MEM").Create("", 256, 256, 3)
        for number, value in enumerate((column % 200 + 20, 90, 40), start=1):
            image.GetRasterBand(number).Fill(value)
        self.answer(png(image))


@pytest.fixture
def server() -> Iterator[type[Tiles]]:
    yield from serving(Tiles)


@pytest.fixture
def web(server, qgis_new_project) -> Iterator[QgsRasterLayer]:
    url = urllib.parse.quote(f"http://127.0.0.1:{server.port}/{{z}}/{{x}}/{{y}}.png", safe=":/{}")
    layer = QgsRasterLayer(f"type=xyz&url={url}&zmax=18&zmin=0", "Map of 2020/A", "wms")
    assert layer.isValid()
    layer.serverProperties().setAttribution("© the makers")
    yield layer
    # Before QGIS ends, with which its network goes. Deleted under a project, it would stay in the models of its lists.
    if not sip.isdeleted(layer):
        if QgsProject.instance().mapLayer(layer.id()):
            QgsProject.instance().removeMapLayer(layer.id())
        else:
            sip.delete(layer)
