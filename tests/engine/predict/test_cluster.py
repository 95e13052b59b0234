"""Blocks over the workers of dask: the bytes of the run of one process, also where a worker or scheduler dies."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from farmcd_qgis.commands import cluster as cluster_module
from farmcd_qgis.commands.cluster import Cluster, cluster
from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError
from farmcd_qgis.core.feedback import SILENT, Feedback
from farmcd_qgis.core.messages import spoken
from farmcd_qgis.core.protocol import Finding, RunRequest
from farmcd_qgis.core.run_files import BLOCKS, STAGING, is_resumable
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.engine.predict.meter import Meter
from tests.engine.predict.test_blocks import SIDE, ask, asked, content, pair

distributed = pytest.importorskip("distributed", reason="several workers need the package distributed")
ROOT = Path(__file__).resolve().parents[3]
__all__ = ["ask", "pair"]


@pytest.fixture(scope="module")
def whole(pair: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the run of one process with the small network holds."""
    request = asked(pair, tmp_path_factory.mktemp("whole") / "run")
    detect(request)
    return content(request.out_dir)


class Fake:
    """A client of dask whose workers do what a test says."""

    status = "running"

    def __init__(self, answer: Callable[[int], dict], workers: tuple[str, ...] = ("tcp://a", "tcp://b")) -> None:
        self.asked: list[int] = []
        self.most = 0
        self._answer, self._workers = answer, workers

    def scheduler_info(self, n_workers: int) -> dict:
        return {"workers": dict.fromkeys(self._workers)}

    def submit(self, do, task, plan, index, python, pure, workers):
        self.asked.append(index)
        worker = (workers or self._workers)[0]

        class Done:
            status = "finished"

            @staticmethod
            def done() -> bool:
                return True

            @staticmethod
            def result() -> dict:
                return {"worker": worker, **self._answer(index)}

        return Done()

    def cancel(self, futures: list) -> None:
        pass


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    lengths: list[int] = []
    monkeypatch.setattr(distributed, "wait", lambda futures, **_: lengths.append(len(futures)))
    return lengths


def test_a_poison_block_is_tried_five_times_and_the_rest_goes_on(no_waiting):
    broken = InputError("damaged_rows", path="x.tif", role="after", reason="short read", row=3)

    def answer(index: int) -> dict:
        return {"error": broken.sentence} if index == 3 else {"block": index}

    client = Fake(answer)
    with pytest.raises(FarmCDError) as caught:
        Cluster(client).run("block", Path("plan.json"), range(10), SILENT)
    assert caught.value.code == "blocks_failed"
    assert caught.value.values["blocks"] == [3]
    assert client.asked.count(3) == 5
    assert set(client.asked) == set(range(10))


def test_storage_that_fails_now_and_then_costs_a_second_try(no_waiting):
    failed: set[int] = set()

    def answer(index: int) -> dict:
        if index % 3 == 0 and index not in failed:
            failed.add(index)
            return {"error": FarmCDError("disk_full", folder="x").sentence}
        return {"block": index}

    client = Fake(answer)
    steps: list[float] = []
    Cluster(client).run("block", Path("plan.json"), range(10), Feedback(lambda step: steps.append(step.fraction)))
    assert len(client.asked) == 14
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0.0, 1.0)


def test_how_many_blocks_are_done_is_said_from_the_first_moment_on(no_waiting):
    said: list[str] = []
    meter = Meter(Feedback(lambda step: said.append(spoken(step.message, "en"))), iter(range(10**6)).__next__)
    Cluster(Fake(lambda index: {"block": index})).run("block", Path("plan.json"), range(5), Feedback(meter.part))
    assert said[0] == "0 of 5 blocks done"
    assert said[-1] == "5 of 5 blocks done"


def test_a_worker_of_another_kind_is_left_out_and_said(no_waiting):
    other = InputError("numerics_differ", own="a", first="b", host="h", file="f")
    told: list[Finding] = []
    asked: list[tuple] = []

    class Two(Fake):
        def submit(self, do, task, plan, index, python, pure, workers):
            asked.append(workers)
            done = super().submit(do, task, plan, index, python, pure, workers)
            result = done.result()
            if result["worker"] == "tcp://a":
                done.result = lambda: {
                    "worker": "tcp://a",
                    "error": other.sentence | {"exit_status": other.exit_status},
                }
            return done

    Cluster(Two(lambda index: {"block": index})).run("block", Path("p"), range(5), Feedback(on_finding=told.append))
    assert {finding.code for finding in told} == {"worker_refused"}
    assert asked[-1] == ["tcp://b"]
    alone = Two(lambda index: {"block": index}, ("tcp://a",))
    with pytest.raises(InputError, match="other numbers"):
        Cluster(alone).run("block", Path("p"), range(5), SILENT)


def test_the_coordinator_holds_a_few_tasks_however_many_blocks_there_are(no_waiting):
    for count in (100, 10_000):
        no_waiting.clear()
        Cluster(Fake(lambda index: {"block": index})).run("block", Path("p"), range(count), SILENT)
        assert max(no_waiting) <= 2 * cluster_module.WAITING


