"""The seam of a network family: all that the rest of FarmCD asks of a kind of network, and the table of the kinds.

A new kind is a folder here whose `family.py` makes a `FAMILY`, and its name in FOLDERS; from elsewhere, `register`.
Neither this module nor a family's may import torch before it has to: cards are read without it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.classes import ClassTable
from ..core.errors import InputError
from ..core.feedback import Feedback
from ..core.typed import read

if TYPE_CHECKING:
    from torch import Tensor, nn

FOLDERS = ("fd_mamba", "schanger", "semicd_vl", "semicd_vl_zero", "land_cover")

Date = Literal["before", "after"]
State = Mapping[str, "Tensor"]
# As a network's `forward`, for prediction alone.
Predicting = Callable[..., tuple["Tensor", "Tensor | None"]]


class Family:
    """One kind of network; subclasses say what differs.

    `name` stands in headers and recipes, `title` in sentences (a part of one, `part`, where it is no proper name).
    Heights and widths of a network's tiles are multiples of `multiple`. `arbitration` says whether its networks have a
    text-prior pathway, `methods` how they can be trained (the first where nobody says how), `lowers_no_change` whether
    `lower_no_change` is there, `attends` whether `attention` is. Tiles overlap by a share `overlap` of their side at
    least, where nobody chose another. `weighs` says that a pixel counts among overlapping tiles as much as the
    exponentials of its logits add up to.

    A network is a torch module with `config` (a dataclass with `n_classes`), `family` (this name), and, set when it is
    loaded, `card` and `temperature`. `forward(before, after, context=None)` takes images (B, 3, H, W) that the family
    normalised and returns logits (B, K, H, W) and the text priors' score map (B, K, H, W) or None; binary networks
    return the logits [0, z].
    """

    name: str
    title: str | dict[str, Any]
    multiple: int
    arbitration: bool = False
    methods: tuple[str, ...] = ("cotraining", "semi_supervised")
    lowers_no_change: bool = False
    attends: bool = False
    overlap: float = 0.0
    weighs: bool = False

    def recognise(self, state: State) -> bool:
        """Say whether a state dict is of this kind, by the names of its tensors."""
        raise NotImplementedError

    def infer_config(self, state: State) -> Any:
        """Work out a network's configuration from the shapes in its state dict.

        Raises KeyError, IndexError or ValueError where there is none that fits.
        """
        raise NotImplementedError

    def told(self, config: Any, said: Mapping[str, Any]) -> Any:
        """Return an inferred configuration with what no tensor tells, by what a file's header says of its own.

        Raises TypeError or ValueError for what cannot be.
        """
        return config

    def build(self, config: Any) -> "nn.Module":
        """Make a network with fresh weights; raises ValueError, ArithmeticError or RuntimeError where it cannot be."""
        raise NotImplementedError

    def normalise(self, net: "nn.Module", images: "Tensor", date: Date) -> "Tensor":
        """Turn images of one date, float (B, 3, H, W) of 0..255, into what the network reads."""
        raise NotImplementedError

    def predicting(self, net: "nn.Module", device: str) -> Predicting:
        """Return what predicts with a network on its device, where that is not its own `forward`."""
        return net

    def warm(self, net: "nn.Module", device: str, feedback: Feedback) -> None:
        """Compile what a network's first prediction on its device needs compiled, and tell so where that takes long."""

    def attention(self, net: "nn.Module", before: "Tensor", after: "Tensor") -> "Tensor":
        """Return where a network looks, (B, H, W) of any sign and size, for normalised images (B, 3, H, W)."""
        raise NotImplementedError

    def check_detects(self, config: Mapping[str, Any], name: str) -> None:
        """Raise InputError for a configuration, as headers hold it, whose networks cannot detect change.

        `name` is the checkpoint's.
        """

    def load_authors(self, state: State) -> State:
        """Return an authors' state dict under the names of our parameters."""
        return state

    def is_extra(self, name: str) -> bool:
        """Say whether a tensor in a checkpoint travels beside the network's parameters, for `attach`."""
        return False

    def attach(
        self, net: "nn.Module", extras: State, header: Mapping[str, Any], path: Path, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Give a loaded network what travels beside its parameters; returns words for the card.

        `extras` are the tensors of `is_extra`, `header` is that of the file (empty for an authors'), `given` what the
        caller asks for (options of `convert`). Raises InputError where something lacks or does not fit.
        """
        if given.get("text_features") or given.get("text_weights") or given.get("prompts"):
            raise InputError("no_text_pathway", path=str(path), title=self.title)
        return {}

    def extras(self, net: "nn.Module") -> tuple[dict[str, "Tensor"], dict[str, Any]]:
        """Return the tensors and the entries of the header that travel beside a network's parameters."""
        return {}, {}

    def contexts(self, header: Mapping[str, Any]) -> list[str]:
        """Return the context prompts that a checkpoint knows, by its header."""
        return []

    def known_contexts(self, net: Any) -> list[str]:
        """Return the context prompts that a network knows."""
        return self.contexts(self.extras(net)[1])

    def config_type(self) -> type:
        """Return the dataclass of its networks' configurations, which `[network]` of a recipe fills."""
        raise NotImplementedError

    def telling(self, options: Mapping[str, Any], classes: ClassTable) -> dict[str, Any]:
        """Return `[network]` of a recipe for a network that tells the classes of an own table apart."""
        counted = any(item.name == "n_classes" for item in fields(self.config_type()))
        return {**({"n_classes": len(classes.predicted)} if counted else {}), **options}

    def fresh(self, options: Mapping[str, Any], told: bool) -> "nn.Module":
        """Make a network to train, by `[network]` of a recipe; `told`: that is told contexts.

        Raises InputError for options that it does not have.
        """
        return self.build(read(self.config_type(), options, "[network]"))

    def begin(self, loaded: "nn.Module", options: Mapping[str, Any]) -> "nn.Module":
        """Return the network to train that goes on from a loaded one; raises InputError where none can."""
        return loaded

    def measure(self, net: "nn.Module", pairs: Iterable[tuple[Any, Any]]) -> None:
        """Give a network what it must know of the images that it is trained on, uint8 (3, H, W) of both dates."""

    def prepare(self, net: "nn.Module", options: Mapping[str, Any], told: bool) -> None:
        """Make a network, fresh or loaded, ready to train; raises InputError where it cannot be trained so."""
        if told:
            raise InputError("contexts_untold", title=self.title)

    def share(self, name: str, options: Mapping[str, Any]) -> float:
        """Return the share of the learning rate that the parameter of that name has."""
        return 1.0

    def advance(self, net: "nn.Module", options: Mapping[str, Any], progress: float) -> None:
        """Change what of a network is trained, before a step at a progress of 0..1."""

    def words(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return words for the card of a network that was made by `fresh`."""
        return {}

    def lower_no_change(self, net: "nn.Module", offset: float) -> None:
        """Take `offset` off the logit of "no change" for good."""
        raise NotImplementedError


_registered: dict[str, Family] = {}


def register(family: Family) -> None:
    """Add a kind of network to the table, or replace the one of that name."""
    _registered[family.name] = family


def families() -> Iterator[Family]:
    """Give every kind of network that is known."""
    for folder in FOLDERS:
        if folder not in _registered:
            register(import_module(f"{__package__}.{folder}.family").FAMILY)
    yield from list(_registered.values())


def family_named(name: str) -> Family:
    """Return the kind of that name; raises KeyError where there is none."""
    if name in FOLDERS and name not in _registered:
        register(import_module(f"{__package__}.{name}.family").FAMILY)
    return _registered[name]
