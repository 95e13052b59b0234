"""The method `semi_supervised`: few labelled pairs, many without labels, and opinions on those (SemiCD-VL).

The terms are `semi_terms`, for any family of networks. A sample of the run is a pair without labels; a labelled one is
drawn beside it. Source: docs/methods/semicd_vl.md sections 3 to 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...core.errors import InputError
from ...networks.family import Family
from ...networks.semicd_vl.network import Distance
from ..augment import Augmenter
from ..datasets import ChangeDataset
from ..method import Method
from ..recipe import Recipe, Stage
from ..semi_losses import cutmix_boxes
from ..unlabelled import UnlabelledPairs, UnlabelledSample, open_unlabelled
from ..views import StrongSettings, ViewBatch, ViewMaker, labelled_views
from .guided import Guided
from .semi_terms import Labelled, SemiTerms, TermSettings

# Seeds of what is drawn beside a sample lie far from those of other samples.
_LABELLED_SEED = 7_919_000_017
_PARTNER_SEED = 15_485_863_000_033
_BOX_SEED = 32_452_843_000_019


@dataclass(frozen=True)
class SemiSettings(TermSettings):
    """The weights of the terms, how strong views differ from weak ones, and how often and how much CutMix mixes.

    `cutmix` is the share of pairs that are mixed, the box takes a share of the area within `cutmix_area`.
    """

    strong: StrongSettings = field(default_factory=StrongSettings)
    cutmix: float = 0.5
    cutmix_area: tuple[float, float] = (0.02, 0.4)


@dataclass(frozen=True)
class SemiData:
    """Labelled pairs, and pairs without labels, of which the run draws its samples."""

    labelled: ChangeDataset
    unlabelled: UnlabelledPairs

    def __len__(self) -> int:
        return len(self.unlabelled)

    def said_of(self, index: int) -> UnlabelledSample | None:
        """Return what opinions say of a labelled pair, where it is among the others, too."""
        place = self.unlabelled.places.get(self.labelled.files[index].name)
        return None if place is None else self.unlabelled[place]


class SemiBatch(NamedTuple):
    """Labelled pairs, views of unlabelled ones with boxes for CutMix, and their partners in `paper` mode."""

    labelled: Labelled
    views: ViewBatch
    boxes: Tensor
    other: ViewBatch | None


class SemiSupervised(Method[SemiSettings]):
    """Labels where there are any, consistency, opinions and contrast everywhere.

    A partner of CutMix is another pair of the same process's share of the batch, so that several processes give nearly
    the curve of one.
    """

    name = "semi_supervised"
    settings_type = SemiSettings
    # Heads of opinions have no part in a step without opinions.
    some_unused = True

    def __init__(self, recipe: Recipe, family: Family) -> None:
        super().__init__(recipe, family)
        self.paper = self.settings.mode == "paper"
        self.augmenter = Augmenter(recipe.augment)
        self.maker = ViewMaker(self.settings.strong)

    def open(self, data: Path) -> SemiData:
        """Open the labelled pairs of the split (those that `names` lists), and the pairs without labels."""
        said = self.recipe.data
        labelled = self.labelled(data)
        folder = Path(said.unlabelled) if said.unlabelled else data
        opinions = Path(said.opinions) if said.opinions else None
        return SemiData(labelled, open_unlabelled(folder, said.unlabelled_split, opinions, said.binary_opinions))

    def check(self, data: SemiData) -> None:
        """Raise InputError where opinions shall guide and there are none."""
        if self.settings.opinions and not data.unlabelled.with_opinions:
            raise InputError("no_opinions_to_learn", recipe=self.recipe.name, count=len(data))

    def settle(self, net: nn.Module, data: SemiData) -> None:
        """Take what a network must know of the images from the labelled pairs."""
        super().settle(net, data.labelled)

    def module(self, net: nn.Module) -> Guided:
        """Give the network the heads that opinions guide."""
        self.terms = SemiTerms(self.settings, partial(self.family.normalise, net))
        distance: Distance = "shipped" if self.paper else "intended"
        return Guided(net, distance, heads=self.settings.opinions > 0 or self.settings.contrast > 0)

    def batch(self, data: SemiData, indices: Sequence[int], seeds: Sequence[int], stage: Stage) -> SemiBatch:
        """Cut views of the pairs, and as many labelled crops."""
        cut = (stage.crop, stage.scale)
        views = self.maker.batch(data.unlabelled, indices, *cut, seeds)
        beside = [seed + _LABELLED_SEED for seed in seeds]
        drawn = [int(torch.randint(len(data.labelled), (), generator=_seeded(seed))) for seed in beside]
        boxes = torch.cat([self._box(seed + _BOX_SEED, stage.crop) for seed in seeds])
        if not self.paper:
            labelled = self.augmenter.batch(data.labelled, drawn, *cut, beside)
            return SemiBatch(Labelled(labelled.before, labelled.after, labelled.label), views, boxes, None)
        # The authors' partner is another crop of the same pair.
        other = self.maker.batch(data.unlabelled, indices, *cut, [seed + _PARTNER_SEED for seed in seeds])
        pairs = [(data.labelled[index], data.said_of(index)) for index in drawn]
        return SemiBatch(Labelled(*labelled_views(pairs, *cut, beside)), views, boxes, other)

    def step(self, module: nn.Module, batch: SemiBatch, progress: float) -> dict[str, Tensor]:
        """Return the weighed terms and their sum."""
        terms = self.terms.step(module, batch.labelled, batch.views, batch.boxes, progress, batch.other)
        return {"total": torch.stack(list(terms.values())).sum(), **terms}

    def _box(self, seed: int, side: int) -> Tensor:
        torch.manual_seed(seed)
        return cutmix_boxes(1, side, self.settings.cutmix, self.settings.cutmix_area)


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


METHOD = SemiSupervised
