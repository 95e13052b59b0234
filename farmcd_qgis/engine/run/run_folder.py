"""The run folder: a run grows in a folder of its own inside it, and everything gets its final name at the end."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from ...core.errors import FarmCDError, InputError
from ...core.protocol import Finding, RunResult
from ...core.run_files import (
    ARBITRATION_TIF,
    CHANGE_TIF,
    CONFIDENCE_TIF,
    PIECES,
    RUN_GPKG,
    RUN_JSON,
    STAGING,
    is_resumable,
)
from ...core.run_record import read_record
from .disk import writing_to
from .durable import sole, sync
from .identity import Identity, differences

# There once all that is to be published is on the disk; lists it.
COMPLETE = "complete"
RESULT = "result"
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
                    raise InputError(
                        "run_busy",
                        f"Another process is writing a run into {self.out_dir}. Wait for it, stop it, or choose "
                        "another output folder.",
                    )
                if (self.staging / COMPLETE).exists():
                    self._move()
                shutil.rmtree(self.path, ignore_errors=True)
                self.path.mkdir()
                self.finished = finished_record(self.out_dir)
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

        Killed in the middle, it is continued by the next RunFolder. Replaces an earlier run.
        """
        with writing_to(self.out_dir):
            for path in self.path.iterdir():
                sync(path)
            sync(self.path)
            names = "\n".join(sorted(path.name for path in self.path.iterdir()))
            (self.staging / COMPLETE).write_text(names, encoding="utf-8")
            sync(self.staging / COMPLETE)
            sync(self.staging)
            self._move()
        shutil.rmtree(self.staging / PIECES, ignore_errors=True)
        self._made.clear()

    def _move(self) -> None:
        names = sorted((path.name for path in self.path.iterdir()), key=lambda name: (name == RUN_JSON, name))
        moved = []
        try:
            if names != [RUN_JSON]:
                (self.out_dir / RUN_JSON).unlink(missing_ok=True)
            whole = (self.staging / COMPLETE).read_text(encoding="utf-8").split("\n")
            if CHANGE_TIF in whole and ARBITRATION_TIF not in whole:
                # Of an earlier run, whose network had text priors.
                for name in (ARBITRATION_TIF, Path(ARBITRATION_TIF).with_suffix(".qml").name):
                    (self.out_dir / name).unlink(missing_ok=True)
            for name in names:
                (self.path / name).replace(self.out_dir / name)
                moved.append(name)
            sync(self.out_dir)
            (self.staging / COMPLETE).unlink()
        except BaseException:
            for name in moved:
                (self.out_dir / name).replace(self.path / name)
            (self.staging / COMPLETE).unlink(missing_ok=True)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()
        if self.resumable:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self._clear()

    def _refuse_if_in_use(self) -> None:
        if (self.out_dir / RUN_JSON).exists() or (self.staging / COMPLETE).exists():
            return
        for name in (CHANGE_TIF, CONFIDENCE_TIF, ARBITRATION_TIF, RUN_GPKG):
            if (self.out_dir / name).exists():
                raise InputError(
                    "out_dir_in_use",
                    f"{self.out_dir} already holds {name} but no finished run; choose another output folder, or "
                    "remove that file.",
                )

    def _clear(self) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)
        for folder in reversed(self._made):
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # Somebody else has put a file there.
                return


def finished_record(out_dir: Path) -> dict[str, Any] | None:
    """Return the record of the finished run in a folder; None if there is none, empty if it cannot be read."""
    try:
        return read_record(out_dir)
    except InputError as error:
        return None if error.code == "no_run" else {}


def finished_result(out_dir: Path, record: dict[str, Any], identity: Identity) -> RunResult:
    """Return the result of a finished run by its record; raises InputError if it is of another request or input."""
    if differs := differences(record.get("identity") or {}, identity):
        raise InputError(
            "run_exists",
            f"{out_dir} already holds a finished run, which differs in: {', '.join(differs)}. Choose another output "
            "folder, or ask for it to be computed anew, which replaces it.",
        )
    said = Finding("info", "finished_before", f"{out_dir} holds this very run, finished {record['finished']}.")
    figures = record.get("figures") or {}
    return RunResult(
        str(out_dir),
        figures.get("device", ""),
        figures.get("seconds", 0.0),
        figures.get("candidates", 0),
        figures.get("hard_regions", 0),
        figures.get("area_ha", {}),
        [said, *(Finding(**finding) for finding in record.get("findings") or [])],
    )
