"""What is told of a run where one among several is chosen: its dates, its checkpoint, its area and when it ended."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.run_record import read_record
from ..settings import settings
from .metadata import dates_of

MOST_RECENT = 10
# Of a day YYYY-MM-DD.
YEAR, MONTH = 4, 7
# Of a name, in letters; what is longer loses its middle.
LONGEST = 16
SQUARE_METRES_PER_HECTARE = 1e4


@dataclass(frozen=True)
class KnownRun:
    """A finished run in its folder; `finished` is an ISO moment, `area_ha` 0 where the record does not tell it."""

    folder: str
    before: str
    after: str
    checkpoint: str
    area_ha: float
    finished: str


def known_run(folder: Path, record: dict[str, Any] | None = None) -> KnownRun:
    """Describe a finished run by its record, which is read where it is not given; raises InputError as that does."""
    record = record or read_record(folder)
    before, after = dates_of(record)
    card = record.get("predictor", {}).get("card") or {}
    name = card.get("name") or Path(record["request"]["checkpoint"]).stem
    return KnownRun(str(folder), before or "", after or "", name, _area(record.get("grid") or {}), record["finished"])


def run_words(run: KnownRun, in_list: bool = False, with_day: bool = False) -> str:
    """Name a run by its dates, its checkpoint and when it ended: two runs of a pair must not be named alike.

    QGIS's list of layers is narrow: of the dates the years are told where these differ, of the checkpoint what tells it
    from others, and of the moment the time of day. In a list of runs the area stands as well, and the day where it is
    not today; elsewhere the day stands `with_day`. `run_details` tells all.
    """
    before, after = run.before, run.after
    for length in (YEAR, MONTH):
        if before[:length] != after[:length]:
            before, after = before[:length], after[:length]
            break
    dates = f"{before}→{after}" if before and after else _short(Path(run.folder).name)
    parts = [dates, _short(run.checkpoint.removeprefix("farmcd-").removeprefix("clcd-"))]
    if in_list and run.area_ha:
        parts.append(_hectares(run.area_ha))
    moment = _local(run.finished)
    with_day = with_day or (in_list and moment.date() != datetime.now().date())
    return " · ".join([*parts, moment.strftime("%m-%d %H:%M" if with_day else "%H:%M")])


def run_details(run: KnownRun) -> str:
    """Tell a run whole, in lines: its dates, its checkpoint and area, when it ended, and its folder."""
    lines = [f"{run.before} → {run.after}" if run.before and run.after else ""]
    lines.append(" · ".join([run.checkpoint, *([_hectares(run.area_ha)] if run.area_ha else [])]))
    lines += [_local(run.finished).strftime("%Y-%m-%d %H:%M"), run.folder]
    return "\n".join(filter(None, lines))


def recent_runs() -> list[KnownRun]:
    """List the runs that were finished or opened last, the latest first; no folder is looked at."""
    found = []
    for line in settings().recent_runs.value():
        # What an older or newer version kept is passed over.
        with suppress(ValueError, TypeError):
            found.append(KnownRun(**json.loads(line)))
    return found


def keep_recent(folder: Path) -> None:
    """Remember a run as the latest; one whose record cannot be read is not remembered."""
    with suppress(InputError):
        run = known_run(folder)
        others = [other for other in recent_runs() if other.folder != run.folder]
        settings().recent_runs.setValue([json.dumps(asdict(one)) for one in [run, *others][:MOST_RECENT]])


def _area(grid: dict[str, Any]) -> float:
    part = grid.get("window") or grid
    side = grid.get("resolution_m") or 0.0
    return float(part.get("width", 0) * part.get("height", 0) * side * side / SQUARE_METRES_PER_HECTARE)


def _local(finished: str) -> datetime:
    return datetime.fromisoformat(finished).astimezone()


def _short(name: str) -> str:
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[: half - 1]}…{name[-half:]}"


def _hectares(area_ha: float) -> str:
    return f"{area_ha:,.{0 if area_ha >= 100 else 1}f} ha"
