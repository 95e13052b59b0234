"""Servers on this computer that draw maps as the usual services do: WMS, WMTS and ArcGIS, each by its own protocol.

What they draw tells where it is: in each CRS, red counts steps to the east and green steps to the north.
"""

import json
import re
import urllib.parse
from collections.abc import Iterator

import numpy as np
import pytest
from osgeo import gdal

from tests.helpers.map_server import MapHandler, png, serving

MAKERS = "© the makers"
EDGE = 20037508.342789244
SIDE = 256
STEPS = {3857: 16.0, 32614: 16.0, 4326: 0.0002}
LEVELS = range(20)


def picture(xs: np.ndarray, ys: np.ndarray, epsg: int) -> np.ndarray:
    """Return what lies at some places, uint8 (3, ...)."""
    step = STEPS[epsg]
    red, green = (20 + np.floor(np.asarray(each) / step) % 200 for each in (xs, ys))
    return np.stack([red, green, np.full_like(red, 40)]).astype(np.uint8)


def drawn(box: tuple[float, ...], width: int, height: int, epsg: int) -> bytes:
    """Draw a box (xmin, ymin, xmax, ymax) as a PNG."""
    xmin, ymin, xmax, ymax = box
    xs = xmin + (np.arange(width) + 0.5) * (xmax - xmin) / width
    ys = ymax - (np.arange(height) + 0.5) * (ymax - ymin) / height
    image = gdal.GetDriverByName("MEM").Create("", width, height, 3)
    image.WriteArray(picture(*np.meshgrid(xs, ys), epsg))
    return png(image)


class Services(MapHandler):
    """Answers /wms, /wmts and /arcgis/.../MapServer; what is asked like `fails` is not answered."""

    fails: re.Pattern[str] | None = None

    def do_GET(self) -> None:
        place = urllib.parse.urlsplit(self.path)
        asked = {key.upper(): value for key, value in urllib.parse.parse_qsl(place.query)}
        here = f"http://127.0.0.1:{self.server.server_port}"
        if place.path.startswith("/arcgis"):
            content, kind = self._arcgis(place.path, asked)
        elif asked.get("REQUEST") == "GetCapabilities":
            text = wms(here, asked.get("VERSION", "1.3.0")) if place.path == "/wms" else wmts(here)
            content, kind = text.encode(), "text/xml"
        elif place.path == "/wms":
            epsg = int((asked.get("CRS") or asked["SRS"]).split(":")[1])
            box = tuple(map(float, asked["BBOX"].split(",")))
            if "CRS" in asked and epsg == 4326:
                box = (box[1], box[0], box[3], box[2])
            content, kind = self._map(box, int(asked["WIDTH"]), int(asked["HEIGHT"]), epsg), "image/png"
        else:
            numbers = (int(asked[key]) for key in ("TILEMATRIX", "TILEROW", "TILECOL"))
            content, kind = self._tile(*numbers), "image/png"
        self.answer(content, kind, 200 if content else 500)

    def _arcgis(self, path: str, asked: dict[str, str]) -> tuple[bytes, str]:
        if "/tile/" in path:
            level, row, column = map(int, path.split("/tile/")[1].split("/"))
            return self._tile(level, row, column), "image/png"
        if path.endswith("/export"):
            width, height = map(int, asked["SIZE"].split(","))
            return self._map(tuple(map(float, asked["BBOX"].split(","))), width, height, 3857), "image/png"
        return json.dumps(arcgis("Tiled" in path)).encode(), "application/json"

    def _tile(self, level: int, row: int, column: int) -> bytes:
        side = 2 * EDGE / 2**level
        left, top = -EDGE + column * side, EDGE - row * side
        return self._map((left, top - side, left + side, top), SIDE, SIDE, 3857)

    def _map(self, box: tuple[float, ...], width: int, height: int, epsg: int) -> bytes:
        return b"" if self.fails and self.fails.search(self.path) else drawn(box, width, height, epsg)


def wms(here: str, version: str) -> str:
    """Return the capabilities of a WMS with one layer."""
    crs = "CRS" if version == "1.3.0" else "SRS"
    kinds = "".join(f"<{crs}>EPSG:{epsg}</{crs}>" for epsg in STEPS)
    get = f'<DCPType><HTTP><Get><OnlineResource xlink:href="{here}/wms?"/></Get></HTTP></DCPType>'
    root = "WMS_Capabilities" if version == "1.3.0" else "WMT_MS_Capabilities"
    world = (
        "<EX_GeographicBoundingBox><westBoundLongitude>-180</westBoundLongitude>"
        "<eastBoundLongitude>180</eastBoundLongitude><southBoundLatitude>-85</southBoundLatitude>"
        "<northBoundLatitude>85</northBoundLatitude></EX_GeographicBoundingBox>"
        if version == "1.3.0"
        else '<LatLonBoundingBox minx="-180" miny="-85" maxx="180" maxy="85"/>'
    )
    return (
        f'<{root} version="{version}" xmlns:xlink="http://www.w3.org/1999/xlink"><Service><Name>WMS</Name>'
        f'<Title>maps</Title><OnlineResource xlink:href="{here}"/><AccessConstraints>none'
        f"</AccessConstraints></Service><Capability><Request><GetMap><Format>image/png</Format>{get}</GetMap></Request>"
        f"<Exception><Format>XML</Format></Exception><Layer><Title>all</Title>{kinds}{world}<Layer><Name>photo</Name>"
        f"<Title>Photo</Title>{kinds}{world}<Attribution><Title>{MAKERS}</Title></Attribution></Layer></Layer>"
        f"</Capability></{root}>"
    )


