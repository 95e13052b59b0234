"""QGIS's own network access for the environment manager: its proxy, certificates, credentials and questions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QEventLoop, QTimer, QUrl
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest, QSslCertificate, QSslConfiguration

from ...core.errors import FarmCDError
from ...runtime.environment.log import without_credentials
from ...runtime.environment.transport import Answer, UrllibTransport, host_of

WAIT_MS = 100
BUFFER = 1 << 22
FAULTS = {
    QNetworkReply.NetworkError.ProxyAuthenticationRequiredError: "proxy",
    QNetworkReply.NetworkError.SslHandshakeFailedError: "tls",
    QNetworkReply.NetworkError.TimeoutError: "stalled",
    # QGIS itself aborts what has not moved for the time that its settings name.
    QNetworkReply.NetworkError.OperationCanceledError: "stalled",
}


class QgisTransport:
    """Reads addresses in the thread that asks; QGIS's manager makes one of itself for each thread."""

    def __init__(self, certificate: Path | None = None) -> None:
        self._certificate = certificate
        self._files = UrllibTransport(certificate)

    @contextmanager
    def get(
        self, address: str, begin: int = 0, accept: str = "*/*", check: Callable[[], None] = lambda: None
    ) -> Iterator[Answer]:
        """Open an address, as `runtime.environment.transport.Transport` says."""
        if not address.startswith(("http:", "https:")):
            with self._files.get(address, begin, accept, check) as answer:
                yield answer
            return
        reply = QgsNetworkAccessManager.instance().get(self._request(address, begin, accept))
        reply.setReadBufferSize(BUFFER)
        try:
            while not reply.bytesAvailable() and not reply.isFinished():
                _wait(reply)
                check()
            status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
            self._raise_fault(reply, address, status)
            headers = {
                bytes(name).decode("latin-1").lower(): bytes(reply.rawHeader(name)).decode("latin-1")
                for name in reply.rawHeaderList()
            }
            yield Answer(int(status or 200), headers, self._pieces(reply, address), reply.url().toString())
        finally:
            reply.abort()
            reply.deleteLater()

    def _pieces(self, reply: QNetworkReply, address: str) -> Iterator[bytes]:
        while True:
            piece = bytes(reply.readAll())
            if piece:
                yield piece
                continue
            if reply.isFinished():
                self._raise_fault(reply, address, reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute))
                return
            _wait(reply)
            yield b""

    def _request(self, address: str, begin: int, accept: str) -> QNetworkRequest:
        request = QNetworkRequest(QUrl(address))
        request.setRawHeader(b"Accept", accept.encode())
        # A wheel is compressed already, and a part of it is asked for by its bytes.
        request.setRawHeader(b"Accept-Encoding", b"identity")
        if begin:
            request.setRawHeader(b"Range", f"bytes={begin}-".encode())
        request.setAttribute(
            QNetworkRequest.Attribute.RedirectPolicyAttribute,
            QNetworkRequest.RedirectPolicy.NoLessSafeRedirectPolicy,
        )
        request.setAttribute(QNetworkRequest.Attribute.CacheSaveControlAttribute, False)
        request.setAttribute(
            QNetworkRequest.Attribute.CacheLoadControlAttribute, QNetworkRequest.CacheLoadControl.AlwaysNetwork
        )
        if self._certificate and self._certificate.is_file():
            settings = QSslConfiguration(request.sslConfiguration())
            own = QSslCertificate.fromPath(str(self._certificate))
            settings.setCaCertificates([*settings.caCertificates(), *own])
            request.setSslConfiguration(settings)
        return request

    def _raise_fault(self, reply: QNetworkReply, address: str, status: int | None) -> None:
        error = reply.error()
        # An answer with a status, such as 404, is for the caller to judge.
        if error == QNetworkReply.NetworkError.NoError or (status and error not in FAULTS):
            return
        host, reason = host_of(address), without_credentials(reply.errorString())
        kind = FAULTS.get(error)
        if kind == "proxy":
            raise FarmCDError("env_proxy_auth", host=host)
        if kind == "tls":
            raise FarmCDError("env_tls", host=host, reason=reason, certificate=str(self._certificate or ""))
        if kind == "stalled":
            raise FarmCDError("env_stalled", host=host)
        raise FarmCDError("env_no_network", host=host, reason=reason)


def _wait(reply: QNetworkReply) -> None:
    """Let the thread's events run until something came, or a moment."""
    loop = QEventLoop()
    timer = QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(loop.quit)
    reply.readyRead.connect(loop.quit)
    reply.finished.connect(loop.quit)
    timer.start(WAIT_MS)
    loop.exec()
    reply.readyRead.disconnect(loop.quit)
    reply.finished.disconnect(loop.quit)
