"""The client against a worker that crashes, hangs, prints garbage or ignores its orders."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import Cancelled, FarmCDError
from farmcd_qgis.core.feedback import SILENT, Feedback, Progress
from farmcd_qgis.core.protocol import Command, Finding
from farmcd_qgis.core.run_files import JOURNAL
from farmcd_qgis.runtime import child as environment
from farmcd_qgis.runtime import pythons as interpreter
from farmcd_qgis.runtime.client import WorkerClient, worker_argv
from farmcd_qgis.runtime.faults import why_it_ended
from farmcd_qgis.runtime.leftovers import Leftovers

FAKE = [sys.executable, str(Path(__file__).parents[1] / "helpers" / "fake_worker.py")]

posix = pytest.mark.skipif(os.name != "posix", reason="signals and process groups of POSIX")


@pytest.fixture(autouse=True)
def data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "farmcd"


@pytest.fixture
def client():
    made = []

    def make(*arguments: str, silence_s: float = 60.0) -> WorkerClient:
        made.append(WorkerClient([*FAKE, *arguments], silence_s))
        return made[-1]

    yield make
    for one in made:
        one.end()


def run(worker: WorkerClient, name: str, feedback=SILENT, **arguments):
    return worker.run(Command(name, arguments), feedback)


def test_progress_warning_and_result_arrive_and_the_worker_stays_warm(client):
    worker = client()
    heard = []
    feedback = Feedback(heard.append, on_finding=heard.append)
    assert run(worker, "echo", feedback, a="Fläche", b=[1, 2]) == {"a": "Fläche", "b": [1, 2]}
    assert [type(one) for one in heard] == [Progress] * 3 + [Finding]
    assert heard[1].fraction == 0.5
    pid = worker.ready["pid"]
    assert run(worker, "echo", c=1) == {"c": 1}
    assert worker.alive
    assert worker.ready["pid"] == pid


def test_typed_error_keeps_its_code_and_the_worker(client):
    worker = client()
    with pytest.raises(FarmCDError, match=r"^Nowhere do both rasters hold valid pixels") as caught:
        run(worker, "fail", code="no_common_ground")
    assert caught.value.code == "no_common_ground"
    assert worker.alive
    with pytest.raises(FarmCDError, match="log is"):
        run(worker, "fail", code="internal", values={"kind": "ValueError", "reason": "x"})


def test_garbage_is_logged_and_not_fatal(client):
    worker = client()
    assert run(worker, "garbage") == {"done": True}
    text = worker.log.read_text(errors="replace")
    assert "not an event: Downloading: 100%" in text
    assert text.count("not an event") == 7


@posix
@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("SIGKILL", "memory ran out", "worker_killed"),
        ("SIGSEGV", "segmentation fault", "worker_killed"),
        ("SIGABRT", "abort", "worker_killed"),
    ],
)
def test_death_by_signal_is_a_sentence(client, name, words, code):
    worker = client()
    with pytest.raises(FarmCDError, match=words) as caught:
        run(worker, "die", signal=name)
    assert caught.value.code == code
    assert name in caught.value.message
    assert str(worker.log) in caught.value.message
    assert "about to die" in worker.log.read_text()
    assert not worker.alive


@posix
def test_death_with_the_gpu_names_the_gpu(client):
    with pytest.raises(FarmCDError, match="GPU or its driver failed") as caught:
        run(client(), "die", signal="SIGABRT", gpu=True)
    assert caught.value.code == "worker_gpu"


def test_exit_names_status_and_last_words(client):
    with pytest.raises(FarmCDError, match="exit status 7: ValueError: the disk is upside down") as caught:
        run(client(), "leave", status=7)
    assert caught.value.code == "worker_ended"


def test_worker_that_cannot_start_says_why(client):
    with pytest.raises(FarmCDError, match=r"could not start.*no module named nonsense"):
        run(client("--no-start"), "echo")
    with pytest.raises(FarmCDError, match="could not be started") as caught:
        WorkerClient(["/nowhere/python3"])
    assert caught.value.code == "worker_start"


def test_worker_of_another_version_is_refused(client):
    worker = client("--old")
    with pytest.raises(FarmCDError, match="version 99"):
        run(worker, "echo")
    assert not worker.alive


@posix
def test_silent_worker_is_ended_after_the_limit(client):
    worker = client(silence_s=0.6)
    with pytest.raises(FarmCDError, match="no sign of life") as caught:
        run(worker, "hang")
    assert caught.value.code == "worker_hangs"
    assert not worker.alive


def has_not_ended(pid: int) -> bool:
    """A killed process may still be seen for a moment, or for long as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@posix
