"""Telling an SChanger by its tensors, and how a prior network grows into one of two dates."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...core.errors import Reason
from .network import LEVELS, SChangerConfig

if TYPE_CHECKING:
    from torch import Tensor

    from .network import SChanger

_STEM, _LAST = "conv_1.conv.weight", "head6.0.conv.weight"
# Only a network of two dates has it.
_FUSION = "head1.0.diff.0.weight"


def recognise(state: Mapping[str, "Tensor"]) -> bool:
    """Say whether these are the tensors of an SChanger network, of one image or of two dates."""
    return {_STEM, _LAST, "Bi1.0.layer_scale_1"} <= state.keys()


def infer_config(state: Mapping[str, "Tensor"]) -> SChangerConfig:
    """Work out channels, logit maps and the number of dates from a state dict.

    Raises KeyError for a missing tensor, ValueError for shapes that fit no such network.
    """
    deeper = [state[f"encoder{level}.1.project_conv.conv.weight"].shape[0] for level in range(1, LEVELS + 1)]
    channels = (state[_STEM].shape[0], *deeper)
    maps, sides = state[_LAST].shape[:2]
    if sides != LEVELS * maps:
        raise Reason("maps_misfit", tensor=_LAST, maps=maps, sides=sides, wanted=LEVELS * maps)
    return SChangerConfig(channels, maps, single_image=_FUSION not in state)


def grow(prior: "SChanger", net: "SChanger") -> list[str]:
    """Give a network of two dates everything that a prior network learned; returns the names it had no weights for.

    Those are the temporal fusion modules' alone, which stay as they were initialised. Where the number of logit maps
    differs (a prior of land cover, binary change) the last convolutions stay fresh, too. Raises ValueError where the
    channels differ or `net` is no network of two dates.
    """
    if net.config.single_image or not prior.config.single_image:
        raise ValueError("a prior network of one image grows into a network of two dates")
    if prior.config.channels != net.config.channels:
        raise ValueError(
            f"the prior network has channels {list(prior.config.channels)}, the new one {list(net.config.channels)}"
        )
    wanted = net.state_dict()
    known = {name: value for name, value in prior.state_dict().items() if value.shape == wanted[name].shape}
    net.load_state_dict(known, strict=False)
    return [name for name in wanted if name not in known]
