"""A run's GeoPackage is replaced while others have it open, or not at all; verdicts are never replaced."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from osgeo import ogr
from qgis.core import QgsProject, QgsVectorLayer

from farmcd_qgis.core.errors import FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.core.protocol import Finding
from farmcd_qgis.core.run_files import CANDIDATES, RUN_GPKG
from farmcd_qgis.engine.polygons.vectorise import vectorise
from farmcd_qgis.engine.run import package
from farmcd_qgis.engine.run.package import count_reviewed, replaced
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.rasters import UTM
from tests.helpers.runs import write_run

SIZE = 64


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three squares of one class: two with a hundred pixels of 100 m², one with twenty-five."""
    change = np.zeros((SIZE, SIZE), np.uint8)
    for row, column, side in ((5, 5, 10), (30, 30, 10), (50, 5, 5)):
        change[row : row + side, column : column + side] = 2
    run = write_run(tmp_path / "run", change, np.full((SIZE, SIZE), 90, np.uint8), crs=f"EPSG:{UTM}")
    vectorise(run, minimum_mapping_unit_m2=0)
    return run


def numbers(file: Path) -> list[int]:
    """Read the candidates' numbers by SQLite itself, after it has looked over the whole file."""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in database.execute("SELECT candidate_id FROM candidates ORDER BY 1")]


def layer_of(run: Path) -> QgsVectorLayer:
    layer = QgsVectorLayer(f"{run / RUN_GPKG}|layername={CANDIDATES}", CANDIDATES, "ogr")
    assert layer.isValid()
    return layer


def test_a_layer_that_qgis_edits_sees_the_new_polygons_and_the_file_stays_whole(run: Path, qgis_app):
    layer = layer_of(run)
    field = layer.fields().indexOf("class_name")
    layer.startEditing()
    for feature in layer.getFeatures():
        layer.changeAttributeValue(feature.id(), field, "edited")
    assert layer.commitChanges(False)
    summary = vectorise(run, minimum_mapping_unit_m2=5000)
    assert summary.candidates == 2
    assert numbers(run / RUN_GPKG) == [1, 2]
    assert {feature["class_name"] for feature in layer.getFeatures()} == {"Building"}
    layer.changeAttributeValue(1, field, "edited again")
    assert layer.commitChanges(True), layer.commitErrors()
    del layer
    QgsProject.instance().clear()
    assert numbers(run / RUN_GPKG) == [1, 2]
    with closing(sqlite3.connect(run / RUN_GPKG)) as database:
        names = database.execute("SELECT class_name FROM candidates ORDER BY candidate_id").fetchall()
    assert names == [("edited again",), ("Building",)]


def test_what_was_edited_by_hand_is_said_when_it_is_replaced(run: Path):
    said: list[Finding] = []
    vectorise(run, minimum_mapping_unit_m2=5000, feedback=Feedback(on_finding=said.append))
    assert said == []
    with closing(sqlite3.connect(run / RUN_GPKG)) as database, database:
        # The triggers of the spatial index ask for functions that only GDAL has.
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE candidates SET class_name = 'my own' WHERE candidate_id = 1")
        database.execute("ALTER TABLE candidates ADD COLUMN owner TEXT")
    vectorise(run, minimum_mapping_unit_m2=5000, feedback=Feedback(on_finding=said.append))
    assert {(each.code, each.values.get("count"), *each.values.get("names", [])) for each in said} == {
        ("edits_lost", 1),
        ("fields_lost", None, "owner"),
    }


def test_the_replaced_file_is_like_one_that_was_made_anew(run: Path, tmp_path: Path):
    vectorise(run, minimum_mapping_unit_m2=5000)
    other = shutil.copytree(run, tmp_path / "other")
    (other / RUN_GPKG).unlink()
    vectorise(other, minimum_mapping_unit_m2=5000)
    with closing(sqlite3.connect(run / RUN_GPKG)) as one, closing(sqlite3.connect(other / RUN_GPKG)) as two:
        for kind in ("table", "index", "view", "trigger"):
            query = f"SELECT name, sql FROM sqlite_master WHERE type = '{kind}' ORDER BY name"
            assert one.execute(query).fetchall() == two.execute(query).fetchall()
    file = ogr.Open(str(run / RUN_GPKG))
    south_west = file.GetLayerByName(CANDIDATES)
    feature = south_west.GetNextFeature()
    box = feature.GetGeometryRef().GetEnvelope()
    south_west.SetSpatialFilterRect(box[0] + 1, box[2] + 1, box[1] - 1, box[3] - 1)
    assert south_west.GetFeatureCount() == 1, "the spatial index is there"


def test_a_verdict_that_is_given_while_polygons_are_made_is_kept(run: Path, monkeypatch: pytest.MonkeyPatch):
    import farmcd_qgis.engine.polygons.vectorise as module

    def late(fresh: Path, target: Path):
        ReviewStore(target, "ann").give(1, "confirmed")
        return replaced(fresh, target)

    monkeypatch.setattr(module, "replaced", late)
    with pytest.raises(InputError) as caught:
        vectorise(run, minimum_mapping_unit_m2=5000)
    assert caught.value.code == "reviewed"
    assert "1 " in caught.value.message
    assert numbers(run / RUN_GPKG) == [1, 2, 3]
    assert count_reviewed(run / RUN_GPKG) == 1


def test_a_file_that_another_program_holds_is_said_and_left(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package, "WAIT_S", 0.1)
    with closing(sqlite3.connect(run / RUN_GPKG, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(FarmCDError) as caught:
            vectorise(run, minimum_mapping_unit_m2=5000)
        other.execute("ROLLBACK")
    assert caught.value.code == "package_locked"
    assert caught.value.exit_status == InputError.exit_status, "no fault of FarmCD: the person can end it"
    assert RUN_GPKG in caught.value.text("zh")
    assert numbers(run / RUN_GPKG) == [1, 2, 3]
    assert not (run / "vectorise.part").exists()


def test_a_file_that_may_not_be_written_to_is_not_called_damaged(run: Path, monkeypatch: pytest.MonkeyPatch):
    real = sqlite3.connect

    def read_only(file: Path, *args, **options):
        # As of a file on a read-only disk, for root as well.
        return real(f"file:{file}?mode=ro", *args, uri=True, **options)

    monkeypatch.setattr(package.sqlite3, "connect", read_only)
    with pytest.raises(InputError) as caught:
        vectorise(run, minimum_mapping_unit_m2=5000)
    monkeypatch.undo()
    assert caught.value.code == "file_not_writable"
    assert caught.value.values["path"].endswith(RUN_GPKG)
    assert numbers(run / RUN_GPKG) == [1, 2, 3]


def test_a_damaged_file_is_said_and_kept(run: Path):
    (run / RUN_GPKG).write_bytes(b"no database at all" * 100)
    with pytest.raises(FarmCDError) as caught:
        vectorise(run)
    assert caught.value.code == "package_damaged"
    assert (run / RUN_GPKG).read_bytes().startswith(b"no database")


def test_a_write_ahead_log_of_a_file_that_is_gone_is_not_applied_to_the_next(run: Path, tmp_path: Path):
    with closing(sqlite3.connect(run / RUN_GPKG, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("UPDATE gpkg_contents SET description = 'old'")
        shutil.copy(run / f"{RUN_GPKG}-wal", tmp_path / "log")
    (run / RUN_GPKG).unlink()
    shutil.copy(tmp_path / "log", run / f"{RUN_GPKG}-wal")
    vectorise(run, minimum_mapping_unit_m2=5000)
    assert numbers(run / RUN_GPKG) == [1, 2]
