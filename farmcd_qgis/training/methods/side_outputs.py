"""Fine-tuning on pairs with cross entropy and Dice of all outputs: docs/methods/schanger.md, sections 5 and 6."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...core.errors import InputError
from ...networks.family import Family
from ..augment import Augmenter
from ..datasets import NO_CHANGE, UNSETTLED, ChangeDataset
from ..method import Method
from ..recipe import Recipe, Stage
from ..side_outputs import side_output_terms


@dataclass(frozen=True)
class SideOutputSettings:
    """`swap` is the share of the pairs whose dates change places, after each was normalised by its own statistics."""

    swap: float = 0.5


class SideBatch(NamedTuple):
    """Images float32 (B, 3, T, T) of 0..255, labels int64 (B, T, T), and which pairs (B,) change places."""

    before: Tensor
    after: Tensor
    label: Tensor
    swapped: Tensor


class SideOutputs(Method[SideOutputSettings]):
    """Crops of labelled pairs, and cross entropy and Dice of all outputs on them."""

    name = "side_outputs"
    settings_type = SideOutputSettings

    def __init__(self, recipe: Recipe, family: Family) -> None:
        super().__init__(recipe, family)
        if not 0 <= self.settings.swap <= 1:
            raise InputError("bad_share", where="[loss]", name="swap", value=self.settings.swap)
        self.augmenter = Augmenter(recipe.augment)

    def module(self, net: nn.Module) -> nn.Module:
        """Return the network; raises InputError for one of single images."""
        config: Any = net.config
        if config.single_image:
            raise InputError("prior_network", name=self.recipe.name)
        # A class says what came to be; with the dates the other way round nobody knows.
        self.order_free = self.settings.swap > 0 and config.n_classes == 2
        return net

    def batch(self, data: ChangeDataset, indices: Sequence[int], seeds: Sequence[int], stage: Stage) -> SideBatch:
        """Cut a crop from each pair, and draw which change places."""
        batch = self.augmenter.batch(data, indices, stage.crop, stage.scale, seeds)
        swapped = torch.tensor([_draw(seed) < self.settings.swap for seed in seeds])
        return SideBatch(batch.before, batch.after, batch.label, swapped)

    def step(self, module: nn.Module, batch: SideBatch, progress: float) -> dict[str, Tensor]:
        """Return the loss over all outputs, and its two terms."""
        before = self.family.normalise(module, batch.before, "before")
        after = self.family.normalise(module, batch.after, "after")
        turned = batch.swapped[:, None, None, None]
        first, second = torch.where(turned, after, before), torch.where(turned, before, after)
        changed = (batch.label != NO_CHANGE) & (batch.label < UNSETTLED)
        label = torch.where(changed & batch.swapped[:, None, None], UNSETTLED, batch.label)
        entropy, dice = side_output_terms(module(first, second, sides=True)[0], label)
        return {"total": entropy.sum() + dice.sum(), "cross_entropy": entropy.sum(), "dice": dice.sum()}


def _draw(seed: int) -> float:
    return float(torch.rand((), generator=torch.Generator().manual_seed(seed)))


METHOD = SideOutputs
