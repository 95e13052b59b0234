"""From an authors' checkpoint to ours: text features computed once, CLIP dropped, a card added."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..classes import CLASSES
from .checkpoint import ModelCard, load_checkpoint, save_checkpoint


def convert(
    source: str | Path,
    target: str | Path,
    card: ModelCard | None = None,
    text_weights: str | Path | None = None,
    text_features: Mapping[str, Any] | None = None,
) -> ModelCard:
    """Write `source` (an authors' `.pth`, or ours) as `target` in our format; returns the card that was written.

    `text_weights` is a CLIP weights file for the text features, or "minilm"; without it those in `source` are used.
    Raises InputError where either cannot be used.
    """
    from .text_priors import class_prompts, encoder_name
    from .text_priors import text_features as encode

    encoder = None
    if text_weights is not None:
        prompts = [*class_prompts(2), *class_prompts(len(CLASSES))]
        text_features = {**encode(prompts, text_weights), **(text_features or {})}
        encoder = encoder_name(text_weights)
    net = load_checkpoint(source, text_features)
    card = card or net.card
    card = replace(
        card, created=card.created or datetime.now(UTC).date().isoformat(), text_encoder=encoder or card.text_encoder
    )
    save_checkpoint(net, card, target)
    return card
