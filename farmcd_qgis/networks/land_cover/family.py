"""Land-cover networks of single images as a family: they are trained and asked, and detect no change by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...core.errors import InputError
from ...core.messages import part
from ...core.typed import read
from ..family import Date, Family, Predicting, State

if TYPE_CHECKING:
    from torch import Tensor

    from .network import LandCover, LandCoverConfig

_STEM, _LAST = "body._conv_stem.weight", "classify.weight"
WHERE = "[network]"


@dataclass(frozen=True)
class EncoderOptions:
    """What `[network]` of a recipe says besides the configuration.

    A fresh network begins with the ImageNet weights if `pretrained`; the encoder's blocks from number `thaw_from` on
    are trained, at `encoder_rate` times the learning rate of the rest.
    """

    pretrained: bool = True
    thaw_from: int = 3
    encoder_rate: float = 0.2


class LandCoverFamily(Family):
    """A land-cover network on EfficientNet-Lite0."""

    name = "land_cover"
    title = part("family_land_cover")
    multiple = 16
    methods = ("single_image",)

    def recognise(self, state: State) -> bool:
        """Say whether encoder and classifier are there."""
        return {_STEM, _LAST} <= state.keys()

    def infer_config(self, state: State) -> "LandCoverConfig":
        """Work out width and covers."""
        from .network import LandCoverConfig

        covers, width = state[_LAST].shape[:2]
        return LandCoverConfig(width=width, n_classes=covers)

    def build(self, config: "LandCoverConfig") -> "LandCover":
        """Make the network with fresh weights."""
        from .network import LandCover

        return LandCover(config)

    def normalise(self, net: "LandCover", images: "Tensor", date: Date) -> "Tensor":  # type: ignore[override]
        """Bring 0..255 to what the encoder was trained on."""
        return (images - 127) / 128

    def predicting(self, net: "LandCover", device: str) -> Predicting:  # type: ignore[override]
        """Show it the first image."""
        return lambda before, after, context=None: net(before)

    def check_detects(self, config: Mapping[str, Any], name: str) -> None:
        """Refuse: it sees no change."""
        raise InputError("land_cover_detects_nothing", name=name)

    def config_type(self) -> type:
        """Return the dataclass of the network's shape."""
        from .network import LandCoverConfig

        return LandCoverConfig

    def fresh(self, options: Mapping[str, Any], told: bool) -> "LandCover":
        """Make a network, its encoder with the weights of ImageNet."""
        from ..fd_mamba.efficientnet import PACKAGE, imagenet_weights

        encoder, rest = parted(options)
        net = self.build(read(self.config_type(), rest, WHERE))
        if encoder.pretrained:
            try:
                weights = imagenet_weights()
            except ImportError as error:
                raise InputError("encoder_weights_missing", package=PACKAGE.replace("_", "-")) from error
            wanted = net.body.state_dict()
            net.body.load_state_dict({name: value for name, value in weights.items() if name in wanted})
        return net

    def prepare(self, net: "LandCover", options: Mapping[str, Any], told: bool) -> None:  # type: ignore[override]
        """Say which blocks are trained, and bring the channels last, where depthwise convolutions are quick."""
        import torch

        super().prepare(net, options, told)
        net.to(memory_format=torch.channels_last)
        net.body.thaw(parted(options)[0].thaw_from)

    def share(self, name: str, options: Mapping[str, Any]) -> float:
        """Return the share of the learning rate: that of the encoder is smaller."""
        return parted(options)[0].encoder_rate if name.startswith("body.") else 1.0


def parted(options: Mapping[str, Any]) -> tuple[EncoderOptions, dict[str, Any]]:
    """Part `[network]` into what is said of the encoder, and the configuration."""
    own = {name: value for name, value in options.items() if name in EncoderOptions.__dataclass_fields__}
    rest = {name: value for name, value in options.items() if name not in own}
    return read(EncoderOptions, own, WHERE), rest


FAMILY = LandCoverFamily()
