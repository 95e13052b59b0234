"""What happens to installations: strange indexes, hostile zips, damaged files, homes that cannot be written to."""

import errno
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import FarmCDError
from farmcd_qgis.core.paths import data_home
from farmcd_qgis.runtime import child
from farmcd_qgis.runtime.environment import fetch, guard, locks, machine
from farmcd_qgis.runtime.environment import sources as source_module
from farmcd_qgis.runtime.environment.locks import Wheel
from farmcd_qgis.runtime.environment.log import without_credentials
from farmcd_qgis.runtime.environment.manager import Manager, Wish
from farmcd_qgis.runtime.environment.offline import ABOUT
from farmcd_qgis.runtime.environment.sources import Finder, Sources
from farmcd_qgis.runtime.environment.store import Store
from farmcd_qgis.runtime.environment.transport import UrllibTransport
from tests.helpers.package_index import Index

HTML, JSON = "text/html", "application/vnd.pypi.simple.v1+json"


def install(manager: Manager, wish: Wish):
    return manager.install(manager.plan(wish))


def refusal(manager: Manager, wish: Wish) -> FarmCDError:
    with pytest.raises(FarmCDError) as caught:
        install(manager, wish)
    assert manager.store.chosen() is None
    return caught.value


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ((404, HTML, b"not here", 0), "env_not_offered"),
        ((401, HTML, b"who are you", 0), "env_refused"),
        ((403, HTML, b"forbidden", 0), "env_refused"),
        ((500, HTML, b"sorry", 0), "env_refused"),
        ((503, HTML, b"later", 0), "env_refused"),
        ((200, HTML, b"<html><form action='/login'><a href='/help'>Help</a></form>", 0), "env_no_index_page"),
        ((200, JSON, b'{"files": [{"filename"', 0), "env_no_index_page"),
        ((200, JSON, b'{"error": "none"}', 0), "env_no_index_page"),
        ((200, JSON, b"[" * 100_000, 0), "env_no_index_page"),
        ((200, JSON, b'{"files": []}', 500), "env_stalled"),
    ],
)
def test_a_strange_page_is_told_as_what_it_is_before_anything_is_fetched(page, code, manager, index, wish):
    index.pages["torch"] = page
    assert refusal(manager, wish).code == code
    assert not [path for path, _ in index.asked if path.startswith("/files/")]


def test_what_an_index_lacks_is_said_before_anything_is_fetched(manager, index, wish):
    index.faults["torch-1.0-py3-none-any.whl"] = "unlisted"
    fault = refusal(manager, wish)
    assert (fault.code, fault.values["file"]) == ("env_not_offered", "torch-1.0-py3-none-any.whl")
    assert not [path for path, _ in index.asked if path.startswith("/files/")]


def test_another_index_serves_where_one_wants_a_password(manager, index, wish, wheels):
    for name in ("numpy", "torch", "safetensors", "uv"):
        index.pages[name] = (401, HTML, b"", 0)
    good = Index(wheels)
    try:
        plan = manager.plan(wish)
        manager.install(replace(plan, sources=Sources((index.address, good.address))))
    finally:
        good.close()
    assert manager.status().state == "ready"


def test_a_server_that_is_silent_is_asked_once_and_no_more():
    asked: list[str] = []

    class Silent:
        def get(self, address: str, *_: object, **__: object):
            asked.append(address)
            raise FarmCDError("env_stalled", host="h")

    finder = Finder(Sources(("http://silent/simple",)), Silent(), lambda: None)
    for name in ("a", "b", "c"):
        with pytest.raises(FarmCDError) as caught:
            next(finder.addresses(Wheel(name, "1", "0", f"{name}.whl", 1, "usual")))
        assert caught.value.code == "env_stalled"
    assert asked == ["http://silent/simple/a/"] * source_module.PAGE_ATTEMPTS


def test_a_file_that_is_always_wrong_is_fetched_twice(manager, index, wish, monkeypatch):
    monkeypatch.setattr(fetch, "PAUSE_S", 0.01)
    index.faults["torch-1.0-py3-none-any.whl"] = "wrong"
    assert refusal(manager, wish).code == "env_hash"
    assert len([path for path, _ in index.asked if path.startswith("/files/torch")]) == 2


@pytest.mark.parametrize("kind", ["wheels", "simple", "wheels by address", "simple by address"])
def test_a_folder_serves_as_an_index(kind, manager, wish, wheels, tmp_path):
    folder = tmp_path / "共享 文件夹#1"
    folder.mkdir()
    for path in wheels.glob("*.whl"):
        place = folder if kind.startswith("wheels") else folder / path.name.split("-")[0]
        place.mkdir(exist_ok=True)
        (place / path.name).symlink_to(path)
    address = folder.as_uri() if kind.endswith("address") else str(folder)
    install(manager, replace(wish, index=address))
    assert manager.status().state == "ready"


