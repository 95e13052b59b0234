"""How an FD-Mamba begins to train: its text features, its contexts, and the gate that may stay shut."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from ...core.context import context_prompts
from ...core.errors import InputError
from ...core.typed import read
from ..clip import encoder_name, ensemble_features
from ..prompts import checked_prompts, prompt_ensembles
from .network import FDMamba, FDMambaConfig

# The sigmoid of this is 0.
_SHUT = -1e4
WHERE = "[network]"


@dataclass(frozen=True)
class TextOptions:
    """What `[network]` of a recipe says besides the configuration.

    `text_encoder` is as in `clip.text_features`, `prompts` are own sentences for it. Without `gate` CMLA has no say in
    the logits (for ablations).
    """

    text_encoder: str = "minilm"
    prompts: dict[str, Any] = field(default_factory=dict)
    gate: bool = True


def parted(options: Mapping[str, Any]) -> tuple[TextOptions, dict[str, Any]]:
    """Part `[network]` into what is said of the text and the configuration."""
    own = {item.name for item in fields(TextOptions)}
    text = read(TextOptions, {name: value for name, value in options.items() if name in own}, WHERE)
    return text, {name: value for name, value in options.items() if name not in own}


def fresh(options: Mapping[str, Any], told: bool) -> FDMamba:
    """Make a network with fresh weights and text features; raises InputError for what it or its encoder lacks."""
    text, rest = parted(options)
    # Checked before an encoder is loaded, which takes seconds.
    classes = read(FDMambaConfig, rest, WHERE).n_classes
    ensembles = prompt_ensembles(classes, checked_prompts(text.prompts, WHERE))
    contexts = list(context_prompts()) if told else []
    features = ensemble_features({**ensembles, **{prompt: [prompt] for prompt in contexts}}, text.text_encoder)
    rows = torch.stack([features[prompt] for prompt in ensembles])
    width = rows.shape[1]
    net = FDMamba(read(FDMambaConfig, {"text_width": width, "context_width": width, **rest}, WHERE))
    if not text.gate:
        shut_gate(net)
    net.score_head.set_text(rows, {prompt: features[prompt] for prompt in contexts})
    return net


def prepare(net: FDMamba, options: Mapping[str, Any], told: bool) -> None:
    """Make a network ready to train with contexts, or without."""
    head = net.score_head
    if not told:
        head.ctx_mlp.requires_grad_(False)
        head.ctx_scale.requires_grad_(False)
        return
    if missing := [prompt for prompt in context_prompts() if prompt not in head.contexts]:
        encoder = parted(options)[0].text_encoder
        features = ensemble_features({prompt: [prompt] for prompt in missing}, encoder)
        _check_width(features, net, encoder)
        head.set_text(head.text, {**head.contexts, **features})


def _check_width(features: Mapping[str, Tensor], net: FDMamba, encoder: str) -> None:
    width = len(next(iter(features.values())))
    if width != net.config.text_width:
        raise InputError("text_encoder_width", encoder=encoder, width=width, wanted=net.config.text_width)


def words(options: Mapping[str, Any]) -> dict[str, Any]:
    """Say for the card which encoder made the text features."""
    text, _ = parted(options)
    return {"text_encoder": encoder_name(text.text_encoder, checked_prompts(text.prompts, WHERE))}


@torch.no_grad()
def shut_gate(net: FDMamba) -> None:
    """Shut the gate through which CMLA moves the logits, for good: it gives 0 and isn't trained."""
    conv = net.gating_conv[0]
    conv.weight.zero_()
    conv.bias.fill_(_SHUT)
    conv.requires_grad_(False)
