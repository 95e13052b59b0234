"""A run cut into blocks for many processes: what each needs to know, in a file that all of them read.

The file lies where the run grows, and what is finished lies beside it. Which blocks are finished is told by what is
there, never by who has started them: whoever computes one twice, or dies, does no harm.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.feedback import SILENT, Feedback
from ...core.polygons import PolygonSettings
from ...core.protocol import Finding, RunRequest, finding_from_dict, request_from_dict
from ...core.run_files import BLOCKS, PLAN, STAGING
from ...networks.card import checkpoint_hash
from ..run.durable import put
from ..run.identity import POLYGON_SETTINGS, SETTINGS, Identity, differences, run_identity
from ..run.journal import Step
from ..run.objects import is_object
from ..run.package import refuse_if_reviewed
from ..run.record import now
from ..run.run_folder import RunFolder
from ..scene.grid import Grid
from ..scene.pair import Stretch
from ..scene.preflight import check, settled
from ..scene.scene import Scene
from ..scene.shift import Shift
from ..scene.tiling import BLOCK_MULTIPLE, Blocks, Window
from .tiles import placed

# Of blocks for several processes: more of them share the work evenly, fewer have less predicted twice at their edges.
SHARED_SIDE = 3072
# Where tiles take more of the grid, more would be predicted twice: blocks are larger then, if that many are left.
LARGEST_SHARED_SIDE, ENOUGH_BLOCKS = 6144, 16
# What a finished block says of itself, in its folder.
DONE = "done.json"
# What the network of the first process says of a made-up tile.
NUMERICS = "numerics.json"
FORMAT = 1
# What of a request names files; what is in them is told by the rest of the identity.
FILES = ("before", "after", "checkpoint", "aoi", "farmland")


@dataclass(frozen=True)
class Plan:
    """A run in blocks; `look` are those that hold anything to look at, `stretch` and `shift` were measured once.

    `bounds` is the window of the grid that the blocks cut up and `grid` that part of it, `findings` what the preflight
    said.
    """

    file: Path
    request: RunRequest
    identity: Identity
    blocks: Blocks
    look: tuple[int, ...]
    bounds: Window
    grid: Grid
    stretch: Stretch
    shift: Shift | None
    findings: tuple[Finding, ...]
    started: str

    @classmethod
    def make(cls, scene: Scene, identity: Identity, staging: Path, side: int, findings: Sequence[Finding]) -> "Plan":
        """Plan a scene and keep what blocks of an earlier plan are of use; others are removed when they are met."""
        bounds = scene.mask.bounds
        blocks = Blocks.cut(bounds.width, bounds.height, side)
        windows = [placed(bounds, blocks.window(index)) for index in range(len(blocks))]
        look = tuple(index for index, window in enumerate(windows) if scene.mask.any(window))
        stretch = Stretch(**scene.pair.stretch)
        file = staging / PLAN
        request, grid = absolute(scene.request), scene.pair.grid.part(bounds)
        made = cls(file, request, identity, blocks, look, bounds, grid, stretch, scene.shift, tuple(findings), now())
        made.write()
        return made

    def write(self) -> None:
        """Write the file."""
        content = {key: value for key, value in asdict(self).items() if key != "file"}
        content |= {
            "format": FORMAT,
            "bounds": list(self.bounds),
            "grid": list(self.grid),
            "shift": self.shift and list(self.shift),
        }
        partial = self.file.with_name(self.file.name + ".part")
        partial.write_text(json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")
        put(partial, self.file)

    @classmethod
    def read(cls, file: str | Path) -> "Plan":
        """Read a plan, of its file or of the run folder; raises InputError where there is none that can be read."""
        file = Path(file).expanduser().absolute()
        if file.is_dir():
            file = file / STAGING / PLAN
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            if found.pop("format") != FORMAT:
                raise ValueError("another format")
            found |= {
                "request": replace(request_from_dict(found["request"]), out_dir=str(file.parent.parent)),
                "blocks": Blocks(*(tuple(found["blocks"][name]) for name in ("columns", "rows"))),
                "look": tuple(found["look"]),
                "bounds": Window(*found["bounds"]),
                "grid": Grid(found["grid"][0], found["grid"][1], tuple(found["grid"][2]), found["grid"][3]),
                "stretch": Stretch(**found["stretch"]),
                "shift": found["shift"] and Shift(*found["shift"]),
                "findings": tuple(finding_from_dict(row) for row in found["findings"]),
            }
            return cls(file=file, **found)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError("no_plan", path=file, reason=error) from error

    @cached_property
    def key(self) -> str:
        """A name for all that decides what is in the blocks."""
        identity = {name: value for name, value in _placeless(self.identity).items() if name != POLYGON_SETTINGS}
        decides = [FORMAT, identity, asdict(self.blocks), asdict(self.stretch), self.shift and list(self.shift)]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]

    def replaced_by(self, other: "Plan") -> list[str]:
        """List what of a plan that was made meanwhile asks for other blocks; nothing where these are its own."""
        if self.key == other.key:
            return []
        return self.fits(other.identity) or ["blocks"]

    @property
    def staging(self) -> Path:
        """Where the run grows."""
        return self.file.parent

    @property
    def settings(self) -> PolygonSettings:
        """What becomes a polygon."""
        request = self.request
        return PolygonSettings(request.tau, request.minimum_mapping_unit_m2, request.connectivity)

    def folder_of(self, index: int) -> Path:
        """Return where a finished block lies, and nothing that is not finished."""
        return self.staging / BLOCKS / str(index)

    def parts_of(self, index: int) -> Path:
        """Return where the parts of a finished block lie that were made with the polygons' settings of the plan."""
        settings = "-".join(str(value) for value in asdict(self.settings).values())
        return self.folder_of(index) / f"polygons-{settings}"

    @property
    def missing(self) -> list[int]:
        """The blocks that are not finished."""
        finished = {path.name for path in (self.staging / BLOCKS).glob("*") if path.name.isdigit()}
        return [index for index in self.look if str(index) not in finished]

    def open(self) -> Scene:
        """Open the scene as it was planned; raises InputError where an input is not what it was."""
        scene = Scene.open(self.request, frozen=(self.stretch, self.shift))
        identity = run_identity(scene, checkpoint_hash(self.request.checkpoint))
        if differs := differences(_placeless(self.identity), _placeless(identity)):
            raise InputError("plan_differs", plan=self.file, differs=differs)
        return scene

    def fits(self, identity: Identity) -> list[str]:
        """List what of another identity would give other rasters."""
        found = differences(_placeless(self.identity), _placeless(identity))
        return [word for word in found if word != POLYGON_SETTINGS]


