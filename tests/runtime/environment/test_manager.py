"""Installing, switching, repairing and removing, on small wheels of an index on loopback: never a half environment."""

import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import Cancelled, FarmCDError
from farmcd_qgis.core.feedback import SILENT, Feedback, Progress
from farmcd_qgis.runtime import pythons
from farmcd_qgis.runtime.environment import machine
from farmcd_qgis.runtime.environment.guard import alone
from farmcd_qgis.runtime.environment.manager import Manager, Wish, chosen_pythons
from farmcd_qgis.runtime.environment.sources import Sources
from farmcd_qgis.runtime.environment.store import Store, python_in
from tests.helpers import package_index
from tests.helpers.package_index import Index, make_locks

ROOT = Path(__file__).resolve().parents[3]


def wish(index: Index) -> Wish:
    return Wish(Path(sys.executable), "cpu", index.address)


def install(manager: Manager, index: Index, feedback: Feedback = SILENT, **options):
    return manager.install(manager.plan(wish(index)), feedback, **options)


def test_an_installation_ends_in_a_python_that_imports_what_the_lock_names(manager, index):
    heard: list[Progress] = []
    chosen = install(manager, index, Feedback(heard.append))
    status = manager.status()
    assert (status.state, status.lock) == ("ready", chosen.lock)
    assert status.versions["torch"] == "1.0"
    assert status.size > 3 * package_index.SIZE
    told = subprocess.run([status.python, "-c", "import torch, sys; print(sys.prefix)"], capture_output=True, text=True)
    assert told.stdout.strip() == str(manager.store.folder(chosen.name))
    stages = list(dict.fromkeys(each.stage for each in heard))
    assert stages == ["fetching", "building", "verifying"]
    fractions = [each.fraction for each in heard]
    assert fractions == sorted(fractions)
    assert any(each.message and each.message["values"].get("speed") for each in heard)


def test_a_second_installation_finds_everything_done(manager, index):
    first = install(manager, index)
    asked = len(index.asked)
    assert install(manager, index) == first
    assert len(index.asked) == asked


def test_a_new_lock_is_outdated_until_it_is_installed_and_the_old_one_serves_until_a_run_has(
    manager, index, lock_folder, wheels
):
    old = install(manager, index)
    make_locks(lock_folder, wheels, "2.0")
    assert manager.status().state == "outdated"
    new = install(manager, index)
    assert new.name != old.name
    assert new.previous == old.name
    assert chosen_pythons(manager.store) == [manager.store.python(new.name), manager.store.python(old.name)]
    manager.served(manager.store.python(old.name))
    assert manager.store.folder(old.name).is_dir()
    manager.served(manager.store.python(new.name))
    assert not manager.store.folder(old.name).exists()
    assert chosen_pythons(manager.store) == [manager.store.python(new.name)]


def test_during_an_upgrade_the_old_environment_serves(manager, index, lock_folder, wheels):
    old = install(manager, index)
    make_locks(lock_folder, wheels, "2.0")
    served = []

    def look(_: Progress) -> None:
        (python, *_rest) = chosen_pythons(manager.store)
        served.append((python, python.is_file()))

    install(manager, index, Feedback(look))
    assert set(served) == {(manager.store.python(old.name), True)}


def test_files_come_again_only_where_they_broke_off(manager, index):
    index.faults["torch-1.0-py3-none-any.whl"] = "cut"
    install(manager, index)
    ranges = [span for path, span in index.asked if path.endswith("torch-1.0-py3-none-any.whl")]
    assert ranges[0] == ""
    assert ranges[1].startswith("bytes=")
    assert ranges[1] != "bytes=0-"
    assert manager.status().state == "ready"


