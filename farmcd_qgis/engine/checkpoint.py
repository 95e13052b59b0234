"""Checkpoints: our own safetensors format with its model card, and the authors' `.pth` files.

    from farmcd_qgis.engine import load_checkpoint
    net = load_checkpoint("farmcd.safetensors")
    logits, score_map = net(before, after)      # (B, 3, H, W) float32 in [-1, 1] -> (B, K, H, W) twice

Own format: the parameters under their names, the text features as `text.classes` (K, width) and `text.contexts`
(M, width), and in the header, under "farmcd", a JSON object with model, configuration, prompts, temperature, card.
Both formats tell the network's variant by their shapes; the configuration in the header must agree with them.
"""

import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..classes import CLASSES
from ..protocol import FarmCDError, InputError
from .prompts import class_prompts
from .variant import infer_config, reason

if TYPE_CHECKING:
    from torch import Tensor

    from .models.fd_mamba import FDMamba

FORMAT = 1
HEADER = "farmcd"
CLASS_TEXT = "text.classes"
CONTEXT_TEXT = "text.contexts"
CLIP_PREFIX = "score_head.clip_model."
CLIP_INSIDE = "CLIP text tower of the authors' checkpoint"
WRAPPERS = ("model", "state_dict", "net", "cd_model")
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


def load_checkpoint(path: str | Path, text_features: Mapping[str, Any] | None = None, device: str = "cpu") -> "FDMamba":
    """Load a network from our format or an authors' `.pth`, ready to predict (eval mode, on `device`).

    `text_features` maps prompts to vectors (width,) and goes before those in the file; an authors' file without
    CLIP's tensors needs them. The network has `card`, `config` and `temperature`.
    Raises InputError for a file that is missing, damaged, unsafe, of another network, or holds NaN.
    """
    file = Path(path)
    if _is_safetensors(file):
        net, card = _load_own(file, text_features)
    else:
        net, card = _load_authors(file, text_features)
    net.card = card
    return net.to(device).eval()


def save_checkpoint(net: "FDMamba", card: ModelCard, path: str | Path) -> None:
    """Write a network with its text features and card in our format.

    The file appears, or takes the place of an older one, only when it is whole.
    Raises FarmCDError where the file cannot be written.
    """
    from safetensors.torch import save

    head = net.score_head
    tensors = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    tensors[CLASS_TEXT] = head.text.detach().float().cpu().contiguous()
    if head.contexts:
        import torch

        tensors[CONTEXT_TEXT] = torch.stack(list(head.contexts.values())).cpu()
    header = {
        "format": FORMAT,
        "model": "fd_mamba",
        "config": asdict(net.config),
        "class_prompts": class_prompts(net.config.n_classes),
        "context_prompts": list(head.contexts),
        "temperature": net.temperature,
        "card": asdict(card),
    }
    target = Path(path)
    partial = target.with_name(target.name + ".part")
    try:
        partial.write_bytes(save(tensors, {HEADER: json.dumps(header, ensure_ascii=False, allow_nan=False)}))
        partial.replace(target)
    except OSError as error:
        raise FarmCDError("write_failed", f"The checkpoint {target} could not be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            partial.unlink()


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


def _load_own(path: Path, text_features: Mapping[str, Any] | None) -> tuple["FDMamba", ModelCard]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    header = _read_header(path)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error
    try:
        text = [(header["class_prompts"], tensors.pop(CLASS_TEXT))]
        if CONTEXT_TEXT in tensors:
            text.append((header["context_prompts"], tensors.pop(CONTEXT_TEXT)))
        known = {prompt: vector for pair in text for prompt, vector in zip(*pair, strict=True)}
        said, temperature = _with_tuples(header["config"]), float(header.get("temperature", 1.0))
        if not 0 < temperature < math.inf:
            raise ValueError(f"its temperature is {temperature}")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _damaged(path, error) from error
    net = _build(tensors, path)
    if {**asdict(net.config), **said} != asdict(net.config):
        raise InputError("checkpoint_keys", f"{path} says of itself {said}, but its tensors are of {net.config}.")
    _set_text(net, {**known, **(text_features or {})}, path)
    net.temperature = temperature
    return net, _card(header, path)


def _load_authors(path: Path, text_features: Mapping[str, Any] | None) -> tuple["FDMamba", ModelCard]:
    from .text_priors import clip_features

    state = read_authors_state(path)
    clip = {key.removeprefix(CLIP_PREFIX): value for key, value in state.items() if key.startswith(CLIP_PREFIX)}
    tensors = {key: value for key, value in state.items() if not key.startswith(CLIP_PREFIX)}
    net = _build(tensors, path)
    features, encoder = dict(text_features or {}), "given vectors"
    missing = [prompt for prompt in class_prompts(net.config.n_classes) if prompt not in features]
    if missing and "token_embedding.weight" in clip:
        features |= clip_features(missing, clip, path)
        encoder = CLIP_INSIDE
    _set_text(net, features, path)
    return net, ModelCard(name=path.stem, description="Authors' checkpoint, read as it is.", text_encoder=encoder)


def read_authors_state(path: Path) -> dict[str, "Tensor"]:
    """Read an authors' checkpoint safely as a flat state dict without wrappers and prefixes.

    Raises InputError for a file that is no PyTorch checkpoint, is damaged, or holds more than tensors.
    """
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)  # nosec B614 weights_only
    except Exception as error:  # a foreign file makes torch raise anything; what it advises is not for the person
        if "Unsupported global" in str(error) or "GLOBAL" in str(error):
            raise InputError(
                "checkpoint_unsafe",
                f"{path} was not opened: it holds more than tensors and could run code of a stranger. Ask for a "
                "checkpoint that holds a plain state dict.",
            ) from error
        reason = ValueError(f"its {path.stat().st_size:,} bytes cannot be read as a PyTorch state dict")
        raise _damaged(path, reason) from error
    while isinstance(loaded, Mapping) and (
        inner := next((w for w in WRAPPERS if isinstance(loaded.get(w), Mapping)), None)
    ):
        loaded = loaded[inner]
    if not isinstance(loaded, Mapping):
        raise InputError("checkpoint_other_network", f"{path} holds a {type(loaded).__name__}, not a state dict.")
    return {
        re.sub(r"^(module\.|_orig_mod\.)+", "", str(key)): value
        for key, value in loaded.items()
        if isinstance(value, torch.Tensor)
    }


