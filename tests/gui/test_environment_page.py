"""The page of the environment: each state says what there is and offers what makes sense; nothing begins unasked."""

import json
import time
from pathlib import Path

import pytest
from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QCoreApplication

from farmcd_qgis.core.errors import Cancelled, FarmCDError
from farmcd_qgis.gui.environment import open_environment
from farmcd_qgis.gui.environment.consent import ConsentDialog
from farmcd_qgis.gui.environment.dialog import close_environment
from farmcd_qgis.gui.environment.page import EnvironmentPage
from farmcd_qgis.gui.options_page import OptionsPage
from farmcd_qgis.runtime.environment.locks import Lock, Wheel
from farmcd_qgis.runtime.environment.machine import Base
from farmcd_qgis.runtime.environment.manager import Manager, Plan
from farmcd_qgis.runtime.environment.sources import Sources
from farmcd_qgis.runtime.environment.store import Chosen, Store
from farmcd_qgis.settings import settings

LOCK = Lock("linux-x86_64-cp311-cpu", (Wheel("torch", "2.13.0", "0" * 64, "torch.whl", 200_000_000, "torch"),))


@pytest.fixture
def store(qgis_app, tmp_path, monkeypatch):
    QgsSettings().remove("plugins/farmcd")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield Store()
    QgsSettings().remove("plugins/farmcd")


@pytest.fixture
def page(store):
    made = EnvironmentPage()
    yield made
    made.cancel()
    until(lambda: made.task is None)
    made.deleteLater()


