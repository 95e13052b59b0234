"""The command line: arguments, exit status, what goes to which stream, and stopping."""

import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.commands.cli import main
from farmcd_qgis.commands.console import describe
from farmcd_qgis.core import paths
from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Progress
from farmcd_qgis.core.protocol import Finding, RunRequest, RunResult
from tests.helpers.runs import left_in, write_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def jobs(monkeypatch):
    """Stand-ins for the engine's modules of other rooms; `requests` gathers what reaches `detect`."""
    jobs = types.SimpleNamespace(requests=[], outcome=None, findings=[])

    def detect(request, feedback):
        jobs.requests.append(request)
        feedback.progress("predicting", 0.25, 1.5, 63.0)
        if isinstance(jobs.outcome, Exception):
            raise jobs.outcome
        return RunResult(request.out_dir, "cpu", 1.0, 3, 2, {"water": 0.5}, jobs.findings)

    def preflight(request, deep=True):
        jobs.requests.append(request)
        return jobs.findings

    for room, job in (("predict", detect), ("scene", preflight)):
        module = types.ModuleType(job.__name__)
        setattr(module, job.__name__, job)
        monkeypatch.setitem(sys.modules, f"farmcd_qgis.engine.{room}.{job.__name__}", module)
    return jobs


DETECT = ["detect", "a.tif", "b.tif", "--out", "run", "--checkpoint", "c.safetensors"]


def test_detect_says_the_run_folder_last(jobs, capsys):
    jobs.findings = [Finding("warning", "same_pair", {"path": "a.tif"})]
    assert main(DETECT) == 0
    output = capsys.readouterr()
    assert output.out == "run\n"
    assert "Predicting  25%, 1.5 megapixels/s, 1:03 left" in output.err
    assert "warning: Before and after are the same file, or two with the same content (a.tif)" in output.err


def test_detect_without_options_is_the_request_of_the_protocol(jobs):
    main(DETECT)
    assert jobs.requests == [RunRequest("a.tif", "b.tif", "run", "c.safetensors")]


def test_every_option_of_detect_reaches_the_request(jobs):
    options = (
        "--aoi f.gpkg|layername=x --farmland g.shp --extent -97.5 46 -97 46.5 --extent-crs EPSG:4326 "
        "--reference before --before-bands 3,2,1 --after-bands 4,3,2 --before-date 2009-08-18 --after-date 2020-08-31 "
        "--match-histograms --device cuda:1 --tile 512 --overlap 128 --batch 4 --tau 0.7 --mmu 900 --connectivity 4 "
        "--resolution 1.25 --symmetric --context maize --context plain"
    )
    assert main([*DETECT, *options.split()]) == 0
    assert jobs.requests == [
        RunRequest(
            before="a.tif",
            after="b.tif",
            out_dir="run",
            checkpoint="c.safetensors",
            aoi="f.gpkg|layername=x",
            extent=(-97.5, 46.0, -97.0, 46.5),
            extent_crs="EPSG:4326",
            farmland="g.shp",
            reference="before",
            before_bands=(3, 2, 1),
            after_bands=(4, 3, 2),
            before_date="2009-08-18",
            after_date="2020-08-31",
            match_histograms=True,
            device="cuda:1",
            tile=512,
            overlap=128,
            batch=4,
            resolution_m=1.25,
            tau=0.7,
            minimum_mapping_unit_m2=900.0,
            connectivity=4,
            symmetric=True,
            context=("maize", "plain"),
        )
    ]


@pytest.mark.parametrize(("words", "metres"), [("auto", None), ("own", 0.0), ("0.8", 0.8)])
def test_resolution_is_a_word_or_metres(jobs, words, metres):
    assert main([*DETECT, "--resolution", words]) == 0
    assert jobs.requests[0].resolution_m == metres


def test_the_bundled_checkpoint_is_the_default(jobs, monkeypatch, capsys):
    monkeypatch.setattr(paths, "bundled_checkpoints", lambda: [Path("first.safetensors"), Path("second.safetensors")])
    assert main(DETECT[:5]) == 0
    assert jobs.requests[0].checkpoint == "first.safetensors"
    monkeypatch.setattr(paths, "bundled_checkpoints", lambda: [])
    assert main(DETECT[:5]) == 2
    assert "--checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (InputError("no_common_ground"), 2),
        (Cancelled(), 3),
        (FarmCDError("disk_full", folder="out"), 1),
    ],
)
def test_errors_of_the_engine_are_one_sentence_and_a_status(jobs, capsys, outcome, status):
    jobs.outcome = outcome
    assert main(DETECT) == status
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines()[-1] == f"farmcd: {outcome.message}"
    assert "Traceback" not in output.err


