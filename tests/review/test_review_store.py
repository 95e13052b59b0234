"""Verdicts in a run's GeoPackage against a simple model, across restarts, kills and other programs; queue orders."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr

from farmcd_qgis.core.errors import FarmCDError, InputError
from farmcd_qgis.core.run_files import CANDIDATES
from farmcd_qgis.engine.polygons import geopackage
from farmcd_qgis.engine.run.package import count_reviewed
from farmcd_qgis.review.queue import BIGGEST, DOUBTFUL, PLACE, Filter, Queue, curve
from farmcd_qgis.review.store import ReviewStore
from farmcd_qgis.review.verdicts import UNREVIEWED, VERDICTS
from tests.helpers.review_files import MODEL_CLASSES, columns, features, log, mirrored, write_gpkg

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def gpkg(tmp_path):
    return write_gpkg(tmp_path / "farmcd.gpkg")


def test_a_verdict_survives_kill_9(gpkg):
    code = f"""
        import sys, time
        from farmcd_qgis.review.store import ReviewStore
        store = ReviewStore({str(gpkg)!r}, "ann")
        store.give(3, "pseudo_change", reason="season", note="水稻")
        store.give(1, "other_class", 4)
        store.undo()
        print("given", flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"given\n"
        os.kill(process.pid, signal.SIGKILL)
    store = ReviewStore(gpkg, "bo")
    kept = store.current(3)
    assert (kept.verdict, kept.reason, kept.note, kept.reviewer) == ("pseudo_change", "season", "水稻", "ann")
    assert store.current(1) is None
    assert store.redo().class_id == 4
    assert mirrored(gpkg)[3] == ("pseudo_change", 0)
    assert mirrored(gpkg)[1] == ("other_class", 4)


def test_no_verdict_is_lost_when_gdal_looks_into_the_file_and_another_program_closes_it(gpkg):
    store = ReviewStore(gpkg, "ann")
    look = (
        "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM verdicts').fetchone())"
    )
    for number in range(1, 4):
        store.give(number, "confirmed")
        # On Unix this drops every lock that this process has on the file.
        gdal.OpenEx(str(gpkg), gdal.OF_VECTOR)
        seen = subprocess.run([sys.executable, "-c", look, str(gpkg)], capture_output=True, text=True, check=True)
        assert int(seen.stdout) == number


def test_ogr_edits_the_layer_while_the_review_is_open(gpkg):
    store = ReviewStore(gpkg, "ann")
    store.give(2, "confirmed")
    file = gdal.OpenEx(str(gpkg), gdal.OF_VECTOR | gdal.OF_UPDATE)
    layer = file.GetLayerByName(CANDIDATES)
    feature = layer.GetFeature(2)
    assert feature["status"] == "confirmed"
    feature.SetGeometry(ogr.CreateGeometryFromWkt("MULTIPOLYGON (((0 0, 9 0, 9 9, 0 0)))"))
    layer.SetFeature(feature)
    feature.SetFID(-1)
    layer.CreateFeature(feature)
    del feature, layer, file
    store.give(2, "unsure")
    assert mirrored(gpkg)[2] == ("unsure", None)
    file = gdal.OpenEx(str(gpkg), gdal.OF_VECTOR)
    layer = file.GetLayerByName(CANDIDATES)
    layer.SetSpatialFilterRect(-1, -1, 10, 10)
    assert [f["status"] for f in layer] == ["unsure", "unsure"]
    assert file.GetLayerByName("verdicts").GetFeatureCount() == 2
    assert next(iter(file.ExecuteSQL("PRAGMA integrity_check")))[0] == "ok"


def test_the_fields_of_the_model_stay(gpkg):
    kept = [name for name in geopackage.FIELDS[CANDIDATES] if name != "status"]
    before = [{name: feature[name] for name in kept} for feature in features(gpkg)]
    store = ReviewStore(gpkg, "ann")
    for number, verdict in enumerate(VERDICTS, 1):
        store.give(number, verdict, 3 if verdict == "other_class" else None)
    after = features(gpkg)
    assert [{name: feature[name] for name in kept} for feature in after] == before
    assert [feature["status"] for feature in after] == list(VERDICTS)


def test_nobody_can_change_what_was_said(gpkg):
    store = ReviewStore(gpkg, "ann")
    store.give(1, "confirmed")
    file = sqlite3.connect(gpkg)
    for change in ("UPDATE verdicts SET verdict = 'unsure'", "DELETE FROM verdicts"):
        with pytest.raises(sqlite3.IntegrityError):
            file.execute(change)
    file.close()
    assert [row[2] for row in log(gpkg)] == ["confirmed"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((1, "wrong"), "bad_verdict"),
        ((1, "undo"), "bad_verdict"),
        ((1, "confirmed", 2), "verdict_with_class"),
        ((1, "other_class"), "bad_change_class"),
        ((1, "other_class", 0), "bad_change_class"),
        ((1, "other_class", 255), "bad_change_class"),
        ((1, "confirmed", None, "season"), "bad_reason"),
        ((1, "pseudo_change", None, "because"), "bad_reason"),
        ((99, "confirmed"), "no_candidate"),
    ],
)
def test_verdicts_without_sense_are_refused(gpkg, arguments, code):
    store = ReviewStore(gpkg, "ann")
    store.give(2, "unsure")
    with pytest.raises(InputError) as refused:
        store.give(*arguments)
    assert refused.value.code == code
    assert store.statuses() == {2: "unsure"}
    assert len(log(gpkg)) == 1


