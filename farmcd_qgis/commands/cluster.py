"""Blocks on several processes or machines, by dask.distributed: who does what, who has died, what is tried again.

Dask carries no pixel and knows no state that matters: which blocks are finished is told by the run's folder. What dies,
the scheduler among it, costs what it was at, and the same command goes on.
"""

import asyncio
import concurrent.futures
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..core.errors import Cancelled, FarmCDError, InputError, error_from_dict
from ..core.feedback import SILENT, Feedback
from ..core.messages import part
from ..core.protocol import Finding

TRIES = 5
# Tasks that wait at each worker, so that none is idle: no more, so that the coordinator's memory does not grow.
WAITING = 2
POLL_S = 0.2
NAMED_BLOCKS = 8
# How long a cluster may take to have its first worker.
PATIENCE_S = 120
# How long a worker has to end what it is at, once all is to end.
PARTING_S = 0.3
# What dask says where its scheduler has gone.
LOST = (OSError, TimeoutError, concurrent.futures.CancelledError, asyncio.CancelledError)
STAGES = {"block": "predicting", "outline": "polygons"}


@contextmanager
def cluster(workers: int, scheduler: str, networks_python: str | None = None) -> Iterator["Cluster"]:
    """Start so many worker processes, or use a scheduler's; raises InputError where dask or that is not there."""
    try:
        import dask
        import distributed
    except ImportError as error:
        raise InputError("no_dask", reason=error) from error
    if workers < 1 and not scheduler:
        raise InputError("bad_workers", workers=workers)
    if scheduler:
        try:
            with distributed.Client(scheduler, timeout=PATIENCE_S) as client:
                yield Cluster(client, networks_python)
        except OSError as error:
            raise InputError("no_scheduler", address=scheduler, reason=error) from error
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    settings = {
        "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": threads,
        "distributed.nanny.pre-spawn-environ.MKL_NUM_THREADS": threads,
        "distributed.scheduler.allowed-failures": TRIES - 1,
    }
    options = {"processes": True, "threads_per_worker": 1, "memory_limit": 0, "dashboard_address": None}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(workers, host="127.0.0.1", silence_logs=50, **options) as local,
        distributed.Client(local) as client,
    ):
        try:
            yield Cluster(client, networks_python)
        except BaseException:
            _end_at_once(local)
            raise


def _end_at_once(local: Any) -> None:
    """End the workers of a cluster: dask would wait for what they are at, and nobody wants that any more."""

    async def end() -> None:
        closing = [nanny.close(timeout=PARTING_S) for nanny in local.workers.values()]
        await asyncio.gather(*closing, return_exceptions=True)

    with suppress(*LOST, RuntimeError):
        local.sync(end)


class Cluster:
    """Spreads the tasks of a plan (engine.predict.planned.Spread) over the workers of a client of dask."""

    def __init__(self, client: Any, networks_python: str | None = None) -> None:
        self._client = client
        self._python = networks_python
        # Workers whose numbers differ from those of the rest.
        self._refused: set[str] = set()

    def run(self, task: str, plan: str | Path, indexes: Sequence[int], feedback: Feedback) -> None:
        """Do a task for blocks; each is tried five times, and the rest goes on. Raises FarmCDError at the end."""
        try:
            _Round(self, task, str(plan), feedback).run(indexes)
        except LOST as error:
            raise FarmCDError("cluster_lost", reason=error, plan=plan) from error

    def workers(self) -> list[str]:
        """List the addresses of the workers that may be asked; waits for the first."""
        begun = time.monotonic()
        while not (known := list(self._client.scheduler_info(n_workers=-1)["workers"])):
            if self._client.status != "running" or time.monotonic() - begun > PATIENCE_S:
                raise TimeoutError("no worker")
            time.sleep(POLL_S)
        return [address for address in known if address not in self._refused]

    def refuse(self, address: str) -> None:
        """Ask a worker no more."""
        self._refused.add(address)

    def submit(self, *arguments: Any) -> Any:
        """Let a worker do a task."""
        allowed = self.workers() if self._refused else None
        if allowed == []:
            return None
        return self._client.submit(do, *arguments, self._python, pure=False, workers=allowed)

    @property
    def client(self) -> Any:
        """The client of dask."""
        return self._client


