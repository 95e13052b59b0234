"""The network of a recipe, and its checkpoint with a card that says how it was made and what it reached."""

import copy
import time
from pathlib import Path
from typing import Any

from ..core.classes import ClassTable
from ..core.errors import InputError
from ..networks.card import ModelCard, with_tuples
from ..networks.checkpoint import load_checkpoint, save_checkpoint
from ..networks.family import Family, families, family_named
from .evaluate import Evaluation, card_metrics, measured_on
from .recipe import Recipe


def family_of(recipe: Recipe) -> Family:
    """Return the kind of network that a recipe trains; raises InputError where FarmCD has no such kind."""
    known = [family.name for family in families()]
    if recipe.family not in known:
        raise InputError("unknown_family", recipe=recipe.name, family=recipe.family, known=known)
    return family_named(recipe.family)


def build_network(recipe: Recipe, start: Path | None = None) -> Any:
    """Make the recipe's network with fresh weights, or load it from `start`, a checkpoint, ready to train.

    Raises InputError for an option that the network doesn't have, what it needs and isn't there, or an unusable file.
    """
    family, told = family_of(recipe), recipe.data.context_share > 0
    if start is None:
        net = family.fresh(recipe.network, told)
    else:
        net = load_checkpoint(start)
        if net.family != family.name:
            raise InputError(
                "start_other_family", path=str(start), found=net.family, recipe=recipe.name, family=family.name
            )
        net = family.begin(net, recipe.network)
    family.prepare(net, recipe.network, told)
    return net


def save_network(
    net: Any,
    recipe: Recipe,
    result: Evaluation,
    step: int,
    minutes: float,
    path: Path,
    order_free: bool = False,
    classes: ClassTable | None = None,
) -> None:
    """Write the network to `path`; its card is the recipe's [card] with what the run measured.

    `classes` is the table that it learned (None: that of the checkpoint it began with, or the one of its family).
    The offset with which the figures were reached is built into the written network.
    """
    family = family_named(net.family)
    net = copy.deepcopy(net)
    if result.offset:
        family.lower_no_change(net, result.offset)
    words = with_tuples(recipe.card)
    if net.card is None:
        words = {**family.words(recipe.network), **words}
    else:
        kept = {name: getattr(net.card, name) for name in ("bands", "text_encoder", "classes")}
        words = {**kept, **words}
    if classes is not None:
        words["classes"] = classes
    origin = "random weights" if net.card is None else f"the checkpoint {net.card.name}"
    made = f"Trained by the recipe {recipe.name} for {step} steps, {minutes:.0f} minutes, from {origin}."
    if family.lowers_no_change:
        made += f" The logit of 'no change' was lowered by {result.offset:g}, fitted on the validation pairs."
    words["description"] = f"{words.get('description', '')} {made}".lstrip()
    card = ModelCard(
        **words,
        name=recipe.name,
        tile=result.tile,
        metrics=card_metrics(result),
        measured_on=f"{measured_on(result, recipe.data.val)}, by which the weights were also chosen",
        created=time.strftime("%Y-%m-%d"),
        order_free=order_free,
    )
    save_checkpoint(net, card, path)
