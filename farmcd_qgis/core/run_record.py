"""run.json, read as a stranger's: whatever stands in it ends in a record that fits, or in a sentence."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import datetime
from pathlib import Path
from typing import Any, NotRequired, TypedDict, get_type_hints

from .classes import FIVE, ClassTable, table_of
from .errors import InputError
from .messages import part
from .protocol import RunRequest
from .run_files import RUN_JSON
from .shapes import DEEPEST, depth, misfits

# A hundred times what the longest record of ours takes.
LARGEST_RECORD = 32 * 2**20
NAMED_FAULTS = 5


class Image(TypedDict):
    """One of both rasters, as the run read it."""

    path: str
    date: NotRequired[str | None]
    size: NotRequired[int | None]
    modified: NotRequired[str | None]
    sha256: NotRequired[str | None]
    crs: NotRequired[str | None]
    bands: NotRequired[tuple[int, int, int] | None]


class Inputs(TypedDict):
    """Both rasters."""

    before: Image
    after: Image


class Window(TypedDict):
    """The part of the grid that the rasters of the run hold."""

    column: int
    row: int
    width: int
    height: int


class Grid(TypedDict):
    """The grid of the run."""

    width: NotRequired[int]
    height: NotRequired[int]
    geotransform: NotRequired[tuple[float, float, float, float, float, float]]
    crs: NotRequired[str]
    resolution_m: NotRequired[float]
    looked_at_m: NotRequired[float]
    window: NotRequired[Window]


class Card(TypedDict, total=False):
    """What the checkpoint said of itself."""

    name: str | None
    description: str | None
    data: str | None
    licence: str | None
    metrics: dict[str, float] | None
    places: dict[str, float] | None
    measured_on: str | None
    text_encoder: str | None
    limits: str | None


class Device(TypedDict, total=False):
    """What the network ran on."""

    name: str | None


class Predictor(TypedDict, total=False):
    """The network and where it ran."""

    card: Card | None
    device: Device | None
    sha256: str | None
    torch: str | None


class Versions(TypedDict):
    """What took part."""

    farmcd: str


class Stretch(TypedDict, total=False):
    """How values became 8 bits."""

    before: list[tuple[float, float]] | None
    after: list[tuple[float, float]] | None


class Finding(TypedDict):
    """A word of the preflight."""

    severity: str
    code: str


class Figures(TypedDict, total=False):
    """What the run found, and how long it took."""

    device: str
    seconds: float
    candidates: int
    hard_regions: int
    area_ha: dict[str, float]


class Record(TypedDict):
    """What is read of run.json, by whoever reads it."""

    run: str
    finished: str
    started: NotRequired[str]
    request: dict[str, Any]
    versions: Versions
    predictor: Predictor
    inputs: Inputs
    grid: NotRequired[Grid | None]
    stretch: NotRequired[Stretch | None]
    findings: NotRequired[list[Finding] | None]
    carried_over: NotRequired[list[dict[str, Any]] | None]
    figures: NotRequired[Figures | None]
    identity: NotRequired[dict[str, Any] | None]


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of a finished run; settings that it does not name have the values that they have by default.

    Raises InputError: `no_run` where the folder holds none, `bad_run` where its record is damaged or no record.
    """
    record = load_record(folder)
    if bad := list(misfits(record, Record)) or [*_bad_settings(record["request"]), *_bad_moments(record)]:
        raise _bad(folder, part("record_misfits", places=bad[:NAMED_FAULTS]))
    defaults = {row.name: row.default for row in fields(RunRequest) if row.default is not MISSING}
    return {**record, "request": {**defaults, **record["request"]}}


def load_record(folder: Path) -> dict[str, Any]:
    """Read run.json of a folder as what JSON holds, for what is handed on as it is; raises as `read_record` does."""
    path = folder / RUN_JSON
    try:
        if not path.exists():
            raise InputError("no_run", folder=str(folder))
        if not path.is_file():
            raise _bad(folder, part("record_no_file"))
        if path.stat().st_size > LARGEST_RECORD:
            raise _bad(folder, part("record_large", size=path.stat().st_size / 1e6))
        record = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise _bad(folder, part("record_deep")) from None
    except (OSError, ValueError) as error:
        raise _bad(folder, part("record_unreadable", error=error)) from error
    if not isinstance(record, dict):
        raise _bad(folder, part("record_misfits", places=["run", "request", "inputs"]))
    if depth(record) > DEEPEST:
        raise _bad(folder, part("record_deep"))
    return record


def run_classes(folder: Path) -> ClassTable:
    """Read the class table of a run, the five classes where the folder has no record or an old one; raises InputError
    for a record that is none and a table that is none.
    """
    path = folder / RUN_JSON
    return table_of(load_record(folder), str(path)) if path.exists() else FIVE


def _bad_settings(request: dict[str, Any]) -> Iterator[str]:
    if "checkpoint" not in request:
        yield "request.checkpoint"
    for key, hint in get_type_hints(RunRequest).items():
        if key in request:
            yield from misfits(request[key], hint, f"request.{key}")


def _bad_moments(record: dict[str, Any]) -> Iterator[str]:
    for key in ("started", "finished"):
        try:
            datetime.fromisoformat(record.get(key) or "2000-01-01")
        except ValueError:
            yield key


def _bad(folder: Path, why: dict[str, Any]) -> InputError:
    return InputError("bad_run", path=str(folder / RUN_JSON), why=why)