@dataclass(frozen=True)
class Finished:
    """The finished blocks of a plan, as one: their pieces, and what they say of themselves."""

    plan: Plan

    @cached_property
    def said(self) -> dict[int, dict[str, Any]]:
        """What each block says: steps, predictor, device, tiles, seconds."""
        return {
            index: json.loads((self.plan.folder_of(index) / DONE).read_text(encoding="utf-8"))
            for index in self.plan.look
        }

    @cached_property
    def steps(self) -> list[Step]:
        """Their steps, each with the number of its block before the name of its file."""
        return [
            step._replace(file=f"{index}/{step.file}" if step.file else "")
            for index, said in self.said.items()
            for step in (Step(*row) for row in said["steps"])
        ]

    def path(self, step: Step) -> Path:
        """Return the raster of a step's pixels."""
        index, name = step.file.split("/")
        return self.plan.folder_of(int(index)) / "pieces" / name


def plan(request: RunRequest, block_side: int = 0, feedback: Feedback = SILENT) -> dict[str, Any]:
    """Cut a run into blocks and write the plan into its folder, where `block` and `merge` find it.

    Returns the file, the number of blocks, those that hold anything to look at, and those of them that are not
    finished. Blocks of an earlier plan of the same run are kept. Raises InputError for input that cannot be used, or a
    folder that holds a finished run.
    """
    if is_object(request.out_dir):
        from .stored import plan_stored

        return plan_stored(request, block_side, feedback)
    request = settled(request)
    with RunFolder(request.out_dir) as folder:
        if folder.finished is not None and not request.force:
            raise InputError("planned_over_run", folder=folder.out_dir)
        refuse_if_reviewed(folder.out_dir)
        feedback.progress("preflight", 0.0)
        scene = Scene.open(request)
        findings = check(scene)
        for finding in findings:
            feedback.finding(finding)
        made = planned(scene, run_identity(scene, checkpoint_hash(request.checkpoint)), folder, block_side, findings)
        folder.keep = True
    look = list(made.look)
    return {"plan": str(made.file), "blocks": len(made.blocks), "look": look, "missing": made.missing}


