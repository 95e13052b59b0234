"""The zip is what plugins.qgis.org accepts, and its upload scan finds nothing."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def archive() -> zipfile.ZipFile:
    made = subprocess.run([sys.executable, ROOT / "scripts" / "package"], check=True, capture_output=True, text=True)
    return zipfile.ZipFile(made.stdout.strip())


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