def test_a_locked_file_is_said_and_nothing_is_half_done(gpkg, monkeypatch):
    monkeypatch.setattr("farmcd_qgis.review.log.WAIT_SECONDS", 0.05)
    store = ReviewStore(gpkg, "ann")
    store.give(1, "confirmed")
    other = sqlite3.connect(gpkg, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(FarmCDError) as refused:
        store.give(2, "confirmed")
    assert refused.value.code == "review_not_stored"
    assert "locked" in refused.value.message
    assert store.statuses() == {1: "confirmed"}
    other.execute("COMMIT")
    other.close()
    store.give(2, "confirmed")
    assert len(log(gpkg)) == 2


def test_files_without_candidates_are_refused(tmp_path):
    with pytest.raises(InputError) as missing:
        ReviewStore(tmp_path / "farmcd.gpkg", "ann")
    assert missing.value.code == "no_geopackage"
    assert not list(tmp_path.iterdir())
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32614)
    with geopackage.Package(tmp_path / "farmcd.gpkg", reference.ExportToWkt()):
        pass
    with pytest.raises(InputError) as empty:
        ReviewStore(tmp_path / "farmcd.gpkg", "ann")
    assert empty.value.code == "no_candidates"
    (tmp_path / "text.gpkg").write_text("no database at all, but long enough to be looked at as one" * 20)
    with pytest.raises(FarmCDError) as text:
        ReviewStore(tmp_path / "text.gpkg", "ann")
    assert text.value.code == "review_not_stored"


def test_candidates_are_read_with_their_centres(gpkg):
    store = ReviewStore(gpkg, "ann")
    read = store.candidates()
    assert read.candidate_id.tolist() == [1, 2, 3, 4, 5]
    assert read.class_id.tolist() == MODEL_CLASSES
    np.testing.assert_allclose(read.area_ha, [0.25, 0.5, 0.75, 1.0, 1.25])
    np.testing.assert_allclose(read.x, 640025 + 100 * read.candidate_id, atol=0.1)
    np.testing.assert_allclose(read.y, 25, atol=0.1)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("confidence_mean", [0.9, 0.3, 0.6], [1, 2, 0]),
        ("disagreement", [0.9, 0.3, 0.6], [0, 2, 1]),
        ("hard_share", [0.2, 0.3, 0.6], [2, 1, 0]),
        ("area_ha", [0.2, 90.0, 0.6], [1, 2, 0]),
    ],
)
def test_the_most_doubtful_come_first(column, values, expected):
    made = columns(3, **({"area_ha": [1.0, 1.0, 1.0]} | {column: values}))
    assert Queue(made).rows(DOUBTFUL).tolist() == expected


