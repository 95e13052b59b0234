"""Other libraries read the report's tables and polygons back and find the same figures in all of them."""

import csv
import json
import math
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest
import shapefile
from osgeo import gdal
from qgis.core import QgsVectorLayer

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.run_files import RUN_GPKG
from farmcd_qgis.report import OUTPUTS
from farmcd_qgis.review.store import ReviewStore
from tests.helpers.report_run import AREAS, give_verdicts, make_report, make_run

WHOLE = math.fsum(hectares for _, hectares in AREAS)
KML = "{http://www.opengis.net/kml/2.2}"
SHORT = ("NUMBER", "AREA_HA", "AREA_MU")
EXPORTS = tuple(name for name in OUTPUTS if name not in ("pdf", "html"))
NAMES = {"en": ("number", "area_ha", "area_mu"), "zh": ("图斑编号", "面积_公顷", "面积_亩")}


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    """A finished run with six candidates over two small images."""
    return make_run(tmp_path, AREAS)


def sums(rows: list[dict], language: str) -> tuple[int, float, float]:
    number, ha, mu = NAMES[language]
    assert len({row[number] for row in rows}) == len(rows)
    return len(rows), round(math.fsum(row[ha] for row in rows), 4), round(math.fsum(row[mu] for row in rows), 2)


def of_kml(path: Path) -> list[dict]:
    rows = []
    for place in ElementTree.parse(path).iter(f"{KML}Placemark"):
        data = {item.get("name"): item.text for item in place.iter(f"{KML}SimpleData")}
        rows.append(
            {name: float(text) if name in {*NAMES["en"], *NAMES["zh"]} else text for name, text in data.items()}
        )
        assert place.find(f"{KML}name").text
    return rows


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_formats_hold_the_same_totals(run_dir, tmp_path, language):
    give_verdicts(run_dir, c1="confirmed", c3="other_class 4")
    files = make_report(run_dir, tmp_path / "out", language=language, outputs=EXPORTS).files
    expected = 6, round(WHOLE, 4), round(15 * WHOLE, 2)
    geojson = [feature["properties"] for feature in json.loads(files["geojson"].read_text("utf-8"))["features"]]
    assert sums(geojson, language) == expected
    assert sums(of_kml(files["kml"]), language) == expected
    gpkg = QgsVectorLayer(f"{files['gpkg']}|layername=candidates", "", "ogr")
    rows = [dict(zip(gpkg.fields().names(), feature.attributes(), strict=True)) for feature in gpkg.getFeatures()]
    assert sums(rows, language) == expected
    with shapefile.Reader(files["shp"]) as reader:
        assert reader.encoding.replace("_", "-") == "utf-8"
        rows = [record.as_dict() for record in reader.records()]
    short = [{name: row[key] for name, key in zip(NAMES["en"], SHORT, strict=True)} for row in rows]
    assert sums(short, "en") == expected
    assert all(len(name) <= 10 for name in rows[0])
    meanings = list(csv.reader((files["shp"].parent / "candidates_fields.csv").open(encoding="utf-8-sig")))
    assert [row[0] for row in meanings[1:]] == list(rows[0])
    assert {"Zhang Wei", ""} == {row["REVIEWER"] for row in rows}
    for_excel = list(csv.DictReader(files["csv"].open(encoding="utf-8-sig", newline="")))
    ha, mu = list(for_excel[0])[2:4]
    assert (ha, mu) == (("Area (ha)", "Area (mu)") if language == "en" else ("面积（公顷）", "面积（亩）"))
    assert math.fsum(float(row[ha]) for row in for_excel) == pytest.approx(expected[1])
    assert math.fsum(float(row[mu]) for row in for_excel) == pytest.approx(expected[2])
    assert files["csv"].read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_workbook_has_a_frozen_head_and_numbers_as_numbers(run_dir, tmp_path):
    give_verdicts(run_dir, c4="pseudo_change shadow", c5="pseudo_change")
    path = make_report(run_dir, tmp_path / "out", outputs=("xlsx",)).files["xlsx"]
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [
        "Change by class",
        "State of the review",
        "Rejected pseudo-changes",
        "Candidates",
        "Method and provenance",
    ]
    for sheet in book:
        assert sheet.freeze_panes == "A2"
    rows = list(book["Change by class"].iter_rows(values_only=True))
    assert rows[0] == ("Class", "Candidates", "Area (ha)", "Area (mu)", "Share (%)")
    whole = WHOLE - 2 / 7
    assert rows[6] == ("Total", 4, round(whole, 2), round(15 * whole, 2), 100)
    for column in (1, 2, 3, 4):
        assert math.fsum(row[column] for row in rows[1:6]) == pytest.approx(rows[6][column])
    reasons = {
        row[0]: row[1] for row in book["Rejected pseudo-changes"].iter_rows(values_only=True, min_row=2) if row[1]
    }
    assert reasons == {"Shadow": 1, "No reason given": 1, "Total": 2}
    candidates = list(book["Candidates"].iter_rows(values_only=True, min_row=2))
    assert math.fsum(row[2] for row in candidates) == pytest.approx(round(whole, 4))


