"""The report's PDF: its figures are the GeoPackage's, in both languages."""

import math
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProject

from farmcd_qgis.classes import class_label
from farmcd_qgis.processing.provider import FarmCDProvider
from farmcd_qgis.report.typography import has_chinese
from farmcd_qgis.report.words import TEXTS
from tests.report_run import (
    AREAS,
    FILES,
    make_report,
    make_run,
    needs_pdftotext,
    row_of,
    text_of,
)


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    """A finished run with six candidates over two small images."""
    return make_run(tmp_path, AREAS)


@needs_pdftotext
@pytest.mark.parametrize("language", ["en", "zh"])
def test_figures_of_the_pdf_are_the_sums_of_the_geopackage(run_dir, tmp_path, language):
    if language == "zh" and not has_chinese():
        pytest.skip("no installed font holds Chinese")
    report = make_report(run_dir, tmp_path / "out", language=language, candidate_pages=1)
    text = text_of(report.files["pdf"])
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
    who = {"office": "Land office [% 1 + 1 %]", "author": "A. Surveyor"}
    report = make_report(run_dir, tmp_path / "out", **who, candidate_pages=2)
    text = " ".join(text_of(report.files["pdf"]).split())
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
    report = make_report(run_dir, tmp_path / "out", language="zh", office="自然资源局", candidate_pages=1)
    text = text_of(report.files["pdf"])
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


def test_a_page_stays_small(run_dir, tmp_path):
    report = make_report(run_dir, tmp_path / "out", candidate_pages=6)
    assert report.files["pdf"].stat().st_size < 0.5 * 2**20 * 10


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
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert all(Path(results[name]).is_file() for name in ("PDF", "HTML", "XLSX", "CSV", "GEOJSON"))
    assert QgsProject.instance().mapLayers() == {}, "the person's project stays as it was"
