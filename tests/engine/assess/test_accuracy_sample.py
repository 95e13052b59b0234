"""The sample drawn from a run's map, and the judgements on it: against a model, across kills, programs and growth."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osgeo import gdal

from farmcd_qgis.accuracy.judgements import ANSWERS, JUDGED, UNJUDGED, SampleStore, assessment, read_strata
from farmcd_qgis.core.classes import NODATA
from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.core.run_files import ACCURACY_SAMPLE, CHANGE_TIF, RUN_GPKG
from farmcd_qgis.engine.assess import sample
from farmcd_qgis.engine.assess.sample import chosen, count_strata, draw_sample
from farmcd_qgis.engine.polygons.vectorise import vectorise
from tests.helpers.accuracy_log import log
from tests.helpers.runs import write_run

ROOT = Path(__file__).resolve().parents[3]
POINTS = {0: 20, 1: 10, 2: 50}


def painted(size: int = 64) -> np.ndarray:
    """A map of classes 0, 1 and 2, the last of which has 6 pixels, with nodata at the top."""
    change = np.zeros((size, size), np.uint8)
    change[:4] = NODATA
    change[20:40, 20:40] = 1
    change[50, 50:56] = 2
    return change


@pytest.fixture
def run(tmp_path):
    folder = write_run(tmp_path / "run", painted())
    vectorise(folder, minimum_mapping_unit_m2=0.0)
    return folder


@pytest.fixture
def store(run):
    draw_sample(run, POINTS, 7)
    return SampleStore(run / RUN_GPKG, "ann")


def layer(run: Path) -> list[dict]:
    file = gdal.OpenEx(str(run / RUN_GPKG), gdal.OF_VECTOR)
    return [
        {**feature.items(), "geometry": feature.GetGeometryRef().Clone()}
        for feature in file.GetLayerByName(ACCURACY_SAMPLE)
    ]


def test_pixels_and_areas_of_the_classes_are_counted(run):
    strata = count_strata(run)
    assert [(row["class_id"], row["pixels"]) for row in strata] == [(0, 60 * 64 - 406), (1, 400), (2, 6)]
    side = gdal.Open(str(run / CHANGE_TIF)).GetGeoTransform()[1]
    for row in strata:
        # The map's scale near the edge of a UTM zone is not quite 1.
        assert row["area_ha"] == pytest.approx(row["pixels"] * side**2 / 10_000, rel=2e-3)


def test_points_lie_in_the_middle_of_pixels_of_their_class(run, store):
    points = layer(run)
    assert Counter(point["map_class_id"] for point in points) == {0: 20, 1: 10, 2: 6}
    assert [point["sample_id"] for point in points] == list(range(1, 37))
    assert {point["judgement"] for point in points} == {UNJUDGED}
    change = gdal.Open(str(run / CHANGE_TIF))
    inverse = gdal.InvGeoTransform(change.GetGeoTransform())
    pixels = change.ReadAsArray()
    places = set()
    for point in points:
        assert (point["geometry"].GetX(), point["geometry"].GetY()) == (point["x"], point["y"])
        column, row = gdal.ApplyGeoTransform(inverse, point["x"], point["y"])
        assert (column % 1, row % 1) == (pytest.approx(0.5, abs=1e-6), pytest.approx(0.5, abs=1e-6))
        assert pixels[int(row), int(column)] == point["map_class_id"]
        places.add((int(row), int(column)))
    assert len(places) == len(points)
    # The queue does not go through one class after the other.
    assert len({point["map_class_id"] for point in points[:12]}) > 1
    strata, seed = read_strata(run / RUN_GPKG)
    assert [(row.class_id, row.pixels, row.drawn) for row in strata] == [(0, 3434, 20), (1, 400, 10), (2, 6, 6)]
    assert seed == 7


def test_the_seed_decides_the_sample_and_bands_do_not(run, monkeypatch):
    draw_sample(run, POINTS, 7)
    first = [(point["x"], point["y"]) for point in layer(run)]
    monkeypatch.setattr(sample, "BAND_PIXELS", 100)
    draw_sample(run, POINTS, 7)
    assert [(point["x"], point["y"]) for point in layer(run)] == first
    draw_sample(run, POINTS, 8)
    assert [(point["x"], point["y"]) for point in layer(run)] != first


@pytest.mark.parametrize("pixels", [5, 1000, sample.SHUFFLED + 1])
def test_each_pixel_is_as_likely_and_a_larger_sample_holds_the_smaller(pixels):
    count = min(pixels, 50)
    seen = np.concatenate([chosen(pixels, count, seed, 1) for seed in range(400)])
    assert len(set(chosen(pixels, count, 3, 1).tolist())) == count
    assert chosen(pixels, count, 3, 1)[:4].tolist() == chosen(pixels, 4, 3, 1).tolist()
    tenths = np.bincount(seen * 10 // pixels, minlength=10)
    expected = np.bincount(np.arange(pixels) * 10 // pixels, minlength=10) / pixels * len(seen)
    squares = ((tenths - expected)[expected > 0] ** 2 / expected[expected > 0]).sum()
    # The 99.9th percentile of chi square with 9 degrees of freedom.
    assert squares < 27.9


def test_an_unjudged_sample_is_replaced_and_a_judged_one_grows(run, store):
    before = layer(run)
    store.judge(3, JUDGED, 1)
    told = draw_sample(run, {0: 30, 1: 5, 2: 6, 4: 9}, 99)
    assert (told["seed"], told["points"]) == (7, 46)
    after = layer(run)
    assert [point["x"] for point in after[:36]] == [point["x"] for point in before]
    assert after[2]["judgement"] == JUDGED
    assert Counter(point["map_class_id"] for point in after[36:]) == {0: 10}
    assert len({(point["x"], point["y"]) for point in after}) == 46
    assert read_strata(run / RUN_GPKG)[0][0].drawn == 30
    assert len(SampleStore(run / RUN_GPKG, "bo").points()) == 46


def test_what_cannot_be_drawn_is_said(run, tmp_path):
    with pytest.raises(InputError, match="0 points"):
        draw_sample(run, {0: 0}, 1)
    with pytest.raises(InputError, match="20,000"):
        draw_sample(write_folder_with_gpkg(tmp_path), {0: 30_000}, 1)
    with pytest.raises(InputError, match="Make the run's polygons"):
        draw_sample(write_run(tmp_path / "bare", painted()), POINTS, 1)
    with pytest.raises(InputError, match="no run folder"):
        count_strata(tmp_path)
    with pytest.raises(Cancelled):
        draw_sample(run, POINTS, 1, feedback=Feedback(cancelled=lambda: True))
    with pytest.raises(InputError, match="Draw one first"):
        SampleStore(run / RUN_GPKG, "ann")


def write_folder_with_gpkg(tmp_path: Path) -> Path:
    folder = write_run(tmp_path / "large", painted(200))
    vectorise(folder, minimum_mapping_unit_m2=0.0)
    return folder


def test_a_begun_sample_is_not_mixed_with_another_map(run, store):
    store.judge(1, JUDGED, 0)
    change = painted()
    change[60] = 5
    write_run(run, change)
    with pytest.raises(InputError, match="not the map any more"):
        draw_sample(run, POINTS, 7)
    with pytest.raises(InputError, match="have been reviewed"):
        vectorise(run)


def test_a_judgement_of_a_wrong_kind_is_refused(store):
    for arguments, words in (
        ((1, "maybe"), "no judgement"),
        ((1, JUDGED), "no judgement"),
        ((1, "unsure", 2), "no judgement"),
        ((1, JUDGED, 6), "6 is no class"),
        ((99, JUDGED, 1), "no point 99"),
    ):
        with pytest.raises(InputError, match=words):
            store.judge(*arguments)
    assert store.statuses() == {}


def test_the_log_cannot_be_changed(run, store):
    store.judge(1, JUDGED, 0)
    file = sqlite3.connect(run / RUN_GPKG)
    for statement in ("UPDATE judgements SET class_id = 3", "DELETE FROM judgements"):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            file.execute(statement)
    file.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 36), st.sampled_from(ANSWERS), st.integers(0, 5)),
        st.sampled_from(["undo", "undo", "redo", "reopen", "other"]),
    ),
    max_size=25,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_sequence_agrees_with_a_simple_model(run, steps):
    for leftover in run.glob("farmcd.gpkg*"):
        leftover.unlink()
    vectorise(run, minimum_mapping_unit_m2=0.0)
    draw_sample(run, POINTS, 7)
    path = run / RUN_GPKG
    stores = [SampleStore(path, "ann"), SampleStore(path, "bo")]
    mapped = {point.sample_id: point.map_class_id for point in stores[0].points()}
    held, undone, lines = [], [], 0
    for step in steps:
        store = stores[0]
        if step == "undo":
            assert (store.undo() is None) == (not held)
            if held:
                undone.append(held.pop())
                lines += 1
        elif step == "redo":
            assert (store.redo() is None) == (not undone)
            if undone:
                held.append(undone.pop())
                lines += 1
        elif step == "reopen":
            stores[0] = SampleStore(path, store.reviewer)
        elif step == "other":
            stores.reverse()
        else:
            number, word, class_id = step
            stored = store.judge(number, word, class_id if word == JUDGED else None)
            held.append((number, word, class_id if word == JUDGED else None))
            undone.clear()
            lines += 1
            assert (stored.sample_id, stored.reviewer) == (number, store.reviewer)
    state = {number: (word, class_id) for number, word, class_id in held}
    shown = {
        p["sample_id"]: (p["judgement"], p["reference_class_id"]) for p in layer(run) if p["judgement"] != UNJUDGED
    }
    assert shown == state
    assert len(log(run)) == lines
    found = assessment(run)
    answered = Counter((mapped[number], class_id) for number, (_, class_id) in state.items() if class_id is not None)
    if not answered:
        assert found is None
        return
    ids = [row.class_id for row in found.classes]
    assert {(ids[i], ids[j]): n for i, row in enumerate(found.matrix) for j, n in enumerate(row) if n} == answered
    assert found.undecided == len(state) - answered.total()


CHILD = """
import sys
from farmcd_qgis.accuracy.judgements import SampleStore
store = SampleStore(sys.argv[1], "killed")
print("ready", flush=True)
number = 0
while True:
    number = number % 36 + 1
    store.judge(number, "class", number % 6)
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_kill_loses_no_judgement(run, store, after):
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(run / RUN_GPKG)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    told = [child.stdout.readline() for _ in range(after + 1)][1:]
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    rest = child.stdout.read().splitlines()
    said = [int(number) for number in (*told, *rest) if number.strip()]
    stored = [row[1] for row in log(run)]
    assert stored[: len(said)] == said
    assert len(stored) <= len(said) + 1
    again = SampleStore(run / RUN_GPKG, "ann")
    assert again.assess().judged == min(len(stored), 36)
    again.judge(1, JUDGED, 0)


