"""SChanger as a family: each date's statistics travel in the checkpoint; a prior network is for training only."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.classes import NO_CHANGE
from ...core.errors import InputError, Reason
from ..family import Date, Family, Predicting, State
from .normalisation import Normalisation, named, normalisation_named

if TYPE_CHECKING:
    from torch import Tensor

    from .network import SChanger, SChangerConfig

_HEADER = "normalisation"
_COUNTER = ".num_batches_tracked"
# What the card says of the authors' files, which say nothing themselves.
_AUTHORS = {
    "order_free": True,
    "limits": "Changed or not, of buildings or of all kinds, none of farmland. The network is not symmetric in the "
    "dates: it learned from both orders, which are averaged. Not calibrated.",
}


class SChangerFamily(Family):
    """SChanger, prior network (SPN) and change network (SCN); its networks have a `normalisation`.

    `given` of `attach` may hold `normalisation`, the name of the authors' data set whose statistics a file was trained
    with: see `normalisation.named`.
    """

    name = "schanger"
    title = "SChanger"
    # It halves the resolution four times on the way down.
    multiple = 16
    methods = ("side_outputs", "single_image", "cotraining", "semi_supervised")
    lowers_no_change = True
    attends = True
    # Measured (docs/training): the border of a tile reaches 64 pixels of 256 into it.
    overlap = 0.5

    def recognise(self, state: State) -> bool:
        """Say whether stem, deepest attention and fused head are there."""
        from .variant import recognise

        return recognise(state)

    def infer_config(self, state: State) -> "SChangerConfig":
        """Work out channels, logit maps and whether it reads one image or two."""
        from .variant import infer_config

        return infer_config(state)

    def told(self, config: "SChangerConfig", said: Mapping[str, Any]) -> "SChangerConfig":
        """Take the share that is dropped in training, which leaves no trace in the tensors."""
        drop = said.get("drop", config.drop)
        if isinstance(drop, bool) or not isinstance(drop, int | float) or not 0 <= drop < 1:
            raise Reason("bad_drop", drop=drop)
        return replace(config, drop=drop)

    def build(self, config: "SChangerConfig") -> "SChanger":
        """Make the network, without statistics."""
        from .network import SChanger

        return SChanger(config)

    def normalise(self, net: "SChanger", images: "Tensor", date: Date) -> "Tensor":  # type: ignore[override]
        """Bring 0..255 to zero mean and unit deviation, by the statistics of that date."""
        if net.normalisation is None:
            raise _unknown(net.card.name if net.card else "SChanger")
        return net.normalisation.apply(images, date)

    def predicting(self, net: "SChanger", device: str) -> Predicting:  # type: ignore[override]
        """Fold the network for a CPU; show a prior network the first image alone."""
        if net.config.single_image:
            return lambda before, after, context=None: net(before)
        if device != "cpu":
            return net
        from .folded import FoldedSChanger

        return FoldedSChanger(net)

    def attention(self, net: "SChanger", before: "Tensor", after: "Tensor") -> "Tensor":  # type: ignore[override]
        """Return the first channel of the shallowest attention map that both dates share."""
        return net.attention(before, after)

    def check_detects(self, config: Mapping[str, Any], name: str) -> None:
        """Refuse a prior network, which sees no change."""
        if config.get("single_image"):
            raise InputError("prior_network", name=name)

    def load_authors(self, state: State) -> State:
        """Add the batch norms' counters where a file leaves them out; nothing depends on them."""
        import torch

        norms = [name.removesuffix(".running_mean") for name in state if name.endswith(".running_mean")]
        return {**{norm + _COUNTER: torch.tensor(0) for norm in norms}, **state}

    def attach(  # type: ignore[override]
        self, net: "SChanger", extras: State, header: Mapping[str, Any], path: Path, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Set the statistics, from the first that has them: a named data set, the file."""
        super().attach(net, extras, header, path, given)
        if name := given.get(_HEADER):
            net.normalisation = normalisation_named(name)
        elif header.get(_HEADER) is not None:
            net.normalisation = Normalisation.of(header[_HEADER])
        elif not net.config.single_image:
            raise _unknown(str(path))
        return {} if header or net.config.single_image else _AUTHORS

    def extras(self, net: "SChanger") -> tuple[dict[str, "Tensor"], dict[str, Any]]:  # type: ignore[override]
        """Return the statistics."""
        return {}, {_HEADER: net.normalisation and asdict(net.normalisation)}

    def config_type(self) -> type:
        """Return the dataclass of the network's shape."""
        from .network import SChangerConfig

        return SChangerConfig

    def fresh(self, options: Mapping[str, Any], told: bool) -> "SChanger":
        """Make a network of the recipe's shape."""
        from .training import fresh

        return fresh(options)

    def begin(self, loaded: "SChanger", options: Mapping[str, Any]) -> "SChanger":  # type: ignore[override]
        """Grow a prior network into one of two dates where the recipe wants one."""
        from .training import begin

        return begin(loaded, options)

    def measure(self, net: "SChanger", pairs: Iterable[tuple[Any, Any]]) -> None:  # type: ignore[override]
        """Take the statistics of the images, unless the network has some already."""
        from .training import measured

        if net.normalisation is None:
            net.normalisation = measured(pairs)

    def lower_no_change(self, net: "SChanger", offset: float) -> None:  # type: ignore[override]
        """Take it off in the fused head's bias; of a binary network the logit of change rises instead."""
        import torch

        with torch.no_grad():
            net.head6[0].conv.bias[NO_CHANGE] += offset if net.config.maps == 1 else -offset


def _unknown(name: str) -> InputError:
    return InputError("normalisation_unknown", name=name, known=list(named()))


FAMILY = SChangerFamily()
