"""farmcd:accuracysample and farmcd:accuracyassess with a real worker."""

import csv
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingException, QgsVectorLayer

from farmcd_qgis import tasks
from farmcd_qgis.accuracy.judgements import JUDGED, SampleStore, assessment
from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.processing.provider import FarmCDProvider


@pytest.fixture
def provider(qgis_processing, monkeypatch):
    monkeypatch.setenv("FARMCD_PYTHON", sys.executable)
    registry = QgsApplication.processingRegistry()
    one = FarmCDProvider()
    registry.addProvider(one)
    yield one
    tasks.end_all()
    registry.removeProvider(one)


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def call(name: str, parameters: dict) -> dict:
    import processing

    return processing.run(f"farmcd:{name}", parameters)


def sample(run: Path, **more) -> dict:
    return call("accuracysample", {"RUN_FOLDER": str(run), "STANDARD_ERROR": 0.05, "MINIMUM": 20, "SEED": 9, **more})


def test_a_sample_is_drawn_judged_and_assessed(provider, run, tmp_path):
    made = sample(run)
    layer = QgsVectorLayer(made["SAMPLE"])
    assert layer.featureCount() == made["POINTS"]
    assert made["USED_SEED"] == 9
    drawn = Counter(feature["map_class_id"] for feature in layer.getFeatures())
    assert [drawn[class_id] for class_id in range(1, 6)] == [20] * 5
    with pytest.raises(QgsProcessingException, match="no judged accuracy sample"):
        call("accuracyassess", {"RUN_FOLDER": str(run), "OUTPUT": str(tmp_path / "out")})
    store = SampleStore(run / RUN_GPKG, "ann")
    for point in store.points():
        wrong = point.sample_id % 10 == 0
        store.judge(point.sample_id, JUDGED, 0 if wrong else point.map_class_id)
    told = call("accuracyassess", {"RUN_FOLDER": str(run), "OUTPUT": str(tmp_path / "out")})
    found = assessment(run)
    assert told["OVERALL_ACCURACY"] == found.overall.value
    assert told["OVERALL_STANDARD_ERROR"] == found.overall.standard_error > 0
    record = json.loads(Path(told["JSON"]).read_text(encoding="utf-8"))
    assert record["matrix"] == [list(row) for row in found.matrix]
    assert record["reviewers"] == ["ann"]
    with Path(told["CSV"]).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == [
        "No change", "Bareland", "Building", "Road", "Vegetation", "Water", "All classes"
    ]  # fmt: skip
    assert float(rows[1]["users_accuracy"]) == found.classes[1].users.value
    assert float(rows[-1]["overall_accuracy_lower95"]) == found.overall.lower
    with Path(told["MATRIX"]).open(encoding="utf-8-sig", newline="") as file:
        matrix = list(csv.reader(file))
    assert [row[1:-1] for row in matrix[1:]] == [[str(count) for count in row] for row in found.matrix]
    html = Path(told["PAGE"]).read_text(encoding="utf-8")
    assert "Overall accuracy" in html
    assert "Olofsson" in html
    assert f"<b>{found.matrix[0][0]}</b>" in html


def test_the_same_seed_gives_the_same_sample_and_none_a_new_one(provider, run):
    def places() -> list:
        return [(point.x, point.y) for point in SampleStore(run / RUN_GPKG, "ann").points()]

    sample(run)
    first = places()
    sample(run)
    assert places() == first
    assert sample(run, SEED=0)["USED_SEED"] > 0
    assert places() != first


def test_what_is_no_run_is_said(provider, tmp_path):
    with pytest.raises(QgsProcessingException, match="no run folder"):
        sample(tmp_path)
    with pytest.raises(QgsProcessingException, match="finished run"):
        call("accuracyassess", {"RUN_FOLDER": str(tmp_path), "OUTPUT": str(tmp_path / "out")})
