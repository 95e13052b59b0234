"""The zip is what the plugin repository accepts, and its upload scan finds nothing."""

import importlib.machinery
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from farmcd_qgis.runtime.environment.locks import folder as lock_folder
from farmcd_qgis.runtime.environment.locks import read_lock

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def archive() -> zipfile.ZipFile:
    made = subprocess.run([sys.executable, ROOT / "scripts" / "package"], check=True, capture_output=True, text=True)
    return zipfile.ZipFile(made.stdout.strip())


@pytest.fixture(scope="module")
def package() -> ModuleType:
    """Import scripts/package, which has no suffix."""
    loader = importlib.machinery.SourceFileLoader("farmcd_package", str(ROOT / "scripts" / "package"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_zip_holds_one_folder_with_what_qgis_needs(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    assert {Path(name).parts[0] for name in names} == {"farmcd_qgis"}
    assert {"farmcd_qgis/__init__.py", "farmcd_qgis/metadata.txt", "farmcd_qgis/LICENSE"} <= set(names)
    assert "farmcd_qgis/LICENSES/efficientnet-lite0.txt" in names
    assert any(name.startswith("farmcd_qgis/resources/sample/") for name in names)


def test_zip_holds_the_translations(archive: zipfile.ZipFile) -> None:
    names = {Path(name).name for name in archive.namelist() if "/i18n/" in name}
    assert names & {"farmcd_zh.qm", "farmcd_zh.ts"}
    assert "messages.toml" in names


def test_zip_holds_nothing_that_is_refused(archive: zipfile.ZipFile) -> None:
    for name in archive.namelist():
        parts = Path(name).parts
        assert not any(part.startswith(".") or part == "__pycache__" for part in parts), name
        assert Path(name).suffix not in {".pyc", ".so", ".dll", ".exe", ".pt", ".pth"}, name
    assert Path(archive.filename or "").stat().st_size < 25_000_000


def test_metadata_names_an_icon_and_a_version_that_exist(archive: zipfile.ZipFile) -> None:
    text = archive.read("farmcd_qgis/metadata.txt").decode()
    entries = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith(" "))
    assert f"farmcd_qgis/{entries['icon']}" in archive.namelist()
    assert f'__version__ = "{entries["version"]}"' in archive.read("farmcd_qgis/__init__.py").decode()
    assert "supportsQt6" not in entries


def test_upload_scan_finds_nothing(archive: zipfile.ZipFile, tmp_path: Path) -> None:
    archive.extractall(tmp_path)  # our own zip, made above
    bandit = subprocess.run(
        [sys.executable, "-m", "bandit", "-q", "-r", "-f", "json", tmp_path], capture_output=True, text=True
    )
    found = [f"{r['filename']}:{r['line_number']} {r['test_id']}" for r in json.loads(bandit.stdout)["results"]]
    assert found == []
    secrets = subprocess.run(
        [sys.executable, "-m", "detect_secrets", "scan", "--all-files", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert json.loads(secrets.stdout)["results"] == {}


def test_the_gate_takes_the_zip(archive: zipfile.ZipFile, package: ModuleType) -> None:
    assert package.refused(Path(archive.filename or "")) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("farmcd_qgis/core/x.pyc", b"x", "must not hold"),
        ("farmcd_qgis/__pycache__/x.py", b"x", "must not hold"),
        ("farmcd_qgis/.git/config", b"x", "must not hold"),
        ("__MACOSX/x", b"x", "must not hold"),
        ("other/x.py", b"x", "one folder"),
    ],
)
def test_the_gate_refuses_what_the_repository_would(
    name: str, content: bytes, said: str, archive: zipfile.ZipFile, package: ModuleType, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.zip"
    shutil.copy(archive.filename or "", copy)
    with zipfile.ZipFile(copy, "a") as changed:
        changed.writestr(name, content)
    assert any(said in reason for reason in package.refused(copy))


def test_the_gate_counts_bytes(archive: zipfile.ZipFile, package: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert package.LARGEST_ZIP == 25_000_000
    monkeypatch.setattr(package, "LARGEST_ZIP", Path(archive.filename or "").stat().st_size - 1)
    assert "taken at most" in package.refused(Path(archive.filename or ""))[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version=0.1.0", "version=", "lacks version"),
        ("about=", "about=100 % ", "percent"),
        ("tracker=", "nothing=", "lacks tracker"),
    ],
)
def test_the_gate_reads_the_metadata(
    old: str, new: str, said: str, archive: zipfile.ZipFile, package: ModuleType, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(changed, "w") as target:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith("/metadata.txt"):
                content = content.replace(old.encode(), new.encode(), 1)
            target.writestr(name, content)
    assert any(said in reason for reason in package.refused(changed))


def test_a_zip_without_licence_is_refused(archive: zipfile.ZipFile, package: ModuleType, tmp_path: Path) -> None:
    bare = tmp_path / "bare.zip"
    with zipfile.ZipFile(bare, "w") as target:
        target.writestr("farmcd_qgis/__init__.py", "")
    assert {"It lacks metadata.txt.", "It lacks LICENSE."} <= set(package.refused(bare))


def test_no_zip_is_made_for_upload_while_the_addresses_are_examples(package: ModuleType) -> None:
    assert package.examples() == ["homepage", "tracker", "repository", "email"]
    told = subprocess.run([sys.executable, ROOT / "scripts" / "package", "--upload"], capture_output=True, text=True)
    assert told.returncode == 1
    assert "are examples" in told.stderr


def test_real_addresses_and_indexes_come_into_the_zip(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(package, "STAGE", tmp_path / "farmcd_qgis")
    monkeypatch.setattr(package, "SETTINGS", {"homepage": "https://farm.test/page"})
    index = {"name": "Mirror", "usual": "https://mirror.test/simple", "torch": "https://mirror.test/torch"}
    monkeypatch.setattr(package, "INDEXES", [index])
    assert package.examples() == []
    staged = package.stage()
    assert "\nhomepage=https://farm.test/page\n" in (staged / "metadata.txt").read_text(encoding="utf-8")
    assert json.loads((staged / "resources" / "environment" / "indexes.json").read_text()) == [index]


def test_about_says_truly_how_much_is_fetched(archive: zipfile.ZipFile) -> None:
    about = archive.read("farmcd_qgis/metadata.txt").decode()
    said = re.search(
        r"processor that is (\d+) to (\d+) MB to fetch and ([\d.]+) to ([\d.]+) GB "
        r".*? ([\d.]+) to ([\d.]+) GB and up to ([\d.]+) GB",
        about,
    )
    assert said is not None
    low, high, small, large, least, most, all_of_it = map(float, said.groups())
    locks = []
    for path in lock_folder().glob("*-c*-*.txt"):
        system, python, variant = path.stem.rsplit("-", 2)
        locks.append(read_lock(system, f"3.{python[3:]}", variant))
    for lock in locks:
        fetched, kept = lock.download_bytes, lock.download_bytes + lock.installed_bytes
        if lock.variant == "cpu":
            assert low <= fetched / 1e6 <= high
            assert small <= kept / 1e9 + 0.05
            assert kept / 1e9 <= large
        else:
            assert least <= fetched / 1e9 + 0.05
            assert fetched / 1e9 <= most
            assert kept / 1e9 <= all_of_it
