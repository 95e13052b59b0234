"""QGIS's own network access, as the environment manager uses it: parts of files, proxies, strange servers."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtNetwork import QNetworkProxy

from farmcd_qgis.core.errors import Cancelled, FarmCDError
from farmcd_qgis.gui.environment.network import QgisTransport
from tests.helpers.package_index import Index, Proxy, wheel

FILE = "torch-1.0-py3-none-any.whl"
CONTENT = wheel("torch", "1.0", {"torch/data.bin": bytes(range(256)) * 4000})


@pytest.fixture
def index(tmp_path: Path, qgis_app) -> Iterator[Index]:
    (tmp_path / FILE).write_bytes(CONTENT)
    served = Index(tmp_path)
    yield served
    served.close()


@pytest.fixture
def address(index: Index) -> str:
    return index.address.replace("/simple", f"/files/{FILE}")


@pytest.fixture
def proxied() -> Iterator[None]:
    manager = QgsNetworkAccessManager.instance()
    yield
    manager.setFallbackProxyAndExcludes(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy), [], [])


def use(proxy: Proxy, user: str = "", password: str = "") -> None:
    kind = QNetworkProxy.ProxyType.HttpCachingProxy
    through = QNetworkProxy(kind, "127.0.0.1", proxy.server_port, user, password)
    QgsNetworkAccessManager.instance().setFallbackProxyAndExcludes(through, [], [])


def read(address: str, begin: int = 0) -> tuple[int, bytes]:
    with QgisTransport().get(address, begin) as answer:
        return answer.status, b"".join(answer.pieces)


def test_a_file_comes_whole_and_in_part(address):
    assert read(address) == (200, CONTENT)
    assert read(address, 1000) == (206, CONTENT[1000:])


def test_other_answers_are_for_the_caller_to_judge(address):
    assert read(f"{address}.none")[0] == 404


def test_a_server_that_is_not_there_is_no_network(qgis_app):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FarmCDError) as caught:
        read(f"http://127.0.0.1:{port}/simple/torch/")
    assert caught.value.code == "env_no_network"


def test_waiting_ends_when_asked_to(index, address):
    index.faults[FILE] = "stall"
    asked: list[None] = []

    def check() -> None:
        asked.append(None)
        if len(asked) > 5:
            raise Cancelled

    def read_on() -> None:
        with QgisTransport().get(address, check=check) as answer:
            for _ in answer.pieces:
                check()

    with pytest.raises(Cancelled):
        read_on()


def test_qgis_own_proxy_and_its_credentials_are_used(index, address, proxied):
    through = Proxy("office:secret")  # pragma: allowlist secret
    try:
        use(through)
        with pytest.raises(FarmCDError) as caught:
            read(address)
        assert caught.value.code == "env_proxy_auth"
        assert through.passed == []
        use(through, "office", "secret")
        assert read(address) == (200, CONTENT)
        assert through.passed
    finally:
        through.close()
