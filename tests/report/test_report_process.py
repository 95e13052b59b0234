"""The report in a process of its own: the same files, progress, cancelling that leaves nothing, and the preview."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from qgis.PyQt.QtGui import QImage

from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.report import NOT_REJECTED, ReportSettings
from farmcd_qgis.runtime import pool as jobs
from farmcd_qgis.runtime import pythons
from tests.helpers.report_run import AREAS, FILES, make_run


@pytest.fixture(scope="module", autouse=True)
def _no_process_stays():
    yield
    jobs.end_all()


@pytest.fixture
def settings(tmp_path, qgis_app) -> ReportSettings:
    return ReportSettings(str(make_run(tmp_path, AREAS)), str(tmp_path / "out"), statuses=NOT_REJECTED)


def run(command, arguments, is_cancelled=lambda: False, heard=None):
    return jobs.run_job(command, arguments, Feedback(([] if heard is None else heard).append, is_cancelled))


def test_report_comes_out_with_progress_and_the_process_stays_warm(settings):
    heard: list = []
    made = run("report", {"settings": asdict(settings)}, heard=heard)
    assert {path.name for path in Path(settings.out_dir).iterdir()} == FILES
    assert all(Path(path).stat().st_size > 100 for path in made["files"].values())
    fractions = [progress.fraction for progress in heard]
    assert fractions == sorted(fractions)
    assert len(fractions) > 3
    assert any(progress.remaining_s is not None for progress in heard)
    (warm,) = jobs._idle
    run("preview", {"settings": asdict(settings), "folder": settings.out_dir, "width": 100})
    assert jobs._idle == [warm]


def test_preview_shows_the_title_and_the_largest_candidate(settings, tmp_path):
    drawn = run("preview", {"settings": asdict(settings), "folder": str(tmp_path), "width": 420})
    title, candidate = (QImage(path) for path in drawn["pictures"])
    assert (title.width(), title.height()) == (candidate.width(), candidate.height()) == (420, 594)
    assert title != candidate
    assert drawn["candidates"] == 6
    assert drawn["pages"] == int(Path(drawn["pictures"][1]).stem.split("-")[1]) + 5
    without = asdict(settings) | {"candidate_pages": 0}
    assert len(run("preview", {"settings": without, "folder": str(tmp_path), "width": 100})["pictures"]) == 1


def test_stopping_leaves_no_half_made_file(settings):
    begun: list = []
    with pytest.raises(Cancelled):
        run("report", {"settings": asdict(settings)}, is_cancelled=lambda: len(begun) > 1, heard=begun)
    folder = Path(settings.out_dir)
    assert not folder.exists() or not [path for path in folder.iterdir() if path.name not in FILES]


def test_a_killed_process_leaves_no_half_made_file(settings):
    """As when it does not hear in time: what it was making goes."""
    ended: list[float] = []

    def kill(progress):
        if progress.fraction > 0.2 and not ended:
            ended.append(time.monotonic())
            next(iter(jobs._busy)).end()

    with pytest.raises(FarmCDError):
        jobs.run_job("report", {"settings": asdict(settings)}, Feedback(kill))
    assert ended
    assert not [path for path in Path(settings.out_dir).iterdir() if path.name not in FILES]


def test_errors_come_back_as_sentences(settings, tmp_path):
    wrong = asdict(settings) | {"run_dir": str(tmp_path)}
    with pytest.raises(FarmCDError, match=str(tmp_path)):
        run("report", {"settings": wrong})
    with pytest.raises(FarmCDError, match="language") as caught:
        run("report", {"settings": asdict(settings) | {"language": "fr"}})
    assert caught.value.code == "bad_report"


def test_python_without_qgis_is_told_apart_from_a_crash(settings, tmp_path, monkeypatch):
    stub = tmp_path / "python3"
    stub.write_text("#!/bin/sh\necho no module named qgis >&2\nexit 1\n")
    stub.chmod(0o755)
    monkeypatch.setattr(pythons, "_places_of_qgis", lambda: iter([stub]))
    with pytest.raises(FarmCDError, match="no module named qgis") as caught:
        run("report", {"settings": asdict(settings)})
    assert caught.value.code == "worker_not_ready"
    monkeypatch.setattr(pythons, "_places_of_qgis", lambda: iter([]))
    with pytest.raises(FarmCDError) as caught:
        run("report", {"settings": asdict(settings)})
    assert caught.value.code == "no_qgis_python"


def test_settings_survive_the_way(settings):
    with pytest.raises(InputError):
        ReportSettings(settings.run_dir, settings.out_dir, outputs=())
    assert json.loads(json.dumps(asdict(settings)))["statuses"] == list(NOT_REJECTED)
