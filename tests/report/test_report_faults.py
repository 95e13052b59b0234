"""What goes wrong with a report is said in a sentence, and nothing half-made is left."""

import shutil
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.report import CONFIRMED_ONES
from tests.helpers.report_run import AREAS, FILES, make_report, make_run, set_status, text_of


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    """A finished run with six candidates over two small images."""
    return make_run(tmp_path, AREAS)


def test_cancel_keeps_what_is_whole_and_leaves_nothing_half_made(run_dir, tmp_path):
    seen: list[float] = []
    feedback = Feedback(lambda step: seen.append(step.fraction), lambda: bool(seen) and seen[-1] >= 0.4)
    with pytest.raises(Cancelled):
        make_report(run_dir, tmp_path / "out", feedback=feedback, candidate_pages=6)
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES - {"report.pdf"}
    assert 0.4 <= seen[-1] < 0.6


def test_a_second_report_replaces_the_first(run_dir, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        make_report(run_dir, out)
    assert {path.name for path in out.iterdir()} == FILES


def fails(code: str, run_dir: Path, out: Path, **options) -> str:
    with pytest.raises(InputError) as caught:
        make_report(run_dir, out, **options)
    assert caught.value.code == code
    return caught.value.message


def test_errors_say_what_to_do(run_dir, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    assert "there is no run.json" in fails("no_run", tmp_path / "empty", out)
    assert "Choose from en, zh" in fails("bad_report", run_dir, out, language="fr")
    set_status(run_dir, c1="unsure")
    assert "choose more statuses" in fails("none_left", run_dir, out, statuses=CONFIRMED_ONES)
    assert not out.exists()
    (tmp_path / "file").write_text("")
    assert "choose another output folder" in fails("file_not_writable", run_dir, tmp_path / "file")
    (out / "report.pdf").mkdir(parents=True)
    assert "report.pdf cannot be written" in fails("file_not_writable", run_dir, out)
    (run_dir / "farmcd.gpkg").unlink()
    assert "farmcd.gpkg" in fails("no_geopackage", run_dir, out)


def test_a_run_without_candidates(tmp_path, qgis_app):
    assert "nothing to report" in fails("nothing_to_report", make_run(tmp_path, []), tmp_path / "out")


def test_a_missing_image_is_said(run_dir, tmp_path):
    (tmp_path / "before.tif").unlink()
    report = make_report(run_dir, tmp_path / "out", candidate_pages=1)
    assert "The before image was not found" in report.findings[0].message
    if shutil.which("pdftotext"):
        assert "Image not found: before.tif" in text_of(report.files["pdf"])


def test_a_fault_in_a_later_output_keeps_the_earlier_ones(run_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("farmcd_qgis.report.write.has_chinese", lambda: False)
    with pytest.raises(FarmCDError) as caught:
        make_report(run_dir, tmp_path / "out", language="zh", outputs=("xlsx", "pdf"))
    assert caught.value.values["fault"]["code"] == "no_font"
    assert "Noto Sans CJK SC" in caught.value.message
    assert "What was made before is kept: report.xlsx." in caught.value.message
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.xlsx"]


def test_a_file_that_is_held_open_is_written_beside(run_dir, tmp_path, monkeypatch):
    out = tmp_path / "out"
    make_report(run_dir, out, outputs=("geojson",))
    replace = Path.replace

    def held(path: Path, target: Path) -> Path:
        if Path(target) == out / "candidates.geojson":
            raise PermissionError(13, "another program uses the file")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", held)
    report = make_report(run_dir, out, outputs=("geojson",))
    assert report.files["geojson"] == out / "candidates-2" / "candidates.geojson"
    assert report.files["geojson"].is_file()
    assert "candidates.geojson is open in another program" in report.findings[0].message
