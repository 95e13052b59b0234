"""Engine without torch, networks without GDAL: the same bytes as in one process, whoever is killed and when."""

import json
import os
import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from farmcd_qgis.core.errors import Cancelled, FarmCDError
from farmcd_qgis.core.feedback import SILENT, Feedback, Progress
from farmcd_qgis.core.jobs import read_result
from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.core.protocol import Command, RunRequest, RunResult
from farmcd_qgis.core.run_files import CHANGE_TIF, CONFIDENCE_TIF, is_resumable
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.networks.here import Here
from farmcd_qgis.runtime import pool, pythons
from farmcd_qgis.runtime.client import WorkerClient, worker_argv
from farmcd_qgis.runtime.network_worker import NetworkWorker
from tests.helpers.blocked import interpreter
from tests.helpers.made_up_pairs import write_pairs
from tests.helpers.rasters import scene, write_raster

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for interpreters are shell scripts")
RASTERS = (CHANGE_TIF, CONFIDENCE_TIF)
TILE = 64


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    # Slow enough to be met in the middle.
    (checkpoint,) = (path for path in bundled_checkpoints() if path.stem == "farmcd-clcd-small")
    return RunRequest(
        before=write_raster(tmp_path / "before.tif", scene(400, 150, seed=1)),
        after=write_raster(tmp_path / "after.tif", scene(400, 150, seed=2)),
        out_dir=str(tmp_path / "run"),
        checkpoint=str(checkpoint),
        tile=TILE,
        overlap=16,
        device="cpu",
    )


@pytest.fixture
def networks(tmp_path: Path):
    worker = NetworkWorker(interpreter(tmp_path, "osgeo", "qgis"))
    yield worker
    worker.end()


@pytest.fixture
def engine(tmp_path: Path):
    """Starts the engine's process as QGIS does, under a Python without torch."""
    made: list[WorkerClient] = []

    def start() -> WorkerClient:
        made.append(WorkerClient(worker_argv(interpreter(tmp_path, "torch"), "engine")))
        return made[-1]

    yield start
    for client in made:
        client.end()


def run(client: WorkerClient, request: RunRequest, python: Path, feedback: Feedback = SILENT) -> RunResult:
    arguments = {"request": request.__dict__, "networks_python": str(python)}
    return read_result("detect", client.run(Command("detect", arguments), feedback))


def content(folder: str) -> list[bytes]:
    return [(Path(folder) / name).read_bytes() for name in RASTERS]


def test_the_engine_without_torch_and_networks_without_gdal_make_the_same_bytes(request_, engine, tmp_path):
    whole = replace(request_, out_dir=str(tmp_path / "whole"))
    detect(whole)
    run(engine(), request_, interpreter(tmp_path, "osgeo", "qgis"))
    assert content(request_.out_dir) == content(whole.out_dir)


def test_a_job_of_qgis_goes_through_all_three(request_, tmp_path, monkeypatch, qgis_app):
    whole = replace(request_, out_dir=str(tmp_path / "whole"))
    detect(whole)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("FARMCD_PYTHON", str(interpreter(tmp_path, "osgeo", "qgis")))
    monkeypatch.setattr(pythons, "_places_of_qgis", lambda: iter([interpreter(tmp_path, "torch")]))
    try:
        result = read_result("detect", pool.run_job("detect", pool.detect_arguments(request_), SILENT))
        devices = pool.run_job("devices", {}, SILENT)["devices"]
    finally:
        pool.end_all()
    assert result.run_dir == request_.out_dir
    assert content(request_.out_dir) == content(whole.out_dir)
    assert [row["id"] for row in devices if row["usable"]]


def test_relative_paths_mean_the_same_there(networks, monkeypatch):
    checkpoint = bundled_checkpoints()[0]
    monkeypatch.chdir(checkpoint.parent)
    there = networks.predictor(SILENT, checkpoint.name, "cpu", tile=TILE)
    assert there.describe()["checkpoint"] == checkpoint.name


