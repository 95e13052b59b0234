"""What this Python can do for networks: `python probe.py` prints it as one line of JSON.

QGIS runs this file by its path under every Python it considers, old ones included, so it imports nothing
of FarmCD and avoids new syntax. The workers import it for their versions.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys

# Module to import and what people call it.
NEEDED = (
    ("numpy", "numpy"),
    ("torch", "PyTorch"),
    ("safetensors", "safetensors"),
)
OLDEST_PYTHON = (3, 11)


def versions() -> dict[str, str | None]:
    """Tell the versions of Python and of the packages that matter, None for a missing one, importing none of them."""
    from importlib import metadata

    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in ("numpy", "GDAL", "torch", "safetensors", "numba"):
        try:
            found[package.lower()] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package.lower()] = None
    return found


def survey() -> dict[str, object]:
    """Import what networks need; `problems` maps what people call each failing module to the reason."""
    problems = {}
    if sys.version_info < OLDEST_PYTHON:
        oldest = ".".join(str(part) for part in OLDEST_PYTHON)
        problems[f"Python {oldest} or newer"] = f"this is {platform.python_version()}"
    for module, name in NEEDED:
        if problems:
            break
        try:
            importlib.import_module(module)
        except Exception as error:
            problems[name] = f"{type(error).__name__}: {error}"
    found = versions() if sys.version_info >= (3, 8) else {"python": platform.python_version()}
    return {"executable": sys.executable, "platform": platform.platform(), "versions": found, "problems": problems}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(survey()) + "\n")
