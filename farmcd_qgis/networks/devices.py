"""What networks can run on, as really tried."""

import logging
from typing import Any

import torch

from ..core.errors import InputError
from ..core.messages import part, tell, why

logger = logging.getLogger(__name__)


def list_devices() -> list[dict[str, Any]]:
    """Try every device and say what came of it: rows of id, name, usable, problem; the best usable one first.

    `problem` is None or a sentence {"code", "values"}, `name` a text or such a part of one. A device counts as usable
    only after it has computed a small product.
    """
    rows = [_row(f"cuda:{index}") for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        rows.append(_row("mps"))
    if not rows:
        if torch.backends.cuda.is_built():
            return [{**_row("cpu"), "problem": part("no_gpu")}]
        return [{**_row("cpu"), "problem": part("no_gpu_support", version=torch.__version__)}]
    return sorted([*rows, _row("cpu")], key=lambda row: not row["usable"])


def choose_device(wanted: str) -> dict[str, Any]:
    """Return the row of `list_devices` for "auto", "cpu", "cuda", "cuda:1" or "mps".

    "auto" takes the best usable one, and logs a warning about a GPU that is there but fails. A device that is
    asked for by name is never replaced: InputError says why it cannot be used.
    """
    rows = list_devices()
    if wanted == "auto":
        for row in rows:
            if not row["usable"]:
                tell(logger, "device_not_used", name=row["name"], device=row["id"], problem=row["problem"])
        return next(row for row in rows if row["usable"])
    name = "cuda:0" if wanted == "cuda" else wanted
    by_id = {row["id"]: row for row in rows}
    if name in by_id and by_id[name]["usable"]:
        return by_id[name]
    problem = by_id.get(name, by_id["cpu"])["problem"] or part("no_such_device")
    usable = [row["id"] for row in rows if row["usable"]]
    raise InputError("device_unusable", device=wanted, problem=problem, usable=usable)


def _row(device: str) -> dict[str, Any]:
    problem = _probe(device)
    return {"id": device, "name": _name(device), "usable": problem is None, "problem": problem}


def _name(device: str) -> str | dict[str, Any]:
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    return "Apple GPU" if device == "mps" else part("cpu_threads", count=torch.get_num_threads())


def _probe(device: str) -> dict[str, Any] | None:
    """Compute something small there; return why it cannot be used, None if it can."""
    try:
        ones = torch.ones(1, 8, 16, 16, device=device)
        found = torch.nn.functional.conv2d(ones, ones[:, :, :3, :3]).sum().item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return part("trial_failed", reason=why(error))
    wanted = 14 * 14 * 8 * 9
    return None if found == wanted else part("trial_wrong", found=found, wanted=wanted)
