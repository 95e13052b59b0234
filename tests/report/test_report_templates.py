"""Templates: what an office changes is taken over, and what a changed one lacks is said by its id."""

import re
from pathlib import Path

import pytest
from pypdf import PdfReader
from qgis.core import QgsLayoutSize, QgsPrintLayout, QgsProject, QgsReadWriteContext
from qgis.PyQt.QtXml import QDomDocument

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.paths import resources
from farmcd_qgis.report.templates import CANDIDATE, NAMES, OVERVIEW, REQUIRED, TEXT, TITLE, Templates, discard
from tests.helpers.report_run import AREAS, make_report, make_run


@pytest.fixture
def own(tmp_path, qgis_app) -> Path:
    """A folder for an office's templates."""
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def change(folder: Path, name: str, work) -> Path:
    """Open one of FarmCD's templates as QGIS's designer does, work on it, and save it into a folder."""
    document = QDomDocument()
    document.setContent((resources() / "templates" / name).read_text("utf-8"))
    project = QgsProject()
    layout = QgsPrintLayout(project)
    layout.loadFromTemplate(document, QgsReadWriteContext())
    work(layout)
    assert layout.saveAsTemplate(str(folder / name), QgsReadWriteContext())
    discard(layout)
    return folder / name


def test_the_bundled_templates_hold_what_the_report_fills(qgis_app):
    made = Templates(None)
    project = QgsProject()
    for name in NAMES:
        layout = made.layout(name, project)
        assert all(layout.itemById(item_id) for item_id in REQUIRED[name])
        discard(layout)


@pytest.mark.parametrize(("name", "item_id"), [(CANDIDATE, "locator"), (OVERVIEW, "legend"), (TEXT, "body")])
def test_a_missing_item_is_named(own, name, item_id):
    path = change(own, name, lambda layout: layout.removeLayoutItem(layout.itemById(item_id)))
    with pytest.raises(InputError, match=re.escape(f"The template {path} lacks the items {item_id} (a ")):
        Templates(str(own))


def test_an_item_of_another_kind_is_named(own):
    def swap(layout: QgsPrintLayout) -> None:
        layout.itemById("map").setId("something")
        layout.itemById("caption").setId("map")

    change(own, TITLE, swap)
    with pytest.raises(InputError, match=r"lacks the items caption \(a label\), map is no map"):
        Templates(str(own))


def test_what_is_no_template_is_said(own):
    with pytest.raises(InputError, match=r"holds none of the templates title\.qpt"):
        Templates(str(own))
    with pytest.raises(InputError, match="There is no folder"):
        Templates(str(own / "none"))
    for content in (b"no xml", b"<svg/>", b"\xff\xfe\xff"):
        (own / TEXT).write_bytes(content)
        with pytest.raises(InputError, match=r"text\.qpt (is no layout template|cannot be read)"):
            Templates(str(own))


def test_an_office_changes_paper_and_writing(own, tmp_path):
    run_dir = make_run(tmp_path, AREAS)

    def restyle(layout: QgsPrintLayout) -> None:
        layout.pageCollection().page(0).setPageSize(QgsLayoutSize(250, 250))
        heading = layout.itemById("title")
        text = heading.textFormat()
        text.setSize(44)
        heading.setTextFormat(text)

    change(own, TITLE, restyle)
    pdf = make_report(run_dir, tmp_path / "out", outputs=("pdf",), templates=str(own)).files["pdf"]
    pages = PdfReader(pdf).pages
    assert float(pages[0].mediabox.width) == pytest.approx(250 / 25.4 * 72, abs=1)
    assert float(pages[1].mediabox.width) == pytest.approx(210 / 25.4 * 72, abs=1)
    assert "Land-cover change" in pages[0].extract_text()


@pytest.mark.parametrize(
    "words",
    [
        "[% env('HOME') %]",
        "[%ENV( 'PATH')%]",
        "[% load_layer('a.gpkg', 'ogr') %]",
        "http://127.0.0.1:9/logo.png",
        "file:///etc/passwd",
        "/vsicurl/x",
        r"\\server\share\logo.png",
    ],
)
def test_a_template_that_reaches_out_is_refused(own, words):
    path = change(own, TITLE, lambda layout: layout.itemById("caption").setText(words))
    with pytest.raises(InputError) as caught:
        Templates(str(own))
    assert caught.value.code == "template_reaches_out"
    assert path.name in caught.value.text("zh")


@pytest.mark.parametrize("text", ["<Layout>" * 100_000, "<Layout>" + "x" * 6_000_000 + "</Layout>", "<a><b></a>", ""])
def test_a_template_that_would_bring_the_parser_down_is_refused(own, text):
    (own / TEXT).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Templates(str(own))
    assert caught.value.code == "bad_template"