def test_tiles_come_back_as_they_are_computed_here(networks):
    tiles = np.random.default_rng(0).integers(0, 256, (2, 3, 3, TILE, TILE), np.uint8)
    checkpoint = str(bundled_checkpoints()[0])
    there = networks.predictor(SILENT, checkpoint, "cpu", tile=TILE)
    here = Here().predictor(SILENT, checkpoint, "cpu", tile=TILE)
    # Both as run.json holds it.
    assert json.loads(json.dumps(there.describe())) == json.loads(json.dumps(here.describe()))
    assert (there.tile, there.device, there.at_once) == (here.tile, here.device, here.at_once)
    # One after the other, and more at once than before.
    for part in (slice(0, 1), slice(1, 2), slice(0, 3)):
        for mine, other in zip(there.predict(*tiles[:, part]), here.predict(*tiles[:, part]), strict=True):
            np.testing.assert_array_equal(mine, other)


def test_models_are_closed_and_the_process_stays(networks):
    checkpoint = str(bundled_checkpoints()[0])
    first = networks.predictor(SILENT, checkpoint, "cpu", tile=TILE)
    pid = networks._client.ready["pid"]
    networks.close()
    tiles = np.zeros((1, 3, TILE, TILE), np.uint8)
    with pytest.raises(FarmCDError) as caught:
        first.predict(tiles, tiles)
    assert caught.value.code == "model_not_open"
    networks.predictor(SILENT, checkpoint, "cpu", tile=TILE).predict(tiles, tiles)
    assert networks._client.ready["pid"] == pid


def test_a_wrong_checkpoint_is_the_same_error_as_here(networks, tmp_path):
    for loader in (networks, Here()):
        with pytest.raises(FarmCDError) as caught:
            loader.predictor(SILENT, str(tmp_path / "none.safetensors"), "cpu")
        assert caught.value.code == "checkpoint_missing"


def test_cancelling_stops_the_run_in_its_middle_and_it_goes_on_later(request_, engine, tmp_path):
    whole = replace(request_, out_dir=str(tmp_path / "whole"))
    detect(whole)
    python = interpreter(tmp_path, "osgeo")
    asked: list[Progress] = []

    def heard(step: Progress) -> None:
        if asked or (step.stage == "predicting" and step.fraction > 0.3):
            asked.append(step)

    client = engine()
    with pytest.raises(Cancelled):
        run(client, request_, python, Feedback(heard, lambda: bool(asked)))
    assert all(step.stage == "predicting" for step in asked)
    assert is_resumable(request_.out_dir)
    run(client if client.alive else engine(), request_, python)
    assert content(request_.out_dir) == content(whole.out_dir)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("victim", ["engine", "networks"])
def test_death_of_either_is_a_sentence_and_the_run_goes_on(request_, engine, tmp_path, victim):
    whole = replace(request_, out_dir=str(tmp_path / "whole"))
    detect(whole)
    python = interpreter(tmp_path, "osgeo")
    client = engine()
    killed: list[int] = []

    def heard(step: Progress) -> None:
        if is_resumable(request_.out_dir) and not killed:
            (other,) = children(client.ready["pid"])
            killed.append(client.ready["pid"] if victim == "engine" else other)
            killed.append(other)
            os.kill(killed[0], 9)

    with pytest.raises(FarmCDError) as caught:
        run(client, request_, python, Feedback(heard))
    assert not isinstance(caught.value, Cancelled)
    assert caught.value.code == ("worker_killed" if victim == "engine" else "networks_died")
    assert "SIGKILL" in caught.value.message
    assert is_resumable(request_.out_dir)
    if victim == "networks":
        assert client.alive
        assert request_.out_dir in caught.value.message
    # Whoever was its parent, the process of the networks does not outlive it for long.
    give_up = time.monotonic() + 60
    while alive(killed[1]) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not alive(killed[1])
    run(client if client.alive else engine(), request_, python)
    assert content(request_.out_dir) == content(whole.out_dir)


def test_training_needs_no_gdal(tmp_path):
    samples = write_pairs(tmp_path / "samples", train=3, val=0)
    client = WorkerClient(worker_argv(interpreter(tmp_path, "osgeo", "qgis"), "networks"))
    try:
        arguments = {"checkpoint": str(bundled_checkpoints()[0]), "samples": str(samples), "steps": 1}
        record = client.run(Command("finetune", arguments | {"out": str(tmp_path / "new.safetensors")}))
    finally:
        client.end()
    assert (record["steps"], record["trained_on"], record["held_out"]) == (1, 2, 1)
    assert (tmp_path / "new.safetensors").is_file()


