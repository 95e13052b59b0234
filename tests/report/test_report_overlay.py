"""Candidates by unit and on farmland: cut at borders, each hectare in one row, and said what was cut or overlaps."""

import math
from pathlib import Path

import pytest
from qgis.core import QgsGeometry

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.report import NOT_REJECTED, ReportSettings
from farmcd_qgis.report.candidates import measure
from farmcd_qgis.report.figures import TOTAL, Dossier, extent_of, read_dossier
from farmcd_qgis.report.tables import by_class, by_unit, parts
from farmcd_qgis.report.words import Words
from tests.helpers.report_run import AREAS, make_run, span, units

WHOLE = math.fsum(hectares for _, hectares in AREAS)


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    """A finished run with six candidates over two small images."""
    return make_run(tmp_path, AREAS)


def dossier(run_dir: Path, **settings) -> Dossier:
    return read_dossier(ReportSettings(str(run_dir), "", statuses=NOT_REJECTED, **settings))


def test_a_candidate_cut_by_a_border_is_split_and_nothing_is_lost(run_dir, tmp_path):
    source = units(tmp_path, ("West", 600_000, 600_250), ("East", 600_250, 600_800))
    made = dossier(run_dir, units=source, unit_field="name")
    assert made.units is not None
    west = next(part for part in made.units.parts if part.unit == "West")
    assert west.candidate.number == 1
    assert west.area_ha == pytest.approx(measure(made.crs).measureArea(west.geometry) / 10_000, rel=1e-4)
    assert made.units.cut == 1
    assert made.units.overlap_ha == 0
    assert made.units.of(west.candidate) == ["East", "West"]
    assert made.by_unit is not None
    rows = {row.key: row for row in made.by_unit.rows}
    assert list(rows) == ["East", "West", ""]
    assert (rows["East"].count, rows["West"].count, rows[""].count) == (3, 1, 3)
    assert made.by_unit.total.area_ha == made.by_class.total.area_ha == round(WHOLE, 2)
    assert math.fsum(row.area_ha for row in rows.values()) == pytest.approx(round(WHOLE, 2), abs=1e-9)
    sheet = by_unit(made, Words("en"))
    assert sheet is not None
    assert "Borders cut 1 of the 6 candidates" in sheet.notes[1]
    assert "7 candidates and parts" in sheet.notes[1]
    assert sheet.rows[-2][0] == "(outside all units)"
    listed = parts(made, Words("zh"))
    assert listed is not None
    assert math.fsum(row[3] for row in listed.rows) == pytest.approx(round(WHOLE, 4), abs=1e-9)


def test_what_lies_in_two_units_counts_once_and_is_said(run_dir, tmp_path):
    source = units(tmp_path, ("A", 600_000, 600_300), ("B", 600_250, 602_000), ("A", 601_000, 601_100))
    made = dossier(run_dir, units=source, unit_field="name")
    assert made.units is not None
    assert made.by_unit is not None
    side = math.sqrt(AREAS[0][1] * 10_000)
    # 50 m of candidate 1, and candidate 5, which lies in the second A as well.
    assert made.units.overlap_ha == pytest.approx(50 * side / 10_000 + AREAS[4][1], rel=0.01)
    assert math.fsum(row.area_ha for row in made.by_unit.rows) == pytest.approx(round(WHOLE, 2), abs=1e-9)
    sheet = by_unit(made, Words("en"))
    assert sheet is not None
    assert "lie in more than one of them" in sheet.notes[-1]


def test_the_share_of_farmland_is_that_within_the_extent(run_dir, tmp_path):
    # Half of candidate 2 (x from 600400 to about 600583) and more to the left, far beyond the extent of 1600 m.
    middle = 600_400 + math.sqrt(AREAS[1][1] * 10_000) / 2
    farmland = units(tmp_path, ("fields", 500_000, middle))
    made = dossier(run_dir, farmland=farmland)
    assert made.farmland is not None
    inside = QgsGeometry.fromWkt(span(600_000, middle)).intersection(QgsGeometry.fromRect(extent_of(made.record)))
    expected = measure(made.crs).measureArea(inside) / 10_000
    assert made.farmland.area_ha == pytest.approx(expected, rel=1e-6)
    changed = 10 / 3 * 1.5
    assert made.farmland_of(TOTAL) == pytest.approx(100 * changed / expected, rel=1e-3)
    assert made.farmland_of(2) == 0
    sheet = by_class(made, Words("en"))
    assert sheet.heads[-1].label == "Share of farmland (%)"
    assert sheet.rows[-1][-1] == pytest.approx(100 * changed / expected, abs=2e-3)


def test_without_farmland_nothing_is_said_of_it(run_dir):
    made = dossier(run_dir)
    assert made.farmland is None
    assert [head.label for head in by_class(made, Words("en")).heads][-1] == "Share (%)"


def test_units_that_cannot_be_used_are_said(run_dir, tmp_path):
    source = units(tmp_path, ("A", 600_000, 600_300))
    with pytest.raises(InputError, match=r"no field .nom.\. Choose one of fid, name"):
        dossier(run_dir, units=source, unit_field="nom")
    with pytest.raises(InputError, match="cannot be read as a layer"):
        dossier(run_dir, units=str(tmp_path / "none.gpkg"), unit_field="name")
    with pytest.raises(InputError, match="need a field"):
        dossier(run_dir, units=source)
