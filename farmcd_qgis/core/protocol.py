"""What crosses the seam between QGIS and the worker: plain dataclasses that travel as JSON lines.

Only paths and numbers are here, never pixels; neither qgis nor torch may be imported.
"""

import json
import logging
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

from .errors import FarmCDError, InputError
from .messages import part, plain, say
from .polygons import PolygonSettings

PROTOCOL_VERSION = 1


Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """One result of the preflight: errors stop a run, warnings and infos do not.

    `code` and `values` are a sentence of the catalogue (core.messages).
    """

    severity: Severity
    code: str
    values: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Keep plain data only, which JSON can carry."""
        object.__setattr__(self, "values", plain(self.values))

    @property
    def sentence(self) -> dict[str, Any]:
        """The code and the values, as they stand within other sentences."""
        return {"code": self.code, "values": self.values}

    @property
    def message(self) -> str:
        """The sentence in English."""
        return self.text()

    def text(self, language: str = "en") -> str:
        """Return the sentence in a language."""
        return say(self.code, self.values, language)


def finding_of(error: FarmCDError, severity: Severity = "error") -> Finding:
    """Make a fault a finding that says the same."""
    return Finding(severity, error.code, error.values)


def error_of(finding: Finding) -> InputError:
    """Make a finding that stops a run the fault that says so."""
    return InputError(finding.code, **finding.values)


def finding_from_record(record: logging.LogRecord) -> Finding:
    """Make a logged warning a finding: the sentence that `messages.tell` gave it, or what a library said."""
    sentence = getattr(record, "sentence", None) or part("said", sentence=record.getMessage())
    return Finding("warning", sentence["code"], sentence["values"])


def finding_from_dict(values: dict[str, Any]) -> Finding:
    """Rebuild a Finding that travelled as JSON; old run folders hold finished English sentences."""
    if "message" in values:
        return Finding(values["severity"], "said", {"sentence": values["message"]})
    return Finding(**values)


NodataRange = tuple[int, float, float]


@dataclass(frozen=True)
class RunRequest:
    """All that one detection needs; the same object serves dock, Processing, command line and tests.

    Paths are anything GDAL or OGR opens; a vector layer inside a file is written `path|layername=name`. A date may be
    of several files, a band in each or tiles: the folder of them, or one with the others as `before_parts`.
    `extent` is (xmin, ymin, xmax, ymax) in `extent_crs` (authority code or WKT); `before_bands` and
    `after_bands` are 1-based band numbers in the order red, green, blue (None: as the bands say, else 1, 2, 3).
    `symmetric` averages over both orders of the dates (None: where the checkpoint learned from both). `force` computes
    a finished run anew.

    What a person has set on a layer wins over the file: `before_crs` (authority code or WKT), `before_nodata` (ranges
    of values that mean nodata: band, 0 for every one, lowest and highest), `before_own_nodata` (False: the file's
    nodata values do not hold); the same of after, and `aoi_crs` and `farmland_crs`. `before_range` and
    `after_range` say which values become black and white (core.value_range). `treat_fill_as_nodata` makes a fill
    that the preflight finds nodata, `correct_shift` moves the one date by the shift that it measures.

    `resolution_m` is the ground metres per pixel at which the network looks; None is what the checkpoint says of
    itself, but never finer than the reference, and 0 that of the reference. `attention` asks for a raster of where the
    network looked. `screen` leaves out tiles that the checkpoint's screen holds to be without change.

    `workers` processes compute blocks of the run, or those of dask's `scheduler` at an address; `block_side` is the
    side of the blocks in pixels (0: as the engine thinks best). They change no byte of what comes out.
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
    tau: float = PolygonSettings.tau
    minimum_mapping_unit_m2: float = PolygonSettings.minimum_mapping_unit_m2
    connectivity: Literal[4, 8] = PolygonSettings.connectivity
    symmetric: bool | None = None
    context: tuple[str, ...] = ()
    force: bool = False
    before_crs: str | None = None
    after_crs: str | None = None
    before_nodata: tuple[NodataRange, ...] = ()
    after_nodata: tuple[NodataRange, ...] = ()
    before_own_nodata: bool = True
    after_own_nodata: bool = True
    aoi_crs: str | None = None
    farmland_crs: str | None = None
    before_parts: tuple[str, ...] = ()
    after_parts: tuple[str, ...] = ()
    before_range: str | None = None
    after_range: str | None = None
    treat_fill_as_nodata: bool = False
    correct_shift: bool = False
    resolution_m: float | None = None
    attention: bool = False
    screen: bool = False
    workers: int = 1
    scheduler: str = ""
    block_side: int = 0


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
class Command:
    """QGIS to worker: run the job `name` with `arguments`, or "cancel" / "quit"."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """Worker to QGIS.

    `kind` is one of ready, heartbeat, progress, warning, result, error; `data` is that kind's content
    (Progress, RunResult or Finding as a dictionary; {"code", "values"} for an error).
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
    try:
        return RunRequest(**{key: _tupled(value) for key, value in values.items()})
    except TypeError as error:
        raise InputError("bad_request", reason=error) from error


def findings_from_dict(values: dict[str, Any]) -> list[Finding]:
    """Rebuild the findings of a preflight that travelled as JSON."""
    return [finding_from_dict(finding) for finding in values["findings"]]


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, list) else value


def result_from_dict(values: dict[str, Any]) -> RunResult:
    """Rebuild a RunResult that travelled as JSON."""
    findings = [finding_from_dict(finding) for finding in values.get("findings", [])]
    return RunResult(**{**values, "findings": findings})
