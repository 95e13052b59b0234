"""A Python that cannot import some packages: what stands before it on the command line blocks them.

`python blocked.py osgeo,qgis -m MODULE` runs a module, `python blocked.py osgeo FILE` a file; `interpreter` writes a
program that does so, which passes for an interpreter.
"""

import runpy
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path


class Blocked(MetaPathFinder):
    """Finds no blocked package, and says so."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise ImportError for a blocked package."""
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r} (blocked by the test)", name=name)


def interpreter(folder: Path, *names: str) -> Path:
    """Write a program that is this Python without some packages; for systems with a shell."""
    path = folder / f"python-without-{'-'.join(names)}"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" {",".join(names)} "$@"\n')
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocked(sys.argv[1].split(",")))
    if sys.argv[2] == "-m":
        sys.argv[:] = sys.argv[3:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = sys.argv[2:]
        runpy.run_path(sys.argv[0], run_name="__main__")
