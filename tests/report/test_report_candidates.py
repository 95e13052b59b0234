"""Candidates as the report counts them: outlines that a reviewer changed or split, and verdicts of several people."""

from pathlib import Path

import pytest
from osgeo import gdal, ogr

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.run_files import CANDIDATES
from farmcd_qgis.report import NOT_REJECTED, ReportSettings
from farmcd_qgis.report.candidates import measure, read_candidates
from farmcd_qgis.report.figures import read_dossier
from farmcd_qgis.report.provenance import sections
from farmcd_qgis.report.words import Words
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.report_run import AREAS, CRS, give_verdicts, make_run


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    """A finished run with six candidates over two small images."""
    return make_run(tmp_path, AREAS)


def edit(run_dir: Path, number: int, *wkts: str) -> None:
    """Give a candidate other outlines, as QGIS's tools do: the first one in place of the old, the others as copies."""
    package = gdal.OpenEx(str(run_dir / "farmcd.gpkg"), gdal.OF_VECTOR | gdal.OF_UPDATE)
    layer = package.GetLayerByName(CANDIDATES)
    feature = layer.GetFeature(number)
    for place, wkt in enumerate(wkts):
        changed = feature.Clone()
        changed.SetGeometry(ogr.CreateGeometryFromWkt(wkt, CRS))
        if place:
            changed.SetFID(-1)
            layer.CreateFeature(changed)
        else:
            layer.SetFeature(changed)


def test_untouched_outlines_keep_the_areas_of_the_run(run_dir):
    candidates, _ = read_candidates(run_dir, FIVE)
    assert [one.area_ha for one in candidates] == [hectares for _, hectares in AREAS]
    assert not any(one.edited for one in candidates)


def test_an_edited_outline_is_measured_anew_and_said(run_dir):
    edit(run_dir, 1, "MULTIPOLYGON(((600200 5199900,600300 5199900,600300 5199800,600200 5199800,600200 5199900)))")
    candidates, crs = read_candidates(run_dir, FIVE)
    first = next(one for one in candidates if one.number == 1)
    assert first.edited
    assert first.area_ha == pytest.approx(measure(crs).measureArea(first.geometry) / 10_000)
    assert first.area_ha == pytest.approx(1, rel=0.01)
    dossier = read_dossier(ReportSettings(str(run_dir), "", statuses=NOT_REJECTED))
    assert dossier.edited_count == 1


def test_the_pieces_of_a_split_candidate_count_once(run_dir):
    left = "MULTIPOLYGON(((600200 5199900,600250 5199900,600250 5199800,600200 5199800,600200 5199900)))"
    right = "MULTIPOLYGON(((600260 5199900,600300 5199900,600300 5199800,600260 5199800,600260 5199900)))"
    edit(run_dir, 1, left, right)
    candidates, _ = read_candidates(run_dir, FIVE)
    assert sorted(one.number for one in candidates) == [1, 2, 3, 4, 5, 6]
    first = next(one for one in candidates if one.number == 1)
    assert first.geometry.constGet().numGeometries() == 2
    assert first.area_ha == pytest.approx(0.9, rel=0.01)


def test_who_reviewed_is_told(run_dir):
    give_verdicts(run_dir, c1="confirmed", c2="pseudo_change season")
    ReviewStore(run_dir / "farmcd.gpkg", "Li Na").give(3, "confirmed", note="seen from the road")
    dossier = read_dossier(ReportSettings(str(run_dir), ""))
    assert dossier.reviewers == {"Zhang Wei": 2, "Li Na": 1}
    assert {one.number: one.verdict.note for one in dossier.candidates if one.verdict} == {
        1: "",
        3: "seen from the road",
    }
    told = dict(sections(dossier, Words("en")))["State of the review"]
    assert ("Reviewer", "Zhang Wei: 2 verdicts\nLi Na: 1 verdict") in told
    assert ("Status", "Not reviewed 3, Confirmed 2, Pseudo-change 1") in told


def test_the_bands_that_were_read_are_told(run_dir):
    dossier = read_dossier(ReportSettings(str(run_dir), ""))
    for read, told in (({}, "1, 2, 3"), ({"after_bands": [1, 4, 3]}, "1, 2, 3 / 1, 4, 3")):
        dossier.record["request"].update(read)
        assert ("Bands as red, green, blue", told) in dict(sections(dossier, Words("en")))["Parameters"]
