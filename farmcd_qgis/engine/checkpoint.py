"""Checkpoints: our own safetensors format with its model card, and the authors' `.pth` files.

    from farmcd_qgis.engine import load_checkpoint
    net = load_checkpoint("farmcd.safetensors")
    logits, score_map = net(before, after)      # (B, 3, H, W) float32 in [-1, 1] -> (B, K, H, W) twice

Own format: the parameters under their names, the text features as `text.classes` (K, width) and `text.contexts`
(M, width), and in the header, under "farmcd", a JSON object with model, configuration, prompts, temperature, card.
"""

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..classes import CLASSES
from ..protocol import FarmCDError, InputError

if TYPE_CHECKING:
    from torch import Tensor

    from .models.fd_mamba import FDMamba, FDMambaConfig

FORMAT = 1
HEADER = "farmcd"
CLASS_TEXT = "text.classes"
CONTEXT_TEXT = "text.contexts"
CLIP_PREFIX = "score_head.clip_model."
WRAPPERS = ("model", "state_dict", "net", "cd_model")
LARGEST_HEADER = 100 * 2**20


@dataclass(frozen=True)
class ModelCard:
    """What a checkpoint says of itself, in words and measured figures.

    `resolution_m` is the range of ground metres per pixel it was trained for; `metrics` maps a figure's name to its
    measured value, and `measured_on` says on what.
    """

    name: str
    description: str = ""
    data: str = ""
    licence: str = ""
    resolution_m: tuple[float, float] | None = None
    tile: int = 256
    metrics: dict[str, float] = field(default_factory=dict)
    measured_on: str = ""
    text_encoder: str = ""
    limits: str = ""
    created: str = ""
    classes: tuple[str, ...] = tuple(row.name for row in CLASSES)


def read_card(path: str | Path) -> ModelCard:
    """Read the card from a checkpoint's header alone, without torch.

    Raises InputError where the file is missing or not in our format.
    """
    return _card(_read_header(Path(path)), Path(path))


def checkpoint_hash(path: str | Path) -> str:
    """Return the file's SHA-256 in hexadecimal, as the run's record keeps it."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_checkpoint(path: str | Path, text_features: Mapping[str, Any] | None = None, device: str = "cpu") -> "FDMamba":
    """Load a network from our format or an authors' `.pth`, ready to predict (eval mode, on `device`).

    `text_features` maps prompts to vectors (width,) and goes before those in the file; an authors' file without
    CLIP's tensors needs them. The network has `card`, `config` and `temperature`.
    Raises InputError for a file that is missing, damaged, unsafe or of another network.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("checkpoint_missing", f"There is no checkpoint file {file}.")
    if _is_safetensors(file):
        net, card = _load_own(file, text_features)
    else:
        net, card = _load_authors(file, text_features)
    net.card = card
    return net.to(device).eval()


def save_checkpoint(net: "FDMamba", card: ModelCard, path: str | Path) -> None:
    """Write a network with its text features and card in our format; the file appears only when it is whole.

    Raises FarmCDError where the file cannot be written.
    """
    from safetensors.torch import save

    from .text_priors import class_prompts

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
        partial.write_bytes(save(tensors, {HEADER: json.dumps(header, ensure_ascii=False)}))
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FarmCDError("write_failed", f"The checkpoint {target} could not be written: {error.strerror}.") from error


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < LARGEST_HEADER


def _read_header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError("checkpoint_missing", f"There is no checkpoint file {path}.")
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
        if not isinstance(header, dict):
            raise TypeError(type(header))
        return header
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "checkpoint_not_ours", f"{path} is a safetensors file, but its header is not FarmCD's or is cut short."
        ) from error


def _card(header: dict[str, Any], path: Path) -> ModelCard:
    known = {f.name for f in fields(ModelCard)}
    try:
        return ModelCard(**{key: value for key, value in _with_tuples(header["card"]).items() if key in known})
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def _load_own(path: Path, text_features: Mapping[str, Any] | None) -> tuple["FDMamba", ModelCard]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from .models.fd_mamba import FDMambaConfig

    header = _read_header(path)
    if header.get("format", 0) > FORMAT or header.get("model") != "fd_mamba":
        raise InputError(
            "checkpoint_other_network",
            f"{path} holds the model {header.get('model')!r} in format {header.get('format')}; this version of FarmCD "
            f"reads fd_mamba up to format {FORMAT}. Update FarmCD, or choose another checkpoint.",
        )
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise _damaged(path, error) from error
    try:
        classes, contexts = tensors.pop(CLASS_TEXT), tensors.pop(CONTEXT_TEXT, None)
        config = FDMambaConfig(**_with_tuples(header["config"]))
        known = dict(zip(header["class_prompts"], classes, strict=True))
        if contexts is not None:
            known |= dict(zip(header["context_prompts"], contexts, strict=True))
        temperature = float(header.get("temperature", 1.0))
        net = _build(config, tensors, path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, error) from error
    _set_text(net, {**known, **(text_features or {})}, path)
    net.temperature = temperature
    return net, _card(header, path)