def wmts(here: str) -> str:
    """Return the capabilities of a WMTS with one layer in the usual tiles of the web."""
    scale = 2 * EDGE / SIDE / 0.00028
    matrices = "".join(
        f"<TileMatrix><ows:Identifier>{level}</ows:Identifier><ScaleDenominator>{scale / 2**level!r}</ScaleDenominator>"
        f"<TopLeftCorner>{-EDGE!r} {EDGE!r}</TopLeftCorner><TileWidth>{SIDE}</TileWidth><TileHeight>{SIDE}</TileHeight>"
        f"<MatrixWidth>{2**level}</MatrixWidth><MatrixHeight>{2**level}</MatrixHeight></TileMatrix>"
        for level in LEVELS
    )
    get = (
        f'<ows:DCP><ows:HTTP><ows:Get xlink:href="{here}/wmts?"><ows:Constraint name="GetEncoding"><ows:AllowedValues>'
        "<ows:Value>KVP</ows:Value></ows:AllowedValues></ows:Constraint></ows:Get></ows:HTTP></ows:DCP>"
    )
    operations = "".join(
        f'<ows:Operation name="{name}">{get}</ows:Operation>' for name in ("GetCapabilities", "GetTile")
    )
    return (
        '<Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" version="1.0.0"><ows:ServiceIdentification><ows:Title>maps'
        "</ows:Title><ows:ServiceType>OGC WMTS</ows:ServiceType><ows:ServiceTypeVersion>1.0.0</ows:ServiceTypeVersion>"
        f"<ows:AccessConstraints>{MAKERS}</ows:AccessConstraints></ows:ServiceIdentification>"
        f"<ows:OperationsMetadata>{operations}</ows:OperationsMetadata><Contents><Layer><ows:Title>Photo</ows:Title>"
        "<ows:WGS84BoundingBox><ows:LowerCorner>-180 -85</ows:LowerCorner><ows:UpperCorner>180 85</ows:UpperCorner>"
        '</ows:WGS84BoundingBox><ows:Identifier>photo</ows:Identifier><Style isDefault="true"><ows:Identifier>default'
        "</ows:Identifier></Style><Format>image/png</Format><TileMatrixSetLink><TileMatrixSet>web</TileMatrixSet>"
        "</TileMatrixSetLink></Layer><TileMatrixSet><ows:Identifier>web</ows:Identifier><ows:SupportedCRS>"
        f"urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>{matrices}</TileMatrixSet></Contents></Capabilities>"
    )


def arcgis(tiled: bool) -> dict[str, object]:
    """Return what an ArcGIS map service says of itself."""
    reference = {"wkid": 102100, "latestWkid": 3857}
    extent = dict(
        zip(("xmin", "ymin", "xmax", "ymax"), (-EDGE, -EDGE, EDGE, EDGE), strict=True), spatialReference=reference
    )
    levels = [
        {"level": level, "resolution": 2 * EDGE / SIDE / 2**level, "scale": 591657527.591555 / 2**level}
        for level in LEVELS
    ]
    tiles = {
        "rows": SIDE,
        "cols": SIDE,
        "dpi": 96,
        "format": "PNG",
        "origin": {"x": -EDGE, "y": EDGE},
        "spatialReference": reference,
        "lods": levels,
    }
    layer = {"id": 0, "name": "photo", "parentLayerId": -1, "defaultVisibility": True, "minScale": 0, "maxScale": 0}
    return {
        "currentVersion": 10.81,
        "mapName": "Layers",
        "copyrightText": MAKERS,
        "layers": [{**layer, "subLayerIds": None}],
        "spatialReference": reference,
        "singleFusedMapCache": tiled,
        **({"tileInfo": tiles} if tiled else {}),
        "initialExtent": extent,
        "fullExtent": extent,
        "supportedImageFormatTypes": "PNG32,PNG24,PNG,JPG",
        "capabilities": "Map,Query,Data",
        "maxImageHeight": 4096,
        "maxImageWidth": 4096,
    }


@pytest.fixture
def services() -> Iterator[type[Services]]:
    """Serve maps; the class tells the port, and hears what shall fail."""
    yield from serving(Services)


def sources(port: int) -> dict[str, tuple[str, str, int]]:
    """Return the layers of a port by name: QGIS's provider, its source, and the EPSG code of what is drawn."""
    here = f"http://127.0.0.1:{port}"
    get = urllib.parse.quote(f"{here}/wmts?SERVICE=WMTS&REQUEST=GetCapabilities", safe=":/?")
    usual = "contextualWMSLegend=0&dpiMode=7&format=image/png&layers=photo"
    found = {
        f"wms {epsg}": ("wms", f"{usual}&styles&crs=EPSG:{epsg}&url={here}/wms", epsg) for epsg in (3857, 32614, 4326)
    }
    found["wms 1.1.1"] = ("wms", f"{usual}&styles&crs=EPSG:4326&url={here}/wms?VERSION%3D1.1.1", 4326)
    found["wmts"] = ("wms", f"{usual}&styles=default&crs=EPSG:3857&tileMatrixSet=web&url={get}", 3857)
    for name, folder in (("arcgis", "Photo"), ("arcgis tiles", "Tiled")):
        url = f"{here}/arcgis/rest/services/{folder}/MapServer"
        found[name] = ("arcgismapserver", f"crs='EPSG:3857' format='PNG32' layer='0' url='{url}'", 3857)
    return found