def test_a_cancelled_installation_stops_in_the_middle_of_a_file_and_goes_on_from_there(manager, index):
    index.faults["torch-1.0-py3-none-any.whl"] = "slow"
    cancelled = threading.Event()

    def watch(_: Progress) -> None:
        if any(part.stat().st_size for part in manager.store.wheels.glob("*/torch*.part")):
            cancelled.set()

    with pytest.raises(Cancelled):
        install(manager, index, Feedback(watch, cancelled.is_set))
    assert manager.status().state == "absent"
    index.faults.clear()
    index.asked.clear()
    install(manager, index)
    asked = [span for path, span in index.asked if path.startswith("/files/torch")]
    assert asked[0].startswith("bytes=")
    assert not [path for path, _ in index.asked if path.startswith("/files/numpy")]


def test_repair_replaces_what_is_damaged_and_leaves_what_is_whole(manager, index):
    first = install(manager, index)
    assert manager.repair(manager.plan(wish(index))) == first
    (data,) = manager.store.folder(first.name).glob("lib/python*/site-packages/torch/data.bin")
    data.write_bytes(b"x")
    with pytest.raises(FarmCDError) as caught:
        manager.check()
    assert caught.value.code == "env_files_changed"
    second = manager.repair(manager.plan(wish(index)))
    assert second.name != first.name
    manager.check()
    data.unlink(missing_ok=True)


def test_a_vanished_base_python_means_rebuilding(manager, index):
    first = install(manager, index)
    settings = manager.store.folder(first.name) / "pyvenv.cfg"
    text = settings.read_text()
    settings.write_text("\n".join("home = /nowhere" if row.startswith("home") else row for row in text.splitlines()))
    status = manager.status()
    assert (status.state, status.problem.code) == ("broken", "env_python_gone")
    with pytest.raises(FarmCDError) as caught:
        manager.check()
    assert caught.value.code == "env_python_gone"
    manager.repair(manager.plan(wish(index)))
    assert manager.status().state == "ready"


def test_remove_leaves_nothing_but_the_log(manager, index):
    install(manager, index)
    assert manager.remove() > 3 * package_index.SIZE
    assert manager.status().state == "absent"
    left = {path.name for path in manager.store.home.rglob("*") if path.is_file()}
    assert left <= {"install.log", "lock"}


def test_a_zip_installs_without_a_network(manager, index, tmp_path):
    lock = manager.plan(wish(index)).lock
    target = tmp_path / "environment.zip"
    manager.export(lock, Sources((index.address,)), target)
    with zipfile.ZipFile(target) as archive:
        assert len(archive.namelist()) == 5
    index.close()

    class NoNetwork:
        def get(self, *_: object, **__: object):
            raise AssertionError("the network was asked")

    there = Manager(Store(tmp_path / "there"), NoNetwork())
    there.import_zip(target, Wish(Path(sys.executable)))
    assert there.status().state == "ready"


def test_a_faulty_index_does_not_matter_where_another_has_the_file(manager, index, wheels):
    index.faults = {path.name: "wrong" for path in wheels.glob("*.whl")}
    good = Index(wheels)
    plan = manager.plan(wish(index))
    where = Sources((index.address, good.address))
    try:
        manager.install(type(plan)(plan.lock, plan.base, where, plan.folder, plan.to_fetch, plan.free))
    finally:
        good.close()
    assert manager.status().state == "ready"


