"""From an authors' checkpoint to ours: what they leave to the code around it is put in, and a card added."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.class_file import read_class_file
from .card import ModelCard, check_count
from .checkpoint import load_checkpoint, save_checkpoint


def convert(
    source: str | Path,
    target: str | Path,
    card: ModelCard | None = None,
    text_weights: str | Path | None = None,
    text_features: Mapping[str, Any] | None = None,
    prompts: str | Path | None = None,
    normalisation: str | None = None,
    classes: str | Path | None = None,
) -> ModelCard:
    """Write `source` (an authors' `.pth`, or ours) as `target` in our format; returns the card that was written.

    For networks with text priors: `text_weights` is an encoder for the text features (see `clip.text_features`);
    without it the text tower or the features in `source` are used. `prompts` is a file with own sentences for it (see
    `prompts`). Where there is an encoder, every context prompt gets its feature, too. `text_features`
    {prompt: vector} goes before both. For SChanger `normalisation` names the authors' data set with whose statistics
    `source` was trained (see `schanger.normalisation`). `classes` is a file with an office's own class table (see
    `core.class_file`), of as many predicted classes as the network has outputs.
    An older `target` is replaced once the new one is whole, and stays as it was if anything fails; `target` may be
    `source`.
    Raises InputError where a file cannot be used, FarmCDError where `target` cannot be written.
    """
    net = load_checkpoint(
        source, text_features, text_weights=text_weights, prompts=prompts, contexts=True, normalisation=normalisation
    )
    made: ModelCard = net.card
    card = card or made
    if classes is not None:
        table = read_class_file(Path(classes))
        check_count(table, net.config.n_classes, classes)
        card = replace(card, classes=table)
    card = replace(
        card,
        created=card.created or datetime.now(UTC).date().isoformat(),
        text_encoder=made.text_encoder or card.text_encoder,
    )
    return save_checkpoint(net, card, target)
