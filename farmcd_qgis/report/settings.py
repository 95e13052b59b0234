"""What is to be reported and how: one object for the dock, Processing and the command line, which also keep it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..core.classes import ClassTable
from ..core.errors import InputError
from ..core.messages import LANGUAGES
from ..review.verdicts import CONFIRMED, OTHER_CLASS, PSEUDO_CHANGE, STATUSES

# What a report can consist of, in the order in which it is made.
OUTPUTS = ("xlsx", "csv", "gpkg", "geojson", "shp", "kml", "html", "pdf")
# Two choices of statuses: what the review found to be change, and all that it has not rejected.
CONFIRMED_ONES = (CONFIRMED, OTHER_CLASS)
NOT_REJECTED = tuple(status for status in STATUSES if status != PSEUDO_CHANGE)


@dataclass(frozen=True)
class ReportSettings:
    """All that decides a report; plain values only, so that it can be kept as JSON (`dataclasses.asdict`).

    `statuses`, `classes` (ids; none: all) and `minimum_m2` choose the candidates that tables, maps, pages and exports
    count; with only confirmed ones wanted and nothing reviewed, all are shown, and the report says so.
    `candidate_pages`: how many of them, the largest first, get a page. `units`: polygons of administrative units or
    parcels, named by their field `unit_field`. `farmland`: polygons for the share of farmland (None: those of the run,
    if it had any). Layers are anything OGR opens; one inside a file is written `path|layername=name`.
    `crs`: of the spatial exports whose format leaves the choice, as authority code or WKT (None: the run's).
    `administrative_unit` and `number` stand on the title page ("": the one unit of `units`; a number of day and run).
    `templates`: a folder with an office's own layout templates (None: FarmCD's).
    """

    run_dir: str
    out_dir: str
    language: str = "en"
    statuses: tuple[str, ...] = CONFIRMED_ONES
    classes: tuple[int, ...] = ()
    minimum_m2: float = 0.0
    candidate_pages: int = 300
    units: str | None = None
    unit_field: str | None = None
    farmland: str | None = None
    office: str = ""
    author: str = ""
    administrative_unit: str = ""
    number: str = ""
    crs: str | None = None
    outputs: tuple[str, ...] = OUTPUTS
    templates: str | None = None

    def __post_init__(self) -> None:
        """Raise InputError for a value that no report can be made with."""
        _check("language", [self.language], LANGUAGES)
        _check("statuses", self.statuses, STATUSES)
        _check("outputs", self.outputs, OUTPUTS)
        if not self.statuses or not self.outputs:
            raise InputError("nothing_chosen")
        if self.units and not self.unit_field:
            raise InputError("units_need_field", units=self.units)

    def check_classes(self, table: ClassTable) -> None:
        """Raise InputError for a class that the table of the run does not have."""
        _check("classes", self.classes, [row.id for row in table.changes])

    @property
    def run_folder(self) -> Path:
        """The run folder, absolute."""
        return Path(self.run_dir).expanduser().absolute()

    @property
    def out_folder(self) -> Path:
        """The folder for the report, absolute."""
        return Path(self.out_dir).expanduser().absolute()


def settings_from_dict(values: Mapping[str, Any]) -> ReportSettings:
    """Rebuild settings that were kept as JSON; what they don't know any more is left out. Raises InputError."""
    known = {field.name for field in fields(ReportSettings)}
    kept: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key in known
    }
    return ReportSettings(**kept)


def _check(name: str, values: Any, allowed: Any) -> None:
    for value in values:
        if value not in allowed:
            raise InputError("bad_report", given=value, name=name, choices=allowed)
