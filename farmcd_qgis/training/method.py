"""The seam of a training method: what the loop asks of it, and the table of the methods.

A new method is a file in `methods` that makes a METHOD, and its name in NAMES; from elsewhere, `register_method`.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from ..core.classes import ClassTable
from ..core.errors import InputError
from ..core.typed import read
from ..networks.family import Family
from .datasets import ChangeDataset, opened
from .evaluate import Evaluation, evaluate
from .names import names_of
from .recipe import Recipe, Stage

NAMES = ("cotraining", "semi_supervised", "side_outputs", "single_image")

Settings = TypeVar("Settings")


class Method(Generic[Settings]):
    """One way of training; subclasses say what a batch is and what is lost on it.

    `name` stands in recipes, `settings_type` is the dataclass of their `[loss]`. `order_free` says that networks learn
    from both orders of the dates, `some_unused` that not every parameter has a part in every step.
    `classes` is what the ids of labels mean (None: as the data set says).
    """

    name: str
    settings_type: type[Settings]
    classes: ClassTable | None = None
    order_free: bool = False
    some_unused: bool = False

    def __init__(self, recipe: Recipe, family: Family) -> None:
        self.recipe = recipe
        self.family = family
        self.settings = read(self.settings_type, recipe.loss, "[loss]")

    def open(self, data: Path) -> Any:
        """Open what is drawn from, something with a length, in the folder of a data set."""
        return self.labelled(data)

    def labelled(self, data: Path) -> ChangeDataset:
        """Open the labelled pairs of the training split: those that `names` lists, where the recipe names a list."""
        said = self.recipe.data
        pairs = opened(data, said.train, said.labels, self.classes)
        return pairs.named(*names_of(said.names)) if said.names else pairs

    def open_validation(self, data: Path) -> ChangeDataset:
        """Open what `evaluate` measures on, in the folder of a data set."""
        return opened(data, self.recipe.data.val, self.recipe.data.labels, self.classes)

    def settle(self, net: nn.Module, data: Any) -> None:
        """Give a network what it must know of the images before it is trained."""
        samples = (data[index] for index in range(len(data)))
        self.family.measure(net, ((sample.before, sample.after) for sample in samples))

    def check(self, data: Any) -> None:
        """Raise InputError where this method cannot learn from what `open` gave."""

    def module(self, net: nn.Module) -> nn.Module:
        """Return what is trained: the network, or one that holds it among what training alone needs."""
        return net

    def batch(self, data: Any, indices: Sequence[int], seeds: Sequence[int], stage: Stage) -> Any:
        """Make a batch, on the CPU, of samples of `data`; all that is random in one follows from its seed."""
        raise NotImplementedError

    def step(self, module: nn.Module, batch: Any, progress: float) -> dict[str, Tensor]:
        """Return the terms of the loss by name; `total` is what is made small, the others are for the log.

        `module` is that of `module`, `batch` is on its device, `progress` how far the run is, 0..1.
        """
        raise NotImplementedError

    def evaluate(self, net: nn.Module, data: ChangeDataset, offsets: Sequence[float]) -> Evaluation:
        """Measure a network on the validation pairs (see `evaluate.evaluate`)."""
        settings = self.recipe.validation
        return evaluate(net, data, settings.scale, settings.tile, settings.stride, offsets)


_registered: dict[str, type[Method[Any]]] = {}


def register_method(method: type[Method[Any]]) -> None:
    """Add a method to the table, or replace the one of that name."""
    _registered[method.name] = method


def method_of(recipe: Recipe, family: Family) -> Method[Any]:
    """Make the method of a recipe; raises InputError where the family cannot be trained so, or a setting is wrong."""
    if not family.methods:
        raise InputError("not_trainable", title=family.title)
    if recipe.method in NAMES and recipe.method not in _registered:
        register_method(import_module(f"{__package__}.methods.{recipe.method}").METHOD)
    method = _registered.get(recipe.method)
    if method is None or recipe.method not in family.methods:
        known = ", ".join(family.methods)
        raise InputError("unknown_method", recipe=recipe.name, method=recipe.method, title=family.title, known=known)
    return method(recipe, family)