def test_an_index_may_have_blanks_and_other_alphabets_in_its_address(manager, index, wish):
    assert refusal(manager, replace(wish, index=index.address + "/软件 包")).code == "env_not_offered"
    assert index.asked[0][0] == "/simple/软件 包/numpy/"


@pytest.mark.parametrize("address", ["mirror.office/simple", "https://", "htp://x/simple", "/none/such", "D:\\none"])
def test_what_is_no_address_is_said_at_once(address, manager, wish):
    with pytest.raises(FarmCDError) as caught:
        manager.plan(replace(wish, index=address))
    assert caught.value.code == "env_index_address"
    assert address in caught.value.text()


@pytest.mark.parametrize("secret", ["office:hush", "office:hu@sh", "李明:密 hush".replace(" ", "%20")])
def test_no_password_of_an_address_stays_in_a_text(secret):
    assert "sh" not in without_credentials(f"asked http://{secret}@mirror.office/simple/torch/")
    assert "mirror.office/simple/torch/" in without_credentials(f"asked http://{secret}@mirror.office/simple/torch/")


def zip_of(manager: Manager, wish: Wish, folder: Path) -> tuple[Path, dict[str, bytes]]:
    plan = manager.plan(wish)
    target = folder / "environment.zip"
    manager.export(plan.lock, plan.sources, target)
    with zipfile.ZipFile(target) as archive:
        return target, {name: archive.read(name) for name in archive.namelist()}


