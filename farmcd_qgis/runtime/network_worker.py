"""The networks in a process of their own, whose Python needs torch but neither GDAL nor QGIS.

It offers the engine what `networks.here` offers within the process. Its other half is `networks.serve`.
"""

import contextlib
import mmap
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core import shared_memory
from ..core.errors import FarmCDError
from ..core.feedback import SILENT, Feedback
from ..core.protocol import Command
from .client import WorkerClient, worker_argv

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
# Shorter than QGIS waits for the engine, which can then still tidy up.
CANCEL_GRACE_S = 0.25


class NetworkWorker:
    """Starts the process when it is first needed, or anew where it has died, and keeps it warm until `end`."""

    def __init__(self, interpreter: str | Path) -> None:
        self.interpreter = Path(shutil.which(interpreter) or interpreter).absolute()
        self._client: WorkerClient | None = None
        self._memory = shared_memory.make()
        self._map: mmap.mmap | None = None
        self._place: shared_memory.Place = {"size": 0}

    def predictor(
        self,
        feedback: Feedback,
        checkpoint: str,
        device: str = "auto",
        *,
        tile: int = 256,
        symmetric: bool = False,
        context: Sequence[str] = (),
    ) -> "RemotePredictor":
        """Load a network there; `feedback` cancels what it is asked for later, too. Raises FarmCDError."""
        options = {"tile": tile, "symmetric": symmetric, "context": list(context)}
        opened = self._open(feedback, "predictor", {"checkpoint": checkpoint, "device": device, **options})
        return RemotePredictor(self, opened, feedback)

    def screen(self, feedback: Feedback, checkpoint: str, device: str = "auto") -> "RemoteScreen":
        """Load the screen of a checkpoint there; see networks.screening. Raises FarmCDError."""
        self._open(feedback, "screen", {"checkpoint": checkpoint, "device": device})
        return RemoteScreen(self, feedback)

    def judge(self, feedback: Feedback, weights: str, keep: str, drop: str) -> "RemoteJudge":
        """Load a CLIP there; see networks.judge. Raises FarmCDError."""
        self._open(feedback, "judge", {"weights": weights, "keep": keep, "drop": drop})
        return RemoteJudge(self, feedback)

    def close(self) -> None:
        """Let the models go; the process stays warm."""
        if self._client is not None and self._client.alive:
            # It may die at this moment, too: then there is nothing left to let go.
            with contextlib.suppress(FarmCDError):
                self._client.run(Command("close_models"), SILENT)

    def end(self) -> None:
        """End the process."""
        if self._client is not None:
            self._client.end()

    def compute(self, kind: str, arrays: Sequence[np.ndarray], feedback: Feedback) -> list[np.ndarray]:
        """Let the open model of a kind compute arrays; raises FarmCDError, also where the process has died."""
        client = self._client
        if client is None:
            raise FarmCDError("model_not_open", kind=kind)
        begins, end = shared_memory.lay_out([array.nbytes for array in arrays])
        memory = self._at_least(end)
        rows = []
        for array, begin in zip(arrays, begins, strict=True):
            np.copyto(np.ndarray(array.shape, array.dtype, memory, begin), array)
            rows.append({"shape": array.shape, "dtype": array.dtype.str, "at": begin})
        done = client.run(Command("compute", {"kind": kind, "arrays": rows, "place": self._place}), feedback)
        if "needs" in done:
            memory = self._at_least(done["needs"])
            done = client.run(Command("hand_over", {"place": self._place}), feedback)
        # Copies: the next results come to the same place while these are still blended.
        return [np.ndarray(row["shape"], row["dtype"], memory, row["at"]).copy() for row in done["arrays"]]

    def _open(self, feedback: Feedback, kind: str, options: dict[str, Any]) -> dict[str, Any]:
        if self._client is None or not self._client.alive:
            argv = worker_argv(self.interpreter, "networks")
            inherited = self._memory.inherited
            # In this process's folder, so that a relative path means the same there.
            self._client = WorkerClient(argv, inherited=inherited, grace_s=CANCEL_GRACE_S, folder=Path.cwd())
        return self._client.run(Command("open_model", {"kind": kind, "options": options}), feedback)

    def _at_least(self, size: int) -> mmap.mmap:
        if self._map is None or size > self._place["size"]:
            self._map, self._place = self._memory.grow(size)
        return self._map


class RemotePredictor:
    """A TilePredictor whose network is in the other process."""

    def __init__(self, worker: NetworkWorker, opened: dict[str, Any], feedback: Feedback) -> None:
        self.tile: int = opened["tile"]
        self.device: str = opened["device"]
        self.at_once: int = opened["at_once"]
        self._worker, self._about, self._feedback = worker, opened["about"], feedback

    def describe(self) -> dict[str, Any]:
        """Return what the run's record says of the network."""
        return self._about

    def predict(self, before: Bytes, after: Bytes) -> tuple[Floats, Floats | None]:
        """Predict as networks.predictor does; raises Cancelled, too, and FarmCDError where the process has died."""
        classes, *shares = self._worker.compute("predictor", (before, after), self._feedback)
        return classes, shares[0] if shares else None

    def attention(self, before: Bytes, after: Bytes) -> Floats:
        """Say where the network looks, as networks.predictor does."""
        return self._worker.compute("attention", (before, after), self._feedback)[0]


class RemoteScreen:
    """A screen in the other process."""

    def __init__(self, worker: NetworkWorker, feedback: Feedback) -> None:
        self._worker, self._feedback = worker, feedback

    def scores(self, before: Bytes, after: Bytes) -> Floats:
        """Score tiles as networks.screening does."""
        return self._worker.compute("screen", (before, after), self._feedback)[0]


class RemoteJudge:
    """A judge of pairs of pictures whose CLIP is in the other process."""

    def __init__(self, worker: NetworkWorker, feedback: Feedback) -> None:
        self._worker, self._feedback = worker, feedback

    def margins(self, pictures: Sequence[tuple[Bytes, Bytes]]) -> Floats:
        """Judge as networks.judge does."""
        return self._worker.compute("judge", [image for pair in pictures for image in pair], self._feedback)[0]
