"""The report's PDF: its figures are the GeoPackage's, in both languages."""

import math
import re
from pathlib import Path

import pytest
from pypdf import PdfReader
from qgis.core import QgsApplication, QgsProcessingException, QgsProject

from farmcd_qgis.accuracy.estimates import Assessment, Stratum, assess
from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.processing.provider import FarmCDProvider
from farmcd_qgis.report import CONFIRMED_ONES, ReportSettings, tables
from farmcd_qgis.report.figures import read_dossier
from farmcd_qgis.report.provenance import carried_words
from farmcd_qgis.report.typography import has_chinese
from farmcd_qgis.report.words import Words
from farmcd_qgis.review.carrying import carry_over
from farmcd_qgis.review.store import ReviewStore
from farmcd_qgis.runtime import pool as jobs
from tests.helpers.compared_runs import paint_run, painted
from tests.helpers.report_run import (
    AREAS,
    FILES,
    give_verdicts,
    make_report,
    make_run,
    needs_pdftotext,
    row_of,
    text_of,
    units,
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
    rows = {class_id: row_of(text, FIVE.label(class_id, language)) for class_id in range(1, 6)}
    total = row_of(text, Words(language)("total"))
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
        "ab" * 32,
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
    assert re.search(r"Page (\d+) of \1$", text)


@needs_pdftotext
def test_chinese_words_are_found_as_they_are_typed(run_dir, tmp_path):
    if not has_chinese():
        pytest.skip("no installed font holds Chinese")
    report = make_report(run_dir, tmp_path / "out", language="zh", office="自然资源局", candidate_pages=1)
    text = text_of(report.files["pdf"])
    for word in (
        "土地覆盖变化监测报告",
        "自然资源局",
        "2020年8月18日",
        "裸地",
        "建筑",
        "面积（亩）",
        "未复核",
        "第2页，共",
    ):
        assert word in text


def sample() -> Assessment:
    """An accuracy assessment with some agreement and some not."""
    strata = [Stratum(0, 50_000, 500.0, 30), Stratum(1, 3000, 30.0, 30), Stratum(2, 1000, 10.0, 30)]
    judged = [(0, 0)] * 29 + [(0, 1)] + [(1, 1)] * 25 + [(1, 0)] * 5 + [(2, 2)] * 20 + [(2, 0)] * 10
    return assess(strata, judged)


@needs_pdftotext
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_row_of_every_table_is_in_the_pdf(run_dir, tmp_path, language, monkeypatch):
    if language == "zh" and not has_chinese():
        pytest.skip("no installed font holds Chinese")
    monkeypatch.setattr("farmcd_qgis.report.figures.assessment", lambda _: sample())
    give_verdicts(
        run_dir, c1="confirmed", c2="other_class 4", c3="confirmed", c4="pseudo_change shadow", c6="confirmed"
    )
    source = units(tmp_path, ("West", 600_000, 600_250), ("East", 600_250, 600_800))
    farmland = units(tmp_path, ("fields", 600_000, 600_500), name="farmland")
    settings = {"units": source, "unit_field": "name", "farmland": farmland, "statuses": CONFIRMED_ONES}
    report = make_report(run_dir, tmp_path / "out", language=language, outputs=("pdf",), **settings)
    text = " ".join(text_of(report.files["pdf"]).split())
    dossier = read_dossier(ReportSettings(str(run_dir), "", language, **settings))
    words = Words(language)
    made = [
        sheet for sheet in tables.all_sheets(dossier, words) if sheet.key not in ("parts", "candidates", "provenance")
    ]
    assert [sheet.key for sheet in made] == [
        "by_class",
        "by_unit",
        "by_status",
        "by_reason",
        "accuracy",
        "error_matrix",
    ]
    for sheet in made:
        assert sheet.title in text
        for row in sheet.texts(words):
            assert " ".join(" ".join(row).split()) in text, (sheet.key, row)
    for row in tables.candidates(dossier, words).texts(words):
        assert " ".join(row[:6]) in text, row


def test_a_page_stays_small(run_dir, tmp_path):
    report = make_report(run_dir, tmp_path / "out", outputs=("pdf",), candidate_pages=6)
    assert report.files["pdf"].stat().st_size < 0.5 * 2**20 * 6


def test_bookmarks_lead_to_pages_and_links_to_places(run_dir, tmp_path):
    report = make_report(run_dir, tmp_path / "out", outputs=("pdf",), candidate_pages=2, author="A. Surveyor")
    pdf = PdfReader(report.files["pdf"])
    tops = [
        (entry.title, pdf.get_destination_page_number(entry)) for entry in pdf.outline if not isinstance(entry, list)
    ]
    assert [title for title, _ in tops] == [
        *(
            "Land-cover change",
            "Summary",
            "Overview",
            "Tables",
            "Largest candidates",
            "Method and provenance",
            "Candidates",
        ),
    ]
    (below,) = (entry for entry in pdf.outline if isinstance(entry, list))
    assert [entry.title for entry in below] == ["Candidate 1  ·  Bareland", "Candidate 2  ·  Bareland"]
    assert [pdf.get_destination_page_number(entry) for entry in below] == [len(pdf.pages) - 2, len(pdf.pages) - 1]
    assert tops[-1][1] == len(pdf.pages) - 2
    (link,) = pdf.pages[-1]["/Annots"]
    address = link["/A"]["/URI"]
    # What every browser opens, at a desk as on a phone.
    assert address.startswith("https://www.openstreetmap.org/?mlat=46.9")
    assert address.partition("#map=17/")[2].replace("/", ", ") in pdf.pages[-1].extract_text()
    assert pdf.metadata.title == "Land-cover change · Report on suspected changes"


def test_algorithm(run_dir, tmp_path, qgis_processing, qgis_new_project):
    import processing

    registry = QgsApplication.processingRegistry()
    provider = FarmCDProvider()
    registry.addProvider(provider)
    try:
        out = str(tmp_path / "out")
        parameters = {"RUN_FOLDER": str(run_dir), "OUTPUT": out, "CANDIDATE_PAGES": 1, "LANGUAGE": "en"}
        results = processing.run("farmcd:report", parameters)
        with pytest.raises(QgsProcessingException, match="field"):
            processing.run("farmcd:report", {**parameters, "UNITS": str(run_dir / "farmcd.gpkg|layername=candidates")})
        with pytest.raises(QgsProcessingException, match=str(tmp_path / "nothing")):
            processing.run("farmcd:report", {**parameters, "RUN_FOLDER": str(tmp_path / "nothing")})
    finally:
        jobs.end_all()
        registry.removeProvider(provider)
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert all(Path(results[name]).is_file() for name in ("PDF", "HTML", "XLSX", "CSV", "GEOJSON"))
    assert QgsProject.instance().mapLayers() == {}, "the person's project stays as it was"


def test_verdicts_carried_over_are_counted_with_their_rule(tmp_path, qgis_app):
    squares = {(4, 12, 4, 14): 1, (20, 28, 24, 34): 4}
    earlier = paint_run(tmp_path / "earlier", painted(squares), "last year")
    later = paint_run(tmp_path / "later", painted(squares), "this year", days=("2018-06-01", "2022-06-01"))
    ReviewStore(earlier / "farmcd.gpkg", "ann").give_all([1, 2], "confirmed")
    carry_over(later, earlier, "bo")
    ReviewStore(later / "farmcd.gpkg", "cy").give(2, "pseudo_change")
    dossier = read_dossier(ReportSettings(str(later), str(tmp_path)))
    assert carried_words(dossier, Words("en")) == [
        "1 verdict was carried over from the review of the earlier run last year, where class and outline are the same "
        "(at least 80 % of the common area), and not given anew."
    ]
