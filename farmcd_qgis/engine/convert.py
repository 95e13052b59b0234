"""From an authors' checkpoint to ours: text features computed once, CLIP dropped, a card added."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..classes import CLASSES
from ..context import context_prompts
from .checkpoint import CLIP_INSIDE, ModelCard, load_checkpoint, save_checkpoint


def convert(
    source: str | Path,
    target: str | Path,
    card: ModelCard | None = None,
    text_weights: str | Path | None = None,
    text_features: Mapping[str, Any] | None = None,
) -> ModelCard:
    """Write `source` (an authors' `.pth`, or ours) as `target` in our format; returns the card that was written.

    `text_weights` is a CLIP weights file for the text features, or "minilm"; without it the text tower or the features
    in `source` are used. Where there is an encoder, every context prompt gets its feature, too. `text_features`
    {prompt: vector} goes before both. An older `target` is replaced once the new one is whole, and stays as it was if
    anything fails; `target` may be `source`.
    Raises InputError where a file cannot be used, FarmCDError where `target` cannot be written.
    """
    from .text_priors import class_prompts, encoder_name
    from .text_priors import text_features as encode

    encoder = None
    prompts = dict.fromkeys([*class_prompts(2), *class_prompts(len(CLASSES))])
    if text_weights is not None:
        text_features = {**encode([*prompts, *context_prompts()], text_weights), **(text_features or {})}
        encoder = encoder_name(text_weights)
    net = load_checkpoint(source, text_features)
    if net.card.text_encoder == CLIP_INSIDE:
        net.score_head.contexts |= encode(list(context_prompts()), source)
    for prompt in prompts:
        # A class prompt that this network does not use would pass for a context.
        net.score_head.contexts.pop(prompt, None)
    card = card or net.card
    card = replace(
        card, created=card.created or datetime.now(UTC).date().isoformat(), text_encoder=encoder or card.text_encoder
    )
    save_checkpoint(net, card, target)
    return card
