"""Where QGIS's own Python lies: not simply `sys.executable`, which is QGIS itself on Windows and macOS."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Surroundings:
    """What a process knows of itself. `application` is the folder of QGIS's program, None outside of QGIS."""

    platform: str
    executable: Path
    base_prefix: Path
    prefix: Path
    version: str
    application: Path | None
    variables: dict[str, str]


def here() -> Surroundings:
    """Look at this process."""
    application = None
    if "qgis.core" in sys.modules:
        from qgis.core import QgsApplication

        application = Path(QgsApplication.applicationDirPath() or ".")
    return Surroundings(
        sys.platform,
        Path(sys.executable or "python"),
        Path(sys.base_prefix),
        Path(sys.prefix),
        f"{sys.version_info.major}.{sys.version_info.minor}",
        application,
        dict(os.environ),
    )


def candidates(where: Surroundings) -> Iterator[Path]:
    """Name the places where QGIS's own Python may lie, the likeliest first; they need not exist."""
    # A program that is called python is one; QGIS, also as "QGIS-LTR" or "qgis-bin.exe", is none.
    if where.executable.stem.lower().startswith("python"):
        yield where.executable
    found = _on_windows(where) if where.platform == "win32" else _elsewhere(where)
    yield from dict.fromkeys(found)


def _on_windows(where: Surroundings) -> Iterator[Path]:
    """OSGeo4W and the standalone installer: apps/Python312 beside bin; conda: the environment's own folder."""
    names = ("python.exe", "python3.exe")
    folders = [where.base_prefix, where.prefix]
    root = where.variables.get("OSGEO4W_ROOT")
    roots = [Path(root)] if root else []
    if where.application is not None:
        # bin of OSGeo4W, or Library/bin of conda.
        roots += [where.application.parent, where.application.parent.parent]
        folders.append(where.application)
    for folder in roots:
        folders += [folder / "apps" / f"Python{where.version.replace('.', '')}", folder / "bin", folder]
    conda = where.variables.get("CONDA_PREFIX")
    if conda:
        folders.append(Path(conda))
    for folder in folders:
        yield from (folder / name for name in names)


def _elsewhere(where: Surroundings) -> Iterator[Path]:
    names = (f"python{where.version}", "python3")
    folders = [where.base_prefix / "bin", where.prefix / "bin"]
    if where.application is not None:
        folders.append(where.application / "bin")
    if where.platform == "darwin" and where.application is not None:
        # In a bundle the program lies in Contents/MacOS.
        contents = where.application.parent
        folders += [
            where.application,
            contents / "Frameworks" / "bin",
            contents / "Frameworks" / "Python.framework" / "Versions" / where.version / "bin",
            contents / "Resources" / "python" / "bin",
        ]
    # Builds by vcpkg keep it apart.
    folders.append(where.base_prefix / "tools" / "python3")
    if where.application is not None:
        # Conda and Flatpak: beside QGIS's program.
        folders.append(where.application)
    folders.append(Path("/usr/bin"))
    for folder in folders:
        yield from (folder / name for name in names)