@pytest.mark.timeout(30)
def test_cancel_ends_a_stubborn_worker_and_its_children(client, tmp_path):
    worker = client()
    children = []
    with pytest.raises(Cancelled):
        run(
            worker,
            "stubborn",
            Feedback(lambda step: children.append(int(step.message)), lambda: bool(children)),
            request={"out_dir": str(tmp_path / "run"), "checkpoint": "stubborn"},
        )
    assert not worker.alive
    while has_not_ended(children[0]):
        time.sleep(0.05)


def test_cancel_before_the_worker_is_up(client):
    with pytest.raises(Cancelled):
        run(client(), "hang", Feedback(cancelled=lambda: True))


def test_listener_that_fails_does_not_leave_the_job_running(client):
    worker = client()

    def listener(event):
        raise RuntimeError("the dialog is gone")

    with pytest.raises(RuntimeError):
        run(worker, "echo", Feedback(listener))
    assert not worker.alive


def test_end_from_another_thread_is_a_cancel(client):
    worker = client(silence_s=30.0)
    threading.Timer(0.4, worker.end).start()
    with pytest.raises(Cancelled):
        run(worker, "hang")


def test_old_logs_are_removed(client, data_home):
    folder = data_home / "logs"
    folder.mkdir(parents=True)
    for number in range(30):
        (folder / f"worker-20200101-0000{number:02d}-1-000000000.log").write_text("old")
    client()
    assert len(list(folder.glob("worker-*.log"))) == 21


def test_environment_is_clean(monkeypatch):
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_INDEX_URL", "LD_PRELOAD", "PYTHONEXECUTABLE"):
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("PROJ_LIB", "/qgis/proj")
    foreign = environment.child_environment(Path("/opt/conda/bin/python"))
    assert "/elsewhere" not in foreign.values()
    assert "PROJ_LIB" not in foreign
    assert (Path(foreign["PYTHONPATH"]) / "farmcd_qgis" / "core" / "protocol.py").is_file()
    assert foreign["PATH"] == os.environ["PATH"]
    own = environment.child_environment(Path(sys.base_prefix) / "bin" / "python3")
    assert own["PROJ_LIB"] == "/qgis/proj"
    # This test runs in a virtual environment made from QGIS's Python, or in that Python itself.
    assert environment.shares_qgis_libraries(Path(sys.executable))


