"""The run folder: a run grows in a folder of its own inside it, and everything gets its final name at the end."""

import json
import shutil
from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any

from ...core.errors import FarmCDError, InputError
from ...core.protocol import Finding, RunResult, finding_from_dict
from ...core.run_files import (
    ARBITRATION_TIF,
    ATTENTION_TIF,
    BLOCKS,
    CHANGE_TIF,
    CONFIDENCE_TIF,
    PIECES,
    PLAN,
    RUN_GPKG,
    RUN_JSON,
    STAGING,
    is_resumable,
)
from ...core.run_record import read_record
from .disk import writing_to
from .durable import put, sole, sync
from .identity import Identity, differences
from .package import replaced

# There once all that is to be published is on the disk; lists it.
COMPLETE = "complete"
RESULT = "result"
# What the run was that is being replaced.
ASIDE = "aside"
# What an earlier run may have had and a later one has not.
OPTIONAL = tuple(f"{Path(name).stem}{end}" for name in (ARBITRATION_TIF, ATTENTION_TIF) for end in (".tif", ".qml"))
# What a run's files are called, besides the record: without one they are somebody else's.
RASTER_FILES = (CHANGE_TIF, CONFIDENCE_TIF, ARBITRATION_TIF, ATTENTION_TIF, RUN_GPKG)
LOCK = "lock"


class RunFolder:
    """A run folder in the making: what is put into `path` appears in `out_dir` as a whole, or not at all.

    Used as a context. `staging` is a folder with a temporary name inside `out_dir`, `path` a folder in it. Both go
    at the end, and folders that were made for them too, unless `staging` holds pieces of an unfinished run: those
    stay, for the next run. `finished` is the record of the run that `out_dir` holds already, or None. A run that
    was killed while it was published is published first. Raises InputError if another process works there, if
    there are files under the names of a run but no run, or if the folder cannot be written to.
    """

    def __init__(self, out_dir: str) -> None:
        self.out_dir = Path(out_dir).expanduser().absolute()
        self.staging = self.out_dir / STAGING
        self.path = self.staging / RESULT
        self.finished: dict[str, Any] | None = None
        # Whether a plan stays, of which no block is finished yet.
        self.keep = False
        self._made: list[Path] = []
        self._held = ExitStack()

    def __enter__(self) -> "RunFolder":
        with writing_to(self.out_dir):
            self._refuse_if_in_use()
        try:
            with writing_to(self.out_dir):
                for folder in reversed([path for path in (self.staging, *self.staging.parents) if not path.exists()]):
                    folder.mkdir(exist_ok=True)
                    self._made.append(folder)
                if not self._held.enter_context(sole(self.staging / LOCK)):
                    self._made.clear()
                    raise InputError("run_busy", folder=self.out_dir)
                if (self.staging / COMPLETE).exists():
                    self._move()
                shutil.rmtree(self.path, ignore_errors=True)
                self.path.mkdir()
                self.finished = finished_record(self.out_dir)
                if self.finished is not None and not is_resumable(self.out_dir):
                    # Of a run that was killed just behind its publishing.
                    shutil.rmtree(self.staging / PIECES, ignore_errors=True)
        except FarmCDError:
            self._held.close()
            if self._made:
                self._clear()
            raise
        return self

    @property
    def resumable(self) -> bool:
        """Whether finished rows are kept for the next run."""
        return is_resumable(self.out_dir)

    def publish(self) -> None:
        """Give everything its final name, run.json last, since its presence means that the run is finished.

        Killed in the middle, it is continued by the next RunFolder. An earlier run is moved aside first and put back if
        anything fails. Raises InputError where it was reviewed meanwhile, FarmCDError where another program holds it.
        """
        with writing_to(self.out_dir):
            names = _names(self.path)
            for name in names:
                sync(self.path / name)
            sync(self.path)
            partial = self.staging / f"{COMPLETE}.part"
            partial.write_text(json.dumps(names))
            put(partial, self.staging / COMPLETE)
            self._move()
        self._made.clear()

    def _move(self) -> None:
        names = json.loads((self.staging / COMPLETE).read_text() or "null") or _names(self.path)
        waiting = [name for name in names if (self.path / name).exists()]
        aside = self.staging / ASIDE
        aside.mkdir(exist_ok=True)
        try:
            package = self.path / RUN_GPKG
            with replaced(package, self.out_dir / RUN_GPKG) if RUN_GPKG in waiting else nullcontext():
                # Without its record a run is none: that of the old one goes first, that of the new one comes last.
                gone = [name for name in OPTIONAL if CHANGE_TIF in names and name not in names]
                for name in (*waiting[-1:], *gone, *waiting[:-1]):
                    if name != RUN_GPKG and (self.out_dir / name).exists():
                        (self.out_dir / name).replace(aside / name)
                for name in waiting:
                    if name != RUN_GPKG:
                        (self.path / name).replace(self.out_dir / name)
                sync(self.out_dir)
        except BaseException:
            self._put_back(names, aside)
            raise
        shutil.rmtree(aside)
        (self.staging / PLAN).unlink(missing_ok=True)
        for name in (PIECES, BLOCKS):
            shutil.rmtree(self.staging / name, ignore_errors=True)
        (self.staging / COMPLETE).unlink()

    def _put_back(self, names: list[str], aside: Path) -> None:
        """Let the folder hold what it held before, the record last."""
        old = _names(aside)
        for name in names:
            if not (self.path / name).exists() and (name != RUN_GPKG or not old):
                (self.out_dir / name).replace(self.path / name)
        for name in old:
            (aside / name).replace(self.out_dir / name)
        (self.staging / COMPLETE).unlink()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()
        if self.resumable or (self.keep and (self.staging / PLAN).exists()):
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self._clear()

    def _refuse_if_in_use(self) -> None:
        if (self.out_dir / RUN_JSON).exists() or (self.staging / COMPLETE).exists():
            return
        for name in RASTER_FILES:
            if (self.out_dir / name).exists():
                raise InputError("out_dir_in_use", folder=self.out_dir, file=name)

    def _clear(self) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)
        for folder in reversed(self._made):
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # Somebody else has put a file there.
                return


def _names(folder: Path) -> list[str]:
    """List the names in a folder, the record last."""
    return sorted((path.name for path in folder.iterdir()), key=lambda name: (name == RUN_JSON, name))


def finished_record(out_dir: Path) -> dict[str, Any] | None:
    """Return the record of the finished run in a folder; None if there is none, empty if it cannot be read."""
    try:
        return read_record(out_dir)
    except InputError as error:
        return None if error.code == "no_run" else {}


def finished_result(out_dir: str | Path, record: dict[str, Any], identity: Identity) -> RunResult:
    """Return the result of a finished run by its record; raises InputError if it is of another request or input."""
    if differs := differences(record.get("identity") or {}, identity):
        raise InputError("run_exists", folder=out_dir, differs=differs)
    said = Finding("info", "finished_before", {"folder": out_dir, "finished": record["finished"]})
    figures = record.get("figures") or {}
    return RunResult(
        str(out_dir),
        figures.get("device", ""),
        figures.get("seconds", 0.0),
        figures.get("candidates", 0),
        figures.get("hard_regions", 0),
        figures.get("area_ha", {}),
        [said, *(finding_from_dict(finding) for finding in record.get("findings") or [])],
    )
