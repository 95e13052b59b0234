"""Every lock names one wheel that fits its system for each package, and leaves out nothing that these need."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from farmcd_qgis.runtime.environment.locks import SYSTEMS, folder, read_lock, uv_wheel

ROOT = Path(__file__).resolve().parents[3]
LOCKS = sorted(path.stem for path in folder().glob("*-c*-*.txt"))
PLATFORMS = {
    "linux-x86_64": r"any|manylinux\S*_x86_64",
    "linux-aarch64": r"any|manylinux\S*_aarch64",
    "windows-x86_64": r"any|win_amd64",
    "macos-arm64": r"any|macosx_(1[0-4])_\d+_(arm64|universal2)",
}
NEWEST_GLIBC = 28


def parts(name: str) -> tuple[str, str, str]:
    system, python, variant = name.rsplit("-", 2)
    return system, f"3.{python[3:]}", variant


def test_there_is_a_lock_for_every_system_python_and_variant_that_torch_is_built_for():
    systems = {(system, f"cp31{minor}", "cpu") for system in SYSTEMS for minor in (1, 2, 3)}
    systems |= {(system, f"cp31{minor}", "cuda") for system in SYSTEMS[:2] for minor in (1, 2, 3)}
    systems |= {("windows-x86_64", "cp312", "cuda"), ("windows-x86_64", "cp313", "cuda")}
    assert set(LOCKS) == {"-".join(each) for each in systems}


@pytest.mark.parametrize("name", LOCKS)
def test_every_wheel_fits_its_system_and_its_python(name):
    system, python, _ = parts(name)
    minor = int(python.split(".")[1])
    for wheel in (*read_lock(*parts(name)).wheels, uv_wheel(system)):
        package, version, _, tags = parse_wheel_filename(wheel.file)
        assert (package, str(version)) == (canonicalize_name(wheel.name), wheel.version)
        assert wheel.size > 0
        fitting = [tag for tag in tags if re.fullmatch(PLATFORMS[system], tag.platform)]
        assert fitting, wheel.file
        assert any(_takes(tag.interpreter, tag.abi, minor) for tag in fitting), wheel.file
        for tag in fitting:
            glibc = re.match(r"manylinux_2_(\d+)_", tag.platform)
            assert glibc is None or min(_glibcs(tags)) <= NEWEST_GLIBC


def _glibcs(tags) -> list[int]:
    old = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
    found = [int(m[1]) for tag in tags if (m := re.match(r"manylinux_2_(\d+)_", tag.platform))]
    return found + [number for tag in tags for word, number in old.items() if tag.platform.startswith(f"{word}_")]


def _takes(interpreter: str, abi: str, minor: int) -> bool:
    if interpreter in ("py3", "py2.py3") or interpreter == f"py3{minor}":
        return True
    if abi == "abi3":
        return interpreter.startswith("cp3") and int(interpreter[3:]) <= minor
    return interpreter == f"cp3{minor}" and abi in ("none", f"cp3{minor}")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_networks_and_training_need_and_nothing_of_qgis(name):
    wheels = {canonicalize_name(wheel.name): wheel.version for wheel in read_lock(*parts(name)).wheels}
    asked = (ROOT / "scripts" / "requirements.txt").read_text().splitlines()
    needed = {canonicalize_name(Requirement(line).name) for line in asked if line.strip() and not line.startswith("#")}
    assert needed <= wheels.keys()
    assert not {"gdal", "qgis", "pyqt5", "pyqt6"} & wheels.keys()
    lines = (ROOT / "scripts" / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if re.match(r"[\w.-]+==", line)]
    for pin in pins:
        version = wheels.get(canonicalize_name(pin.name))
        assert version is None or pin.specifier.contains(version.partition("+")[0]), pin.name
    cuda = {name for name in wheels if name.startswith("nvidia-") or name == "triton"}
    assert bool(cuda) == (name.startswith("linux") and name.endswith("cuda"))


def test_a_lock_of_this_python_lacks_nothing_that_its_packages_require():
    """As far as the packages of the tests' own environment tell: those that are in both, in the same build."""
    from importlib.metadata import distributions

    lock = read_lock("linux-x86_64", "3.11", "cpu")
    wheels = {canonicalize_name(wheel.name): wheel.version for wheel in lock.wheels}
    environment = {**default_environment(), "sys_platform": "linux", "python_version": "3.11", "extra": ""}
    for distribution in distributions():
        # Another build, as torch's for CUDA, needs other packages.
        if wheels.get(canonicalize_name(distribution.name)) != distribution.version:
            continue
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                assert canonicalize_name(requirement.name) in wheels, f"{distribution.name} needs {text}"


def test_builds_of_torch_stand_in_the_locks_as_in_their_table():
    builds = tomllib.loads((ROOT / "scripts" / "torch_builds.toml").read_text(encoding="utf-8"))["build"]
    for build in builds:
        lock = read_lock(build["system"], f"3.{build['python'][3:]}", build["variant"])
        (torch,) = [wheel for wheel in lock.wheels if wheel.name == "torch"]
        assert (torch.file, torch.sha256, torch.index) == (build["file"], build["sha256"], "torch")


@pytest.mark.long
@pytest.mark.parametrize("name", LOCKS)
def test_the_index_still_has_every_file_of_a_lock(name, pages):
    """Asks the index that pip is set to; PyTorch's own is only asked where it is set, too."""
    missing = []
    for wheel in read_lock(*parts(name)).wheels:
        if wheel.index == "torch":
            continue
        digest = pages(wheel.name).get(wheel.file)
        if digest != wheel.sha256:
            missing.append(wheel.file)
    assert missing == []


@pytest.fixture(scope="module")
def pages():
    """Read an index's pages of packages once each: hashes by file name."""
    import json
    import sys
    import urllib.request

    from farmcd_qgis.runtime.environment.sources import SIMPLE, of_pip

    pip = of_pip(Path(sys.executable))
    index = pip.get("index-url") or pip.get("default")
    read: dict[str, dict[str, str]] = {}

    def page(name: str) -> dict[str, str]:
        if name not in read:
            request = urllib.request.Request(f"{index.rstrip('/')}/{name}/", headers={"Accept": SIMPLE})
            with urllib.request.urlopen(request, timeout=60) as answer:
                files = json.load(answer)["files"]
            read[name] = {row["filename"]: row["hashes"].get("sha256", "") for row in files}
        return read[name]

    try:
        page("safetensors")
    except Exception as error:
        pytest.skip(f"no package index is reached: {error}")
    return page