def test_real_worker_answers_under_the_clean_environment(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    worker = WorkerClient(worker_argv(Path(sys.executable), "networks"))
    try:
        with pytest.raises(FarmCDError, match="no job 'harvest'"):
            run(worker, "harvest")
        assert worker.ready["versions"]["python"].startswith("3.")
    finally:
        worker.end()


def python_that(folder: Path, name: str, text: str) -> Path:
    """Make a stand-in for a Python: a script that answers the probe with `text`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


GOOD = """echo '{"problems": {}, "versions": {"python": "3.12.1"}}'"""
LACKS_TORCH = """echo '{"problems": {"PyTorch": "No module named torch"}, "versions": {"python": "3.12.1"}}'"""


@posix
def test_interpreters_are_tried_in_order(tmp_path, monkeypatch, data_home):
    setting = python_that(tmp_path, "of_setting", GOOD)
    variable = python_that(tmp_path, "of_variable", GOOD)
    scripts = python_that(tmp_path, "of_scripts", GOOD)
    on_path = python_that(tmp_path / "bin", "python3", GOOD)
    monkeypatch.setenv("FARMCD_PYTHON", str(variable))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    data_home.mkdir(parents=True, exist_ok=True)
    note = data_home / "worker-python"
    note.write_text(f"{scripts}\n")
    assert interpreter.find(str(setting)).path == setting
    assert interpreter.find().path == variable
    monkeypatch.delenv("FARMCD_PYTHON")
    assert interpreter.find().path == scripts
    note.unlink()
    assert interpreter.find().path == on_path
    assert interpreter.find().versions == {"python": "3.12.1"}


@posix
def test_named_python_that_does_not_work_is_an_error(tmp_path, monkeypatch):
    named = python_that(tmp_path, "python", LACKS_TORCH)
    monkeypatch.setenv("FARMCD_PYTHON", str(named))
    with pytest.raises(FarmCDError) as caught:
        interpreter.find()
    message = caught.value.message
    assert caught.value.code == "named_python"
    assert caught.value.values["fault"]["code"] == "python_lacks"
    assert f"{named} (Python 3.12.1) lacks PyTorch (No module named torch)" in message
    assert f"{named} -m pip install torch" in message
    assert "FARMCD_PYTHON" in message
    with pytest.raises(FarmCDError, match=r"There is no Python at /nowhere/python.*setting of the plugin"):
        interpreter.find("/nowhere/python")


@posix
def test_stale_note_of_our_scripts_is_passed_over(tmp_path, monkeypatch, data_home):
    monkeypatch.delenv("FARMCD_PYTHON", raising=False)
    data_home.mkdir(parents=True, exist_ok=True)
    (data_home / "worker-python").write_text("/nowhere/venv/bin/python")
    on_path = python_that(tmp_path / "bin", "python3", GOOD)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert interpreter.find().path == on_path


@posix
def test_nothing_found_lists_what_was_tried(tmp_path, monkeypatch):
    monkeypatch.delenv("FARMCD_PYTHON", raising=False)
    python_that(tmp_path / "bin", "python3", "echo not json; echo Illegal instruction >&2; exit 4")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(interpreter, "_known_folders", lambda: iter(()))
    with pytest.raises(FarmCDError, match=r"no Python on this computer.*env install.*Illegal instruction"):
        interpreter.find()


@posix
def test_probe_has_a_time_limit_and_can_be_cancelled(tmp_path, monkeypatch):
    slow = python_that(tmp_path, "slow", "sleep 30")
    with pytest.raises(Cancelled):
        interpreter.probe(slow, Feedback(cancelled=lambda: True))
    monkeypatch.setattr(interpreter, "PROBE_LIMIT_S", 0.3)
    with pytest.raises(FarmCDError, match="did not answer"):
        interpreter.probe(slow)


def test_probe_of_a_file_that_is_no_program(tmp_path):
    text = tmp_path / "python"
    text.write_text("hello")
    with pytest.raises(FarmCDError, match="cannot be started"):
        interpreter.probe(text)


@pytest.mark.parametrize(
    ("status", "words"),
    [(0xC0000005, "access violation"), (0xC0000135, "DLL"), (-15, "from outside"), (-60, "signal 60"), (3, "status 3")],
)
def test_why_it_ended(status, words):
    assert words in why_it_ended(status, "", Path("worker.log")).message


def test_leftovers_remove_only_what_the_job_made(tmp_path):
    (tmp_path / "change.tif").write_text("the person's own")
    (tmp_path / "notes.part").write_text("the person's own")
    leftovers = Leftovers(tmp_path)
    for name in ("confidence.tif", "confidence.tif.part", "farmcd.gpkg-wal", "change.qml", "arbitration.tif.aux.xml"):
        (tmp_path / name).write_text("half")
    (tmp_path / "letter.txt").write_text("saved meanwhile")
    leftovers.remove()
    assert {path.name for path in tmp_path.iterdir()} == {"change.tif", "notes.part", "letter.txt"}


def test_leftovers_keep_a_finished_run_and_remove_an_empty_folder(tmp_path):
    folder = tmp_path / "run"
    leftovers = Leftovers(folder)
    folder.mkdir()
    (folder / "change.tif").write_text("whole")
    (folder / "run.json").write_text("{}")
    (folder / "farmcd.gpkg.part").write_text("half")
    (folder / "run.part").mkdir()
    (folder / "run.part" / "change.rows").write_text("half")
    leftovers.remove()
    assert {path.name for path in folder.iterdir()} == {"change.tif", "run.json"}
    again = Leftovers(tmp_path / "new" / "deep")
    (tmp_path / "new" / "deep").mkdir(parents=True)
    (tmp_path / "new" / "deep" / "change.tif.part").write_text("half")
    again.remove()
    assert not (tmp_path / "new").exists()


def test_leftovers_keep_finished_rows(tmp_path):
    leftovers = Leftovers(tmp_path)
    pieces = tmp_path / "run.part" / "pieces"
    pieces.mkdir(parents=True)
    (pieces / "0-192.tif").write_text("rows")
    (tmp_path / "run.part" / JOURNAL).write_text('{"force": false}\n')
    (tmp_path / "change.tif").write_text("moved already when it was killed")
    leftovers.remove()
    assert (pieces / "0-192.tif").exists()
    assert (tmp_path / "change.tif").exists()