def test_the_managed_python_is_found_before_others(manager, index, monkeypatch, tmp_path):
    monkeypatch.delenv("FARMCD_PYTHON", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    there = Manager(Store())
    chosen = install(there, index)
    assert pythons.find().path == there.store.python(chosen.name)
    # Where it no longer starts, another one is taken, and the page says what is damaged.
    there.store.discard(there.store.folder(chosen.name))
    assert there.status().state == "broken"


def test_diagnostics_hold_what_helps_and_no_secrets(manager, index):
    from farmcd_qgis.runtime.environment.diagnostics import report

    secret = index.address.replace("//", "//office:hush@")
    manager.store.note(f"asked {secret}")
    text = report(manager.store, {"FarmCD": "0.1.0"}, FarmCDError("env_proxy_auth", host="h"))
    for said in ("FarmCD: 0.1.0", "System:", "Graphics:", "Free disk:", "env_proxy_auth", "asked http://127.0.0.1"):
        assert said in text
    assert "hush" not in text
    assert str(Path.home()) not in text


# A whole installation asks some two hundred times whether to go on; each of these is one of those moments.
MOMENTS = [0.01, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 0.999]


@pytest.fixture(scope="module")
def events(wheels, tmp_path_factory) -> int:
    """Count how often an installation asks whether to go on."""
    folder = tmp_path_factory.mktemp("counted")
    make_locks(folder / "locks", wheels)
    served = Index(wheels)
    told = _installer(folder / "locks", folder / "home", served.address)
    served.close()
    assert told.returncode == 0, told.stderr
    return int(told.stdout)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("upgrade", [False, True], ids=["first", "upgrade"])
def test_killed_at_any_moment_no_half_environment_is_chosen(
    moment, upgrade, events, manager, index, lock_folder, wheels
):
    old = install(manager, index) if upgrade else None
    if upgrade:
        make_locks(lock_folder, wheels, "2.0")
    told = _installer(lock_folder, manager.store.home, index.address, max(1, round(events * moment)))
    assert told.returncode in (-9, 0), told.stdout + told.stderr
    chosen = manager.store.chosen()
    if told.returncode == -9 and chosen is not None and old is None:
        manager.check()
    if old is not None:
        assert chosen is not None
        assert manager.status().state in ("ready", "outdated")
        manager.check()
    # And the next installation ends well.
    install(manager, index)
    assert manager.status().state == "ready"
    manager.check()


def _installer(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.helpers.package_index", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_of_two_installers_one_waits_its_turn(manager, index, lock_folder):
    index.faults["torch-1.0-py3-none-any.whl"] = "slow"
    command = [sys.executable, "-m", "tests.helpers.package_index", lock_folder, manager.store.home, index.address]
    with subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE) as other:
        end = time.monotonic() + 30
        while not any("torch" in path for path, _ in index.asked) and time.monotonic() < end:
            time.sleep(0.05)
        with pytest.raises(FarmCDError) as caught:
            install(manager, index)
        assert caught.value.code == "env_busy"
        assert caught.value.values["pid"] == other.pid
        other.communicate()
    assert other.returncode == 0
    assert manager.status().state == "ready"


def test_a_lock_of_a_dead_process_holds_nobody_even_if_its_number_lives_again(manager, index):
    home = manager.store.home
    home.mkdir(parents=True)
    # This process's own number stands there, as of somebody who died.
    (home / "lock.json").write_text(json.dumps({"pid": os.getpid(), "since": "00:00"}))
    (home / "lock").write_bytes(b"")
    install(manager, index)
    with alone(home):
        pass


def test_what_is_set_for_uv_or_python_does_not_mislead_the_build(manager, index, monkeypatch):
    for name in ("UV_INDEX_URL", "UV_PYTHON", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "PIP_TARGET"):
        monkeypatch.setenv(name, "/nowhere")
    install(manager, index)
    assert manager.status().state == "ready"


def test_python_in_a_folder_lies_where_the_system_wants_it(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert python_in(Path("e")) == Path("e/Scripts/python.exe")


@pytest.mark.parametrize(
    ("told", "serves"),
    [
        ("NVIDIA GeForce RTX 4070, 580.65, 8.9", True),
        ("Quadro, P4, 591.10.2, 7.5", True),
        ("NVIDIA GeForce GTX 1080, 580.65, 6.1", False),
        ("NVIDIA GeForce RTX 4070, 550.54, 8.9", False),
    ],
)
def test_cuda_is_taken_where_driver_and_card_allow_it(told, serves, tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{told}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    machine.graphics.cache_clear()
    try:
        assert machine.graphics().serves is serves
        assert machine.variant_for("linux-x86_64", "3.12") == ("cuda" if serves else "cpu")
        assert machine.variant_for("macos-arm64", "3.12") == "cpu"
    finally:
        machine.graphics.cache_clear()