def planned(
    scene: Scene, identity: Identity, folder: RunFolder, side: int, findings: Sequence[Finding], anew: bool = True
) -> Plan:
    """Return the plan of a run: the one that its folder holds where that is of the same run, else a new one.

    Where it is to be planned `anew`, that must be with the same blocks.
    """
    side = checked_side(side) or usual_side(scene)
    try:
        held = Plan.read(folder.staging / PLAN)
    except InputError:
        held = None
    if held is not None and held.fits(identity):
        remove_blocks(folder.staging)
        held = None
    bounds = scene.mask.bounds
    if held is not None and (not anew or held.blocks == Blocks.cut(bounds.width, bounds.height, side)):
        made = replace(held, request=absolute(scene.request), identity=identity, findings=tuple(findings))
        made.write()
        return made
    remove_blocks(folder.staging)
    return Plan.make(scene, identity, folder.staging, side, findings)


def _placeless(identity: Identity) -> Identity:
    """Return an identity without the folders that its files lie in, by whatever names they were called."""
    found = dict(identity)
    found[SETTINGS] = {key: value for key, value in identity[SETTINGS].items() if key not in FILES}
    for key in ("before raster", "after raster"):
        found[key] = [[Path(name).name, *rest] for name, *rest in identity[key]]
    return found


def is_planned(folder: RunFolder, identity: Identity) -> bool:
    """Tell whether a folder holds a plan of the same run, with which it can go on."""
    try:
        return not Plan.read(folder.staging / PLAN).fits(identity)
    except InputError:
        return False


def checked_side(side: int) -> int:
    """Return the side of blocks that somebody chose, 0 for none; raises InputError."""
    if side and (side < BLOCK_MULTIPLE or side % BLOCK_MULTIPLE):
        raise InputError("bad_block_side", side=side, multiple=BLOCK_MULTIPLE)
    return side


def usual_side(scene: Scene) -> int:
    """Return the side of blocks for several processes where nobody chose one."""
    bounds = scene.mask.bounds
    wanted = round(SHARED_SIDE * scene.looking().factor / BLOCK_MULTIPLE) * BLOCK_MULTIPLE
    side = max(SHARED_SIDE, min(wanted, LARGEST_SHARED_SIDE))
    while side > SHARED_SIDE and len(Blocks.cut(bounds.width, bounds.height, side)) < ENOUGH_BLOCKS:
        side -= BLOCK_MULTIPLE
    return side


def remove_blocks(staging: Path) -> None:
    """Remove the blocks of another run."""
    shutil.rmtree(staging / BLOCKS, ignore_errors=True)
    for name in (PLAN, NUMERICS):
        (staging / name).unlink(missing_ok=True)


def absolute(request: RunRequest) -> RunRequest:
    """Name files by whole paths, since blocks are computed in other folders."""
    given = {name: getattr(request, name) for name in FILES}
    found: dict[str, Any] = {
        name: str(Path(path).absolute()) for name, path in given.items() if path and Path(path).exists()
    }
    return replace(request, **found)