def test_the_geopackage_opens_in_the_classes_colours(run_dir, tmp_path):
    path = make_report(run_dir, tmp_path / "out", language="zh", crs="EPSG:4490", outputs=("gpkg",)).files["gpkg"]
    opened = QgsVectorLayer(f"{path}|layername=candidates", "", "ogr")
    assert opened.crs().authid() == "EPSG:4490"
    labels = {category.value(): category.label() for category in opened.renderer().categories()}
    assert labels == {1: "裸地", 2: "建筑", 3: "道路", 5: "水体"}
    assert opened.renderer().classAttribute() == "类别代码"
    first = next(opened.getFeatures())
    assert all(-98 < vertex.x() < -97 for vertex in first.geometry().vertices())
    assert opened.attributeAlias(opened.fields().lookupField("面积_亩")) == "面积（亩）"


def test_an_unknown_crs_is_said_before_anything_is_made(run_dir, tmp_path):
    with pytest.raises(InputError, match=r"EPSG:99. is no known CRS"):
        make_report(run_dir, tmp_path / "out", crs="EPSG:99")
    assert not (tmp_path / "out").exists()


def test_kml_has_the_classes_colours(run_dir, tmp_path):
    path = make_report(run_dir, tmp_path / "out", outputs=("kml",)).files["kml"]
    colours = {item.text.lower() for item in ElementTree.parse(path).iter(f"{KML}color")}
    assert {"ff009fe6", "ffa779cc"} <= colours, "lines, aabbggrr of #e69f00, #cc79a7"
    assert {"59009fe6", "59a779cc"} <= colours, "fills that one sees through"
    assert gdal.OpenEx(str(path)).GetLayer(0).GetFeatureCount() == 6


def test_what_a_stranger_wrote_is_shown_as_text_everywhere(run_dir, tmp_path):
    bad = "<img src='http://example.org/x.png'>"
    store = ReviewStore(run_dir / RUN_GPKG, "=1+1")
    store.give(1, "confirmed", note=bad)
    store.give(2, "confirmed", note="=cmd|' /C calc'!A0")
    files = make_report(run_dir, tmp_path / "out", outputs=("kml", "csv", "html")).files
    shown = files["kml"].read_text(encoding="utf-8")
    assert "&lt;img src=" in shown
    assert "<img" not in shown
    rows = list(csv.DictReader(files["csv"].open(encoding="utf-8-sig", newline="")))
    texts = {cell for row in rows for cell in row.values()}
    assert {"'=1+1", bad, "'=cmd|' /C calc'!A0"} <= texts
    assert not any(text.startswith("=") for text in texts)
    assert "<img src='http" not in files["html"].read_text(encoding="utf-8")