def until(met, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "waited in vain"
        QCoreApplication.processEvents()
        time.sleep(0.01)


def plan(store: Store) -> Plan:
    base = Base(Path("/usr/bin/python3"), "3.11", "3.11.2")
    return Plan(LOCK, base, Sources(("https://index.example.org/simple",)), store.home, 374_000_000, 60_000_000_000)


def make(store: Store, digest: str = "") -> None:
    """Let there be an environment that looks whole."""
    from farmcd_qgis.runtime.environment.locks import read_lock

    folder = store.folder("abcd1234")
    python = store.python("abcd1234")
    python.parent.mkdir(parents=True)
    python.write_text("stub")
    (folder / "pyvenv.cfg").write_text(f"home = {folder.parent}\n")
    told = {"versions": {"torch": "2.13.0", "numpy": "2.4.6", "python": "3.11.2"}, "size": 1_100_000_000}
    (folder / "ready").write_text(json.dumps(told))
    digest = digest or read_lock("linux-x86_64", "3.11", "cpu").digest
    store.choose(Chosen("abcd1234", LOCK.id, digest, "/usr/bin/python3"))


def test_without_an_environment_the_page_offers_to_install(page):
    assert page.state == "absent"
    assert page.install_button.isEnabled()
    assert not page.repair_button.isEnabled()
    assert not page.remove_button.isEnabled()


def test_a_ready_one_is_told_with_versions_and_size(store):
    make(store)
    page = EnvironmentPage()
    assert page.state == "ready"
    assert "torch 2.13.0, numpy 2.4.6, 1100 MB" in page.details.text()
    assert not page.install_button.isEnabled()
    assert page.repair_button.isEnabled()
    assert page.remove_button.isEnabled()


def test_one_of_another_lock_is_offered_an_update(store):
    make(store, digest="f" * 64)
    page = EnvironmentPage()
    assert page.state == "outdated"
    assert page.install_button.text() == "Update"
    assert page.install_button.isEnabled()


@pytest.mark.parametrize("gone", ["ready", "pyvenv.cfg", "bin/python"])
def test_a_damaged_one_is_told_and_can_be_repaired(store, gone):
    make(store)
    (store.folder("abcd1234") / gone).unlink()
    page = EnvironmentPage()
    assert page.state == "broken"
    assert "Repair" in page.details.text()
    assert page.repair_button.isEnabled()


def test_nothing_is_fetched_before_consent(page, store, monkeypatch):
    monkeypatch.setattr(Manager, "plan", lambda self, wish: plan(store))
    installed = []
    monkeypatch.setattr(Manager, "install", lambda self, plan, feedback: installed.append(plan))
    ready = []
    page.became_ready.connect(lambda: ready.append(True))
    page.install()
    until(lambda: page.state == "consent")
    assert installed == []
    page._consent.reject()
    assert page.state == "absent"
    page.install()
    until(lambda: page.state == "consent")
    page._consent.accept()
    until(lambda: page.task is None)
    assert len(installed) == 1
    assert ready == [True]


def test_consent_says_what_how_big_from_where_and_to_where(store):
    dialog = ConsentDialog(plan(store))
    from qgis.PyQt.QtWidgets import QLabel

    text = "\n".join(label.text() for label in dialog.findChildren(QLabel))
    for said in ("374 MB", "60.0 GB", "index.example.org", str(store.home), "Python 3.11", "/usr/bin/python3"):
        assert said in text
    # No line is cut off.
    dialog.show()
    QCoreApplication.processEvents()
    for label in dialog.findChildren(QLabel):
        assert label.height() >= label.heightForWidth(label.width()) > 0 or label.heightForWidth(label.width()) < 0


def test_progress_tells_bytes_speed_and_time_and_can_be_cancelled(page, store, monkeypatch):
    from farmcd_qgis.core.messages import part

    def install(self, plan, feedback):
        while not feedback.is_cancelled():
            left = part("time_left", minutes=1, seconds=20)
            said = part("env_bytes", done=93.0, total=374.0, speed=3.5, left=left)
            feedback.progress("fetching", 0.25, None, 80.0, said)
            time.sleep(0.05)
        raise Cancelled

    monkeypatch.setattr(Manager, "install", install)
    page._install(plan(store))
    until(lambda: page.state == "fetching")
    assert "93 of 374 MB at 3.5 MB/s, 1:20 left" in page.details.text()
    assert page.bar.value() == 250
    assert not page.install_button.isVisibleTo(page)
    page.cancel()
    until(lambda: page.task is None)
    assert page.state == "cancelled"


def test_a_fault_is_said_with_advice(page, store, monkeypatch):
    def install(self, plan, feedback):
        raise FarmCDError("env_proxy_auth", host="index.example.org")

    monkeypatch.setattr(Manager, "install", install)
    page._install(plan(store))
    until(lambda: page.task is None)
    assert page.state == "failed"
    assert "asks for a name and a password" in page.fault.text()
    assert page.install_button.isEnabled()


def test_own_python_is_tried_before_it_is_kept(page, tmp_path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho \'{"problems": {}, "versions": {"python": "3.12.1"}}\'\n')
    python.chmod(0o755)
    page.choose_own(str(python))
    until(lambda: page.task is None)
    assert settings().python.value() == str(python)
    assert str(python) in page.details.text()
    page.choose_own()
    assert settings().python.value() == ""
    page.choose_own(str(tmp_path / "none"))
    until(lambda: page.task is None)
    assert page.state == "failed"
    assert settings().python.value() == ""


def test_diagnostics_come_onto_the_clipboard_without_the_persons_home(page, monkeypatch):
    from qgis.core import QgsApplication

    QgsApplication.clipboard().setText("")
    page.copy_diagnostics()
    until(lambda: "FarmCD environment" in QgsApplication.clipboard().text())
    assert str(Path.home()) + "/" not in QgsApplication.clipboard().text()


def test_there_is_one_window_and_the_options_show_the_state(store):
    first = open_environment()
    assert open_environment() is first
    options = OptionsPage()
    assert options.environment.text() == "Environment: not installed"
    options.environment.click()
    make(store)
    first.page.refresh()
    assert options.environment.text() == "Environment: ready"
    close_environment()


def test_an_address_is_kept_as_soon_as_it_is_typed(page, store):
    page.index.setText(" https://mirror.office/simple ")
    page.index.editingFinished.emit()
    assert settings().env_index.value() == "https://mirror.office/simple"
    again = EnvironmentPage()
    assert again.index.text() == "https://mirror.office/simple"
    again.deleteLater()


def test_addresses_are_checked_on_request_and_nothing_is_fetched(page, store, monkeypatch):
    monkeypatch.setattr(Manager, "plan", lambda self, wish: plan(store))
    monkeypatch.setattr(Manager, "look", lambda self, plan, feedback: 34)
    monkeypatch.setattr(Manager, "install", lambda *_: pytest.fail("installed without being asked to"))
    page.look_button.click()
    until(lambda: page.task is None)
    assert page.fault.text() == (
        "index.example.org: All 34 packages are there, of which 374 MB are still to be fetched."
    )

    def look(self, plan, feedback):
        raise FarmCDError("env_no_index_page", host="index.example.org")

    monkeypatch.setattr(Manager, "look", look)
    assert page.where.isCollapsed()
    page.look_button.click()
    until(lambda: page.task is None)
    assert page.state == "failed"
    assert "sign-in page" in page.fault.text()
    # What can be done about it is in sight.
    assert not page.where.isCollapsed()


def test_the_offices_indexes_can_be_chosen_by_name(store):
    store.home.mkdir(parents=True)
    rows = [{"name": "Office", "usual": "https://mirror.office/simple", "torch": "https://mirror.office/torch"}]
    (store.home / "indexes.json").write_text(json.dumps(rows))
    page = EnvironmentPage()
    names = [page.preset.itemText(number) for number in range(page.preset.count())]
    assert names[1:] == ["Office"]
    page.preset.setCurrentIndex(1)
    assert page.index.text() == settings().env_index.value() == "https://mirror.office/simple"
    assert page.torch_index.text() == settings().env_torch_index.value() == "https://mirror.office/torch"
    page.deleteLater()
