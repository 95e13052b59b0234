"""A network on a device: tiles in, probabilities out; and an honest answer to which devices work."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..classes import CLASSES, NO_CHANGE
from ..protocol import FarmCDError, InputError
from . import heap
from .checkpoint import checkpoint_hash, load_checkpoint

logger = logging.getLogger(__name__)

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class Predictor:
    """Predicts change for tiles of `tile` x `tile` pixels; `device` is the PyTorch name of where it runs."""

    def __init__(
        self,
        net: torch.nn.Module,
        device: str = "cpu",
        *,
        tile: int = 256,
        symmetric: bool = False,
        context: Sequence[str] = (),
        about: dict[str, Any] | None = None,
    ) -> None:
        self.tile = tile
        self.device = device
        # On the CPU one by one, so that the result does not depend on the batch; halved where memory runs out.
        self._at_once = 1 if device == "cpu" else 1024
        self._net = net
        self._symmetric = symmetric
        self._context = list(context) or None
        self._temperature = float(getattr(net, "temperature", 1.0))
        self._about = about or {}
        if device == "cpu":
            heap.keep_freed()

    @classmethod
    def load(cls, checkpoint: str, device: str = "auto", **options: Any) -> "Predictor":
        """Load a checkpoint onto the best or the named device; `options` are those of the constructor.

        Raises InputError for a checkpoint or a device that cannot be used.
        """
        chosen = choose_device(device)
        net = load_checkpoint(checkpoint, device=chosen["id"])
        if net.config.n_classes != len(CLASSES):
            raise InputError(
                "other_classes",
                f"The checkpoint {checkpoint} tells {net.config.n_classes} classes apart, FarmCD's table has "
                f"{len(CLASSES)}. Choose a checkpoint that was trained for FarmCD's classes.",
            )
        if unknown := [prompt for prompt in options.get("context", ()) if prompt not in net.score_head.contexts]:
            raise InputError(
                "unknown_context",
                f"The checkpoint {checkpoint} knows {len(net.score_head.contexts)} contexts, but not {unknown[0]!r}. "
                "Leave the context out, or convert the checkpoint with CLIP weights (farmcd convert --text-weights).",
            )
        about = {"checkpoint": str(checkpoint), "sha256": checkpoint_hash(checkpoint), "device": chosen}
        return cls(net, chosen["id"], about=about, **options)

    def describe(self) -> dict[str, Any]:
        """Return what the run's record says of the network: checkpoint, its hash and card, device, temperature."""
        card = getattr(self._net, "card", None)
        return {"card": card, "temperature": self._temperature, "torch": torch.__version__, **self._about}

    def predict(self, before: Bytes, after: Bytes) -> tuple[Floats, Floats]:
        """Predict tiles, uint8 (B, 3, T, T) in red, green, blue.

        Returns the class probabilities (B, K, T, T) and the share that the text-prior pathway gives to "no
        change" (B, T, T), both float32. On the CPU a tile's values do not depend on the batch it came in.
        Halves the batch where the device's memory runs out; raises FarmCDError if not even one tile fits.
        """
        probabilities, shares = [], []
        done = 0
        while done < len(before):
            part = slice(done, done + self._at_once)
            try:
                classes, share = self._forward(before[part], after[part])
            except RuntimeError as error:
                if "out of memory" not in str(error).lower():
                    raise
                self._shrink(len(before[part]))
                continue
            probabilities.append(classes)
            shares.append(share)
            done += len(classes)
        return np.concatenate(probabilities), np.concatenate(shares)

    @torch.inference_mode()
    def _forward(self, before: Bytes, after: Bytes) -> tuple[Floats, Floats]:
        first, second = self._tensor(before), self._tensor(after)
        classes, priors = self._softmax(first, second)
        if self._symmetric:
            turned = self._softmax(second, first)
            classes, priors = (classes + turned[0]) / 2, (priors + turned[1]) / 2
        return classes.cpu().numpy(), priors[:, NO_CHANGE].cpu().numpy()

    def _softmax(self, before: torch.Tensor, after: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, score_map = self._net(before, after, self._context)
        return torch.softmax(logits.float() / self._temperature, 1), torch.softmax(score_map.float(), 1)

    def _tensor(self, image: Bytes) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(image)).to(self.device).float() / 255 * 2 - 1

    def _shrink(self, tried: int) -> None:
        if tried == 1:
            raise FarmCDError(
                "device_memory",
                f"The memory of {self.device} is too small for one tile of {self.tile} pixels; close other programs "
                "that use it, choose a smaller tile, or the device cpu.",
            )
        self._at_once = tried // 2
        logger.warning("The memory of %s is too small; going on with %d tiles at a time.", self.device, self._at_once)


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
