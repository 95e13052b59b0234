"""What the engine asks of the networks' process: open a model, let it compute arrays, close it.

Arrays lie in memory that both processes see (core.shared_memory); JSON carries only where. What they mean to each kind
of model stands in COMPUTE; its other half is runtime.network_worker.
"""

import gc
import mmap
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import FarmCDError
from ..core.feedback import Feedback
from ..core.shared_memory import Place, attach, lay_out
from .here import Here

Arrays = list[np.ndarray]
# By kind of work: before and after become classes and, where there are, shares, or where the network looks, or a
# score of each tile; pairs of pictures become margins.
COMPUTE: dict[str, Callable[[Any, Arrays], Arrays]] = {
    "predictor": lambda model, arrays: [array for array in model.predict(*arrays) if array is not None],
    "attention": lambda model, arrays: [model.attention(*arrays)],
    "screen": lambda model, arrays: [model.scores(*arrays)],
    "judge": lambda model, arrays: [model.margins(list(zip(arrays[::2], arrays[1::2], strict=True)))],
}

# Which model does it, where it has another name.
WORKERS = {"attention": "predictor"}


class _Desk:
    """What lies on the desk of this process: open models, the memory shared with the other one, the last results."""

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.results: Arrays = []
        self._place: Place = {}
        self._memory: mmap.mmap | None = None

    def memory(self, place: Place) -> mmap.mmap:
        """Map the shared memory, once for each place."""
        if self._memory is None or place != self._place:
            self._memory, self._place = attach(place), place
        return self._memory


_desk = _Desk()
_here = Here()


def open_model(kind: str, options: dict[str, Any], feedback: Feedback) -> dict[str, Any]:
    """Load a model, in place of an earlier one of its kind; returns what the other side is to know of it."""
    _desk.models.pop(kind, None)
    model = _desk.models[kind] = getattr(_here, kind)(feedback, **options)
    if kind != "predictor":
        return {}
    return {"tile": model.tile, "device": model.device, "at_once": model.at_once, "about": model.describe()}


def compute(kind: str, arrays: list[dict[str, Any]], place: Place) -> dict[str, Any]:
    """Let the model for a kind of work compute arrays of shape, dtype and place in the shared memory.

    Returns as `hand_over` does; raises FarmCDError where no such model is open.
    """
    worker = WORKERS.get(kind, kind)
    if worker not in _desk.models:
        raise FarmCDError("model_not_open", kind=kind)
    memory = _desk.memory(place)
    given: Arrays = [np.ndarray(row["shape"], row["dtype"], memory, row["at"]) for row in arrays]
    _desk.results = COMPUTE[kind](_desk.models[worker], given)
    return hand_over(place)


def hand_over(place: Place) -> dict[str, Any]:
    """Put the last results into the shared memory; returns where, or how many bytes they need where it is too small."""
    begins, end = lay_out([array.nbytes for array in _desk.results])
    if end > place["size"]:
        return {"needs": end}
    memory = _desk.memory(place)
    rows = []
    for array, begin in zip(_desk.results, begins, strict=True):
        np.copyto(np.ndarray(array.shape, array.dtype, memory, begin), array)
        rows.append({"shape": array.shape, "dtype": array.dtype.str, "at": begin})
    _desk.results = []
    return {"arrays": rows}


def close_models() -> dict[str, Any]:
    """Let all models go; the process stays, with torch loaded."""
    _desk.models.clear()
    gc.collect()
    _here.close()
    return {}