def rewrite(target: Path, files: dict[str, bytes], way: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(target, "w", way) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.fixture
def there(tmp_path) -> Manager:
    return Manager(Store(tmp_path / "there" / "env"), UrllibTransport(stalled_s=1.0))


def import_refused(there: Manager, target: Path, wish: Wish) -> str:
    with pytest.raises(FarmCDError) as caught:
        there.import_zip(target, wish)
    assert there.store.chosen() is None
    return caught.value.code


@pytest.mark.parametrize(
    ("about", "code"),
    [
        (b"[" * 9000, "env_no_zip"),
        (b"{" + b" " * 10_000_000 + b"}", "env_no_zip"),
        (b"[1]", "env_no_zip"),
        (b'{"format": 2, "lock": "x", "digest": "y"}', "env_no_zip"),
        (b'{"format": 1, "lock": "x"}', "env_no_zip"),
        (b'{"format": 1, "lock": "windows-x86_64-cp312-cuda", "digest": "y"}', "env_other_zip"),
        (b'{"format": 1, "lock": "macos-arm64-cp39-cpu", "digest": "y"}', "env_other_zip"),
        (b'{"format": 1, "lock": "../../../etc/x", "digest": "y"}', "env_other_zip"),
    ],
)
def test_a_zip_that_says_strange_things_of_itself_is_refused(about, code, manager, wish, there, tmp_path):
    target, files = zip_of(manager, wish, tmp_path)
    rewrite(target, {**files, ABOUT: about}, zipfile.ZIP_DEFLATED)
    assert import_refused(there, target, wish) == code


def test_a_zip_whose_wheels_are_not_the_locks_is_refused(manager, wish, there, tmp_path):
    target, files = zip_of(manager, wish, tmp_path)
    name = next(each for each in files if "torch" in each)
    for content in (b"x", bytes(len(files[name])), files[name] * 3):
        rewrite(target, {**files, name: content})
        assert import_refused(there, target, wish) == "env_hash"
    rewrite(target, {**files, name: bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    assert import_refused(there, target, wish) == "env_hash"
    assert not list(there.store.wheels.rglob("*torch*"))
    del files[name]
    rewrite(target, files)
    assert import_refused(there, target, wish) == "env_hash"


def test_a_damaged_or_encrypted_zip_is_refused(manager, wish, there, tmp_path):
    target, _ = zip_of(manager, wish, tmp_path)
    whole = target.read_bytes()
    for content in (whole[: len(whole) // 2], whole[1000:], b"", whole[:-30]):
        target.write_bytes(content)
        assert import_refused(there, target, wish) in ("env_no_zip", "env_hash")
    # The flag of encryption, in each entry of the directory at the end.
    encrypted = bytearray(whole)
    at = encrypted.find(b"PK\x01\x02")
    while at >= 0:
        encrypted[at + 8] |= 1
        at = encrypted.find(b"PK\x01\x02", at + 1)
    target.write_bytes(encrypted)
    assert import_refused(there, target, wish) in ("env_no_zip", "env_hash")


def test_a_zip_writes_nothing_outside_of_the_environments_folder(manager, wish, there, tmp_path):
    target, files = zip_of(manager, wish, tmp_path)
    outside = ["../../escaped", f"{tmp_path}/escaped", "wheels/../../../escaped", "wheels/../escaped"]
    rewrite(target, {**files, **dict.fromkeys(outside, b"x")})
    there.import_zip(target, wish)
    assert there.status().state == "ready"
    assert not list(tmp_path.rglob("escaped"))
    assert not list(tmp_path.parent.glob("escaped"))


def test_a_list_of_files_that_was_damaged_or_lost_is_noticed(manager, wish):
    first = install(manager, wish)
    site = next(manager.store.folder(first.name).glob("lib/python3*/site-packages"))
    record = next(site.glob("torch-*/RECORD"))
    good = record.read_bytes()
    for content in (b"\xff\xfe\x00", b"torch/data.bin,sha256=x", b'"'):
        record.write_bytes(content)
        with pytest.raises(FarmCDError) as caught:
            manager.check()
        assert caught.value.code in ("env_files_changed", "env_files_gone")
    record.unlink()
    with pytest.raises(FarmCDError) as caught:
        manager.check()
    assert caught.value.code == "env_files_gone"
    record.write_bytes(good)
    manager.check()


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"what": "a younger FarmCD says"}, "ready"),
        ({"name": None}, "absent"),
        ({"name": ""}, "absent"),
        ({"lock": 7}, "absent"),
        ({"lock": "riscv-cp319-tpu"}, "outdated"),
    ],
)
def test_a_choice_that_another_farmcd_wrote_is_read_or_left(told, state, manager, wish):
    chosen = install(manager, wish)
    current = manager.store.home / "current.json"
    current.write_text(json.dumps({**json.loads(current.read_text()), **told}))
    assert manager.status().state == state
    assert manager.store.folder(chosen.name).is_dir()


def test_a_drive_that_knows_no_locks_can_still_be_installed_on(manager, wish, monkeypatch):
    def unknown(descriptor: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(guard, "_try", unknown)
    install(manager, wish)
    assert manager.status().state == "ready"


def test_a_home_that_cannot_be_written_to_is_told(wish, tmp_path, monkeypatch, lock_folder):
    (tmp_path / "data").write_text("a file where a folder must be")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    machine._ask.cache_clear()
    assert refusal(Manager(), wish).code == "env_not_written"


def test_a_read_only_home_is_told(wish, tmp_path, monkeypatch, lock_folder):
    """On a disk that is mounted for reading only, which root can do."""
    home = tmp_path / "read only"
    home.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", home], capture_output=True).returncode:
        pytest.skip("a read-only disk takes root's rights")
    try:
        monkeypatch.setenv("XDG_DATA_HOME", str(home))
        machine._ask.cache_clear()
        fault = refusal(Manager(), wish)
        assert fault.code == "env_not_written"
        assert "XDG_DATA_HOME" in fault.text()
    finally:
        subprocess.run(["umount", home], check=True)


@pytest.mark.parametrize("size", ["700k", "1500k", "2100k"])
def test_a_disk_that_fills_up_while_unpacking_is_told(size, manager, wish, tmp_path, monkeypatch):
    """The files are fetched elsewhere; only the unpacked ones fill the small disk, which root can make."""
    fetched = manager.store.wheels
    install(manager, wish)
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("a small disk takes root's rights")
    try:
        monkeypatch.setitem(locks.FREE_BYTES, "cpu", 0)
        tools = small / "env" / "tools"
        tools.parent.mkdir()
        tools.symlink_to(manager.store.tools)
        full = Manager(Store(small / "env", fetched))
        assert refusal(full, wish).code == "env_disk"
        assert full.status().state == "absent"
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_without_a_home_the_systems_own_list_of_people_tells_it(monkeypatch):
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert data_home().is_absolute()
    assert child.process_options(Path(sys.executable))["cwd"] == data_home()


def test_a_very_long_and_strange_path_serves(wish, tmp_path, lock_folder):
    deep = tmp_path / ("长" * 60) / ("d" * 200) / 'it\'s "quoted" & $HOME %PATH%' / "env"
    made = Manager(Store(deep))
    install(made, wish)
    made.check()
    assert len(os.fsencode(deep)) > 400


def test_the_offices_list_of_indexes_serves_where_pip_names_none(manager, index, wish, monkeypatch):
    monkeypatch.setattr(source_module, "of_pip", lambda base: {})
    home = manager.store.home
    home.mkdir(parents=True)
    for strange in ("[1]", "{}", "no json", "[" * 50_000, '[{"name": "no address"}]'):
        (home / source_module.INDEXES).write_text(strange)
        with pytest.raises(FarmCDError) as caught:
            manager.plan(replace(wish, index=""))
        assert caught.value.code == "env_no_index"
    (home / source_module.INDEXES).write_text(json.dumps([{"name": "Office", "usual": index.address}]))
    plan = manager.plan(replace(wish, index=""))
    assert plan.sources == Sources((index.address,))
    assert manager.look(plan) == 4
    assert not [path for path, _ in index.asked if path.startswith("/files/")]
