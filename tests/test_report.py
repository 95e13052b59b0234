"""The report: its figures are the GeoPackage's, in every file and both languages; faults are sentences."""

import itertools
import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal, ogr, osr
from qgis.core import QgsApplication, QgsFeedback, QgsProject

from farmcd_qgis.classes import class_label
from farmcd_qgis.engine.geopackage import Package
from farmcd_qgis.processing.provider import FarmCDProvider
from farmcd_qgis.protocol import CANDIDATES, HARD_REGIONS, Cancelled, InputError
from farmcd_qgis.report import ReportOptions, write_report
from farmcd_qgis.report.figures import add_up
from farmcd_qgis.report.page import round_down
from farmcd_qgis.report.pdf import make_searchable
from farmcd_qgis.report.typography import MM_PER_POINT, has_chinese, wrap
from farmcd_qgis.report.words import TEXTS

gdal.UseExceptions()
FILES = {"report.pdf", "report.html", "report.xlsx", "candidates.csv", "candidates.geojson"}
needs_pdftotext = pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
# class, ha: thirds and sevenths, so that figures rounded one by one would not add up.
AREAS = [(1, 10 / 3), (1, 10 / 3), (2, 10 / 3), (2, 1 / 7), (5, 1 / 7), (3, 0.04)]


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    """A finished run with six candidates over two small images."""
    return make_run(tmp_path, AREAS)


def make_run(folder: Path, areas: list[tuple[int, float]]) -> Path:
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32614)
    run = folder / "run"
    run.mkdir()
    for name in ("before", "after"):
        image = gdal.GetDriverByName("GTiff").Create(str(folder / f"{name}.tif"), 64, 64, 3)
        image.SetProjection(crs.ExportToWkt())
        image.SetGeoTransform((600000, 5, 0, 5200000, 0, -5))
        image.WriteArray(np.random.default_rng(1).integers(0, 255, (3, 64, 64), np.uint8))
        image = None
    with Package(run / "farmcd.gpkg", crs.ExportToWkt()) as package:
        package.write_layer(CANDIDATES, [candidate(*one) for one in enumerate(areas, 1)])
        package.write_layer(HARD_REGIONS, [hard_region()])
    (run / "run.json").write_text(json.dumps(record(folder, crs.ExportToWkt())))
    return run


def square(number: int) -> ogr.Geometry:
    x, y = 600000 + 40 * number, 5199900
    wkt = f"MULTIPOLYGON ((({x} {y}, {x + 20} {y}, {x + 20} {y - 20}, {x} {y - 20}, {x} {y})))"
    return ogr.CreateGeometryFromWkt(wkt)


def candidate(number: int, one: tuple[int, float]) -> tuple[ogr.Geometry, dict]:
    class_id, hectares = one
    shares = dict.fromkeys(("confidence_mean", "confidence_min", "hard_share", "arbitration", "disagreement"), 0.5)
    values = {
        "candidate_id": number,
        "class_id": class_id,
        "class_name": class_label(class_id),
        "second_class_id": 4,
        "second_class_name": class_label(4),
        "area_ha": hectares,
        "area_mu": 15 * hectares,
        "status": "unreviewed",
    }
    return square(number), values | shares


def hard_region() -> tuple[ogr.Geometry, dict]:
    values = {"region_id": 1, "area_ha": 1.5, "area_mu": 22.5, "confidence_mean": 0.5, "class_id": 1}
    return square(1), values | {"class_name": "Bareland"}


def record(folder: Path, wkt: str) -> dict:
    images = {
        role: {"path": str(folder / f"{role}.tif"), "size": 12352, "date": f"20{year}-08-18", "crs": wkt}
        for role, year in (("before", "09"), ("after", "20"))
    }
    request = {
        "checkpoint": "/somewhere/best.safetensors",
        "aoi": None,
        "farmland": None,
        "before_bands": None,
        "after_bands": None,
        "device": "cpu",
        "tile": 256,
        "overlap": 64,
        "tau": 0.8,
        "minimum_mapping_unit_m2": 400.0,
        "connectivity": 8,
        "symmetric": False,
        "match_histograms": False,
        "context": [],
    }
    card = {"name": "a-model", "limits": "Knows one region only.", "metrics": {"F1": 0.61}, "measured_on": "40 pairs"}
    return {
        "run": "a9b54e2ac35c1f8c",
        "started": "2026-11-21T03:29:29+00:00",
        "finished": "2026-11-21T03:29:53+00:00",
        "request": request,
        "versions": {"farmcd": "0.1.0", "gdal": "3.6.2"},
        "predictor": {"card": card, "sha256": "b52b" * 16, "device": {"name": "CPU, 2 threads"}, "torch": "2.13.0"},
        "inputs": images,
        "grid": {
            "width": 64,
            "height": 64,
            "geotransform": [600000, 5, 0, 5200000, 0, -5],
            "resolution_m": 5.0,
            "window": {"column": 0, "row": 0, "width": 64, "height": 64},
        },
        "stretch": {"before": None, "after": [[0, 200], [0, 200], [0, 200]], "matching": None},
        "findings": [],
        "figures": {},
    }


