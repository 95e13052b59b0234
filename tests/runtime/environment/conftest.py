"""The small wheels, their index and their locks."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from farmcd_qgis.runtime.environment import build, locks
from farmcd_qgis.runtime.environment.manager import Manager, Wish
from farmcd_qgis.runtime.environment.store import Store
from farmcd_qgis.runtime.environment.transport import UrllibTransport
from tests.helpers import package_index
from tests.helpers.package_index import Index, make_locks, make_wheels


@pytest.fixture(scope="session")
def wheels(tmp_path_factory) -> Path:
    """Make two versions of the small wheels."""
    uv = package_index.uv_program()
    if uv is None or sys.platform != "linux":
        pytest.skip("there is no uv, which scripts/setup installs, or this is no Linux")
    folder = tmp_path_factory.mktemp("wheels")
    make_wheels(folder, uv)
    make_wheels(folder, uv, "2.0")
    return folder


@pytest.fixture
def index(wheels) -> Iterator[Index]:
    served = Index(wheels)
    yield served
    served.close()


@pytest.fixture
def lock_folder(wheels, tmp_path, monkeypatch) -> Iterator[Path]:
    """Let the locks be those of the small wheels, and the trial one that they pass."""
    folder = tmp_path / "locks"
    make_locks(folder, wheels)
    monkeypatch.setattr(locks, "folder", lambda: folder)
    monkeypatch.setattr(build, "trial", package_index.trial)
    locks.uv_wheel.cache_clear()
    yield folder
    locks.uv_wheel.cache_clear()


@pytest.fixture
def manager(tmp_path, lock_folder) -> Manager:
    # Spaces and other alphabets, as in people's names.
    return Manager(Store(tmp_path / "用户 名" / "env"), UrllibTransport(stalled_s=1.0))


@pytest.fixture
def wish(index) -> Wish:
    return Wish(Path(sys.executable), "cpu", index.address)
