"""A run folder appears as a whole or not at all, belongs to one process at a time, and survives being killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import FarmCDError, InputError
from farmcd_qgis.core.run_files import STAGING
from farmcd_qgis.engine.run.run_folder import RunFolder
from tests.helpers.records import RECORD


def test_arbitration_of_an_earlier_run_goes(tmp_path: Path):
    out = tmp_path / "run"
    for names in (("change.tif", "arbitration.tif", "arbitration.qml", "run.json"), ("change.tif", "run.json")):
        with RunFolder(str(out)) as folder:
            for name in names:
                (folder.path / name).write_text(json.dumps(RECORD))
            folder.publish()
        assert {path.name for path in out.iterdir()} == set(names)


def test_published_together_and_run_json_present(tmp_path: Path):
    out = tmp_path / "deep" / "run"
    with RunFolder(str(out)) as folder:
        for name in ("change.tif", "run.json"):
            (folder.path / name).write_text("{}")
        assert {path.name for path in out.iterdir()} == {STAGING}
        folder.publish()
    assert {path.name for path in out.iterdir()} == {"change.tif", "run.json"}


def test_failing_move_takes_back_what_was_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    replace = Path.replace

    def fail_at_run_json(path: Path, target: Path) -> Path:
        if path.name == "run.json":
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail_at_run_json)

    def make_run() -> None:
        with RunFolder(str(tmp_path / "run")) as folder:
            for name in ("change.tif", "farmcd.gpkg", "run.json"):
                (folder.path / name).write_text("x")
            folder.publish()

    with pytest.raises(FarmCDError, match="no space left"):
        make_run()
    assert list(tmp_path.iterdir()) == []


def test_what_lies_in_the_folder_is_not_harmed(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ZeroDivisionError), RunFolder(str(tmp_path)):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_folder_in_use_is_refused_by_name(tmp_path: Path):
    (tmp_path / "change.tif").write_text("x")
    with pytest.raises(InputError, match=tmp_path.name) as caught, RunFolder(str(tmp_path)):
        pass
    assert caught.value.code == "out_dir_in_use"
    assert (tmp_path / "change.tif").read_text() == "x"


def test_leftovers_of_a_killed_worker_are_replaced(tmp_path: Path):
    half = tmp_path / STAGING / "result"
    half.mkdir(parents=True)
    (half / "change.tif").write_text("half")
    with RunFolder(str(tmp_path)) as folder:
        assert folder.path == half
        assert list(folder.path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_what_was_killed_while_it_was_published_is_published(tmp_path: Path):
    staging = tmp_path / STAGING
    (staging / "result").mkdir(parents=True)
    (staging / "complete").touch()
    (tmp_path / "change.tif").write_text("moved already")
    (staging / "result" / "farmcd.gpkg").write_text("polygons")
    (staging / "result" / "run.json").write_text(json.dumps(RECORD))
    with RunFolder(str(tmp_path)) as folder:
        assert folder.finished is not None
        assert folder.finished["run"] == RECORD["run"]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"change.tif", "farmcd.gpkg", "run.json"}


def test_finished_rows_stay_for_the_next_run(tmp_path: Path):
    out = tmp_path / "run"
    with RunFolder(str(out)) as folder:
        (folder.staging / "pieces").mkdir()
        (folder.staging / "pieces" / "0-192.tif").write_text("rows")
        (folder.path / "change.tif").write_text("half")
    assert (out / STAGING / "pieces" / "0-192.tif").read_text() == "rows"
    assert not (out / STAGING / "result").exists()


HOLD = """
import sys, time
from farmcd_qgis.engine.run.run_folder import RunFolder
with RunFolder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_processes_cannot_share_a_folder_and_a_dead_one_holds_nothing(tmp_path: Path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "held\n"
            with pytest.raises(InputError, match="Another process") as caught, RunFolder(str(tmp_path)):
                pass
            assert caught.value.code == "run_busy"
            assert (tmp_path / STAGING).exists(), "the other's work is not touched"
        finally:
            other.kill()
    with RunFolder(str(tmp_path)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_folder_below_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="Cannot write to") as caught, RunFolder(str(tmp_path / "file" / "run")):
        pass
    assert caught.value.code == "out_dir_not_writable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_read_only_folder_is_refused(tmp_path: Path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(InputError, match="Cannot write to"), RunFolder(str(tmp_path / "run")):
            pass
    finally:
        tmp_path.chmod(0o755)
