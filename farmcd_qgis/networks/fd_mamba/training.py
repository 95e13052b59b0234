"""How an FD-Mamba begins to train: its text features, contexts and encoder, and the gate that may stay shut."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import Tensor, nn

from ...core.context import context_prompts
from ...core.errors import InputError
from ...core.typed import read
from ..clip import encoder_name, ensemble_features
from ..prompts import checked_prompts, prompt_ensembles
from .efficientnet import FROZEN, PACKAGE, imagenet_weights
from .encoded import EncodedConfig, EncodedFDMamba
from .network import FDMamba, FDMambaConfig

# The sigmoid of this is 0.
_SHUT = -1e4
WHERE = "[network]"


@dataclass(frozen=True)
class TextOptions:
    """What `[network]` of a recipe says besides the configuration.

    `text_encoder` is as in `clip.text_features`, `prompts` are own sentences for it, `class_sentences` those of an own
    class table, one a class. Without `gate` CMLA has no say in the logits (for ablations).
    """

    text_encoder: str = "minilm"
    prompts: dict[str, Any] = field(default_factory=dict)
    class_sentences: tuple[str, ...] = ()
    gate: bool = True


@dataclass(frozen=True)
class EncoderOptions:
    """What `[network]` says of how a pre-trained encoder is trained.

    A fresh network begins with the ImageNet weights if `pretrained`. From the fraction `thaw` of the run on, the blocks
    from number `thaw_from` on are trained, at `encoder_rate` times the learning rate of the rest; before, none is.
    """

    pretrained: bool = True
    thaw: float = 0.2
    thaw_from: int = 3
    encoder_rate: float = 0.075


def parted(options: Mapping[str, Any]) -> tuple[TextOptions, EncoderOptions, dict[str, Any]]:
    """Part `[network]` into what is said of the text, of the encoder, and the configuration."""
    text, encoder = (_own(kind, options) for kind in (TextOptions, EncoderOptions))
    rest = {name: value for name, value in options.items() if name not in {**text, **encoder}}
    return read(TextOptions, text, WHERE), read(EncoderOptions, encoder, WHERE), rest


def _own(kind: type, options: Mapping[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(kind)}
    return {name: value for name, value in options.items() if name in names}


def fresh(options: Mapping[str, Any], told: bool) -> FDMamba | EncodedFDMamba:
    """Make a network with fresh weights and text features; raises InputError for what it or its encoder lacks."""
    text, encoder, rest = parted(options)
    kind: type[FDMambaConfig] | type[EncodedConfig] = EncodedConfig if "encoder" in rest else FDMambaConfig
    # Checked before an encoder is loaded, which takes seconds.
    checked: FDMambaConfig | EncodedConfig = read(kind, rest, WHERE)
    ensembles = prompt_ensembles(checked.n_classes, checked_prompts(text.prompts, WHERE))
    if text.class_sentences:
        said = dict(zip(ensembles, text.class_sentences, strict=False))
        ensembles = {prompt: [said.get(prompt, prompt)] for prompt in ensembles}
    contexts = list(context_prompts()) if told else []
    features = ensemble_features({**ensembles, **{prompt: [prompt] for prompt in contexts}}, text.text_encoder)
    rows = torch.stack([features[prompt] for prompt in ensembles])
    widths = {"text_width": rows.shape[1], "context_width": rows.shape[1]}
    config: FDMambaConfig | EncodedConfig = read(kind, {**widths, **rest}, WHERE)
    net = EncodedFDMamba(config) if isinstance(config, EncodedConfig) else FDMamba(config)
    if isinstance(net, EncodedFDMamba) and encoder.pretrained:
        net.encoder.load_state_dict(_imagenet_weights())
    if not text.gate:
        shut_gate(net)
    net.score_head.set_text(rows, {prompt: features[prompt] for prompt in contexts})
    return net


def begin(loaded: FDMamba | EncodedFDMamba, options: Mapping[str, Any]) -> FDMamba | EncodedFDMamba:
    """Return the loaded network, with the attention and the scans that `[network]` adds to it, which begin as nothing.

    Raises InputError where another shape is asked for.
    """
    rest = parted(options)[2]
    if not isinstance(loaded, EncodedFDMamba) or not rest:
        return loaded
    config = read(EncodedConfig, {**asdict(loaded.config), **rest}, WHERE)
    if config == loaded.config:
        return loaded
    net = EncodedFDMamba(config)
    state, wanted = loaded.state_dict(), net.state_dict()
    if any(name not in wanted or wanted[name].shape != value.shape for name, value in state.items()):
        raise InputError("start_other_shape", found=asdict(loaded.config), wanted=asdict(config))
    net.load_state_dict({**wanted, **state})
    net.card, net.temperature = loaded.card, loaded.temperature
    net.score_head.set_text(loaded.score_head.text, loaded.score_head.contexts)
    return net


def _imagenet_weights() -> dict[str, Tensor]:
    try:
        return imagenet_weights()
    except ImportError as error:
        raise InputError("encoder_weights_missing", package=PACKAGE.replace("_", "-")) from error


def prepare(net: FDMamba | EncodedFDMamba, options: Mapping[str, Any], told: bool) -> None:
    """Make a network ready to train with contexts, or without."""
    if isinstance(net, EncodedFDMamba):
        # Depthwise convolutions are quick so.
        net.to(memory_format=torch.channels_last)
    head = net.score_head
    if not told:
        head.ctx_mlp.requires_grad_(False)
        head.ctx_scale.requires_grad_(False)
        if not head.contexts:
            _draw_coarsely(head.ctx_mlp)
        return
    if missing := [prompt for prompt in context_prompts() if prompt not in head.contexts]:
        encoder = parted(options)[0].text_encoder
        features = ensemble_features({prompt: [prompt] for prompt in missing}, encoder)
        _check_width(features, net, encoder)
        head.set_text(head.text, {**head.contexts, **features})


def _check_width(features: Mapping[str, Tensor], net: FDMamba | EncodedFDMamba, encoder: str) -> None:
    width = len(next(iter(features.values())))
    if width != net.config.text_width:
        raise InputError("text_encoder_width", encoder=encoder, width=width, wanted=net.config.text_width)


def share(name: str, options: Mapping[str, Any]) -> float:
    """Return the share of the learning rate of a parameter: the pre-trained encoder has its own."""
    return parted(options)[1].encoder_rate if name.startswith("encoder.") else 1.0


def advance(net: FDMamba | EncodedFDMamba, options: Mapping[str, Any], progress: float) -> None:
    """Let the encoder's late blocks learn once the rest has found its way."""
    if isinstance(net, EncodedFDMamba):
        encoder = parted(options)[1]
        net.encoder.thaw(encoder.thaw_from if progress >= encoder.thaw else FROZEN)


def words(options: Mapping[str, Any]) -> dict[str, Any]:
    """Say for the card which encoder made the text features."""
    text, *_ = parted(options)
    return {"text_encoder": encoder_name(text.text_encoder, checked_prompts(text.prompts, WHERE))}


@torch.no_grad()
def shut_gate(net: FDMamba | EncodedFDMamba) -> None:
    """Shut the gate through which CMLA moves the logits, for good: it gives 0 and isn't trained."""
    conv = net.gating_conv[0]
    conv.weight.zero_()
    conv.bias.fill_(_SHUT)
    conv.requires_grad_(False)


@torch.no_grad()
def _draw_coarsely(layers: nn.Module) -> None:
    """Give what was drawn by chance, and nobody trains, two values a tensor: a zip then holds a bit of each number.

    The size is a float16, so that a network that is trained on, with two values already, keeps them bit for bit.
    """
    for value in layers.parameters():
        value.copy_(value.sign() * value.abs().mean().half())
