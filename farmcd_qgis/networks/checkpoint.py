"""Checkpoints: our own safetensors format with its model card, and the authors' `.pth` files.

    from farmcd_qgis.engine import load_checkpoint
    net = load_checkpoint("farmcd.safetensors")
    logits, score_map = net(before, after)      # (B, 3, H, W) float32 in [-1, 1] -> (B, K, H, W) twice

Own format: the parameters under their names, the text features as `text.classes` (K, width) and `text.contexts`
(M, width), and in the header, under "farmcd", a JSON object with model, configuration, prompts, temperature, card.
Both formats tell the network's variant by their shapes; the configuration in the header must agree with them.
"""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import FarmCDError, InputError
from .card import FORMAT, HEADER, ModelCard, _card, _damaged, _is_safetensors, _read_header, _with_tuples
from .fd_mamba.variant import infer_config, reason
from .prompts import class_prompts
from .state import CLIP_PREFIX, read_authors_state

if TYPE_CHECKING:
    from torch import Tensor

    from .fd_mamba.network import FDMamba

CLASS_TEXT = "text.classes"
CONTEXT_TEXT = "text.contexts"
CLIP_INSIDE = "CLIP text tower of the authors' checkpoint"


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
    from .clip import clip_features

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


def _build(tensors: Mapping[str, "Tensor"], path: Path) -> "FDMamba":
    import torch

    from .fd_mamba.network import FDMamba

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