def set_status(run_dir: Path, **statuses: str) -> None:
    """Write verdicts as the review does: c1="confirmed", c2="other_class 4"."""
    package = gdal.OpenEx(str(run_dir / "farmcd.gpkg"), gdal.OF_VECTOR | gdal.OF_UPDATE)
    layer = package.GetLayerByName(CANDIDATES)
    layer.CreateField(ogr.FieldDefn("reviewed_class_id", ogr.OFTInteger))
    for number, status in statuses.items():
        feature = layer.GetFeature(int(number[1:]))
        feature["status"], _, class_id = status.partition(" ")
        if class_id:
            feature["reviewed_class_id"] = int(class_id)
        layer.SetFeature(feature)


def text_of(pdf: Path) -> str:
    return subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, text=True).stdout


def row_of(text: str, label: str) -> list[float]:
    """Return the figures of the first table row that begins with a label."""
    line = next(line for line in text.splitlines() if line.split()[:1] == [label] and len(line.split()) == 5)
    return [float(figure.replace(",", "")) for figure in line.split()[1:]]


def rows_of(path: Path, layer: int = 0) -> list[dict]:
    source = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return [json.loads(feature.ExportToJson())["properties"] for feature in source.GetLayer(layer)]


@needs_pdftotext
@pytest.mark.parametrize("language", ["en", "zh"])
def test_figures_of_the_pdf_are_the_sums_of_the_geopackage(run_dir, tmp_path, language):
    if language == "zh" and not has_chinese():
        pytest.skip("no installed font holds Chinese")
    report = write_report(run_dir, tmp_path / "out", ReportOptions(language, candidate_pages=1))
    text = text_of(report.pdf)
    expected: dict[int, list[float]] = {}
    for class_id, hectares in AREAS:
        expected.setdefault(class_id, []).append(hectares)
    rows = {class_id: row_of(text, class_label(class_id, language)) for class_id in range(1, 6)}
    total = row_of(text, TEXTS["total"][language == "zh"])
    for class_id, (count, hectares, mu, _) in rows.items():
        areas = expected.get(class_id, [])
        assert count == len(areas)
        assert hectares == pytest.approx(math.fsum(areas), abs=0.01)
        assert mu == pytest.approx(15 * math.fsum(areas), abs=0.01)
    whole = math.fsum(hectares for _, hectares in AREAS)
    assert total == [6, round(whole, 2), round(15 * whole, 2), 100]
    for column in range(4):
        assert math.fsum(row[column] for row in rows.values()) == pytest.approx(total[column], abs=1e-9)


@needs_pdftotext
def test_the_pdf_says_where_it_comes_from_and_that_nobody_looked(run_dir, tmp_path):
    options = ReportOptions(office="Land office [% 1 + 1 %]", author="A. Surveyor", candidate_pages=2)
    report = write_report(run_dir, tmp_path / "out", options)
    text = " ".join(text_of(report.pdf).split())
    for fact in (
        "a-model",
        "b52b" * 16,
        "Knows one region only.",
        "18 August 2009",
        "CPU, 2 threads",
        "a9b54e2ac35c1f8c",
    ):
        assert fact in text
    assert "Nobody has reviewed these candidates yet" in text
    assert "In 1 hard region, 1.50 ha in all, the model's confidence is below 0.80" in text
    assert "No farmland layer limited the comparison" in text
    assert "Land office [ % 1 + 1 %]" in text, "what a person writes is no expression"
    assert "EPSG:32614" in text
    assert "Page 6 of 6" in text


@needs_pdftotext
def test_chinese_words_are_found_as_they_are_typed(run_dir, tmp_path):
    if not has_chinese():
        pytest.skip("no installed font holds Chinese")
    report = write_report(run_dir, tmp_path / "out", ReportOptions("zh", office="自然资源局", candidate_pages=1))
    text = text_of(report.pdf)
    for word in (
        "耕地变化监测报告",
        "自然资源局",
        "2020年8月18日",
        "裸地",
        "建筑",
        "面积（亩）",
        "未复核",
        "第1页，共",
    ):
        assert word in text


