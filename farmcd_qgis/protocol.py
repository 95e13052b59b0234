"""What crosses the seam between QGIS and the worker: plain dataclasses that travel as JSON lines.

Only paths and numbers are here, never pixels; neither qgis nor torch may be imported.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

PROTOCOL_VERSION = 1

# Names inside a run folder.
CHANGE_TIF = "change.tif"
CONFIDENCE_TIF = "confidence.tif"
ARBITRATION_TIF = "arbitration.tif"
RUN_GPKG = "farmcd.gpkg"
RUN_JSON = "run.json"
CANDIDATES = "candidates"
HARD_REGIONS = "hard_regions"
RUN_TABLE = "run"
VERDICT_LOG = "verdicts"

# The verdicts that settle what a candidate is, as its field `status` holds them.
CONFIRMED = "confirmed"
OTHER_CLASS = "other_class"
PSEUDO_CHANGE = "pseudo_change"
ACCURACY_SAMPLE = "accuracy_sample"
ACCURACY_STRATA = "accuracy_strata"
JUDGEMENT_LOG = "judgements"
# A run grows in the first of these, and its finished rows lie in the second, inside it.
STAGING = "run.part"
PIECES = "pieces"

Severity = Literal["error", "warning", "info"]


class FarmCDError(Exception):
    """A fault with a sentence for the person who meets it, and a code for programs.

    `code` is a short word with underscores ("no_overlap"); `exit_status` is what the command line ends with.
    """

    exit_status = 1

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InputError(FarmCDError):
    """An input or argument cannot be used; the message says what is wrong, the value seen, and what to do."""

    exit_status = 2


class Cancelled(FarmCDError):
    """The user stopped the job."""

    exit_status = 3

    def __init__(self, message: str = "Stopped by the user.") -> None:
        super().__init__("cancelled", message)


@dataclass(frozen=True)
class Finding:
    """One result of the preflight: errors stop a run, warnings and infos do not."""

    severity: Severity
    code: str
    message: str


@dataclass(frozen=True)
class RunRequest:
    """All that one detection needs; the same object serves dock, Processing, command line and tests.

    Paths are anything GDAL or OGR opens; a vector layer inside a file is written `path|layername=name`.
    `extent` is (xmin, ymin, xmax, ymax) in `extent_crs` (authority code or WKT); `before_bands` and
    `after_bands` are 1-based band numbers in the order red, green, blue (None: bands 1, 2, 3). `force` computes a
    finished run anew.
    """

    before: str
    after: str
    out_dir: str
    checkpoint: str
    aoi: str | None = None
    extent: tuple[float, float, float, float] | None = None
    extent_crs: str | None = None
    farmland: str | None = None
    reference: Literal["before", "after"] = "after"
    before_bands: tuple[int, int, int] | None = None
    after_bands: tuple[int, int, int] | None = None
    before_date: str | None = None
    after_date: str | None = None
    match_histograms: bool = False
    device: str = "auto"
    tile: int = 256
    overlap: int = 64
    batch: int = 0
    tau: float = 0.80
    minimum_mapping_unit_m2: float = 400.0
    connectivity: Literal[4, 8] = 8
    symmetric: bool = False
    context: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True)
class RunResult:
    """Where a finished run lies and what it found. `area_ha` maps class names to ellipsoidal hectares."""

    run_dir: str
    device: str
    seconds: float
    candidates: int
    hard_regions: int
    area_ha: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """How far a job is. `fraction` is 0..1 over the whole job; `rate` is megapixels per second."""

    stage: str
    fraction: float
    rate: float | None = None
    remaining_s: float | None = None
    message: str = ""


def is_resumable(out_dir: str | Path) -> bool:
    """Say whether a folder holds finished rows of a run that was stopped, with which the next one can go on."""
    pieces = Path(out_dir) / STAGING / PIECES
    return pieces.is_dir() and any(pieces.iterdir())


ProgressCallback = Callable[[Progress], None]
IsCancelled = Callable[[], bool]


@dataclass(frozen=True)
class Command:
    """QGIS to worker: run the job `name` with `arguments`, or "cancel" / "quit"."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """Worker to QGIS.

    `kind` is one of ready, heartbeat, progress, warning, result, error; `data` is that kind's content
    (Progress, RunResult or Finding as a dictionary; {"code", "message"} for an error).
    """

    kind: str
    data: dict[str, Any] = field(default_factory=dict)


Message = TypeVar("Message", Command, Event)


def encode(message: Command | Event) -> str:
    """Write a message as one JSON line, newline included."""
    return json.dumps(asdict(message), ensure_ascii=False, allow_nan=False) + "\n"


def decode_command(line: str) -> Command:
    """Read a JSON line as a Command; raises ValueError if it is none."""
    return _decode(line, Command)


def decode_event(line: str) -> Event:
    """Read a JSON line as an Event; raises ValueError if it is none (stray output of a library, say)."""
    return _decode(line, Event)


def _decode(line: str, kind: type[Message]) -> Message:
    try:
        return kind(**json.loads(line))
    except (TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"not a {kind.__name__}: {line[:200]!r}") from error


def request_from_dict(values: dict[str, Any]) -> RunRequest:
    """Rebuild a RunRequest that travelled as JSON (lists become tuples again).

    Raises InputError for a field that RunRequest does not have or lacks.
    """
    tuples: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return RunRequest(**tuples)
    except TypeError as error:
        raise InputError("bad_request", f"The run request is not usable: {error}.") from error


def result_from_dict(values: dict[str, Any]) -> RunResult:
    """Rebuild a RunResult that travelled as JSON."""
    findings = [Finding(**finding) for finding in values.get("findings", [])]
    return RunResult(**{**values, "findings": findings})
