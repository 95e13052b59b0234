"""Changed outlines: logged before and after, with the areas of the engine, undone and merged like verdicts."""

import shutil
from pathlib import Path

import pytest
from osgeo import gdal, ogr

from farmcd_qgis.core.run_files import CANDIDATES
from farmcd_qgis.review.merging import merge_reviews
from farmcd_qgis.review.outlines import Edit, Outlines
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.review_files import features, measured, outlines, write_gpkg


def square(west: float, side: float = 60) -> bytes:
    ring = f"{west} 0, {west + side} 0, {west + side} {side}, {west} {side}, {west} 0"
    return bytes(ogr.CreateGeometryFromWkt(f"MULTIPOLYGON ((({ring})))").ExportToWkb())


def edits(store: ReviewStore, changes: dict[int, bytes | None]) -> list[Edit]:
    """Make edits from what the file holds; None removes a candidate."""
    file = gdal.OpenEx(str(store.path), gdal.OF_VECTOR)
    before = {f["candidate_id"]: bytes(f.geometry().ExportToWkb()) for f in file.GetLayerByName(CANDIDATES)}
    del file
    with store._reading() as opened:
        layer = Outlines(opened)
        return [Edit(n, before.get(n), wkb, layer.fields_of(n)) for n, wkb in changes.items()]


@pytest.fixture
def gpkg(tmp_path):
    return write_gpkg(tmp_path / "farmcd.gpkg")


def test_a_redrawn_outline_has_the_engines_area_and_is_undone_and_redone(gpkg):
    before, model = outlines(gpkg), features(gpkg)
    store = ReviewStore(gpkg, "ann")
    store.give(2, "confirmed")
    new = square(641000, 137)
    store.edit(edits(store, {2: new}))
    after = outlines(gpkg)
    assert ogr.CreateGeometryFromWkt(after[2][0]).Equals(ogr.CreateGeometryFromWkb(new))
    assert after[2][1] == pytest.approx(measured(gpkg, new), rel=1e-6, abs=5.1e-7)
    assert features(gpkg)[1]["status"] == "confirmed"
    file = gdal.OpenEx(str(gpkg), gdal.OF_VECTOR)
    layer = file.GetLayerByName(CANDIDATES)
    layer.SetSpatialFilterRect(641000, 0, 641100, 10)
    assert [f["candidate_id"] for f in layer] == [2]
    del layer, file
    later = ReviewStore(gpkg, "bo")
    assert later.undo().candidate_id == 2
    undone = outlines(gpkg)
    assert undone[2][0] == before[2][0]
    assert undone[2][1] == pytest.approx(measured(gpkg, edits(store, {2: None})[0].before), rel=1e-6, abs=5.1e-7)
    assert later.statuses() == {2: "confirmed"}
    later.redo()
    assert outlines(gpkg) == after
    kept = [name for name in model[1] if name not in ("area_ha", "area_mu", "status", "reviewed_class_id")]
    assert [features(gpkg)[1][name] for name in kept] == [model[1][name] for name in kept]


def test_a_merge_with_a_neighbour_and_its_undo_are_one_step(gpkg):
    before, whole = outlines(gpkg), features(gpkg)
    store = ReviewStore(gpkg, "ann")
    store.give(4, "unsure")
    store.edit(edits(store, {3: square(640300, 150), 4: None}))
    assert sorted(outlines(gpkg)) == [1, 2, 3, 5]
    assert store.counts()["unreviewed"] == 4
    store.undo()
    assert {n: wkt for n, (wkt, _) in outlines(gpkg).items()} == {n: wkt for n, (wkt, _) in before.items()}
    again = {f["candidate_id"]: f for f in features(gpkg)}
    assert again[4]["status"] == "unsure"
    for name in ("class_id", "second_class_name", "confidence_mean", "hard_share"):
        assert again[4][name] == whole[3][name]
    file = gdal.OpenEx(str(gpkg), gdal.OF_VECTOR)
    assert file.GetLayerByName(CANDIDATES).GetFeatureCount() == 5
    assert next(iter(file.ExecuteSQL("PRAGMA integrity_check")))[0] == "ok"


def test_outlines_travel_with_a_merge_of_reviews(gpkg, tmp_path):
    other = Path(shutil.copy(gpkg, tmp_path / "other.gpkg"))
    store = ReviewStore(other, "bo")
    number = store.free_number()
    fields = {"class_id": 0, "class_name": "No change"}
    store.edit([*edits(store, {1: square(640100, 70), 5: None}), Edit(number, None, square(650000), fields)])
    store.give(number, "other_class", 2)
    ReviewStore(gpkg, "ann").give(1, "confirmed")
    for into, of in ((gpkg, other), (other, gpkg)):
        merge_reviews(into, of)
    assert outlines(gpkg) == outlines(other)
    assert sorted(outlines(gpkg)) == [1, 2, 3, 4, number]
    found = {f["candidate_id"]: (f["status"], f["reviewed_class_id"]) for f in features(gpkg)}
    assert found[number] == ("other_class", 2)
    assert merge_reviews(gpkg, other).added == 0