def test_maps_of_text_keep_their_length(tmp_path):
    pdf = tmp_path / "some.pdf"
    pdf.write_bytes(b"<2F49>\nbegincmap\n<0001> <0003> [<2F49> <2EDA> <2FF0> <0031> ]\nendcmap\nend <2F49>")
    make_searchable(pdf)
    assert pdf.read_bytes() == b"<2F49>\nbegincmap\n<0001> <0003> [<6708> <9875> <2FF0> <0031> ]\nendcmap\nend <2F49>"


def test_a_page_stays_small(run_dir, tmp_path):
    report = write_report(run_dir, tmp_path / "out", ReportOptions(candidate_pages=6))
    assert report.pdf.stat().st_size < 0.5 * 2**20 * 10


def test_tables_and_polygons_hold_the_same_totals(run_dir, tmp_path):
    report = write_report(run_dir, tmp_path / "out", ReportOptions(candidate_pages=0))
    whole = math.fsum(hectares for _, hectares in AREAS)
    by_class, candidates = rows_of(report.xlsx, 0), rows_of(report.xlsx, 1)
    assert by_class[-1] == {
        "Class": "Total",
        "Candidates": 6,
        "Area (ha)": round(whole, 2),
        "Area (mu)": round(15 * whole, 2),
        "Share (%)": 100,
    }
    assert math.fsum(row["Area (ha)"] for row in by_class[:-1]) == pytest.approx(round(whole, 2))
    geojson = rows_of(report.geojson)
    assert len(candidates) == len(geojson) == 6
    assert math.fsum(row["Area (ha)"] for row in candidates) == pytest.approx(whole, abs=3e-4)
    assert math.fsum(row["area_ha"] for row in geojson) == pytest.approx(whole, abs=3e-4)
    assert [row["area_ha"] for row in geojson] == sorted((row["area_ha"] for row in geojson), reverse=True)
    assert report.csv.read_bytes().startswith("\ufeffCandidate,Class id,Class".encode())
    assert len(report.csv.read_text("utf-8-sig").splitlines()) == 7


def test_geojson_is_in_wgs84(run_dir, tmp_path):
    report = write_report(run_dir, tmp_path / "out", ReportOptions(candidate_pages=0))
    collection = json.loads(report.geojson.read_text("utf-8"))
    assert "crs" not in collection
    ring = collection["features"][0]["geometry"]["coordinates"][0]
    assert all(-98 < x < -97 and 46 < y < 47 for x, y in ring)
    twice_area = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))
    assert twice_area > 0, "outer rings run anticlockwise"
    assert collection["features"][0]["properties"]["status"] == "unreviewed"


def test_only_confirmed_ones_with_the_reviewers_class(run_dir, tmp_path):
    set_status(run_dir, c1="confirmed", c3="other_class 4", c4="pseudo_change 0", c5="unsure")
    options = ReportOptions(candidate_pages=0, only_confirmed=True)
    report = write_report(run_dir, tmp_path / "out", options)
    rows = {row["candidate_id"]: (row["class_id"], row["status"]) for row in rows_of(report.geojson)}
    assert rows == {1: (1, "confirmed"), 3: (4, "other_class")}
    assert report.messages == ()


def test_all_but_what_the_review_found_to_be_none(run_dir, tmp_path):
    set_status(run_dir, c4="pseudo_change 0")
    report = write_report(run_dir, tmp_path / "out", ReportOptions(candidate_pages=0))
    assert {row["candidate_id"] for row in rows_of(report.geojson)} == {1, 2, 3, 5, 6}
    if shutil.which("pdftotext"):
        text = " ".join(text_of(report.pdf).split())
        assert "Left out: 1 candidate (0.14 ha) that the review found to be pseudo-changes." in text
        assert "1 of 6 candidates have been reviewed" in text
        assert "Of the 6 candidates of the run, this report counts 5." in text


def test_only_confirmed_falls_back_where_nobody_looked(run_dir, tmp_path):
    report = write_report(run_dir, tmp_path / "out", ReportOptions(candidate_pages=0, only_confirmed=True))
    assert len(rows_of(report.geojson)) == 6
    assert "nothing has been reviewed" in report.messages[0]


def test_a_missing_image_is_said(run_dir, tmp_path):
    (tmp_path / "before.tif").unlink()
    report = write_report(run_dir, tmp_path / "out", ReportOptions(candidate_pages=1))
    assert "The before image was not found" in report.messages[0]
    if shutil.which("pdftotext"):
        assert "Image not found: before.tif" in text_of(report.pdf)


