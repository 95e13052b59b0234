"""The network of a recipe, and its checkpoint with a card that says how it was made and what it reached."""

from pathlib import Path

import torch

from farmcd_qgis.training.evaluate import Evaluation
from farmcd_qgis.training.recipe import Recipe
from farmcd_qgis.training.state import RunState


def build_network(recipe: Recipe) -> torch.nn.Module:
    raise NotImplementedError


def save_network(net: torch.nn.Module, recipe: Recipe, result: Evaluation, state: RunState, path: Path) -> None:
    raise NotImplementedError
