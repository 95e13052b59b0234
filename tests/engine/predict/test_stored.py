"""Runs whose rasters, checkpoint and folder lie in object storage: a server of S3 on this machine, which may fail."""

import importlib.util
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from osgeo import gdal

from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import Feedback
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.core.run_files import PLAN, STAGING
from farmcd_qgis.engine.predict import stored as stored_module
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.predict.plan import plan
from farmcd_qgis.engine.predict.planned import block, merge
from farmcd_qgis.engine.run import objects
from farmcd_qgis.engine.scene.preflight import preflight
from farmcd_qgis.networks.here import Here
from tests.engine.predict.test_blocks import QUICK, SIDE, asked, content, pair, quick
from tests.helpers.object_storage import Storage, storage

__all__ = ["pair", "quick"]
ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("moto", "flask", "flask_cors"))),
    reason="object storage needs the packages moto, flask and flask-cors",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Storage]:
    with storage() as made:
        yield made


@pytest.fixture
def bucket(server: Storage, quick: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """The server, which fails no request yet; whoever waits before the next try waits briefly."""
    monkeypatch.setattr(objects, "FIRST_WAIT_S", 0.01)
    stored_module._worker.cache_clear()
    server.asked.clear()
    server.failed = 0
    yield server
    server.fails = lambda method, path: False
    stored_module._worker.cache_clear()


@pytest.fixture(scope="module")
def inputs(server: Storage, pair: dict[str, str]) -> dict[str, str]:
    """The pair and the checkpoint, put into the bucket."""
    names = {}
    for key, path in pair.items():
        names[key] = f"{server.address}/inputs/{Path(path).name}"
        objects.put(Path(path), names[key])
    return names


@pytest.fixture(scope="module")
def whole(inputs: dict[str, str], pair: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What one process makes of them in a folder; the checkpoint has the same name there."""
    request = asked({**inputs, "checkpoint": pair["checkpoint"]}, tmp_path_factory.mktemp("whole") / "run")
    detect(request, networks=QUICK)
    return content(request.out_dir)


@pytest.fixture
def ask(inputs: dict[str, str], pair: dict[str, str], server: Storage, request: pytest.FixtureRequest):
    name = f"{server.address}/{request.node.name}/run"

    def make(**options) -> RunRequest:
        given = {"checkpoint": pair["checkpoint"], "block_side": SIDE} | options
        return replace(asked({**inputs, "checkpoint": given.pop("checkpoint")}, Path("x")), out_dir=name, **given)

    return make


def fetched(address: str, folder: Path) -> dict[str, object]:
    """Return what a stored run has in common with its like."""
    folder.mkdir()
    for name in objects.listed(address):
        if "/" not in name:
            objects.fetch(f"{address}/{name}", folder / name)
    return content(folder)


def test_planned_computed_and_merged_it_is_the_run_of_one_process(
    bucket: Storage, ask: Callable[..., RunRequest], whole: dict, tmp_path: Path
):
    request = ask()
    said = plan(request, SIDE)
    assert said["plan"] == f"{request.out_dir}/{STAGING}/{PLAN}"
    assert said["missing"] == said["look"] == [0, 1, 2, 3]
    with pytest.raises(InputError, match=r"4 blocks of the run in /vsis3/.* are not computed yet"):
        merge(said["plan"])
    for index in (2, 0, 3, 1):
        assert block(said["plan"], index) == {"block": index, "finished_before": False}
    assert block(request.out_dir, 3)["finished_before"]
    with pytest.raises(InputError, match="no block 4: its 4 blocks"):
        block(said["plan"], 4)
    assert plan(request, SIDE)["missing"] == []
    result = merge(request.out_dir)
    assert result.run_dir == request.out_dir
    assert fetched(request.out_dir, tmp_path / "fetched") == whole
    assert not [name for name in objects.listed(request.out_dir) if "/" in name], "something is left of the blocks"
    record = json.loads((tmp_path / "fetched" / "run.json").read_text())
    assert record["request"]["out_dir"] == request.out_dir
    again = detect(request, networks=QUICK)
    assert again.findings[0].code == "finished_before"
    with pytest.raises(InputError, match=r"/vsis3/.* holds a finished run"):
        plan(request, SIDE)


def test_a_detection_goes_on_where_it_was_stopped(
    bucket: Storage, ask: Callable[..., RunRequest], inputs: dict, whole: dict, tmp_path: Path
):
    request = ask(checkpoint=inputs["checkpoint"])
    assert not [row for row in preflight(request) if row.severity == "error" and row.code != "checkpoint_missing"]
    blocks: list[str] = []

    def stop() -> bool:
        blocks[:] = [path for method, path in bucket.asked if method == "PUT" and path.endswith(".zip")]
        return len(blocks) >= 2

    with pytest.raises(Cancelled, match=r"stays in /vsis3/"):
        detect(request, Feedback(cancelled=stop), networks=QUICK)
    assert len(set(blocks)) == 2
    stored_module._worker.cache_clear()
    bucket.asked.clear()
    result = detect(request, networks=QUICK)
    assert "went_on" in [finding.code for finding in result.findings]
    assert len({path for method, path in bucket.asked if method == "PUT" and path.endswith(".zip")}) == 2
    found = fetched(request.out_dir, tmp_path / "fetched")
    # The name of the run, which is in the rasters, holds where the checkpoint lay.
    assert {key: found[key] for key in ("candidates", "hard_regions", "counts")} == {
        key: whole[key] for key in ("candidates", "hard_regions", "counts")
    }
    record = json.loads((tmp_path / "fetched" / "run.json").read_text())
    assert record["request"]["checkpoint"] == inputs["checkpoint"]
    assert record["identity"]["settings"]["checkpoint"] == inputs["checkpoint"]
    other = replace(request, overlap=64)
    with pytest.raises(InputError, match="settings"):
        detect(other, networks=QUICK)


def test_storage_that_fails_now_and_then_loses_nothing(
    bucket: Storage, ask: Callable[..., RunRequest], whole: dict, tmp_path: Path
):
    chance = random.Random(7)
    bucket.fails = lambda method, path: chance.random() < 0.1
    request = ask()
    detect(request, networks=QUICK)
    assert bucket.failed > 5
    bucket.fails = lambda method, path: False
    assert fetched(request.out_dir, tmp_path / "fetched") == whole


def test_storage_that_is_gone_is_said_and_no_half_object_is_there(
    bucket: Storage, ask: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(objects, "TRIES", 2)
    request = ask()
    said = plan(request, SIDE)
    block(said["plan"], 0)
    bucket.fails = lambda method, path: method == "PUT"
    usual = gdal.GetConfigOption("GDAL_HTTP_MAX_RETRY")
    gdal.SetConfigOption("GDAL_HTTP_MAX_RETRY", "0")
    try:
        with pytest.raises(FarmCDError, match="tried 2 times") as caught:
            block(said["plan"], 1)
    finally:
        gdal.SetConfigOption("GDAL_HTTP_MAX_RETRY", usual)
    assert caught.value.code == "storage_failed"
    bucket.fails = lambda method, path: False
    assert plan(request, SIDE)["missing"] == [1, 2, 3]
    # What is computed needs only be put.
    assert block(said["plan"], 1) == {"block": 1, "finished_before": False}
    assert plan(request, SIDE)["missing"] == [2, 3]


def test_blocks_of_another_plan_and_of_another_kind_of_machine_are_never_taken(
    bucket: Storage, ask: Callable[..., RunRequest], tmp_path: Path
):
    request = ask()
    said = plan(request, SIDE)
    block(said["plan"], 0)
    late = {name: f"{request.out_dir}/{STAGING}/{name}" for name in objects.listed(f"{request.out_dir}/{STAGING}")}
    done = next(name for name in late if name.endswith(".zip"))
    objects.fetch(late[done], tmp_path / "late.zip")
    assert plan(replace(request, overlap=64), SIDE)["missing"] == [0, 1, 2, 3]
    # A worker that knew the earlier plan only comes too late.
    objects.put(tmp_path / "late.zip", late[done])
    assert plan(replace(request, overlap=64), SIDE)["missing"] == [0, 1, 2, 3]
    # Another kind of machine was there first: its numbers are those of the run.
    held = stored_module.Stored(request.out_dir)
    place = held.numbers_of(held.plan())
    first = {"hash": "0" * 16, "torch": "9.9", "gdal": gdal.__version__, "machine": "m", "host": "elsewhere"}
    (tmp_path / "first.json").write_text(json.dumps(first))
    objects.put(tmp_path / "first.json", f"{place}/{'0' * 16}-{gdal.__version__}.json")
    with pytest.raises(InputError, match=r"other numbers than the first one .*elsewhere.*torch 9\.9"):
        block(said["plan"], 1)
    assert not [name for name in objects.listed(request.out_dir) if name.endswith(".zip")]


def test_what_is_not_the_runs_is_not_replaced(bucket: Storage, ask: Callable[..., RunRequest], pair: dict):
    request = ask()
    objects.put(Path(pair["after"]), f"{request.out_dir}/change.tif")
    with pytest.raises(InputError, match=r"already holds change\.tif but no finished run"):
        plan(request, SIDE)
    with pytest.raises(InputError, match="no plan in /vsis3/"):
        block(request.out_dir, 0)


@pytest.mark.long
def test_processes_of_their_own_compute_it(bucket: Storage, ask: Callable[..., RunRequest], tmp_path: Path):
    """Two at a time, one of them killed, as the jobs of an array are; with the small network itself."""
    request = ask()
    alone = replace(request, out_dir=str(tmp_path / "alone"))
    command = [sys.executable, "-m", "farmcd_qgis.commands"]
    detect(alone, networks=Here())
    said = plan(request, SIDE)
    killed = subprocess.Popen([*command, "block", said["plan"], "0"], cwd=ROOT, stdout=subprocess.DEVNULL)
    killed.kill()
    killed.wait()
    for pairs in ((0, 1), (2, 3)):
        started = [
            subprocess.Popen([*command, "block", said["plan"], str(index)], cwd=ROOT, stderr=subprocess.PIPE)
            for index in pairs
        ]
        for process in started:
            _, wrong = process.communicate(timeout=200)
            assert process.returncode == 0, wrong.decode()
    done = subprocess.run([*command, "merge", said["plan"]], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == request.out_dir
    assert fetched(request.out_dir, tmp_path / "fetched") == content(alone.out_dir)
