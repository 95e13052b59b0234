"""A run whose folder lies in object storage: every process works in a folder of its own, and puts and fetches whole
blocks.

Below the run's address lie the plan and, below the plan's key, who computes (`numerics`) and the finished blocks, one
object each. The key and the kind of numbers are in their names, so that nothing of another plan or another kind of
machine is ever taken for this one's, whoever is late. At the end come the files of the run, run.json last.
"""

import errno
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...core.errors import Cancelled, FarmCDError, InputError
from ...core.feedback import Feedback
from ...core.protocol import Finding, RunRequest, RunResult
from ...core.run_files import BLOCKS, PLAN, RUN_GPKG, RUN_JSON, STAGING
from ...networks.card import checkpoint_hash
from ..run.durable import unique
from ..run.identity import SETTINGS, Identity, run_identity
from ..run.objects import fetch, is_object, listed, put, remove, there
from ..run.run_folder import OPTIONAL, RASTER_FILES, finished_record, finished_result
from ..scene.preflight import settled
from ..scene.scene import Scene
from ..seam import Networks
from . import planned
from .plan import NUMERICS, Plan, plan

NUMBERS = "numerics"
# In each folder of a plan that is listed: GDAL lists nothing where it could not ask.
MARK = "planned"


class Stored:
    """A run at an `address` in object storage, and the folder in which this process works on it (`local`)."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/").removesuffix(f"/{STAGING}/{PLAN}")
        self._folder = TemporaryDirectory(prefix="farmcd-", ignore_cleanup_errors=True)
        self.local = Path(self._folder.name) / "run"
        self._text = ""
        # What a person named, where this process works on its own copy.
        self.names: dict[str, str] = {"out_dir": self.address}

    @property
    def plan_file(self) -> str:
        """The address of the plan."""
        return f"{self.address}/{STAGING}/{PLAN}"

    def blocks_of(self, made: Plan) -> str:
        """Return the address below which the finished blocks of a plan lie."""
        return f"{self.address}/{STAGING}/{made.key}/{BLOCKS}"

    def numbers_of(self, made: Plan) -> str:
        """Return the address below which stands who computes a plan."""
        return f"{self.address}/{STAGING}/{made.key}/{NUMBERS}"

    def here(self, request: RunRequest) -> RunRequest:
        """Return a request with the names that it has for this process; fetches a checkpoint."""
        if is_object(request.checkpoint):
            self.names["checkpoint"] = request.checkpoint
            file = Path(self._folder.name) / "checkpoint" / request.checkpoint.rpartition("/")[2]
            file.parent.mkdir(exist_ok=True)
            if not file.exists() and not fetch(request.checkpoint, file):
                raise InputError("checkpoint_missing", path=request.checkpoint)
            request = replace(request, checkpoint=str(file))
        return replace(request, out_dir=str(self.local))

    def named(self, identity: Identity) -> Identity:
        """Return an identity with the names that a person gave."""
        names = {name: given for name, given in self.names.items() if name in identity[SETTINGS]}
        return {**identity, SETTINGS: {**identity[SETTINGS], **names}}

    def finished(self) -> dict[str, Any] | None:
        """Fetch the run that is there already, as far as it decides what may be done; returns its record, or None."""
        self.local.mkdir(exist_ok=True)
        if not fetch(f"{self.address}/{RUN_JSON}", self.local / RUN_JSON):
            return None
        fetch(f"{self.address}/{RUN_GPKG}", self.local / RUN_GPKG)
        return finished_record(self.local)

    def plan(self) -> Plan:
        """Fetch the plan; raises InputError where there is none."""
        fetched = Path(self._folder.name) / PLAN
        if not fetch(self.plan_file, fetched):
            raise InputError("no_plan", path=self.plan_file, reason=os.strerror(errno.ENOENT))
        text = fetched.read_text(encoding="utf-8")
        staging = self.local / STAGING
        if text != self._text:
            # What was computed for another plan is not for this one.
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            (staging / PLAN).write_text(text, encoding="utf-8")
            made = Plan.read(self.local)
            replace(made, request=self.here(made.request)).write()
            self._text = text
        return Plan.read(self.local)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Let faults name the run's address where they would name the folder of this process."""
        try:
            yield
        except FarmCDError as error:
            own = str(self.local)
            said = {key: value.replace(own, self.address) for key, value in error.values.items() if type(value) is str}
            error.values |= said
            raise

    def put_plan(self, made: Plan) -> None:
        """Put a plan for all to find, and remove what is left of others."""
        folder = f"{self.address}/{STAGING}"
        remove(folder, [name for name in listed(folder) if name != PLAN and not name.startswith(f"{made.key}/")])
        checkpoint = self.names.get("checkpoint", made.request.checkpoint)
        request = replace(made.request, out_dir=self.address, checkpoint=checkpoint)
        replace(made, request=request, identity=self.named(made.identity)).write()
        mark = self.local / MARK
        mark.touch()
        for place in (self.numbers_of(made), self.blocks_of(made)):
            put(mark, f"{place}/{MARK}")
        mark.unlink()
        put(made.file, self.plan_file)

    def kind(self, made: Plan) -> str:
        """Return the kind of numbers that a plan is computed in, "" as long as nobody computes it.

        Of several that began at the same moment it is the one whose name is the least.
        """
        names = set(listed(self.numbers_of(made), MARK)) - {MARK}
        return min(names, default="").removesuffix(".json")

    def missing(self, made: Plan) -> list[int]:
        """List the blocks that are not finished."""
        end = f".{self.kind(made)}.zip"
        names = listed(self.blocks_of(made), MARK)
        finished = {name.removesuffix(end) for name in names if name.endswith(end)}
        return [index for index in made.look if str(index) not in finished]

    def publish(self, feedback: Feedback) -> None:
        """Put the files of the finished run, the record last, since its presence means that all is there."""
        remove(self.address, [RUN_JSON])
        names = sorted(
            (path.name for path in self.local.iterdir() if path.is_file()), key=lambda name: name == RUN_JSON
        )
        remove(self.address, [name for name in OPTIONAL if name not in names])
        for name, step in zip(names, feedback.split(*[1.0] * len(names)), strict=True):
            step.check()
            step.progress("storing", 0.0)
            put(self.local / name, f"{self.address}/{name}")
        folder = f"{self.address}/{STAGING}"
        remove(folder, listed(folder))


