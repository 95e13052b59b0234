"""The HTML summary holds the same figures, opens without a network and shows each of its places twice."""

import base64
import json
import math
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pypdf import PdfReader
from qgis.PyQt.QtGui import QImage

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.errors import Cancelled
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.report.words import Words
from tests.helpers.report_run import AREAS, make_report, make_run, units


class Reader(HTMLParser):
    """Keeps the rows of all tables, the attributes of all tags, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" in self._open:
            return
        self.text += data
        if "td" in self._open or "th" in self._open:
            self.rows[-1][-1] += data


def page_of(run: Path, folder: Path, language: str, office: str = "") -> str:
    report = make_report(run, folder / "out", language=language, office=office, outputs=("html",))
    assert [path.name for path in (folder / "out").iterdir()] == ["report.html"]
    return report.files["html"].read_text("utf-8")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_figures_are_the_sums_of_the_candidates(tmp_path, qgis_app, language):
    page = Reader(page_of(make_run(tmp_path, AREAS), tmp_path, language))
    expected: dict[int, list[float]] = {}
    for class_id, hectares in AREAS:
        expected.setdefault(class_id, []).append(hectares)
    for class_id, areas in expected.items():
        row = next(row for row in page.rows if row[:1] == [FIVE.label(class_id, language)] and len(row) == 6)
        assert int(row[1]) == len(areas)
        assert float(row[2]) == pytest.approx(math.fsum(areas), abs=0.01)
        assert float(row[3]) == pytest.approx(15 * math.fsum(areas), abs=0.01)
    total = next(row for row in page.rows if row[:1] == [Words(language)("total")])
    whole = math.fsum(hectares for _, hectares in AREAS)
    assert total[1:5] == ["6", f"{whole:.2f}", f"{15 * whole:.2f}", "100.0"]
    assert "b52b" * 16 in page.text


def test_nothing_is_fetched_and_every_picture_can_be_seen(tmp_path, qgis_app):
    html = page_of(make_run(tmp_path, AREAS), tmp_path, "en")
    page = Reader(html)
    links = [values for tag, values in page.tags if tag == "a"]
    fetched = [values for tag, values in page.tags if tag != "a"]
    sources = [values[name] or "" for values in fetched for name in ("src", "href") if name in values]
    # The overview, and a before and an after of each of the six.
    assert len(sources) == 13
    pictures = [QImage.fromData(base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))) for source in sources]
    assert all(picture.width() > 100 for picture in pictures)
    # Noise of the two images, not an empty map.
    for picture in pictures:
        places = [(picture.width() * x // 10, picture.height() * y // 10) for x in range(10) for y in range(10)]
        assert len({picture.pixel(*place) for place in places}) > 20
    assert len(links) == 6
    for link in links:
        assert (link["href"] or "").startswith("https://www.openstreetmap.org/?mlat=46.9")
        html = html.replace(escape(link["href"] or ""), "")
    assert not re.search(r"url\(|@import|https?:", html)
    assert [tag for tag, _ in page.tags].count("input") == 6


def test_what_people_write_is_text(tmp_path, qgis_app):
    page = Reader(page_of(make_run(tmp_path, AREAS), tmp_path, "en", office="<script>alert(1)</script> & Co"))
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script>alert(1)</script> & Co" in page.text


def test_missing_images_do_not_stop_it(tmp_path, qgis_app):
    run = make_run(tmp_path, AREAS)
    (tmp_path / "before.tif").unlink()
    assert len(re.findall("data:image/jpeg", page_of(run, tmp_path, "en"))) == 13


def test_cancelling_between_pictures_leaves_nothing(tmp_path, qgis_app):
    with pytest.raises(Cancelled):
        make_report(make_run(tmp_path, AREAS), tmp_path / "out", Feedback(cancelled=lambda: True), outputs=("html",))
    assert list((tmp_path / "out").iterdir()) == []


def test_only_a_run_that_a_farmland_layer_limited_speaks_of_farmland(tmp_path, qgis_app):
    run_dir = make_run(tmp_path, AREAS)

    def said(language: str, out: str) -> str:
        files = make_report(run_dir, tmp_path / out, outputs=("html",), language=language).files
        return files["html"].read_text(encoding="utf-8")

    for language, claim, modest in (
        ("en", "Farmland change", "land cover may have changed"),
        ("zh", "疑似耕地变化", "土地覆盖变化"),
    ):
        bare = said(language, f"bare-{language}")
        assert claim not in bare
        assert modest in bare
    record = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
    record["request"]["farmland"] = "/fields.gpkg"
    (run_dir / "run.json").write_text(json.dumps(record), encoding="utf-8")
    for language, claim in (("en", "where farmland may have become something else"), ("zh", "疑似耕地变化图斑")):
        assert claim in said(language, f"farmland-{language}")


def test_it_claims_nothing_that_the_run_does_not_bear(tmp_path, qgis_app):
    run_dir = make_run(tmp_path, AREAS)
    path = run_dir / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    for role in ("before", "after"):
        record["inputs"][role]["date"] = None
    record["predictor"]["card"] |= {"family": "semicd_vl_zero"}
    record["request"]["aoi"] = "/gone.gpkg"
    path.write_text(json.dumps(record), encoding="utf-8")
    farmland = units(tmp_path, ("fields", 600_000, 600_500), name="farmland")
    for language, wanted, unwanted in (
        ("en", ("was never trained with changes", "which the images do not tell", "No accuracy sample"), "At the end"),
        ("zh", ("未用变化样本训练", "影像日期不详", "正确率未知"), "报告末尾"),
    ):
        settings = {"outputs": ("html", "pdf"), "candidate_pages": 1, "farmland": farmland}
        made = make_report(run_dir, tmp_path / language, language=language, **settings)
        text = made.files["html"].read_text(encoding="utf-8")
        for words in wanted:
            assert words in text
        assert unwanted not in text, "the page has no pages of its own"
        # How much farmland was compared is not known without the area of interest.
        assert Words(language)("farmland_share") not in text


def test_number_unit_and_signatures_are_there(tmp_path, qgis_app):
    run_dir = make_run(tmp_path, AREAS)
    named = {"administrative_unit": "North County", "number": "2026-17", "author": "A. Surveyor"}
    made = make_report(run_dir, tmp_path / "out", outputs=("html", "pdf"), **named)
    assert "North County" in made.files["html"].read_text(encoding="utf-8")
    text = " ".join(PdfReader(made.files["pdf"]).pages[1].extract_text().split())
    for words in ("Signatures", "A. Surveyor", "Approved by"):
        assert words in text
    pages = [page.extract_text() for page in PdfReader(made.files["pdf"]).pages]
    assert "2026-17" in pages[0]
    assert "1:12,500" in pages[2], "1.6 km on 140 mm"
    given = make_report(run_dir, tmp_path / "usual", outputs=("html",)).files["html"].read_text(encoding="utf-8")
    assert "-a9b54e2a" in given, "the day and the run"
