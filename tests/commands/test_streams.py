"""A job counts though nobody can be told of it: closed streams, a full device, a terminal that cannot spell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from farmcd_qgis.commands.console import Console
from farmcd_qgis.core.paths import bundled_checkpoints
from tests.helpers.rasters import scene, write_raster

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the shell's redirections are those of Unix")


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    paths = [write_raster(tmp_path / f"f_{year}.tif", scene(seed=year)) for year in (2009, 2020)]
    return [*paths, "--checkpoint", str(bundled_checkpoints()[0])]


def farmcd(redirections: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "farmcd_qgis.commands", *arguments]
    shell = f'exec "$@" {redirections}'
    given = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(["bash", "-c", shell, "bash", *command], env=given, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("redirections", "done"),
    [("2>&-", 0), (">&-", 4), (">&- 2>&-", 4), ("<&- >&- 2>&-", 4), (">/dev/full", 4), ("2>/dev/full", 0)],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_exit_status_says_how_the_job_ended_and_whether_that_was_told(pair, redirections, done, options):
    assert farmcd(redirections, "preflight", *pair, *options).returncode == done
    assert farmcd(redirections, "preflight", *pair, *options, "--tile", "100").returncode == 2
    assert farmcd(redirections, "preflight", *options).returncode == 2


def test_a_closed_stream_does_not_mix_into_a_file(pair, tmp_path):
    """The first file that is opened would get the number of standard error."""
    out = tmp_path / "evaluation"
    change = write_raster(tmp_path / "change.tif", scene()[:1] % 2)
    assert farmcd("2>&- >&-", "evaluate", change, change, "--out", str(out)).returncode == 4
    assert (out / "evaluation.json").read_text(encoding="utf-8").startswith("{")
    assert (out / "evaluation.html").read_text(encoding="utf-8").startswith("<!")


def test_a_reader_that_leaves_early(pair):
    done = farmcd("| head -c 1", "preflight", *pair, "--json")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["gbk", "ascii"])
def test_a_terminal_that_cannot_spell_a_name(pair, tmp_path, encoding):
    odd = tmp_path / "\U0001f600 Gauß"
    odd.mkdir()
    before = write_raster(odd / "b_2009.tif", scene(seed=1))
    done = farmcd("", "preflight", before, before, *pair[2:], PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert b"\\U0001f600" in done.stdout


def test_names_that_are_no_text(pair, tmp_path):
    bad = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.tif")
    Path(bad).write_bytes(Path(pair[0]).read_bytes())
    for arguments in (
        ["preflight", pair[0], bad, *pair[2:]],
        ["preflight", *pair, "--out", f"{bad}-out"],
        ["preflight", *pair, "--aoi", bad],
    ):
        done = farmcd("", *arguments)
        assert done.returncode == 2
        assert b"is no proper text" in done.stdout


@pytest.mark.parametrize("device", ["/dev/full", "/dev/null"])
def test_a_result_that_is_lost_changes_the_status_of_what_is_done(monkeypatch, device):
    """As train, evaluate, report and compare tell theirs."""
    with Path(device).open("w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        console = Console(as_json=False)
        console.result({}, ["the result"])
        assert console.status(0) == (4 if device == "/dev/full" else 0)
        assert console.status(2) == 2
