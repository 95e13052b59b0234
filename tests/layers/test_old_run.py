"""A run of version 0.1.0, before class tables travelled: it opens, goes on being reviewed and is reported as ever."""

import gc
import zipfile
from pathlib import Path

import pytest
from qgis.core import QgsProject

from farmcd_qgis.accuracy.judgements import JUDGED, SampleStore
from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.core.run_record import run_classes
from farmcd_qgis.engine.assess.sample import count_strata
from farmcd_qgis.layers import add_run
from farmcd_qgis.review.session import Session
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.report_run import make_report, needs_pdftotext, text_of

OLD = Path(__file__).resolve().parents[1] / "golden" / "old_run.zip"


@pytest.fixture
def old(tmp_path: Path, qgis_new_project) -> Path:
    with zipfile.ZipFile(OLD) as file:
        file.extractall(tmp_path)
    yield tmp_path / "run"
    QgsProject.instance().clear()
    gc.collect()


def test_layers_look_as_they_did(old: Path):
    nodes = [node.name() for node in add_run(old).findLayers()]
    assert nodes[:5] == ["Candidates", "Hard regions", "Change classes", "Confidence", "Arbitration"]
    layers = {layer.name(): layer for layer in QgsProject.instance().mapLayers().values()}
    wanted = [(row.id, row.label(), row.colour) for row in FIVE.changes]
    raster, polygons = layers["Change classes"].renderer(), layers["Candidates"].renderer()
    assert [(row.value, row.label, row.color.name()) for row in raster.classes()] == wanted
    settled = [row for row in polygons.categories() if isinstance(row.value(), int)]
    assert [(row.value(), row.label()) for row in settled] == [(row[0], f"{row[1]} (confirmed)") for row in wanted]


def test_review_goes_on(old: Path):
    session = Session(ReviewStore(old / RUN_GPKG, "bo"))
    assert session.store.classes == run_classes(old) == FIVE
    counts = session.counts()
    assert [counts[name] for name in ("unreviewed", "confirmed", "other_class", "pseudo_change")] == [2, 1, 1, 1]
    shown = session.number
    session.give("other_class", 3)
    assert session.store.current(shown).class_id == 3


@needs_pdftotext
def test_sample_and_report(old: Path, tmp_path: Path):
    assert [row["class_id"] for row in count_strata(old)] == list(range(6))
    store = SampleStore(old / RUN_GPKG, "bo")
    for point in store.points():
        store.judge(point.sample_id, JUDGED, point.map_class_id)
    assert [row.class_id for row in store.assess().classes] == list(range(6))
    made = make_report(old, tmp_path / "out", candidate_pages=1, outputs=("pdf",))
    text = text_of(made.files["pdf"])
    for row in FIVE.rows:
        assert row.label() in text
    assert "Text prior: no change" in text
    assert "class unknown" not in text