def test_an_assessment_says_where_it_came_from(run, store):
    assert assessment(run) is None
    truth = {point.sample_id: point.map_class_id for point in store.points()}
    for number, class_id in truth.items():
        store.judge(number, JUDGED, class_id) if number != 5 else store.judge(number, "unsure")
    other = SampleStore(run / RUN_GPKG, "bo")
    other.judge(6, JUDGED, (truth[6] + 1) % 3)
    found = assessment(run)
    assert (found.drawn, found.judged, found.undecided, found.finished) == (36, 35, 1, True)
    assert found.reviewers == ("ann", "bo")
    assert found.last_judged_at == log(run)[-1][6]
    assert found.seed == 7
    assert 0.5 < found.overall.value < 1.0
    assert sum(row.area_ha.value for row in found.classes) == pytest.approx(sum(row.mapped_ha for row in found.classes))


def test_a_folder_without_run_is_said(tmp_path):
    with pytest.raises(InputError, match="finished run"):
        assessment(tmp_path)


def test_a_file_that_another_program_holds_is_said(run, store, monkeypatch):
    monkeypatch.setattr("farmcd_qgis.review.log.WAIT_SECONDS", 0.05)
    other = sqlite3.connect(run / RUN_GPKG, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(FarmCDError, match="nothing was stored"):
        store.judge(1, JUDGED, 0)
    other.execute("ROLLBACK")
    other.close()
    store.judge(1, JUDGED, 0)


LARGE = """
import sys
from farmcd_qgis.engine.assess.sample import draw_sample
from scripts.bench.peak import peak_mib
before = peak_mib()
draw_sample(sys.argv[1], {0: 500, 1: 75, 2: 75}, 3)
print(peak_mib() - before)
"""


def test_a_sample_that_cannot_be_written_leaves_the_one_before(run, store, monkeypatch):
    before = layer(run)
    other = sqlite3.connect(run / RUN_GPKG, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setenv("SQLITE_BUSY_TIMEOUT", "50")
    with pytest.raises(FarmCDError, match="could not be written"):
        draw_sample(run, {0: 5, 1: 5}, 8)
    other.execute("ROLLBACK")
    other.close()
    assert [point["x"] for point in layer(run)] == [point["x"] for point in before]
    assert len(draw_sample(run, {0: 5, 1: 5}, 8)["strata"]) == 3


@pytest.mark.parametrize("change", [[[0]], [[1, 0, 255]], [[3], [3]]])
def test_the_smallest_maps_are_judged_whole_and_known_without_error(tmp_path, change):
    run = write_run(tmp_path / "tiny", change)
    vectorise(run, minimum_mapping_unit_m2=0.0)
    draw_sample(run, dict.fromkeys(range(6), 50), 1)
    store = SampleStore(run / RUN_GPKG, "ann")
    for point in store.points():
        store.judge(point.sample_id, JUDGED, 3)
    found = assessment(run)
    valid = np.array(change)[np.array(change) != NODATA]
    assert found.drawn == valid.size
    assert found.overall.value == pytest.approx((valid == 3).mean())
    assert found.overall.margin == 0.0


def test_a_map_without_a_result_has_no_strata(tmp_path):
    run = write_run(tmp_path / "empty", [[NODATA, NODATA]])
    assert count_strata(run) == []


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells peak memory otherwise")
def test_a_large_map_is_drawn_from_in_bounded_memory(tmp_path):
    """20,000 x 20,000 pixels are 381 MiB."""
    side = 20_000
    folder = write_run(tmp_path / "run", painted())
    vectorise(folder, minimum_mapping_unit_m2=0.0)
    options = ["TILED=YES", "COMPRESS=DEFLATE", "BLOCKXSIZE=512", "BLOCKYSIZE=512"]
    small = gdal.Open(str(folder / CHANGE_TIF))
    geotransform, crs = small.GetGeoTransform(), small.GetProjection()
    small = None
    file = gdal.GetDriverByName("GTiff").Create(str(folder / CHANGE_TIF), side, side, 1, gdal.GDT_Byte, options)
    file.SetGeoTransform(geotransform)
    file.SetProjection(crs)
    random = np.random.default_rng(1)
    for row in range(0, side, 1000):
        patches = random.choice(3, (50, 1000), p=(0.96, 0.02, 0.02)).astype(np.uint8)
        file.GetRasterBand(1).WriteArray(patches.repeat(20, axis=0).repeat(20, axis=1), 0, row)
    file = None
    command = [sys.executable, "-c", LARGE, str(folder)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(layer(folder)) == 650
    assert 0 < float(told.stdout) < 250
