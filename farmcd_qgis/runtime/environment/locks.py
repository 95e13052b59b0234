"""Locks: which wheels an environment is made of, one file for each system, Python and variant."""

import functools
import hashlib
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import FarmCDError
from ...core.paths import resources

CPU, CUDA = "cpu", "cuda"
SYSTEMS = ("linux-x86_64", "linux-aarch64", "windows-x86_64", "macos-arm64")
LINE = re.compile(r"(\S+)==(\S+) --hash=sha256:([0-9a-f]{64})  # (\S+) (\d+) (usual|torch)")
# What wheels take unpacked, and what must be free to fetch, unpack and check them.
UNPACKED = {CPU: 3.4, CUDA: 2.2}
FREE_BYTES = {CPU: 3_000_000_000, CUDA: 10_000_000_000}


@dataclass(frozen=True)
class Wheel:
    """A file of a lock; `index` is "usual" or "torch" (PyTorch's own), `size` in bytes serves progress only."""

    name: str
    version: str
    sha256: str
    file: str
    size: int
    index: str


@dataclass(frozen=True)
class Lock:
    """The wheels of an environment. `id` is "SYSTEM-PYTHON-VARIANT"."""

    id: str
    wheels: tuple[Wheel, ...]

    @property
    def variant(self) -> str:
        """Whether it is for the processor ("cpu", with Apple's graphics) or for NVIDIA's cards ("cuda")."""
        return self.id.rsplit("-", 1)[1]

    @property
    def digest(self) -> str:
        """The hash of everything that the lock says."""
        said = "\n".join(f"{wheel.name} {wheel.version} {wheel.sha256}" for wheel in self.wheels)
        return hashlib.sha256(f"{self.id}\n{said}".encode()).hexdigest()

    @property
    def download_bytes(self) -> int:
        """What has to be fetched, uv included."""
        return sum(wheel.size for wheel in (*self.wheels, uv_wheel(self.system)))

    @property
    def installed_bytes(self) -> int:
        """About what the environment takes."""
        return round(sum(wheel.size for wheel in self.wheels) * UNPACKED[self.variant])

    @property
    def free_bytes(self) -> int:
        """What must be free before it is made."""
        return FREE_BYTES[self.variant]

    @property
    def system(self) -> str:
        """The system of the lock, as in SYSTEMS."""
        return "-".join(self.id.split("-")[:2])


def this_system() -> str:
    """Name this system as the locks do; raises FarmCDError("env_unsupported") for one that has none."""
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64" if sys.platform == "linux" else "arm64"}.get(machine, machine)
    kind = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    system = f"{kind}-{machine}"
    if system not in SYSTEMS or (sys.maxsize < 2**32 and kind != "macos"):
        raise FarmCDError("env_unsupported", system=f"{platform.system()} {platform.machine()}")
    return system


def folder() -> Path:
    """Return the folder of the locks."""
    return resources() / "environment"


def has_lock(system: str, python: str, variant: str) -> bool:
    """Tell whether there is a lock for a system, a Python ("3.12") and a variant."""
    return (folder() / f"{system}-cp{python.replace('.', '')}-{variant}.txt").is_file()


def read_lock(system: str, python: str, variant: str) -> Lock:
    """Read a lock; raises FarmCDError("env_no_lock") where there is none."""
    name = f"{system}-cp{python.replace('.', '')}-{variant}"
    if not has_lock(system, python, variant):
        raise FarmCDError("env_no_lock", python=python, system=system, variant=variant)
    return Lock(name, tuple(_read(folder() / f"{name}.txt")))


@functools.cache
def uv_wheel(system: str) -> Wheel:
    """Return the wheel of uv, the tool that unpacks the others, for a system."""
    part = {
        "linux-x86_64": r"manylinux.*_x86_64",
        "linux-aarch64": r"manylinux.*_aarch64",
        "windows-x86_64": r"win_amd64",
        "macos-arm64": r"macosx.*_arm64",
    }[system]
    return next(wheel for wheel in _read(folder() / "uv.txt") if re.search(part, wheel.file))


def _read(path: Path) -> Iterator[Wheel]:
    for line in path.read_text(encoding="utf-8").splitlines():
        found = LINE.fullmatch(line)
        if found:
            name, version, sha256, file, size, index = found.groups()
            yield Wheel(name, version, sha256, file, int(size), index)