class Killer:
    """Ends a process some time after the first tile was begun: at any moment of a tile, not only between two."""

    def __init__(self, client: WorkerClient, victim: str, number: int) -> None:
        self._client, self._victim, self._after_s = client, victim, 0.3 + 0.07 * (number % 7)
        self._timer: threading.Timer | None = None

    def __call__(self, step: Progress) -> None:
        """Start the clock when prediction begins."""
        if step.stage == "predicting" and self._timer is None:
            engine = self._client.ready["pid"]
            self._timer = threading.Timer(self._after_s, os.kill, (self._pid(engine), 9))
            self._timer.start()

    def rest(self) -> None:
        """Kill nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()

    def _pid(self, engine: int) -> int:
        return engine if self._victim == "engine" else children(engine)[0]


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("victim", ["engine", "networks"])
def test_ten_kills_during_one_run_change_no_byte(request_, engine, tmp_path, victim):
    request = replace(
        request_,
        before=write_raster(tmp_path / "large_before.tif", scene(700, 260, seed=3)),
        after=write_raster(tmp_path / "large_after.tif", scene(700, 260, seed=4)),
    )
    whole = replace(request, out_dir=str(tmp_path / "whole"))
    detect(whole)
    python = interpreter(tmp_path, "osgeo")
    deaths: list[str] = []
    client = engine()
    while len(deaths) < 10:
        killer = Killer(client, victim, len(deaths))
        try:
            run(client, request, python, Feedback(killer))
        except FarmCDError as error:
            deaths.append(error.code)
        else:
            # Quicker than the tenth death: once more, from the start.
            shutil.rmtree(request.out_dir)
        finally:
            killer.rest()
        if not client.alive:
            client = engine()
    run(client, request, python)
    assert set(deaths) <= {"worker_killed", "networks_died"}
    assert content(request.out_dir) == content(whole.out_dir)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_shared_memory_has_no_name_and_goes_with_its_processes(networks, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    tiles = np.zeros((1, 3, TILE, TILE), np.uint8)
    networks.predictor(SILENT, str(bundled_checkpoints()[0]), "cpu", tile=TILE).predict(tiles, tiles)
    maps = Path(f"/proc/{networks._client.ready['pid']}/maps").read_text()
    shared = [line.split(maxsplit=5)[-1] for line in maps.splitlines() if "farmcd" in line and "(deleted)" in line]
    assert shared
    assert all(name.startswith("/memfd:") for name in shared)
    assert not list((tmp_path / "tmp").iterdir())


def test_without_memfd_an_unlinked_file_serves(monkeypatch, tmp_path):
    from farmcd_qgis.core import shared_memory

    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    memory = shared_memory.make()
    mine, place = memory.grow(1000)
    other = shared_memory.attach(place)
    mine[10:15] = b"tiles"
    assert other[10:15] == b"tiles"
    larger, place = memory.grow(5000)
    assert shared_memory.attach(place)[10:15] == larger[10:15] == b"tiles"
    assert not list(tmp_path.iterdir())
    assert sys.platform == "win32" or memory.inherited


def test_on_windows_a_tag_serves(monkeypatch):
    from farmcd_qgis.core import shared_memory

    asked: list[tuple[int, int, str]] = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("mmap.mmap", lambda where, size, tagname: asked.append((where, size, tagname)))
    memory = shared_memory.make()
    places = [memory.grow(size)[1] for size in (1000, 5000)]
    shared_memory.attach(places[1])
    assert memory.inherited == ()
    assert [size for _, size, _ in asked] == [1000, 5000, 5000]
    assert asked[0][2] != asked[1][2] == asked[2][2]


def test_blocks_are_laid_out_aligned_and_apart():
    from farmcd_qgis.core.shared_memory import lay_out

    assert lay_out([1, 64, 65, 0]) == ([0, 64, 128, 256], 256)
    assert lay_out([]) == ([], 0)
