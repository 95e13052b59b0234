"""From an authors' checkpoint to ours: text features computed once, CLIP dropped, a card added."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.classes import CLASSES
from ..core.context import context_prompts
from .card import ModelCard
from .checkpoint import CLIP_INSIDE, load_checkpoint, save_checkpoint
from .prompts import prompt_ensembles, read_prompts


def convert(
    source: str | Path,
    target: str | Path,
    card: ModelCard | None = None,
    text_weights: str | Path | None = None,
    text_features: Mapping[str, Any] | None = None,
    prompts: str | Path | None = None,
) -> ModelCard:
    """Write `source` (an authors' `.pth`, or ours) as `target` in our format; returns the card that was written.

    `text_weights` is an encoder for the text features (see `text_priors.text_features`); without it the text tower or
    the features in `source` are used. `prompts` is a file with own sentences for it (see `prompts`). Where there is an
    encoder, every context prompt gets its feature, too. `text_features` {prompt: vector} goes before both. An older
    `target` is replaced once the new one is whole, and stays as it was if anything fails; `target` may be `source`.
    Raises InputError where a file cannot be used, FarmCDError where `target` cannot be written.
    """
    from .clip import encoder_name, ensemble_features

    encoder = None
    own = read_prompts(Path(prompts)) if prompts else {}
    ensembles = {**prompt_ensembles(2, own), **prompt_ensembles(len(CLASSES), own)}
    contexts = {prompt: [prompt] for prompt in context_prompts()}
    if text_weights is not None or own:
        using = source if text_weights is None else text_weights
        text_features = {**ensemble_features({**ensembles, **contexts}, using), **(text_features or {})}
        encoder = encoder_name(using, own)
    net = load_checkpoint(source, text_features)
    if net.card.text_encoder == CLIP_INSIDE:
        net.score_head.contexts |= ensemble_features(contexts, source)
    for prompt in ensembles:
        # A class prompt that this network does not use would pass for a context.
        net.score_head.contexts.pop(prompt, None)
    card = card or net.card
    card = replace(
        card, created=card.created or datetime.now(UTC).date().isoformat(), text_encoder=encoder or card.text_encoder
    )
    save_checkpoint(net, card, target)
    return card
