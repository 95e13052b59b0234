"""The network of a recipe, and its checkpoint with a card that says how it was made and what it reached."""

import copy
import time
from pathlib import Path
from typing import Any

import torch

from ..core.classes import NO_CHANGE
from ..core.context import context_prompts
from ..core.errors import InputError
from ..networks.card import ModelCard, with_tuples
from ..networks.checkpoint import load_checkpoint, save_checkpoint
from ..networks.clip import encoder_name, ensemble_features
from ..networks.fd_mamba.network import FDMamba, FDMambaConfig
from ..networks.prompts import checked_prompts, prompt_ensembles
from .evaluate import Evaluation, card_metrics, measured_on
from .recipe import Recipe

# The sigmoid of this is 0.
_SHUT = -1e4


def build_network(recipe: Recipe, start: Path | None = None) -> FDMamba:
    """Make the recipe's network with fresh weights and the text features of its encoder.

    With `start`, a checkpoint, its network, text features and temperature are taken instead.
    Raises InputError for an option that the network doesn't have, a text encoder that isn't there, or an unusable file.
    """
    told = list(context_prompts()) if recipe.data.context_share else []
    if start is not None:
        net = load_checkpoint(start)
        missing = [prompt for prompt in told if prompt not in net.score_head.contexts]
        if missing:
            features = ensemble_features({prompt: [prompt] for prompt in missing}, recipe.text_encoder)
            _check_width(features, net, recipe, start)
            net.score_head.set_text(net.score_head.text, {**net.score_head.contexts, **features})
        return net
    options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in recipe.network.items()}
    own = _own_prompts(recipe)
    ensembles = prompt_ensembles(options.get("n_classes", FDMambaConfig.n_classes), own)
    features = ensemble_features({**ensembles, **{prompt: [prompt] for prompt in told}}, recipe.text_encoder)
    rows = torch.stack([features[prompt] for prompt in ensembles])
    width = rows.shape[1]
    try:
        net = FDMamba(FDMambaConfig(**{"text_width": width, "context_width": width, **options}))
    except TypeError as error:
        raise InputError("unknown_setting", f"The recipe's [network] cannot be used: {error}.") from error
    if not recipe.gate:
        shut_gate(net)
    net.score_head.set_text(rows, {prompt: features[prompt] for prompt in told})
    return net


def _own_prompts(recipe: Recipe) -> dict[str, list[str]]:
    return checked_prompts(recipe.prompts, f"The recipe {recipe.name}")


def _check_width(features: dict[str, torch.Tensor], net: FDMamba, recipe: Recipe, start: Path) -> None:
    width = len(next(iter(features.values())))
    if width != net.config.text_width:
        raise InputError(
            "text_features_width",
            f"The text encoder {recipe.text_encoder} gives {width} numbers, but {start} was trained with "
            f"{net.config.text_width}: name in text_encoder the one that its card names.",
        )


def save_network(net: FDMamba, recipe: Recipe, result: Evaluation, step: int, minutes: float, path: Path) -> None:
    """Write the network to `path`; its card is the recipe's [card] with what the run measured.

    The offset with which the figures were reached is built into the bias of the written network.
    """
    net = copy.deepcopy(net)
    lower_no_change(net, result.offset)
    words = with_tuples(recipe.card)
    if net.card is not None:
        words.setdefault("bands", net.card.bands)
    origin = "random weights" if net.card is None else f"the checkpoint {net.card.name}"
    made = f"Trained by the recipe {recipe.name} for {step} steps, {minutes:.0f} minutes, from {origin}. "
    made += f"The logit of 'no change' was lowered by {result.offset:g}, fitted on the validation pairs."
    words["description"] = f"{words.get('description', '')} {made}".lstrip()
    card = ModelCard(
        **words,
        name=recipe.name,
        tile=result.tile,
        metrics=card_metrics(result),
        measured_on=f"{measured_on(result, recipe.data.val)}, by which the weights were also chosen",
        text_encoder=encoder_name(recipe.text_encoder, _own_prompts(recipe))
        if net.card is None
        else net.card.text_encoder,
        created=time.strftime("%Y-%m-%d"),
    )
    save_checkpoint(net, card, path)


@torch.no_grad()
def shut_gate(net: FDMamba) -> None:
    """Shut the gate through which CMLA moves the logits, for good: it gives 0 and isn't trained."""
    conv = net.gating_conv[0]
    conv.weight.zero_()
    conv.bias.fill_(_SHUT)
    conv.requires_grad_(False)


@torch.no_grad()
def lower_no_change(net: FDMamba, offset: float) -> None:
    """Take `offset` off the logit of "no change" for good.

    Five classes share what the network believes of change, so that the most likely class is "no change" too
    often; one number mends that.
    """
    net.conv_final[-1].conv.bias[NO_CHANGE] -= offset
