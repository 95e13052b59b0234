"""Whose the images of a WMS or WMTS are, as its capabilities say: QGIS reads that, but does not tell."""

from collections.abc import Iterator

from qgis.core import QgsBlockingNetworkRequest, QgsDataSourceUri
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtNetwork import QNetworkRequest
from qgis.PyQt.QtXml import QDomDocument, QDomElement, QDomNode

NOTHING = ("", "none")
# Elements are found by their names as they are written.
PREFIXES = ("", "wms:", "ows:")


def attribution_said(source: str) -> str:
    """Ask the server of a layer of QGIS's provider `wms`; "" where it does not say. Not in the main thread."""
    uri = QgsDataSourceUri()
    uri.setEncodedUri(source)
    if uri.param("type") == "xyz" or not uri.param("url"):
        return ""
    request = QgsBlockingNetworkRequest()
    request.setAuthCfg(uri.authConfigId())
    if (
        request.get(QNetworkRequest(QUrl(_capabilities(uri.param("url")))))
        != QgsBlockingNetworkRequest.ErrorCode.NoError
    ):
        return ""
    document = QDomDocument()
    document.setContent(request.reply().content())
    root = document.documentElement()
    owners = (_owner(layer) for layer in _all(root, "Layer") if _text(layer, "Name") in uri.params("layers"))
    rights = (element.text().strip() for element in _all(root, "AccessConstraints"))
    return next((text for text in (*owners, *rights) if text.lower() not in NOTHING), "")


def _capabilities(url: str) -> str:
    if "service=wmts" in url.lower() or "wmtscapabilities.xml" in url.lower():
        return url
    joint = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return f"{url}{joint}SERVICE=WMS&REQUEST=GetCapabilities"


def _owner(layer: QDomElement) -> str:
    """Return the attribution of a layer, or the one that it has from a layer above."""
    node: QDomNode = layer
    while not node.isNull():
        for prefix in PREFIXES:
            if said := _text(node.toElement().firstChildElement(f"{prefix}Attribution"), "Title"):
                return said
        node = node.parentNode()
    return ""


def _all(root: QDomElement, name: str) -> Iterator[QDomElement]:
    for prefix in PREFIXES:
        found = root.elementsByTagName(prefix + name)
        yield from (found.item(number).toElement() for number in range(found.count()))


def _text(element: QDomElement, name: str) -> str:
    children = (element.firstChildElement(prefix + name) for prefix in PREFIXES)
    return next((str(child.text()).strip() for child in children if not child.isNull()), "")