class Worker:
    """A process that computes blocks of a stored run; what was opened for one stays open for the next."""

    def __init__(self, stored: Stored, networks: Networks) -> None:
        self._stored = stored
        self._networks = networks
        self._agreed = ("", "")

    def block(self, index: int, feedback: Feedback) -> dict[str, Any]:
        """Compute a block and put it; returns what `planned.block` does, and raises so."""
        stored = self._stored
        made = stored.plan()
        if index in made.look:
            kind = stored.kind(made)
            if kind and there(f"{stored.blocks_of(made)}/{index}.{kind}.zip"):
                return {"block": index, "finished_before": True}
            kind = self._agree(made, kind, feedback)
        with stored.told():
            said = planned.task("block", str(made.file), index, feedback, self._networks)
        if index in made.look:
            folder, packed = made.folder_of(index), stored.local / f"{index}.zip"
            pack(folder, packed)
            put(packed, f"{stored.blocks_of(made)}/{index}.{kind}.zip")
            packed.unlink()
            shutil.rmtree(folder)
        return said | {"finished_before": False}

    def _agree(self, made: Plan, kind: str, feedback: Feedback) -> str:
        """Make sure that this process computes in the numbers of the others; raises InputError where it does not."""
        stored, file = self._stored, made.staging / NUMERICS
        if kind and self._agreed == (made.key, kind):
            return kind
        place = stored.numbers_of(made)
        opened = planned.opened(str(made.file), self._networks)
        if not kind:
            opened.predictor(feedback)
            put(file, f"{place}/{planned.kind_of(file)}.json")
            kind = stored.kind(made)
        fetch(f"{place}/{kind}.json", file)
        with stored.told():
            planned.check_numerics(file, opened.predictor(feedback))
        self._agreed = made.key, kind
        return kind