def _load_authors(path: Path, text_features: Mapping[str, Any] | None) -> tuple["FDMamba", ModelCard]:
    from .text_priors import class_prompts, clip_features

    state = read_authors_state(path)
    clip = {key.removeprefix(CLIP_PREFIX): value for key, value in state.items() if key.startswith(CLIP_PREFIX)}
    tensors = {key: value for key, value in state.items() if not key.startswith(CLIP_PREFIX)}
    net = _build(infer_config(tensors, path), tensors, path)
    features, encoder = dict(text_features or {}), "given vectors"
    missing = [prompt for prompt in class_prompts(net.config.n_classes) if prompt not in features]
    if missing and "token_embedding.weight" in clip:
        features |= clip_features(missing, clip)
        encoder = "CLIP text tower of the authors' checkpoint"
    _set_text(net, features, path)
    return net, ModelCard(name=path.stem, description="Authors' checkpoint, read as it is.", text_encoder=encoder)


def read_authors_state(path: Path) -> dict[str, "Tensor"]:
    """Read an authors' checkpoint safely as a flat state dict without wrappers and prefixes.

    Raises InputError for a file that is no PyTorch checkpoint, is damaged, or holds more than tensors.
    """
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)  # nosec B614 weights_only
    except Exception as error:  # whatever a foreign file makes torch raise, it is one of these three
        text = str(error)
        if "Unsupported global" in text or "GLOBAL" in text:
            raise InputError(
                "checkpoint_unsafe",
                f"{path} was not opened: it holds more than tensors and could run code of a stranger. Ask for a "
                "checkpoint that holds a plain state dict.",
            ) from error
        raise _damaged(path, error) from error
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


def infer_config(state: Mapping[str, "Tensor"], path: Path) -> "FDMambaConfig":
    """Work out the network's variant from the shapes in a state dict; raises InputError for another network."""
    from .models.fd_mamba import FDMambaConfig

    def blocks(part: str, levels: int) -> Any:
        found = [re.match(rf"{part}\.(\d)\.\d+\.norm1\.weight$", key) for key in state]
        return tuple(sum(m[1] == str(level) for m in found if m) for level in range(levels))

    try:
        return FDMambaConfig(
            init_filters=state["convInit.conv.weight"].shape[0],
            n_classes=state["conv_final.2.conv.weight"].shape[0],
            conv_mode=_conv_mode(state, "srcm_encoder_layers"),
            up_conv_mode=_conv_mode(state, "srcm_decoder_layers"),
            blocks_down=blocks("srcm_encoder_layers", 4),
            blocks_up=blocks("srcm_decoder_layers", 3),
            text_width=state["score_head.proj.weight"].shape[0],
            context_width=state["score_head.ctx_mlp.0.weight"].shape[0],
        )
    except KeyError as error:
        raise InputError(
            "checkpoint_other_network",
            f"{path} is not an FD-Mamba checkpoint: it has no tensor {error} (it starts with "
            f"{', '.join(list(state)[:3]) or 'nothing'}).",
        ) from error


def _conv_mode(state: Mapping[str, "Tensor"], part: str) -> str:
    stem = next(
        (k.partition("local_relation.")[0] for k in state if k.startswith(part) and "local_relation." in k), None
    )
    if stem is None:
        return "deepwise"
    channels = state[f"{stem}in_proj.weight"].shape[1]
    if (pointwise := state.get(f"{stem}local_relation.0.pointwise_conv.weight")) is not None:
        return "deepwise" if pointwise.shape[0] == channels else "deepwise_dinner"
    middle = state[f"{stem}local_relation.0.weight"].shape[0]
    modes = {channels: "orignal", 2 * channels: "orignal_dinner", int(1.5 * channels): "orignal_1_5_dmodel"}
    return modes[middle]


def _build(config: "FDMambaConfig", tensors: Mapping[str, "Tensor"], path: Path) -> "FDMamba":
    from .models.fd_mamba import FDMamba

    net = FDMamba(config)
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
    if broken := [name for name, value in tensors.items() if not value.isfinite().all()]:
        raise InputError(
            "checkpoint_not_finite",
            f"{path} holds NaN or infinite numbers in {len(broken)} tensors ({broken[0]}): its training failed. Choose "
            "another checkpoint.",
        )
    net.load_state_dict(dict(tensors))
    return net


def _set_text(net: "FDMamba", features: Mapping[str, Any], path: Path) -> None:
    import torch

    from .text_priors import class_prompts

    prompts = class_prompts(net.config.n_classes)
    if missing := [prompt for prompt in prompts if prompt not in features]:
        raise InputError(
            "text_features_missing",
            f"{path} holds no text features for {missing[0]!r} and {len(missing) - 1} more. Convert it with a CLIP "
            "weights file (farmcd convert SOURCE TARGET --text-weights FILE).",
        )
    vectors = {prompt: torch.as_tensor(vector, dtype=torch.float32).flatten() for prompt, vector in features.items()}
    width = net.config.text_width
    if wrong := [prompt for prompt, vector in vectors.items() if vector.numel() != width]:
        raise InputError(
            "text_features_width",
            f"The text feature of {wrong[0]!r} has {vectors[wrong[0]].numel()} numbers, {path} needs {width}.",
        )
    contexts = {prompt: vector for prompt, vector in vectors.items() if prompt not in prompts}
    net.score_head.set_text(torch.stack([vectors[prompt] for prompt in prompts]), contexts)


def _damaged(path: Path, error: Exception) -> InputError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return InputError(
        "checkpoint_unreadable",
        f"{path} ({path.stat().st_size:,} bytes) is no checkpoint or is damaged: {reason} Copy or download it again.",
    )
