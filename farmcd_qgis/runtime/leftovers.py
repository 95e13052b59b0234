"""Removing what a job that was killed left half-made in its run folder; finished rows stay for the next run."""

import contextlib
import shutil
from pathlib import Path

from ..core.run_files import (
    ARBITRATION_TIF,
    ATTENTION_TIF,
    CHANGE_TIF,
    CONFIDENCE_TIF,
    RUN_GPKG,
    RUN_JSON,
    is_resumable,
)

RUN_STEMS = frozenset(
    Path(name).stem for name in (CHANGE_TIF, CONFIDENCE_TIF, ARBITRATION_TIF, ATTENTION_TIF, RUN_GPKG, RUN_JSON)
)


class Leftovers:
    """Remembers how `folder` looks before a job, so that only what the job made is ever removed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._missing = [path for path in (folder, *folder.parents) if not path.exists()]
        self._before = _names(folder)

    def remove(self) -> None:
        """Remove unfinished files; final names too while there is no run.json, which is written last.

        Where a run can go on, nothing is removed: it may have been killed while it was being published.
        """
        if is_resumable(self._folder):
            return
        made = _names(self._folder) - self._before
        finished = RUN_JSON in self._before | made
        for name in made:
            if ".part" in name or (name.split(".")[0] in RUN_STEMS and not finished):
                _remove(self._folder / name)
        for folder in self._missing:
            # Only an empty one goes.
            with contextlib.suppress(OSError):
                folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _names(folder: Path) -> set[str]:
    # A folder that is missing or may not be read is for the engine to complain of, in its own words.
    try:
        return {path.name for path in folder.iterdir()}
    except OSError:
        return set()