@lru_cache(1)
def _worker(address: str, networks: Any) -> Worker:
    return Worker(Stored(address), networks)


def block_stored(address: str, index: int, feedback: Feedback, networks: Any) -> dict[str, Any]:
    """Compute one block of a stored run, as `planned.block` does of others."""
    worker: Worker = _worker(address, networks)
    return worker.block(index, feedback)


def plan_stored(request: RunRequest, block_side: int, feedback: Feedback) -> dict[str, Any]:
    """Plan a run whose folder lies in object storage, as `plan.plan` does of others."""
    stored = Stored(request.out_dir)
    planned_before = there(stored.plan_file)
    if stored.finished() is None and not planned_before:
        for name in RASTER_FILES:
            if there(f"{stored.address}/{name}"):
                raise InputError("out_dir_in_use", folder=stored.address, file=name)
    if planned_before:
        with suppress(InputError):
            stored.plan()
    with stored.told():
        said = plan(stored.here(request), block_side, feedback)
    made = Plan.read(stored.local)
    stored.put_plan(made)
    return said | {"plan": stored.plan_file, "missing": stored.missing(made)}


def merge_stored(address: str, feedback: Feedback, spread: planned.Spread | None, networks: Networks) -> RunResult:
    """Join the blocks of a stored run and put what comes of it, as `planned.merge` does of others.

    All blocks are fetched first: the system's folder for temporary files must hold as much as the run.
    """
    stored = Stored(address)
    stored.finished()
    made = stored.plan()
    if missing := stored.missing(made):
        raise planned.blocks_missing(missing, stored.address)
    kind = stored.kind(made)
    fetching, joining, storing = feedback.split(0.1, 0.8, 0.1)
    for index, step in zip(made.look, fetching.split(*[1.0] * len(made.look)), strict=True):
        step.progress("fetching", 0.0)
        packed, folder = stored.local / f"{index}.zip", made.folder_of(index)
        fetch(f"{stored.blocks_of(made)}/{index}.{kind}.zip", packed, step)
        unpack(packed, folder)
        packed.unlink()
    with stored.told():
        result = planned.merge(str(made.file), joining, spread, networks, stored.names)
    stored.publish(storing)
    return replace(result, run_dir=stored.address)


def detect_stored(
    request: RunRequest, feedback: Feedback, networks: Networks, spread: planned.Spread | None
) -> RunResult:
    """Detect into object storage, block by block, as `detect.detect` does into a folder; begun again, it goes on."""
    stored = Stored(request.out_dir)
    record = stored.finished()
    if record is not None and not request.force:
        local = settled(stored.here(request))
        identity = stored.named(run_identity(Scene.open(local), checkpoint_hash(local.checkpoint)))
        return finished_result(stored.address, record, identity)
    planning, computing, joining = feedback.split(0.05, 0.75, 0.2)
    said = plan_stored(request, request.block_side, planning)
    missing, begun = said["missing"], len(said["missing"]) < len(said["look"])
    try:
        if spread is not None:
            spread.run("block", said["plan"], missing, computing)
        else:
            for index, step in zip(missing, computing.split(*[1.0] * len(missing)), strict=True):
                block_stored(stored.address, index, step, networks)
                step.check()
    except Cancelled:
        raise Cancelled("stopped_resumable", folder=stored.address) from None
    # Workers of another machine do not see the folder in which the blocks are joined.
    result = merge_stored(stored.address, joining, None if request.scheduler else spread, networks)
    went_on = [Finding("info", "went_on", {"folder": stored.address})] if begun else []
    return replace(result, findings=[*result.findings, *went_on])


def pack(folder: Path, target: Path) -> None:
    """Put the files of a folder into one."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())


def unpack(packed: Path, folder: Path) -> None:
    """Make a folder of the file that `pack` has made."""
    folder.parent.mkdir(exist_ok=True)
    private = unique(folder)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(private)
    private.rename(folder)
