"""QGIS's own Python is found in the layouts that QGIS comes in, and what misleads it stays out of its surroundings.

The layouts are those that these public pages describe:
- OSGeo4W, the standalone installer and conda keep python.exe in PYTHONHOME, which is sys.prefix; vcpkg builds keep it
  in tools/python3: https://github.com/qgis/QGIS/pull/67318
- sys.executable is QGIS on Windows ("C:\\Program Files\\QGIS 4.0.3\\bin\\qgis-bin.exe") and macOS
  ("/Applications/QGIS-final-4_0_3.app/Contents/MacOS/QGIS-final-4_0_3"), and Python on Debian and Ubuntu:
  https://github.com/qgis/QGIS/issues/66672
- OSGeo4W: PYTHONHOME is %OSGEO4W_ROOT%\\apps\\Python37 (now Python312): o4w_env.bat and py3_env.bat, as quoted in
  https://gist.github.com/acgeospatial/0d1da96aed53a7238db8736a459e7404
- macOS bundles: Contents/MacOS/bin/python3 (https://github.com/AequilibraE/qaequilibrae/pull/213), and
  Contents/Frameworks/Python.framework/Versions/3.N/bin (https://github.com/opengeos/GeoAgent/pull/77)
- Flatpak: QGIS lies in /app, its Python in /usr/bin of the runtime:
  https://docs.flatpak.org/en/latest/basic-concepts.html
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from farmcd_qgis.runtime import child
from farmcd_qgis.runtime.qgis_python import Surroundings, candidates, here

# Platform, files of the tree, QGIS's program, base prefix, variables, and the Python to be found.
LAYOUTS = {
    "OSGeo4W": (
        "win32",
        ["OSGeo4W/bin/qgis-ltr-bin.exe", "OSGeo4W/apps/Python312/python.exe", "OSGeo4W/apps/Python312/pythonw.exe"],
        "OSGeo4W/bin/qgis-ltr-bin.exe",
        "OSGeo4W/apps/Python312",
        {"OSGEO4W_ROOT": "OSGeo4W"},
        "OSGeo4W/apps/Python312/python.exe",
    ),
    "OSGeo4W without PYTHONHOME": (
        "win32",
        ["OSGeo4W/bin/qgis-bin.exe", "OSGeo4W/apps/Python312/python.exe"],
        "OSGeo4W/bin/qgis-bin.exe",
        "OSGeo4W/bin",
        {},
        "OSGeo4W/apps/Python312/python.exe",
    ),
    "standalone installer": (
        "win32",
        ["Program Files/QGIS 3.40.6/bin/qgis-ltr-bin.exe", "Program Files/QGIS 3.40.6/apps/Python312/python3.exe"],
        "Program Files/QGIS 3.40.6/bin/qgis-ltr-bin.exe",
        "Program Files/QGIS 3.40.6/apps/Python312",
        {},
        "Program Files/QGIS 3.40.6/apps/Python312/python3.exe",
    ),
    "conda on Windows": (
        "win32",
        ["miniforge3/envs/用户 q/python.exe", "miniforge3/envs/用户 q/Library/bin/qgis.exe"],
        "miniforge3/envs/用户 q/Library/bin/qgis.exe",
        "miniforge3/envs/用户 q",
        {"CONDA_PREFIX": "miniforge3/envs/用户 q"},
        "miniforge3/envs/用户 q/python.exe",
    ),
    "macOS, bin in MacOS": (
        "darwin",
        ["Applications/QGIS-LTR.app/Contents/MacOS/QGIS-LTR", "Applications/QGIS-LTR.app/Contents/MacOS/bin/python3"],
        "Applications/QGIS-LTR.app/Contents/MacOS/QGIS-LTR",
        "Applications/QGIS-LTR.app/Contents/MacOS",
        {},
        "Applications/QGIS-LTR.app/Contents/MacOS/bin/python3",
    ),
    "macOS, framework": (
        "darwin",
        [
            "Applications/QGIS.app/Contents/MacOS/QGIS",
            "Applications/QGIS.app/Contents/Frameworks/Python.framework/Versions/3.12/bin/python3.12",
        ],
        "Applications/QGIS.app/Contents/MacOS/QGIS",
        "Applications/QGIS.app/Contents/Frameworks",
        {},
        "Applications/QGIS.app/Contents/Frameworks/Python.framework/Versions/3.12/bin/python3.12",
    ),
    "macOS, vcpkg": (
        "darwin",
        ["Applications/QGIS.app/Contents/MacOS/QGIS", "build/vcpkg/tools/python3/python3.12"],
        "Applications/QGIS.app/Contents/MacOS/QGIS",
        "build/vcpkg",
        {},
        "build/vcpkg/tools/python3/python3.12",
    ),
    "Flatpak": ("linux", ["app/bin/qgis", "usr/bin/python3"], "app/bin/qgis", "usr", {}, "usr/bin/python3"),
    "conda on Linux": (
        "linux",
        ["miniforge3/envs/q/bin/qgis", "miniforge3/envs/q/bin/python3.12"],
        "miniforge3/envs/q/bin/qgis",
        "miniforge3/envs/q",
        {},
        "miniforge3/envs/q/bin/python3.12",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_python_is_found_where_qgis_keeps_it(layout, tmp_path):
    platform, files, program, prefix, variables, python = LAYOUTS[layout]
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("stub")
    where = Surroundings(
        platform,
        tmp_path / program,
        tmp_path / prefix,
        tmp_path / prefix,
        "3.12",
        (tmp_path / program).parent,
        {name: str(tmp_path / value) for name, value in variables.items()},
    )
    inside = [path for path in candidates(where) if path.is_relative_to(tmp_path)]
    found = [path for path in inside if path.is_file()]
    assert found[0] == tmp_path / python
    # A second QGIS must never be started for a Python.
    assert tmp_path / program not in inside


def test_debian_names_its_python(tmp_path):
    where = Surroundings("linux", Path("/usr/bin/python3"), Path("/usr"), Path("/usr"), "3.11", Path("/usr/bin"), {})
    assert next(iter(candidates(where))) == Path("/usr/bin/python3")


def test_this_process_finds_a_python_that_exists():
    assert next(path for path in candidates(here()) if path.is_file())


@pytest.fixture
def poisoned(monkeypatch, tmp_path):
    """Let the surroundings hold all that QGIS's start-up and people's own set-ups leave behind."""
    site = tmp_path / "user" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages" / "numpy"
    site.mkdir(parents=True)
    (site / "__init__.py").write_text("raise ImportError('numpy 2 of the person')\n__version__ = '2.0.0'\n")
    values = {
        "PYTHONUSERBASE": tmp_path / "user",
        "PYTHONPLATLIBDIR": "lib64-of-qgis",
        "PYTHONHOME": "/nowhere",
        "PYTHONEXECUTABLE": "/nowhere/qgis",
        "PYTHONPATH": tmp_path / "user",
        "LD_LIBRARY_PATH": "/nowhere/qgis/lib",
        "DYLD_LIBRARY_PATH": "/nowhere/qgis/lib",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, str(value))


def test_a_numpy_of_the_person_does_not_shadow_the_interpreters(poisoned):
    # Not isolated and not in a virtual environment, as QGIS's own Python is.
    python = Path(getattr(sys, "_base_executable", sys.executable))
    said = subprocess.run(
        [python, "-c", "import site, sys; print(site.ENABLE_USER_SITE, sys.platlibdir); import numpy"],
        env=child.child_environment(python),
        capture_output=True,
        text=True,
    )
    assert said.stdout.split() == ["False", "lib"]
    assert "of the person" not in said.stderr


def test_libraries_of_qgis_do_not_reach_another_python(poisoned):
    foreign = child.child_environment(Path("/opt/conda/bin/python"))
    assert not {"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPLATLIBDIR", "PYTHONUSERBASE"} & foreign.keys()
    assert foreign["PYTHONNOUSERSITE"] == "1"
    # QGIS's own Python may need them to start at all.
    own = child.child_environment(Path(sys.base_prefix) / "bin" / "python3")
    assert own["LD_LIBRARY_PATH"] == "/nowhere/qgis/lib"
    assert "PYTHONPLATLIBDIR" not in own


def test_a_python_below_usr_local_is_another_than_that_of_usr(monkeypatch):
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    assert child.shares_qgis_libraries(Path("/usr/bin/python3"))
    assert not child.shares_qgis_libraries(Path("/usr/local/bin/python3"))


def test_folders_of_qgis_leave_the_path_of_another_python_on_windows(monkeypatch):
    root = Path("/OSGeo4W")
    monkeypatch.setattr(sys, "base_prefix", str(root / "apps" / "Python312"))
    folders = [str(root / "bin"), str(root / "apps" / "Qt5" / "bin"), "/Windows/System32"]
    monkeypatch.setenv("OSGEO4W_ROOT", str(root))
    assert child._without_qgis(os.pathsep.join(folders)) == "/Windows/System32"
