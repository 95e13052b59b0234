"""What is told of a run where one among several is chosen: its dates, its checkpoint, its area and when it ended."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QLocale

from ..core.errors import InputError
from ..core.run_record import read_record
from ..settings import settings
from .metadata import dates_of

MOST_RECENT = 10
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


def run_words(run: KnownRun, in_list: bool = False) -> str:
    """Name a run by its dates, its checkpoint and when it ended: two runs of a pair must not be named alike.

    There is little room: of the dates the years are told where these differ. In a list its area stands as well, and of
    today the time alone.
    """
    before, after = run.before, run.after
    if before[:4] != after[:4]:
        before, after = before[:4], after[:4]
    dates = f"{before} → {after}" if before and after else Path(run.folder).name
    parts = [dates, run.checkpoint.removeprefix("farmcd-")]
    if in_list and run.area_ha:
        parts.append(f"{QLocale().toString(run.area_ha, 'f', 0 if run.area_ha >= 100 else 1)} ha")
    return " · ".join([*parts, _moment(run.finished, in_list)])


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


def _moment(finished: str, short: bool) -> str:
    """Write a moment in local time, as day and time of day; `short` leaves today's day out."""
    moment = datetime.fromisoformat(finished).astimezone()
    today = short and moment.date() == datetime.now().date()
    return moment.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
