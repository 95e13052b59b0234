"""What networks can run on, as really tried."""

import logging
from typing import Any

import torch

from ..core.errors import InputError

logger = logging.getLogger(__name__)


def list_devices() -> list[dict[str, Any]]:
    """Try every device and say what came of it: rows of id, name, usable, message; the best usable one first.

    `message` is empty or one sentence. A device counts as usable only after it has computed a small product.
    """
    rows = [_row(f"cuda:{index}") for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        rows.append(_row("mps"))
    if not rows:
        reason = (
            "PyTorch sees no GPU: the driver is missing, too old, or there is no card."
            if torch.backends.cuda.is_built()
            else f"This PyTorch ({torch.__version__}) is built without GPU support."
        )
        return [{**_row("cpu"), "message": reason}]
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
                logger.warning("%s (%s) is not used: %s", row["name"], row["id"], row["message"])
        return next(row for row in rows if row["usable"])
    name = "cuda:0" if wanted == "cuda" else wanted
    by_id = {row["id"]: row for row in rows}
    if name in by_id and by_id[name]["usable"]:
        return by_id[name]
    reason = by_id.get(name, by_id["cpu"])["message"] or "There is no such device."
    there = ", ".join(row["id"] for row in rows if row["usable"])
    raise InputError("device_unusable", f"The device {wanted!r} cannot be used. {reason} Usable here: {there}.")


def _row(device: str) -> dict[str, Any]:
    problem = _probe(device)
    return {"id": device, "name": _name(device), "usable": not problem, "message": problem}


def _name(device: str) -> str:
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    return "Apple GPU" if device == "mps" else f"CPU, {torch.get_num_threads()} threads"


def _probe(device: str) -> str:
    """Compute something small there; return why it cannot be used, or an empty string."""
    try:
        ones = torch.ones(1, 8, 16, 16, device=device)
        found = torch.nn.functional.conv2d(ones, ones[:, :, :3, :3]).sum().item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return f"A trial computation failed: {str(error).strip().splitlines()[0]}."
    wanted = 14 * 14 * 8 * 9
    return "" if found == wanted else f"A trial computation gave {found:g} instead of {wanted}."
