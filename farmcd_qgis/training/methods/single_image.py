"""Pre-training on single images with masks: the prior network of docs/methods/schanger.md, section 6."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from ...core.errors import InputError
from ...networks.family import Family
from ..augment import Augmenter, Batch
from ..method import Method
from ..recipe import Recipe, Stage
from ..side_outputs import side_output_terms
from ..single_images import MaskMeaning, SingleImages, open_single_images


@dataclass(frozen=True)
class SingleImageSettings:
    """What the masks mean: see `single_images.MaskMeaning`."""

    zero: Literal["", "class", "unknown"] = ""
    palette_ids: bool = False


class SingleImage(Method[SingleImageSettings]):
    """Crops of single images, and cross entropy and Dice of all outputs on them."""

    name = "single_image"
    settings_type = SingleImageSettings

    def __init__(self, recipe: Recipe, family: Family) -> None:
        super().__init__(recipe, family)
        self.augmenter = Augmenter(recipe.augment)

    def open(self, data: Path) -> SingleImages:
        """Open the images of the training split."""
        return self._open(data, self.recipe.data.train)

    def open_validation(self, data: Path) -> SingleImages:
        """Open the images of the validation split."""
        return self._open(data, self.recipe.data.val)

    def module(self, net: nn.Module) -> nn.Module:
        """Return the network; raises InputError for one of two dates, or whose maps don't fit the masks."""
        config: Any = net.config
        if not config.single_image:
            raise InputError("not_a_prior_network", recipe=self.recipe.name)
        binary = self.recipe.data.labels == "binary"
        if binary != (config.n_classes == 2):
            raise InputError(
                "maps_and_masks", recipe=self.recipe.name, maps=config.maps, labels=self.recipe.data.labels
            )
        return net

    def batch(self, data: SingleImages, indices: Sequence[int], seeds: Sequence[int], stage: Stage) -> Batch:
        """Cut a crop from each image."""
        return self.augmenter.batch(data, indices, stage.crop, stage.scale, seeds)

    def step(self, module: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Return the loss over all outputs, and its two terms."""
        image = self.family.normalise(module, batch.before, "before")
        entropy, dice = side_output_terms(module(image, sides=True)[0], batch.label)
        return {"total": entropy.sum() + dice.sum(), "cross_entropy": entropy.sum(), "dice": dice.sum()}

    def _open(self, data: Path, split: str) -> SingleImages:
        said = self.settings
        meaning = MaskMeaning(self.recipe.data.labels == "binary", said.zero, said.palette_ids)
        return open_single_images(data, split, meaning)


METHOD = SingleImage
