"""A land-cover network that knows covers by their colours, as a family for tests."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from farmcd_qgis.networks.family import Family, State

# By cover, in the order of LAND_COVER: nothing known, bareland, building, road, vegetation, water.
COLOURS = ((255, 0, 255), (170, 130, 80), (200, 60, 60), (128, 128, 128), (70, 120, 60), (20, 40, 140))


@dataclass(frozen=True)
class ByColourConfig:
    n_classes: int = 6
    single_image: bool = True


class ByColour(nn.Module):
    """A land-cover network: the nearest colour wins."""

    family = "test_by_colour"
    card: Any = None
    temperature = 1.0

    def __init__(self, config: ByColourConfig) -> None:
        super().__init__()
        self.config = config
        self.colours = nn.Parameter(torch.tensor(COLOURS[: config.n_classes], dtype=torch.float32))

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        return -(images[:, None] - self.colours[:, :, None, None]).square().sum(2) / 1000, None


class ByColourFamily(Family):
    name = "test_by_colour"
    title = "By colour"
    multiple = 1

    def recognise(self, state: State) -> bool:
        return "colours" in state

    def infer_config(self, state: State) -> ByColourConfig:
        return ByColourConfig(state["colours"].shape[0])

    def build(self, config: ByColourConfig) -> ByColour:
        return ByColour(config)

    def normalise(self, net: nn.Module, images: Tensor, date: str) -> Tensor:
        return images
