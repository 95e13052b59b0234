"""Co-training: the network learns from labels, its text priors where it is unsure (docs/methods/fd_mamba.md)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...core.errors import InputError
from ...networks.family import Family
from ..augment import Augmenter, Batch
from ..datasets import ChangeDataset, as_classes
from ..losses import CoTrainingLoss, LossMode
from ..method import Method
from ..recipe import Recipe, Stage


@dataclass(frozen=True)
class CoTrainingSettings:
    """Arguments of `losses.CoTrainingLoss`."""

    mode: LossMode = "corrected"
    tau: float = 0.80
    class_weights: tuple[float, ...] | None = None
    unsettled_weight: float = 1.0
    hard_weight: float = 0.4


class CoTraining(Method[CoTrainingSettings]):
    """Crops of labelled pairs, and the co-training loss on them.

    A network without text priors learns from the labels alone; a binary one that any change is change.
    """

    name = "cotraining"
    settings_type = CoTrainingSettings

    def __init__(self, recipe: Recipe, family: Family) -> None:
        super().__init__(recipe, family)
        said = self.settings
        self.loss = CoTrainingLoss(said.mode, said.tau, said.class_weights, said.unsettled_weight, said.hard_weight)
        self.augmenter = Augmenter(recipe.augment)
        self.told = recipe.data.context_share
        # Contexts move some weights in some steps; a gate that is shut, none.
        self.some_unused = self.told > 0 or not recipe.network.get("gate", True)

    def check(self, data: ChangeDataset) -> None:
        """Raise InputError where contexts shall be told and the data have none."""
        if self.told and not any(pair.context for pair in data.files):
            raise InputError("no_annotations")

    def batch(self, data: ChangeDataset, indices: Sequence[int], seeds: Sequence[int], stage: Stage) -> Batch:
        """Cut a crop from each pair, and draw which are told their context."""
        batch = self.augmenter.batch(data, indices, stage.crop, stage.scale, seeds, stage.strength)
        context = [
            prompt if _is_told(self.told, seed) else None for prompt, seed in zip(batch.context, seeds, strict=True)
        ]
        return batch._replace(context=context)

    def step(self, module: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Return the loss and its three terms, unweighted."""
        before = self.family.normalise(module, batch.before, "before")
        after = self.family.normalise(module, batch.after, "after")
        # One prompt a sample, or, as in the authors' code, one pool of prompts for the batch.
        told = (batch.context, self.settings.mode == "paper") if any(batch.context) else ()
        logits, score_map = module(before, after, *told)
        self.loss.to(logits.device)
        return vars(self.loss(logits, score_map, as_classes(batch.label, logits.shape[1])))


def _is_told(share: float, seed: int) -> bool:
    """Draw whether the network is told a sample's context."""
    return float(torch.rand((), generator=torch.Generator().manual_seed(seed))) < share


METHOD = CoTraining
