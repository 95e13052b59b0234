"""`farmcd report`: arguments, exit status, what goes to which stream, and stopping."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from farmcd_qgis.commands import qgis_command
from farmcd_qgis.commands.cli import main
from tests.helpers.report_run import AREAS, make_run

ROOT = Path(__file__).resolve().parents[2]
ARGV = [sys.executable, "-m", "farmcd_qgis.commands", "report"]


def farmcd(*arguments: object) -> "subprocess.CompletedProcess[str]":
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    # As in a terminal without a screen.
    surroundings.pop("QT_QPA_PLATFORM", None)
    argv = [*ARGV, *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, env=surroundings)


@pytest.fixture
def run_dir(tmp_path, qgis_app) -> Path:
    return make_run(tmp_path, AREAS)


def test_report_lists_its_files_and_says_nothing_else(run_dir, tmp_path):
    done = farmcd(run_dir, "--out", tmp_path / "out", "--outputs", "pdf", "csv", "--pages", 1, "--language", "zh")
    assert done.returncode == 0
    assert {Path(line).name for line in done.stdout.splitlines()} == {"report.pdf", "candidates.csv"}
    assert all(Path(line).is_file() for line in done.stdout.splitlines())
    # Progress and the warning that nothing is reviewed; nothing of Qt or QGIS.
    assert all(line.startswith(("Writing the report", "warning: ")) for line in done.stderr.splitlines()), done.stderr


def test_choices_reach_the_report(run_dir, tmp_path):
    done = farmcd(run_dir, "--out", tmp_path, "--outputs", "csv", "--classes", "building", "5", "--minimum-m2", 1000)
    assert done.returncode == 0
    (path,) = done.stdout.split()
    rows = Path(path).read_text("utf-8-sig").splitlines()[1:]
    assert sorted(row.split(",")[1] for row in rows) == ["Building", "Building", "Water"]


def test_json_ends_with_the_result(run_dir, tmp_path):
    done = farmcd(run_dir, "--out", tmp_path / "out", "--json", "--outputs", "geojson")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {event["kind"] for event in events} <= {"progress", "warning", "result"}
    assert list(events[-1]["data"]["files"]) == ["geojson"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{run}", "--out", "{out}", "--language", "fr"], "'fr'"),
        (["{out}/nothing", "--out", "{out}"], "{out}/nothing"),
        (["{run}", "--out", "{out}", "--classes", "forest"], "'forest'"),
        (["{run}", "--out", "{out}", "--pages", "-1"], "-1"),
        (["{run}"], "--out"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_status_2(run_dir, tmp_path, arguments, said):
    places = {"run": str(run_dir), "out": str(tmp_path)}
    done = farmcd(*(argument.format(**places) for argument in arguments))
    assert done.returncode == 2
    complaint = done.stderr.strip().splitlines()[-1]
    assert complaint.startswith("farmcd")
    assert said.format(**places) in complaint
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_stops_it_with_status_3_and_leaves_no_half_made_file(tmp_path, qgis_app):
    run = make_run(tmp_path, AREAS * 20)
    out = tmp_path / "out"
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [*ARGV, str(run), "--out", str(out), "--json", "--outputs", "pdf"]
    # A group of its own, which a terminal would send the signal to.
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=surroundings, start_new_session=True)
    assert child.stdout is not None
    for line in child.stdout:
        if json.loads(line)["data"].get("fraction", 0) > 0.05:
            break
    os.killpg(child.pid, signal.SIGINT)
    begun = time.monotonic()
    rest = child.communicate(timeout=60)[0]
    assert child.returncode == 3, time.monotonic() - begun
    assert json.loads(rest.splitlines()[-1])["kind"] == "error"
    assert list(out.iterdir()) == []


def test_without_qgis_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(qgis_command.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(qgis_command, "_places", lambda: iter([Path("/nowhere/python3")]))
    assert main(["report", "run", "--out", "out"]) == 2
    assert "QGIS_PYTHON" in capsys.readouterr().err


def test_help_of_farmcd_names_the_report(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "report" in capsys.readouterr().out
