"""Pre-training on single images with masks: the prior network of docs/methods/schanger.md, section 6."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ...core.errors import InputError
from ...networks.family import Family
from ..augment import Augmenter, Batch
from ..datasets import ALL, ChangeDataset
from ..method import Method
from ..recipe import Recipe, Stage
from ..side_outputs import side_output_terms
from ..single_images import MaskMeaning, SingleImages, Zero, open_single_images


@dataclass(frozen=True)
class MoreImages:
    """Another folder of images, whose masks may mean something else; `times` is how often a pass draws each of them."""

    folder: str
    split: str = ALL
    times: int = 1
    zero: Zero = ""
    palette_ids: bool = False


@dataclass(frozen=True)
class SingleImageSettings:
    """What the masks mean (see `single_images.MaskMeaning`), how often a pass draws each image, and more images."""

    zero: Zero = ""
    palette_ids: bool = False
    times: int = 1
    more: tuple[MoreImages, ...] = ()


class SingleImage(Method[SingleImageSettings]):
    """Crops of single images, and cross entropy and Dice of all outputs on them."""

    name = "single_image"
    settings_type = SingleImageSettings

    def __init__(self, recipe: Recipe, family: Family) -> None:
        super().__init__(recipe, family)
        self.augmenter = Augmenter(recipe.augment)
        for times in (self.settings.times, *(more.times for more in self.settings.more)):
            if times < 1:
                raise InputError("bad_times", value=times)

    def open(self, data: Path) -> ChangeDataset:
        """Open the images of the training split, and those of other folders beside them."""
        said = self.settings
        parts = [(self._open(data, self.recipe.data.train, said.zero, said.palette_ids), said.times)]
        for more in said.more:
            opened = self._open(Path(more.folder), more.split, more.zero, more.palette_ids)
            parts.append((opened, more.times))
        if parts[1:] or said.times > 1:
            return ChangeDataset.of([(images, list(range(len(images))) * times) for images, times in parts])
        return parts[0][0]

    def open_validation(self, data: Path) -> SingleImages:
        """Open the images of the validation split."""
        return self._open(data, self.recipe.data.val, self.settings.zero, self.settings.palette_ids)

    def settle(self, net: nn.Module, data: ChangeDataset) -> None:
        """Take the statistics of each image once, however often it is drawn."""
        once = {pair.before: index for index, pair in enumerate(data.files)}
        samples = (data[index] for index in once.values())
        self.family.measure(net, ((sample.before, sample.after) for sample in samples))

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

    def batch(self, data: ChangeDataset, indices: Sequence[int], seeds: Sequence[int], stage: Stage) -> Batch:
        """Cut a crop from each image."""
        return self.augmenter.batch(data, indices, stage.crop, stage.scale, seeds)

    def step(self, module: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Return the loss over all outputs, and its two terms."""
        image = self.family.normalise(module, batch.before, "before")
        entropy, dice = side_output_terms(module(image, sides=True)[0], batch.label)
        return {"total": entropy.sum() + dice.sum(), "cross_entropy": entropy.sum(), "dice": dice.sum()}

    def _open(self, data: Path, split: str, zero: Zero, palette_ids: bool) -> SingleImages:
        return open_single_images(data, split, MaskMeaning(self.recipe.data.labels == "binary", zero, palette_ids))


METHOD = SingleImage
