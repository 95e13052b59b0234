"""`farmcd env`, as administrators and scripts use it: results, exit statuses, and nothing else on standard output."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from farmcd_qgis.commands import environment_cli
from farmcd_qgis.commands.environment_cli import run_env
from farmcd_qgis.core.paths import PLUGIN


@pytest.fixture
def env(tmp_path, lock_folder, capsys):
    """Run `farmcd env ACTION` on a store of its own; gives the exit status and the result, a dictionary."""

    def run(action: str, *arguments: object, home: str = "env") -> tuple[int, dict]:
        status = run_env([action, "--json", "--home", str(tmp_path / home), *map(str, arguments)])
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return status, events[-1]["data"]

    return run


def test_an_environment_is_looked_for_installed_checked_and_removed(env, index, tmp_path):
    source = ("--python", sys.executable, "--variant", "cpu", "--index", index.address)
    status, told = env("status")
    assert (status, told["state"]) == (2, "absent")
    status, told = env("install", "--dry-run", *source)
    assert status == 0
    assert told["to_fetch"] > 0
    assert told["servers"] == [index.address.split("/")[2]]
    assert not [path for path, _ in index.asked if path.startswith("/files/")]
    assert env("status")[0] == 2
    status, told = env("install", *source)
    assert status == 0
    python = Path(told["python"])
    assert python.is_file()
    assert env("status")[0] == 0
    assert env("status")[1]["python"] == str(python)
    (data,) = python.parent.parent.glob("lib/python*/site-packages/torch/data.bin")
    data.write_bytes(b"x")
    status, told = env("repair", *source)
    assert status == 0
    assert told["python"] != str(python)
    target = tmp_path / "office.zip"
    assert env("export", target, *source)[0] == 0
    index.close()
    assert env("import", target, "--python", sys.executable, home="there")[0] == 0
    assert env("status", home="there")[1]["state"] == "ready"
    assert env("remove")[1]["freed"] > 0
    assert env("status")[0] == 2


def test_faults_end_with_their_statuses(env, index, tmp_path):
    source = ("--python", sys.executable, "--variant", "cpu")
    assert env("install", *source, "--index", "mirror.office")[0] == 2
    assert env("install", *source, "--index", f"{index.address}/none")[0] == 1
    assert env("install", "--python", tmp_path / "none", "--index", index.address)[0] == 1
    assert env("import", tmp_path / "none.zip")[0] == 2


def test_people_are_told_in_their_language(tmp_path, lock_folder, index, capsys):
    source = ["--python", sys.executable, "--variant", "cpu", "--index", index.address, "--home", str(tmp_path / "env")]
    assert run_env(["install", "--dry-run", "--language", "zh", *source]) == 0
    assert "全部 4 个软件包均可获取" in capsys.readouterr().out
    assert run_env(["status", "--diagnostics", "--home", str(tmp_path / "env")]) == 0
    assert capsys.readouterr().out.startswith("### FarmCD environment")
    with pytest.raises(SystemExit) as caught:
        environment_cli.run_env(["install", "--unknown"])
    assert caught.value.code == 2


def test_what_is_tried_in_a_new_environment_passes_with_every_bundled_checkpoint():
    command = [sys.executable, "-m", "farmcd_qgis.commands.environment_trial"]
    told = subprocess.run(command, cwd=PLUGIN.parent, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["torch"]