class CancelAt(QgsFeedback):
    """Stops the work when the progress passes a limit."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.seen: list[float] = []
        self.progressChanged.connect(lambda progress: self._heed(progress, limit))

    def _heed(self, progress: float, limit: float) -> None:
        self.seen.append(progress)
        if progress >= limit:
            self.cancel()


def test_cancel_leaves_nothing_half_made(run_dir, tmp_path):
    feedback = CancelAt(40)
    with pytest.raises(Cancelled):
        write_report(run_dir, tmp_path / "out", ReportOptions(candidate_pages=6), feedback)
    assert list((tmp_path / "out").iterdir()) == []
    assert feedback.seen[-1] < 60


def test_a_second_report_replaces_the_first(run_dir, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        write_report(run_dir, out, ReportOptions(candidate_pages=0))
    assert {path.name for path in out.iterdir()} == FILES


def fails(code: str, run_dir: Path, out: Path, **options) -> str:
    with pytest.raises(InputError) as caught:
        write_report(run_dir, out, ReportOptions(**options))
    assert caught.value.code == code
    return caught.value.message


def test_errors_say_what_to_do(run_dir, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    assert "there is no run.json" in fails("no_run", tmp_path / "empty", out)
    assert "Choose en or zh" in fails("bad_language", run_dir, out, language="fr")
    set_status(run_dir, c1="unsure")
    assert "report all" in fails("none_left", run_dir, out, only_confirmed=True)
    assert not out.exists()
    (tmp_path / "file").write_text("")
    assert "choose another output folder" in fails("not_writable", run_dir, tmp_path / "file")
    (out / "report.pdf").mkdir(parents=True)
    assert "report.pdf cannot be written" in fails("not_writable", run_dir, out)
    (run_dir / "farmcd.gpkg").unlink()
    assert "no readable layer candidates" in fails("run_incomplete", run_dir, out)


def test_a_run_without_candidates(tmp_path, qgis_app):
    assert "nothing to report" in fails("no_candidates", make_run(tmp_path, []), tmp_path / "out")


def test_algorithm(run_dir, tmp_path, qgis_processing, qgis_new_project):
    import processing

    registry = QgsApplication.processingRegistry()
    provider = FarmCDProvider()
    registry.addProvider(provider)
    try:
        out = str(tmp_path / "out")
        parameters = {"RUN_FOLDER": str(run_dir), "OUTPUT": out, "CANDIDATE_PAGES": 1, "LANGUAGE": "en"}
        results = processing.run("farmcd:report", parameters)
    finally:
        registry.removeProvider(provider)
    assert {Path(results[name]).name for name in ("PDF", "HTML", "XLSX", "CSV", "GEOJSON")} == FILES
    assert all(Path(results[name]).is_file() for name in ("PDF", "HTML", "XLSX", "CSV", "GEOJSON"))
    assert QgsProject.instance().mapLayers() == {}, "the person's project stays as it was"


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8), st.integers(0, 4))
def test_rounded_figures_add_up_and_stay_near(values, digits):
    rounded = add_up(values, digits)
    step = 10.0**-digits
    assert math.fsum(rounded) == pytest.approx(round(math.fsum(values), digits), abs=step / 100)
    assert all(abs(one - other) <= step * 1.001 for one, other in zip(rounded, values, strict=True))


@pytest.mark.parametrize(
    "text", ["面积为椭球面积，1公顷=15亩。" * 8, "b52b023102230cc0" * 12, "words of a sentence " * 12]
)
def test_lines_are_broken_in_every_script(text, qgis_app):
    from qgis.PyQt.QtGui import QFontMetricsF

    from farmcd_qgis.report.typography import MEASURE, _font

    lines = wrap(text, 60, 10)
    font = _font(False)
    font.setPixelSize(MEASURE)
    widths = [QFontMetricsF(font).horizontalAdvance(line) * 10 * MM_PER_POINT / MEASURE for line in lines]
    assert len(lines) > 2
    assert max(widths) <= 60.01
    assert min(widths[:-1]) > 40
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(("value", "rounded"), [(0.0021, 0.002), (1, 1), (4.99, 2), (999, 500), (1234, 1000)])
def test_scale_bars_and_grids_have_round_steps(value, rounded):
    assert round_down(value) == pytest.approx(rounded)


def test_every_word_has_both_languages():
    import string

    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name and name != "s"}

    for key, (english, chinese) in TEXTS.items():
        assert english, key
        assert chinese, key
        assert places(english) == places(chinese), key