def test_filters_keep_the_order():
    made = columns(5, area_ha=[3.0, 1.0, 5.0, 4.0, 2.0], class_id=[1, 1, 2, 1, 1])
    queue = Queue(made)
    assert queue.rows(BIGGEST).tolist() == [2, 3, 0, 4, 1]
    assert queue.rows(BIGGEST, np.array([True, False, True, False, True])).tolist() == [2, 0, 4]


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        (Filter(class_id=1, area_ha=(2.0, None)), [3, 0, 4]),
        (Filter(area_ha=(None, 3.0)), [0, 4, 1]),
        (Filter(confidence=(0.5, 0.7)), [2, 3]),
        (Filter(confidence=(0.7, None), area_ha=(2.0, 4.0)), [3, 4]),
        (Filter(extent=(2.0, 2.0, 4.0, 4.0)), [2, 3, 1]),
        (Filter(extent=(2.0, 2.0, 4.0, 3.0), class_id=2), [2]),
    ],
)
def test_a_filter_leaves_what_fits_all_of_it(chosen, rows):
    made = columns(
        5, area_ha=[3.0, 1.0, 5.0, 4.0, 2.0], class_id=[1, 1, 2, 1, 1], confidence_mean=[0.1, 0.2, 0.5, 0.7, 0.9]
    )
    assert Queue(made).rows(BIGGEST, chosen.fits(made)).tolist() == rows


def test_the_order_without_candidates():
    assert Queue(columns(0)).rows(PLACE).tolist() == []


def test_by_place_every_step_of_a_full_grid_goes_to_a_neighbour():
    side = 16
    x, y = (axis.ravel().astype(float) for axis in np.meshgrid(np.arange(side), np.arange(side)))
    order = curve(x, y).argsort()
    steps = np.abs(np.diff(x[order])) + np.abs(np.diff(y[order]))
    assert sorted(order) == list(range(side * side))
    assert steps.max() == 1


def test_a_log_whose_verdicts_were_taken_back_keeps_its_file(gpkg):
    assert count_reviewed(gpkg) == 0
    store = ReviewStore(gpkg, "an")
    store.give(1, "confirmed")
    store.give(2, "confirmed")
    assert count_reviewed(gpkg) == 2
    store.undo()
    store.undo()
    assert set(store.statuses().values()) <= {UNREVIEWED}
    assert count_reviewed(gpkg) == 1


def test_a_view_that_computes_for_ever_is_no_layer(gpkg):
    with closing(sqlite3.connect(gpkg)) as file:
        file.execute("ALTER TABLE candidates RENAME TO hidden")
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x AS candidate_id FROM n"
        file.execute(f"CREATE VIEW candidates AS {endless}")
        file.commit()
    with pytest.raises(InputError) as caught:
        ReviewStore(gpkg, "ann")
    assert caught.value.code == "bad_package"
    assert "candidates" in caught.value.text("zh")


def test_texts_that_are_no_utf8_are_read_all_the_same(gpkg):
    ReviewStore(gpkg, "ann").give(1, "confirmed", note="x")
    with closing(sqlite3.connect(gpkg)) as file:
        row = "(2, CAST(x'636f6e6669726d6564' AS TEXT), 1, CAST(x'fffe41' AS TEXT), CAST(x'ff' AS TEXT), "
        file.execute(
            "INSERT INTO verdicts(candidate_id, verdict, class_id, note, reviewer, given_at) VALUES "
            f"{row} '2026-01-01T00:00:00.000000+00:00')"
        )
        file.commit()
    assert ReviewStore(gpkg, "ann").statuses() == {1: "confirmed", 2: "confirmed"}
