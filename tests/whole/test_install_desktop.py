"""A person with an empty home and nothing but the zip: the environment is installed by clicks, and a run follows.

The real packages come from an index on loopback, or from a zip with the network cut off. They are taken from where
scripts/setup keeps what it fetched. Leaves pictures in build/desktop.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from farmcd_qgis.runtime.environment import offline
from farmcd_qgis.runtime.environment.fetch import wheel_path
from farmcd_qgis.runtime.environment.locks import Lock, read_lock, this_system, uv_wheel
from farmcd_qgis.runtime.environment.store import Store
from scripts.demo_session import FIND, open_pair, run
from scripts.desktop import Desktop
from tests.helpers.package_index import Index

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "desktop"
CUT_OFF = "FARMCD_CUT_OFF_ZIP"
PAGE = "from farmcd_qgis.gui.environment.dialog import _open\npage = _open[0].page if _open else None\n"
INSTALL_S = 900

pytestmark = [pytest.mark.desktop, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def fetched() -> tuple[Store, Lock]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "farmcd" / "wheels"
    lock = read_lock(this_system(), f"3.{sys.version_info[1]}", "cpu")
    store = Store(wheels=cache)
    missing = [w.file for w in (*lock.wheels, uv_wheel(lock.system)) if not wheel_path(store, w).is_file()]
    if missing:
        pytest.skip(f"scripts/setup has not fetched {len(missing)} of the packages into {cache}")
    return store, lock


@pytest.fixture(scope="module")
def plugin() -> Path:
    made = subprocess.run([sys.executable, ROOT / "scripts" / "package"], check=True, capture_output=True, text=True)
    return Path(made.stdout.strip())


@pytest.fixture
def desktop(plugin: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    """Start a QGIS without FarmCD, and let its plugin manager install the zip."""
    if shutil.which("qgis") is None:
        pytest.skip("there is no qgis on the PATH")
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_", "FARMCD_PYTHON"))]:
        monkeypatch.delenv(name)
    if "index" in request.fixturenames:
        monkeypatch.setenv("PIP_INDEX_URL", request.getfixturevalue("index").address)
    folder = OUT / request.node.name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "no plugins").mkdir(parents=True)
    with Desktop(folder, folder / "no plugins", engine=False) as session:
        session.ask(
            "from qgis.core import QgsSettings\nimport pyplugin_installer\n"
            "QgsSettings().remove('PythonPlugins/farmcd_qgis')\n"
            f"pyplugin_installer.instance().installFromZipFile({str(plugin)!r})",
            120,
        )
        session.wait_until("'farmcd_qgis' in plugins")
        session.screenshot("installed.png")
        yield session


@pytest.fixture
def index(fetched: tuple[Store, Lock], tmp_path: Path) -> Iterator[Index]:
    store, lock = fetched
    for wheel in (*lock.wheels, uv_wheel(lock.system)):
        (tmp_path / wheel.file).symlink_to(wheel_path(store, wheel))
    served = Index(tmp_path)
    yield served
    served.close()


def watch_until_ready(desktop: Desktop, state: str) -> None:
    """Wait for the end of an installation, and take a picture of each state on the way."""
    seen = {state}
    end = time.monotonic() + INSTALL_S
    while time.monotonic() < end:
        state, fault = desktop.ask(f"{PAGE}result = [page.state, page.fault.text()]")
        assert state not in ("failed", "cancelled", "broken"), fault
        if state not in seen:
            seen.add(state)
            desktop.screenshot(f"{len(seen)}-{state}.png")
        if state == "ready":
            break
        time.sleep(0.5)
    assert {"building", "verifying", "ready"} <= seen
    assert desktop.ask(f"{PAGE}result = page.details.text()").count("torch 2.") == 1


def run_ends_in_layers(desktop: Desktop) -> None:
    desktop.ask(f"{PAGE}_open[0].close()")
    run(desktop, desktop.folder / "result")
    desktop.screenshot("result.png")
    names = desktop.ask("result = [layer.name() for layer in QgsProject.instance().mapLayers().values()]")
    assert {"Candidates", "Change classes", "Confidence"} <= set(names)


def test_install_is_clicked_and_the_run_ends_in_layers(index: Index, desktop: Desktop) -> None:
    open_pair(desktop)
    desktop.ask("from qgis.PyQt.QtWidgets import QWidget")
    desktop.wait_until("plugins['farmcd_qgis'].dock.detect.findChild(QWidget, 'engineNotice').isVisible()", 120)
    desktop.screenshot("0-notice.png")
    assert index.asked == []
    desktop.click(
        FIND.format(name="engineNotice")
        + "\nfrom qgis.PyQt.QtWidgets import QPushButton\nwidget = widget.findChildren(QPushButton)[0]"
    )
    desktop.wait_until("__import__('farmcd_qgis.gui.environment.dialog', fromlist=['_open'])._open", 20)
    consent = f"{PAGE}result = page.state == 'consent'"
    end = time.monotonic() + 120
    while not desktop.ask(consent):
        assert time.monotonic() < end, "no question of consent"
        time.sleep(0.2)
    time.sleep(1)
    desktop.screenshot("1-consent.png")
    assert index.asked == [], "nothing is fetched before consent"
    desktop.click(f"{PAGE}widget = page._consent.agree")
    watch_until_ready(desktop, "consent")
    home = desktop.folder / "home" / ".local" / "share" / "farmcd" / "env"
    assert (home / "current.json").is_file()
    run_ends_in_layers(desktop)


def test_from_a_zip_with_the_network_cut_off(fetched: tuple[Store, Lock], tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-n", "true"], capture_output=True).returncode:
        pytest.skip("the network cannot be cut off here: unshare -n takes root's rights")
    store, lock = fetched
    from farmcd_qgis.core.feedback import SILENT

    target = tmp_path / "environment.zip"
    offline.write(store, lock, (*lock.wheels, uv_wheel(lock.system)), target, SILENT)
    inside = f"{Path(__file__)}::test_inside_without_a_network"
    told = subprocess.run(
        [unshare, "-n", sys.executable, "-m", "pytest", "-q", "-m", "desktop", "-p", "no:cacheprovider", inside],
        cwd=ROOT,
        env={**os.environ, CUT_OFF: str(target)},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-1000:]
    assert "1 passed" in told.stdout


@pytest.mark.skipif(CUT_OFF not in os.environ, reason="started by the test before this one, without a network")
def test_inside_without_a_network(desktop: Desktop) -> None:
    import socket

    with pytest.raises(OSError), socket.create_connection(("192.0.2.1", 80), timeout=1):  # noqa: PT011
        pass
    open_pair(desktop)
    source = os.environ[CUT_OFF]
    desktop.ask(
        f"from farmcd_qgis.gui.environment import open_environment\nopen_environment().page.import_zip({source!r})"
    )
    watch_until_ready(desktop, "absent")
    run_ends_in_layers(desktop)
