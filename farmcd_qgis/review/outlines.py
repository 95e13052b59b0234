"""Changed outlines of candidates: the log of what they were and became, and how the layer is made to show it."""

import json
import sqlite3
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsDistanceArea, QgsGeometry, QgsProject

from ..core.classes import MU_PER_HECTARE
from ..core.run_files import CANDIDATES
from .history import Key

TABLE = "outlines"
COLUMNS = """
CREATE TABLE outlines (
    outline_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    candidate_id INTEGER NOT NULL,
    reviewer TEXT NOT NULL,
    given_at TEXT NOT NULL,
    before_wkb BLOB,
    after_wkb BLOB,
    fields TEXT NOT NULL
);
"""
# What says where a feature is, how large, and what was said of it follows from the log.
DERIVED = ("geom", "area_ha", "area_mu", "status", "reviewed_class_id")
M2_PER_HECTARE = 10_000.0


@dataclass(frozen=True)
class Edit:
    """One candidate's change of outline, as WKB in the layer's coordinates; None: it is (or was) not there.

    `fields` are the layer's other fields of the candidate, with "fid", so that it can come back.
    """

    candidate_id: int
    before: bytes | None
    after: bytes | None
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class LoggedEdit:
    """An Edit with the name of the step that it is part of."""

    key: Key
    edit: Edit


class Outlines:
    """The layer of candidates in an open file, as the log of outlines sees it."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file
        find = """SELECT srs_id, definition FROM gpkg_geometry_columns JOIN gpkg_spatial_ref_sys USING (srs_id)
                  WHERE table_name = ?"""
        self._srs_id, wkt = file.execute(find, (CANDIDATES,)).fetchone()
        crs = QgsCoordinateReferenceSystem.fromWkt(wkt)
        self._meter = QgsDistanceArea()
        self._meter.setSourceCrs(crs, QgsProject().transformContext())
        self._meter.setEllipsoid(crs.ellipsoidAcronym())
        for name, value in (
            ("ST_IsEmpty", lambda blob: int(_geometry(blob).isEmpty())),
            ("ST_MinX", lambda blob: _geometry(blob).boundingBox().xMinimum()),
            ("ST_MaxX", lambda blob: _geometry(blob).boundingBox().xMaximum()),
            ("ST_MinY", lambda blob: _geometry(blob).boundingBox().yMinimum()),
            ("ST_MaxY", lambda blob: _geometry(blob).boundingBox().yMaximum()),
        ):
            # The triggers of the layer's spatial index call these.
            file.create_function(name, 1, value)

    def fields_of(self, candidate_id: int) -> dict[str, Any]:
        """Return the fields of a candidate but for those that follow from the log; empty if it is not there."""
        found = self._file.execute(f"SELECT * FROM {CANDIDATES} WHERE candidate_id = ?", (candidate_id,))  # nosec B608
        names = [column[0] for column in found.description]
        row = found.fetchone()
        return {name: value for name, value in zip(names, row or (), strict=False) if name not in DERIVED}

    def adopt(self, edit: Edit) -> None:
        """Give a feature that somebody has just drawn the number and class of its edit."""
        self._file.execute(
            f"UPDATE {CANDIDATES} SET candidate_id = ?, class_id = ?, class_name = ? WHERE fid = ?",  # nosec B608
            (edit.candidate_id, *(edit.fields.get(name) for name in ("class_id", "class_name", "fid"))),
        )

    def put(self, edit: Edit, wkb: bytes | None) -> None:
        """Let a candidate of the layer have an outline, with its area, or not be there."""
        number = edit.candidate_id
        if wkb is None:
            self._file.execute(f"DELETE FROM {CANDIDATES} WHERE candidate_id = ?", (number,))  # nosec B608
            return
        # As exact as the engine writes them.
        hectares = round(self._meter.measureArea(_from_wkb(wkb)) / M2_PER_HECTARE, 6)
        values = {"geom": self._blob(wkb), "area_ha": hectares, "area_mu": round(hectares * MU_PER_HECTARE, 5)}
        if not self._file.execute(f"SELECT 1 FROM {CANDIDATES} WHERE candidate_id = ?", (number,)).fetchone():  # nosec B608
            known = {row[1] for row in self._file.execute(f"PRAGMA table_info({CANDIDATES})")}
            values |= {name: value for name, value in edit.fields.items() if name in known}
            values |= {"candidate_id": number, "status": "unreviewed"}
            names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" * len(values))
            self._file.execute(f"INSERT INTO {CANDIDATES} ({names}) VALUES ({marks})", [*values.values()])  # nosec B608
            return
        self._file.execute(
            f"UPDATE {CANDIDATES} SET geom = ?, area_ha = ?, area_mu = ? WHERE candidate_id = ?",  # nosec B608
            (*values.values(), number),
        )

    def append(self, rows: Iterable[LoggedEdit]) -> None:
        """Add rows to the log of outlines."""
        self._file.executemany(
            f"INSERT INTO {TABLE} VALUES (NULL, ?, ?, ?, ?, ?, ?)",  # nosec B608
            [
                (row.edit.candidate_id, row.key[1], row.key[0], row.edit.before, row.edit.after,
                 json.dumps(dict(row.edit.fields), ensure_ascii=False))
                for row in rows
            ],
        )  # fmt: skip

    def _blob(self, wkb: bytes) -> bytes:
        box = _from_wkb(wkb).boundingBox()
        limits = (box.xMinimum(), box.xMaximum(), box.yMinimum(), box.yMaximum())
        # GeoPackage's header: version 0, little endian with an envelope of x and y.
        return b"GP" + struct.pack("<BBi4d", 0, 0b11, self._srs_id, *limits) + wkb


def read_edits(file: sqlite3.Connection) -> dict[tuple[Key, int], Edit]:
    """Read the log of outlines: what each step did to each candidate."""
    if not file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,)).fetchone():
        return {}
    found = file.execute(f"SELECT candidate_id, reviewer, given_at, before_wkb, after_wkb, fields FROM {TABLE}")  # nosec B608
    return {
        ((given_at, reviewer), number): Edit(number, before, after, json.loads(fields))
        for number, reviewer, given_at, before, after, fields in found
    }


def _geometry(blob: bytes | None) -> QgsGeometry:
    # The envelope's length in bytes by its code in the flags.
    return _from_wkb(blob[8 + (0, 32, 48, 48, 64)[(blob[3] >> 1) & 0b111] :]) if blob else QgsGeometry()


def _from_wkb(wkb: bytes) -> QgsGeometry:
    geometry = QgsGeometry()
    geometry.fromWkb(wkb)
    return geometry
