"""A run folder appears as a whole or not at all, belongs to one process at a time, and survives being killed."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import FarmCDError, InputError
from farmcd_qgis.core.run_files import STAGING, is_resumable
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
        (folder.staging / "journal.jsonl").write_text("{}\n")
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


def run_of(folder: Path, word: str, *names: str) -> None:
    """Publish a run whose files all hold `word`; its GeoPackage is a database with a table of that name."""
    with RunFolder(str(folder)) as made:
        for name in names or ("change.tif", "confidence.tif", "arbitration.tif", "farmcd.gpkg", "run.json"):
            if name == "farmcd.gpkg":
                with closing(sqlite3.connect(made.path / name)) as database:
                    database.execute(f"CREATE TABLE {word} (number INTEGER)")
            else:
                (made.path / name).write_text(json.dumps(RECORD) if name == "run.json" else word)
        made.publish()


def held(folder: Path) -> dict[str, str]:
    """Say of which run each file is."""
    found = {path.name: path.read_text() for path in folder.glob("*.tif")}
    with closing(sqlite3.connect(folder / "farmcd.gpkg")) as database:
        found["farmcd.gpkg"] = database.execute("SELECT name FROM sqlite_master").fetchone()[0]
    return found


@pytest.mark.parametrize("name", ["run.json", "change.tif", "confidence.tif", "arbitration.tif"])
@pytest.mark.parametrize("moving", ["old", "new"])
def test_a_file_that_cannot_be_replaced_leaves_the_old_run_whole(tmp_path, monkeypatch, name, moving):
    out = tmp_path / "run"
    run_of(out, "old")
    replace = Path.replace

    def locked(path: Path, target: Path) -> Path:
        # As Windows does while QGIS shows the layer.
        towards = {"old": "aside", "new": "run"}[moving]
        if path.name == name and path.parent.name != "aside" and target.parent.name == towards:
            raise PermissionError(13, "being used by another process")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", locked)
    with pytest.raises(InputError) as caught:
        run_of(out, "new")
    assert caught.value.code == "out_dir_not_writable"
    assert set(held(out).values()) == {"old"}
    assert json.loads((out / "run.json").read_text()) == RECORD
    assert not (out / STAGING).exists()


def test_a_new_run_without_arbitration_leaves_none_of_the_old(tmp_path: Path):
    run_of(tmp_path / "run", "old")
    run_of(tmp_path / "run", "new", "change.tif", "confidence.tif", "farmcd.gpkg", "run.json")
    assert held(tmp_path / "run") == dict.fromkeys(("change.tif", "confidence.tif", "farmcd.gpkg"), "new")


def test_killed_at_any_move_the_next_folder_finishes_what_was_begun(tmp_path: Path, monkeypatch):
    replace = Path.replace

    class Killed(BaseException):
        pass

    def killed_after(moves: int) -> bool:
        left = [moves]

        def counted(path: Path, target: Path) -> Path:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return replace(path, target)

        out = tmp_path / str(moves)
        run_of(out, "old")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", counted)
            # Nothing of a process that is killed runs any more.
            patched.setattr(RunFolder, "_put_back", lambda *_: None)
            patched.setattr(RunFolder, "__exit__", lambda self, *_: self._held.close())
            try:
                run_of(out, "new")
            except Killed:
                ended = False
            else:
                ended = True
        with RunFolder(str(out)) as folder:
            assert folder.finished is not None
        assert len(set(held(out).values())) == 1, f"a mixture after {moves} moves"
        assert not (out / STAGING).exists()
        return ended

    assert any(killed_after(moves) for moves in range(20))


def test_pieces_that_a_kill_left_behind_a_finished_run_are_no_unfinished_run(tmp_path: Path):
    out = tmp_path / "run"
    run_of(out, "old")
    pieces = out / STAGING / "pieces"
    pieces.mkdir(parents=True)
    (pieces / "0-1.tif").write_text("x")
    journal = out / STAGING / "journal.jsonl"
    journal.write_text(json.dumps({"force": False}) + "\n")
    assert not is_resumable(out)
    journal.write_text(json.dumps({"force": True}) + "\n")
    assert is_resumable(out), "a finished run that was being computed anew"
    journal.write_text(json.dumps({"force": False}) + "\n")
    with RunFolder(str(out)):
        pass
    assert not (out / STAGING).exists()