def test_cancelled_it_stops(no_waiting):
    asked = iter(range(100))
    with pytest.raises(Cancelled):
        Cluster(Fake(lambda index: {})).run(
            "block", Path("p"), range(1000), Feedback(cancelled=lambda: next(asked) >= 5)
        )


@pytest.mark.long
def test_two_workers_give_the_bytes_of_one_process(ask: Callable[..., RunRequest], whole: dict):
    request = ask(workers=2, block_side=SIDE)
    with cluster(2, "") as spread:
        detect(request, spread=spread)
    assert content(request.out_dir) == whole


def _started(request: RunRequest, *options: str) -> subprocess.Popen:
    names = [request.before, request.after, "--checkpoint", request.checkpoint, "--out", request.out_dir]
    numbers = ["--tile", "128", "--overlap", "32", "--device", "cpu", "--mmu", "80", "--block-side", "512"]
    command = [sys.executable, "-m", "farmcd_qgis.commands", "detect", *names, *numbers, *options, "--json"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def _await_a_block(request: RunRequest, process: subprocess.Popen) -> None:
    until = time.monotonic() + 200
    while not is_resumable(request.out_dir):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < until
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    # Each is a child of the thread that has started it.
    lists = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    found = [int(child) for children in lists for child in children.split()]
    return found + [below for child in found for below in _children(child)]


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers by /proc")
@pytest.mark.parametrize("who", ["worker", "coordinator"])
def test_killed_it_goes_on_and_finished_blocks_are_not_touched(ask: Callable[..., RunRequest], whole: dict, who: str):
    request = ask()
    process = _started(request, "--workers", "2")
    _await_a_block(request, process)
    finished = [path for path in (Path(request.out_dir) / STAGING / BLOCKS).iterdir() if path.name.isdigit()]
    before = {path: path.stat().st_mtime_ns for folder in finished for path in folder.rglob("*.tif")}
    if who == "coordinator":
        # Scheduler and coordinator are one process here; its workers end by themselves.
        children = _children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        until = time.monotonic() + 60
        while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < until:
            time.sleep(0.1)
        assert {path: path.stat().st_mtime_ns for path in before} == before
        process = _started(request, "--workers", "2")
    else:
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in _children(process.pid)}
        worker = next(pid for pid, command in commands.items() if b"spawn_main" in command)
        os.kill(worker, signal.SIGKILL)
    out, wrong = process.communicate(timeout=280)
    assert process.returncode == 0, wrong.decode()
    last = json.loads(out.decode().splitlines()[-1])
    assert last["kind"] == "result"
    assert ("went_on" in [row["code"] for row in last["data"]["findings"]]) == (who == "coordinator")
    assert content(request.out_dir) == whole


@pytest.mark.long
def test_a_scheduler_of_its_own_may_die_too(ask: Callable[..., RunRequest], whole: dict, tmp_path: Path):
    request = ask()

    def cluster_of_two(name: str) -> tuple[list[subprocess.Popen], str]:
        file = tmp_path / f"{name}.json"
        start = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        own = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
        scheduler = subprocess.Popen([*own, "--no-dashboard", "--scheduler-file", str(file)], **start)
        while not file.exists() or not file.read_text().strip():
            assert scheduler.poll() is None
            time.sleep(0.1)
        command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file)]
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "5"]
        worker = subprocess.Popen([*command, *options], **start)
        return [scheduler, worker], json.loads(file.read_text())["address"]

    processes, address = cluster_of_two("first")
    try:
        process = _started(request, "--scheduler", address)
        _await_a_block(request, process)
        for one in processes:
            one.kill()
        out, _ = process.communicate(timeout=200)
        assert process.returncode != 0
        assert json.loads(out.decode().splitlines()[-1])["data"]["code"] == "cluster_lost"
        more, address = cluster_of_two("second")
        processes += more
        out, wrong = _started(request, "--scheduler", address).communicate(timeout=280)
        assert json.loads(out.decode().splitlines()[-1])["kind"] == "result", wrong.decode()
    finally:
        for one in processes:
            one.kill()
            one.wait()
    assert content(request.out_dir) == whole


@pytest.mark.long
def test_stopped_it_waits_for_nobody(monkeypatch: pytest.MonkeyPatch):
    """What workers are at would take ten minutes."""
    end, left = cluster_module._end_at_once, []

    def watched(local) -> None:
        nannies = list(local.workers.values())
        end(local)
        left.extend(nanny.status.name for nanny in nannies)

    monkeypatch.setattr(cluster_module, "_end_at_once", watched)

    def stopped() -> None:
        with cluster(2, "") as spread:
            asked = [spread.client.submit(time.sleep, 600, pure=False) for _ in range(2)]
            while len([one for keys in spread.client.processing().values() for one in keys]) < len(asked):
                time.sleep(0.05)
            raise Cancelled

    with pytest.raises(Cancelled):
        stopped()
    assert left == ["closed", "closed"]
