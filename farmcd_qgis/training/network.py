"""The network of a recipe, and its checkpoint with a card that says how it was made and what it reached."""

from datetime import UTC, datetime

import torch

from farmcd_qgis.training.evaluate import Evaluation
from farmcd_qgis.training.recipe import Recipe
from farmcd_qgis.training.state import RunState
