"""A checkpoint's header and model card, read without torch."""

import hashlib
import json
import math
import struct
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..core.classes import CLASSES
from ..core.errors import InputError
from .fd_mamba.variant import reason

FORMAT = 1
HEADER = "farmcd"
LARGEST_HEADER = 100 * 2**20


@dataclass(frozen=True)
class ModelCard:
    """What a checkpoint says of itself, in words and measured figures.

    `resolution_m` is the range of ground metres per pixel it was trained for, `bands` names what it reads where that is
    not red, green, blue; `metrics` maps a figure's name to its measured value, and `measured_on` says on what.
    """

    name: str
    description: str = ""
    data: str = ""
    licence: str = ""
    resolution_m: tuple[float, float] | None = None
    bands: str = ""
    tile: int = 256
    metrics: dict[str, float] = field(default_factory=dict)
    measured_on: str = ""
    text_encoder: str = ""
    calibration: str = ""
    limits: str = ""
    created: str = ""
    classes: tuple[str, ...] = tuple(row.name for row in CLASSES)


def read_card(path: str | Path) -> ModelCard:
    """Read the card from a checkpoint's header alone, without torch.

    Raises InputError where the file is missing, not in our format, or of a newer format or another network.
    """
    return _card(_read_header(Path(path)), Path(path))


def read_contexts(path: str | Path) -> list[str]:
    """Read from a checkpoint's header which context prompts it knows; raises as `read_card` does."""
    prompts = _read_header(Path(path)).get("context_prompts", [])
    return [str(prompt) for prompt in prompts] if isinstance(prompts, list) else []


def checkpoint_hash(path: str | Path) -> str:
    """Return the file's SHA-256 in hexadecimal, as the run's record keeps it; raises OSError as `open` does."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_safetensors(path: Path) -> bool:
    try:
        if not path.is_file():
            raise InputError("checkpoint_missing", f"There is no checkpoint file {path}.")
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise _damaged(path, error) from error
    if not start:
        raise InputError("checkpoint_unreadable", f"{path} is empty (0 bytes). Copy or download it again.")
    return len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < LARGEST_HEADER


def _read_header(path: Path) -> dict[str, Any]:
    if not _is_safetensors(path):
        raise InputError(
            "checkpoint_not_ours",
            f"{path} is not in FarmCD's checkpoint format. If it is an authors' .pth file, convert it first "
            "(farmcd convert SOURCE TARGET).",
        )
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        text = file.read(length)
    try:
        header = json.loads(json.loads(text)["__metadata__"][HEADER])
        made_by, made_in = header["model"], int(header["format"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(
            "checkpoint_not_ours", f"{path} is a safetensors file, but its header is not FarmCD's or is cut short."
        ) from error
    if made_by != "fd_mamba" or made_in > FORMAT:
        raise InputError(
            "checkpoint_other_network",
            f"{path} holds the model {made_by!r} in format {made_in}; this version of FarmCD reads fd_mamba up to "
            f"format {FORMAT}. Update FarmCD, or choose another checkpoint.",
        )
    return header


def _card(header: dict[str, Any], path: Path) -> ModelCard:
    known = {f.name for f in fields(ModelCard)}
    try:
        card = ModelCard(**{key: value for key, value in _with_tuples(header["card"]).items() if key in known})
        span = (1, 2) if card.resolution_m is None else card.resolution_m
        numbers = [card.tile, *card.metrics.values(), *span]
        words = [*(getattr(card, f.name) for f in fields(card) if f.type is str), *card.classes]
        finite = all(math.isfinite(number) for number in numbers)
        if not finite or len(span) != 2 or not all(isinstance(word, str) for word in words):
            raise ValueError("its model card is garbled")
        return card
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _damaged(path, error) from error


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        "checkpoint_unreadable",
        f"{path} is no checkpoint or is damaged: {reason(error)}. Copy or download it again.",
    )