def test_a_fault_of_ours_names_a_log_file(jobs, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    jobs.outcome = ZeroDivisionError("division by zero")
    assert main(DETECT) == 1
    (log,) = tmp_path.iterdir()
    message = capsys.readouterr().err.splitlines()[-1]
    assert "ZeroDivisionError" in message
    assert str(log) in message
    assert "Traceback" not in message
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_json_gives_events_and_the_result_last(jobs, capsys):
    jobs.findings = [Finding("warning", "same_pair", {"path": "a.tif"})]
    assert main([*DETECT, "--json"]) == 0
    output = capsys.readouterr()
    events = [json.loads(line) for line in output.out.splitlines()]
    assert [event["kind"] for event in events] == ["progress", "warning", "result"]
    assert events[-1]["data"]["run_dir"] == "run"
    assert output.err == ""
    jobs.outcome = InputError("no_common_ground")
    assert main([*DETECT, "--json"]) == 2
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    said = {"code": "no_common_ground", "values": {}, "message": jobs.outcome.message}
    assert last == {"kind": "error", "data": said}


def test_preflight_fails_on_errors_only(jobs, capsys):
    command = ["preflight", "a.tif", "b.tif", "--checkpoint", "c.safetensors"]
    assert main(command) == 0
    jobs.findings = [Finding("warning", "no_unchanged")]
    assert main(command) == 0
    jobs.findings.append(Finding("error", "no_common_ground"))
    assert main(command) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "warning: No pixel is labelled 'no change'.",
        f"error: {InputError('no_common_ground').message}",
    ]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "COMMAND"),
        (["detcet", "a", "b"], "detcet"),
        (["detect", "a", "b"], "--out"),
        (["detect", "a", "--out", "o"], "AFTER"),
        ([*DETECT, "--before-bands", "3,2"], "'3,2'"),
        ([*DETECT, "--before-bands", "3,2,x"], "'3,2,x'"),
        ([*DETECT, "--tile", "big"], "big"),
        ([*DETECT, "--connectivity", "6"], "6"),
        ([*DETECT, "--resolution", "-2"], "--resolution"),
        ([*DETECT, "--resolution", "fine"], "'fine'"),
        ([*DETECT, "--extent", "1", "2", "3"], "--extent"),
        ([*DETECT, "--nonsense"], "--nonsense"),
    ],
)
def test_wrong_arguments_are_one_sentence(capsys, argv, words):
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert words in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("command", ["detect", "preflight", "vectorise", "convert", "info", "devices"])
def test_help_tells_the_streams_and_the_status(capsys, command):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "last line on standard output" in text
    assert "Exit status: 0 done" in text


def test_vectorise_makes_the_polygons(tmp_path, capsys):
    run = write_run(tmp_path / "run", np.full((8, 8), 5))
    assert main(["vectorise", str(run), "--mmu", "100", "--tau", "0.5"]) == 0
    assert capsys.readouterr().out == f"{run}\n"
    assert main(["vectorise", str(run), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["data"]
    assert result["candidates"] == 1
    assert result["area_ha"]["water"] == pytest.approx(0.64, rel=1e-2)
    assert main(["vectorise", str(tmp_path)]) == 2
    assert "change.tif" in capsys.readouterr().err


def test_progress_is_described_in_words():
    assert describe(Progress("predicting", 0.5, 0.12345, 3661)) == "Predicting  50%, 0.123 megapixels/s, 61:01 left"
    assert describe(Progress("", 0.0, message="waiting")) == "Working   0%, waiting"


def test_progress_is_described_in_chinese():
    said = describe(Progress("predicting", 0.5, 0.12345, 3661), "zh")
    assert said == "预测  50%、0.123 百万像元/秒、剩余 61:01"


@pytest.mark.parametrize(
    ("variables", "options", "chinese"),
    [
        ({"LANG": "zh_CN.UTF-8"}, [], True),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, [], False),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "de_DE"}, [], False),
        ({"LANG": "C.UTF-8"}, ["--language", "zh"], True),
        ({"LC_MESSAGES": "zh_TW"}, ["--language", "en"], False),
        ({}, [], False),
    ],
)
def test_the_terminal_speaks_the_language_of_the_environment_or_the_one_that_is_asked_for(
    jobs, capsys, monkeypatch, variables, options, chinese
):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    jobs.findings = [Finding("warning", "same_pair", {"path": "a.tif"})]
    jobs.outcome = InputError("no_common_ground")
    assert main(["preflight", "a.tif", "b.tif", "--checkpoint", "c.safetensors", *options]) == 0
    said = (
        "警告：前时相与后时相是同一个文件或内容相同（a.tif）"
        if chinese
        else "warning: Before and after are the same file, or two with the same content (a.tif)"
    )
    assert capsys.readouterr().out.startswith(said)
    assert main([*DETECT, *options]) == 2
    assert ("两期栅格没有共同的有效像元" in capsys.readouterr().err) == chinese


def test_a_command_answers_without_torch_and_qgis():
    code = (
        "import sys\nfrom farmcd_qgis.commands.cli import main\n"
        "try:\n    main(['detect', '--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(' '.join({'torch', 'qgis', 'osgeo', 'numpy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_a_real_process_and_leaves_nothing(tmp_path, number):
    change = np.random.default_rng(0).integers(0, 6, (1500, 1500))
    run = write_run(tmp_path / "run", change, np.full(change.shape, 50))
    before = left_in(run)
    process = subprocess.Popen(
        [sys.executable, "-m", "farmcd_qgis.commands", "vectorise", str(run), "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert json.loads(process.stdout.readline())["kind"] == "progress"
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert errors == "farmcd: Stopped by the user.\n"
    assert left_in(run) == before
