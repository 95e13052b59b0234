"""An S3 server on this machine: moto's, and before it one that fails as often as a test wants."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from osgeo import gdal

HOST = "127.0.0.1"
BUCKET = "farmland"
# What a client must not send on, since the connection behind is another one.
HOP = ("connection", "host", "transfer-encoding", "content-length", "expect")


class Storage:
    """A bucket that GDAL of this process and of those it starts finds under /vsis3/farmland.

    `fails` is asked of each request (method, path) whether it is answered with 503; `asked` counts them.
    """

    address = f"/vsis3/{BUCKET}"

    def __init__(self, port: int) -> None:
        self.fails: Callable[[str, str], bool] = lambda method, path: False
        self.asked: list[tuple[str, str]] = []
        self.failed = 0
        self._behind = port
        self.server = ThreadingHTTPServer((HOST, 0), _handler(self))
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def settings(self) -> dict[str, str]:
        """What GDAL has to know."""
        return {
            "AWS_S3_ENDPOINT": f"{HOST}:{self.server.server_port}",
            "AWS_HTTPS": "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_REGION": "us-east-1",
            "GDAL_HTTP_RETRY_DELAY": "0.05",
        }

    def behind(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, list, bytes]:
        """Let the server behind answer."""
        connection = http.client.HTTPConnection(HOST, self._behind, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


def _handler(storage: Storage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            storage.asked.append((self.command, self.path))
            if storage.fails(self.command, self.path):
                storage.failed += 1
                status, headers, said = 503, [], b""
            else:
                kept = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                status, headers, said = storage.behind(self.command, self.path, kept, body)
            self.send_response(status)
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            for name, value in headers:
                if name.lower() not in HOP:
                    self.send_header(name, value)
            length = lengths[0] if self.command == "HEAD" and lengths else str(len(said))
            self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def storage() -> Iterator[Storage]:
    """Start both servers, and tell GDAL; end them afterwards."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = {}
    try:
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection((HOST, port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        made = Storage(port)
        assert made.behind("PUT", f"/{BUCKET}", {}, b"")[0] == 200
        before = {name: os.environ.get(name) for name in made.settings}
        os.environ.update(made.settings)
        gdal.VSICurlClearCache()
        yield made
        made.server.shutdown()
        made.server.server_close()
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
        gdal.VSICurlClearCache()
        process.kill()
        process.wait()