class _Round:
    """One task for many blocks."""

    def __init__(self, cluster: Cluster, task: str, plan: str, feedback: Feedback) -> None:
        self._cluster, self._task, self._plan, self._feedback = cluster, task, plan, feedback
        self._tries: dict[int, int] = {}
        self._failed: dict[int, FarmCDError] = {}
        self._under_way: dict[Any, int] = {}

    def run(self, indexes: Sequence[int]) -> None:
        from distributed import wait

        waiting = deque(indexes)
        done, count = 0, len(indexes)
        try:
            while waiting or self._under_way:
                self._feedback.check()
                self._tell(done, count)
                room = WAITING * max(1, len(self._cluster.workers())) if waiting else 0
                while waiting and len(self._under_way) < room:
                    self._begin(waiting.popleft())
                try:
                    wait(list(self._under_way), timeout=POLL_S, return_when="FIRST_COMPLETED")
                except TimeoutError:
                    self._look_for_life()
                    continue
                for future in [future for future in self._under_way if future.done()]:
                    index = self._under_way.pop(future)
                    again = self._ended(index, future)
                    if again:
                        waiting.append(index)
                    done += not again
            self._tell(done, count)
        finally:
            # A scheduler that has gone has nothing left to cancel.
            with suppress(*LOST, RuntimeError):
                self._cluster.client.cancel(list(self._under_way))
        if self._failed:
            first = min(self._failed)
            blocks = sorted(self._failed)[:NAMED_BLOCKS]
            reason = self._failed[first]
            raise FarmCDError(
                "blocks_failed", count=len(self._failed), blocks=blocks, tries=TRIES, reason=reason, plan=self._plan
            )

    def _tell(self, done: int, count: int) -> None:
        """Say how many blocks are finished, from the first moment on: a block may take long."""
        message = part("blocks_done", done=done, count=count) if self._task == "block" else ""
        self._feedback.progress(STAGES[self._task], done / max(count, 1), message=message)

    def _begin(self, index: int) -> None:
        future = self._cluster.submit(self._task, self._plan, index)
        if future is None:
            raise self._failed.get(index) or FarmCDError("cluster_lost", reason="-", plan=self._plan)
        self._under_way[future] = index

    def _look_for_life(self) -> None:
        if self._cluster.client.status != "running":
            raise TimeoutError(f"the scheduler is {self._cluster.client.status}")

    def _ended(self, index: int, future: Any) -> bool:
        """Take what became of a block; returns whether it is to be tried again."""
        if future.status == "cancelled":
            raise TimeoutError("the scheduler has let the work go")
        if future.status == "error":
            # Dask has tried it on as many workers as it may, and each of them died.
            self._failed[index] = FarmCDError("worker_ended", reason=future.exception(), log=self._plan)
            return False
        said = future.result()
        if "error" not in said:
            self._failed.pop(index, None)
            return False
        error = error_from_dict(said["error"])
        self._failed[index] = error
        if error.code == "numerics_differ":
            self._cluster.refuse(said["worker"])
            self._feedback.finding(Finding("warning", "worker_refused", {"worker": said["worker"], "reason": error}))
            if not self._cluster.workers():
                raise error
            return True
        self._tries[index] = self._tries.get(index, 0) + 1
        return self._tries[index] < TRIES


def do(task: str, plan: str, index: int, networks_python: str | None) -> dict[str, Any]:
    """Do a task of a plan in a worker of dask; what goes wrong comes back as a sentence."""
    from distributed import get_worker

    worker = get_worker().address
    try:
        return _prepared(networks_python)(task, plan, index) | {"worker": worker}
    except Cancelled:
        raise
    except FarmCDError as error:
        return {"error": error.sentence | {"exit_status": error.exit_status}, "worker": worker}
    except Exception as error:
        from .serving import explain

        return {"error": explain(error).sentence, "worker": worker}


@lru_cache(1)
def _prepared(networks_python: str | None) -> Any:
    from ..engine.predict.planned import task as engine_task
    from ..engine.prepare import prepare

    prepare()
    networks = None
    if networks_python:
        from ..runtime.network_worker import NetworkWorker

        networks = NetworkWorker(networks_python)
    return lambda task, plan, index: engine_task(task, plan, index, SILENT, networks)
