"""Reading addresses: what the manager asks of the network, and how it does so without QGIS.

In QGIS the same is done by QGIS's own network access, with its proxy, certificates and credentials (`gui.environment`).
"""

import base64
import queue
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...core.errors import FarmCDError
from ...core.messages import why
from .log import without_credentials

PIECE = 1 << 18
POLL_S = 0.1
STALLED_S = 30.0
OK, PARTIAL, OUT_OF_RANGE = 200, 206, 416
PROXY_WANTS_PASSWORD = 407


@dataclass
class Answer:
    """What a server said: its status, its headers by lower-case names, and the pieces of the body.

    An empty piece only says that nothing has come yet, so that the reader can ask whether it shall stop.
    """

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]
    address: str


class Transport(Protocol):
    """Reads an address from a byte on."""

    def get(
        self, address: str, begin: int = 0, accept: str = "*/*", check: Callable[[], None] = lambda: None
    ) -> AbstractContextManager[Answer]:
        """Open an address; `check` is called while waiting and ends that by raising.

        Raises FarmCDError: env_no_network, env_proxy_auth or env_tls. Other answers of the server are no faults here.
        """


class UrllibTransport:
    """Reads by Python alone, with the proxy that the system's variables or settings name."""

    def __init__(self, certificate: Path | None = None, stalled_s: float = STALLED_S) -> None:
        self._certificate = certificate
        self._stalled_s = stalled_s

    @contextmanager
    def get(
        self, address: str, begin: int = 0, accept: str = "*/*", check: Callable[[], None] = lambda: None
    ) -> Iterator[Answer]:
        """Open an address, or a file."""
        path = local_path(address)
        if path is not None:
            yield self._file(path, begin)
            return
        reader = _Reader(self._request(address, begin, accept), self._opener(), self._stalled_s)
        reader.start()
        try:
            while True:
                check()
                head = reader.next()
                if isinstance(head, Exception):
                    raise fault_of(head, address, self._certificate) from head
                if head is not None:
                    break
            status, headers, final = head
            yield Answer(status, headers, self._pieces(reader, address), final)
        finally:
            reader.stop()

    def _file(self, path: Path, begin: int) -> Answer:
        """Read a file here or on a shared folder; urllib opens none of another computer."""
        try:
            size = path.stat().st_size
        except OSError as error:
            raise FarmCDError("env_no_network", host=path, reason=why(error)) from error
        if begin >= size > 0:
            return Answer(OUT_OF_RANGE, {}, iter(()), str(path))
        status = PARTIAL if begin else OK
        return Answer(status, {"content-length": str(size - begin)}, self._pieces_of(path, begin), str(path))

    def _pieces_of(self, path: Path, begin: int) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                file.seek(begin)
                while piece := file.read(PIECE):
                    yield piece
        except OSError as error:
            raise FarmCDError("env_no_network", host=path, reason=why(error)) from error

    def _pieces(self, reader: "_Reader", address: str) -> Iterator[bytes]:
        while True:
            piece = reader.next()
            if isinstance(piece, Exception):
                raise fault_of(piece, address, self._certificate) from piece
            if piece == b"":
                return
            yield piece or b""

    def _request(self, address: str, begin: int, accept: str) -> urllib.request.Request:
        bare, credentials = split_credentials(address)
        headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "FarmCD"}
        if begin:
            headers["Range"] = f"bytes={begin}-"
        if credentials:
            headers["Authorization"] = "Basic " + base64.b64encode(credentials.encode()).decode()
        return urllib.request.Request(_quoted(bare), headers=headers)

    def _opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context()
        if self._certificate and self._certificate.is_file():
            context.load_verify_locations(self._certificate)
        return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))


class _Reader(threading.Thread):
    """Reads in a thread of its own, since neither connecting nor reading can be interrupted."""

    def __init__(
        self, request: urllib.request.Request, opener: urllib.request.OpenerDirector, stalled_s: float
    ) -> None:
        super().__init__(daemon=True)
        self._request, self._opener, self._stalled_s = request, opener, stalled_s
        self._told: queue.Queue[Any] = queue.Queue(maxsize=16)
        self._stopped = threading.Event()

    def run(self) -> None:
        """Put head and pieces into the queue, an empty piece at the end, or the exception."""
        try:
            with self._open() as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                self._put((getattr(answer, "status", None) or answer.getcode() or 200, headers, answer.url))
                while not self._stopped.is_set():
                    piece = answer.read1(PIECE) if hasattr(answer, "read1") else answer.read(PIECE)
                    self._put(piece)
                    if not piece:
                        return
        except Exception as error:
            self._put(error)

    def next(self) -> Any:
        """Return what came next, or None if nothing has come yet."""
        try:
            return self._told.get(timeout=POLL_S)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """Let the thread end by itself."""
        self._stopped.set()

    def _open(self) -> Any:
        try:
            return self._opener.open(self._request, timeout=self._stalled_s)  # nosec B310 # an index that was named
        except urllib.error.HTTPError as error:
            if error.code == PROXY_WANTS_PASSWORD:
                raise
            return error

    def _put(self, told: Any) -> None:
        while not self._stopped.is_set():
            try:
                self._told.put(told, timeout=POLL_S)
                return
            except queue.Full:
                continue


def local_path(address: str) -> Path | None:
    """Return the file or folder that an address names, also on another computer; None for a server's."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme in ("http", "https"):
        return None
    if parts.scheme != "file":
        return Path(address)
    path = urllib.request.url2pathname(parts.path)
    return Path(path if parts.netloc in ("", "localhost") else f"//{parts.netloc}{path}")


def _quoted(address: str) -> str:
    """Write blanks and other alphabets as a server reads them."""
    parts = urllib.parse.urlsplit(address)
    path, query = (urllib.parse.quote(each, safe="/%:@!$&'()*+,;=~?") for each in (parts.path, parts.query))
    return urllib.parse.urlunsplit(parts._replace(path=path, query=query))


def split_credentials(address: str) -> tuple[str, str]:
    """Part an address from the "user:password" that it may hold."""
    parts = urllib.parse.urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return address, ""
    return urllib.parse.urlunsplit(parts._replace(netloc=host)), urllib.parse.unquote(user)


def fault_of(error: Exception, address: str, certificate: Path | None) -> FarmCDError:
    """Say what kept an address from being read."""
    host = host_of(address)
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if getattr(error, "code", None) == PROXY_WANTS_PASSWORD or "407" in str(reason):
        return FarmCDError("env_proxy_auth", host=host)
    if isinstance(reason, ssl.SSLError):
        return FarmCDError("env_tls", host=host, reason=why(reason), certificate=certificate or "")
    if isinstance(reason, TimeoutError | socket.timeout):
        return FarmCDError("env_stalled", host=host)
    said = why(reason) if isinstance(reason, BaseException) else str(reason)
    return FarmCDError("env_no_network", host=host, reason=without_credentials(str(said)))


def host_of(address: str) -> str:
    """Name the server of an address, without credentials, as people are told of it."""
    parts = urllib.parse.urlsplit(address)
    return parts.netloc.rpartition("@")[2] or parts.path