def _build(tensors: Mapping[str, "Tensor"], path: Path) -> "FDMamba":
    import torch

    from .models.fd_mamba import FDMamba

    config = infer_config(tensors, path)
    try:
        # On the meta device shapes cost no memory, however large a strange file makes them.
        with torch.device("meta"):
            net = FDMamba(config)
    except (ValueError, ArithmeticError, RuntimeError) as error:
        raise InputError(
            "checkpoint_other_network", f"{path} is not an FD-Mamba checkpoint: its shapes ask for {config}."
        ) from error
    wanted = net.state_dict()
    missing, unexpected = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
    shapes = [k for k in wanted if k in tensors and wanted[k].shape != tensors[k].shape]
    if missing or unexpected or shapes:
        wrong = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
        parts = [
            f"{len(keys)} {what} ({', '.join(keys[:3])}{', ...' if keys[3:] else ''})"
            for what, keys in wrong.items()
            if keys
        ]
        raise InputError("checkpoint_keys", f"{path} does not fit FD-Mamba: {'; '.join(parts)}.")
    try:
        # Not by to_empty: on tensors of the meta device it loads torch's compiler, which takes a second.
        real = {name: torch.empty(meta.shape, dtype=meta.dtype).copy_(tensors[name]) for name, meta in wanted.items()}
        net.load_state_dict(real, assign=True)
    except RuntimeError as error:
        raise InputError(
            "checkpoint_keys", f"{path} holds tensors of a kind that FD-Mamba cannot take (sparse, quantised or empty)."
        ) from error
    if broken := [name for name, value in net.state_dict().items() if not value.isfinite().all()]:
        raise InputError(
            "checkpoint_not_finite",
            f"{path} holds NaN or infinite numbers in {len(broken)} tensors ({broken[0]}): its training failed. Choose "
            "another checkpoint.",
        )
    return net


def _set_text(net: "FDMamba", features: Mapping[str, Any], path: Path) -> None:
    import torch

    prompts = class_prompts(net.config.n_classes)
    if missing := [prompt for prompt in prompts if prompt not in features]:
        raise InputError(
            "text_features_missing",
            f"{path} holds no text features for {len(missing)} prompts ({', '.join(map(repr, missing))}). Convert it "
            "with a CLIP weights file (farmcd convert SOURCE TARGET --text-weights FILE).",
        )
    width = net.config.text_width
    vectors = {}
    for prompt, numbers in features.items():
        try:
            vectors[prompt] = vector = torch.as_tensor(numbers, dtype=torch.float32).flatten()
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                "text_features_unusable", f"The text feature of {prompt!r} for {path} is no vector: {reason(error)}."
            ) from error
        if vector.numel() != width:
            raise InputError(
                "text_features_width",
                f"The text feature of {prompt!r} has {vector.numel()} numbers, {path} needs {width}.",
            )
        if not vector.isfinite().all() or not vector.any():
            raise InputError(
                "text_features_unusable", f"The text feature of {prompt!r} for {path} is NaN, infinite or all zero."
            )
    contexts = {prompt: vector for prompt, vector in vectors.items() if prompt not in prompts}
    net.score_head.set_text(torch.stack([vectors[prompt] for prompt in prompts]), contexts)


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        "checkpoint_unreadable",
        f"{path} is no checkpoint or is damaged: {reason(error)}. Copy or download it again.",
    )
