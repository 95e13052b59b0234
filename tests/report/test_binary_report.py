"""The report of a binary run: classes that the review gave, and "class unknown" for all others, in both languages."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from farmcd_qgis.accuracy.judgements import JUDGED, SampleStore
from farmcd_qgis.commands.report_cli import _class_ids
from farmcd_qgis.core.classes import BINARY
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.engine.assess.sample import draw_sample
from farmcd_qgis.report.typography import has_chinese
from farmcd_qgis.report.words import Words
from tests.helpers.binary_run import binary  # noqa: F401
from tests.helpers.report_run import give_verdicts, make_report, needs_pdftotext, rows_of, text_of

WATER = BINARY.find("water").id


@pytest.fixture
def reviewed(binary: Path, tmp_path: Path) -> Path:  # noqa: F811
    """Of four candidates one is confirmed, one is water, one is a pseudo-change; the sample is judged."""
    run = Path(shutil.copytree(binary, tmp_path / "run"))
    give_verdicts(run, c1="confirmed", c2=f"other_class {WATER}", c3="pseudo_change season")
    draw_sample(run, {0: 6, 1: 4}, 5)
    store = SampleStore(run / "farmcd.gpkg", "Zhang Wei")
    for point in store.points():
        store.judge(point.sample_id, JUDGED, point.map_class_id)
    return run


@needs_pdftotext
@pytest.mark.parametrize("language", ["en", "zh"])
def test_pdf_and_page_name_what_is_known(reviewed, tmp_path, language, qgis_app):
    if language == "zh" and not has_chinese():
        pytest.skip("no installed font holds Chinese")
    made = make_report(reviewed, tmp_path / "out", language=language, candidate_pages=3)
    unknown, water = BINARY[1].label(language), BINARY[WATER].label(language)
    pdf = " ".join(text_of(made.files["pdf"]).split())
    html = made.files["html"].read_text(encoding="utf-8")
    for text in (pdf, html):
        assert unknown in text
        assert water in text
        for row in BINARY.known[:-1]:
            assert row.label(language) not in text, "nobody gave this class"
        assert {"en": "Text prior", "zh": "文本先验"}[language] not in text
        assert {"en": "said of every pixel whether it changed", "zh": "判断每个像元是否变化"}[language] in text
    words = Words(language)
    page = next(page for page in text_of(made.files["pdf"]).split("\f") if words("error_matrix") in page)
    assert words("map_or_reference").split()[0] in page, "a heading stands above its table"
    assert BINARY[WATER].colour in html
    assert BINARY[1].colour in html
    names = {row["class" if language == "en" else "类别"]: row for row in rows_of(made.files["gpkg"])}
    assert set(names) == {unknown, water}
    with made.files["csv"].with_name("by_class.csv").open(encoding="utf-8-sig") as file:
        counted = {row[0]: int(row[1]) for row in list(csv.reader(file))[1:]}
    assert [counted[unknown], counted[water], len(counted)] == [2, 1, 3]


def test_classes_are_chosen_by_the_runs_own_names(reviewed, tmp_path, qgis_app):
    assert _class_ids(["water", "1"], BINARY) == (WATER, 1)
    with pytest.raises(InputError, match="'pond' is no class of this run; choose from change, bareland"):
        _class_ids(["pond"], BINARY)
    made = make_report(reviewed, tmp_path / "out", classes=(WATER,), outputs=("geojson",))
    assert [row["class"] for row in rows_of(made.files["geojson"])] == ["Water"]
    with pytest.raises(InputError, match="7 is none"):
        make_report(reviewed, tmp_path / "out", classes=(7,))


def test_candidate_of_a_class_without_a_row_is_a_sentence(reviewed, tmp_path, qgis_app):
    path = reviewed / "run.json"
    record = json.loads(path.read_text())
    record["classes"] = record["classes"][:2]
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=f"candidates of the class {WATER}, but the class table of its run ends at 1"):
        make_report(reviewed, tmp_path / "out")
