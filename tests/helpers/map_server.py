"""What servers of maps on this computer share: an answer, a picture as a PNG, and a port of their own."""

import http.server
import threading
from collections.abc import Iterator
from typing import TypeVar

from osgeo import gdal


class MapHandler(http.server.BaseHTTPRequestHandler):
    """Answers quietly."""

    def answer(self, content: bytes, kind: str = "image/png", status: int = 200) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Handler = TypeVar("Handler", bound=MapHandler)


def png(image: gdal.Dataset) -> bytes:
    """Return a picture of GDAL's as a PNG."""
    name = f"/vsimem/map_{threading.get_ident()}.png"
    gdal.GetDriverByName("PNG").CreateCopy(name, image)
    file = gdal.VSIFOpenL(name, "rb")
    content = bytes(gdal.VSIFReadL(1, gdal.VSIStatL(name).size, file))
    gdal.VSIFCloseL(file)
    gdal.Unlink(name)
    return content


def serving(handler: type[Handler]) -> Iterator[type[Handler]]:
    """Serve with a class of its own, which is yielded, knows its `port` and may be set otherwise for a test."""
    kind = type("Own", (handler,), {})
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    kind.port = made.server_port
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield kind
    made.shutdown()
    made.server_close()
