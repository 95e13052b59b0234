"""SemiCD-VL as a family: the authors' checkpoints load as they are, images take ImageNet's statistics."""

from typing import TYPE_CHECKING

from ..family import Date, Family, State
from .variant import infer_config, is_semicd_vl

if TYPE_CHECKING:
    from torch import Tensor

    from .network import SemiCDVL, SemiCDVLConfig

# Of 0..255, red, green, blue.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_DEVIATION = (58.395, 57.12, 57.375)


class SemiCDVLFamily(Family):
    """SemiCD-VL, binary as the authors have it or with any number of classes."""

    name = "semicd_vl"
    title = "SemiCD-VL"
    # The coarsest features lie at this stride.
    multiple = 16
    methods = ("semi_supervised", "cotraining")

    def recognise(self, state: State) -> bool:
        """Say whether its encoder and its head are there."""
        return is_semicd_vl(state)

    def infer_config(self, state: State) -> "SemiCDVLConfig":
        """Work out the variant."""
        return infer_config(state)

    def config_type(self) -> type:
        """Return SemiCDVLConfig."""
        from .network import SemiCDVLConfig

        return SemiCDVLConfig

    def build(self, config: "SemiCDVLConfig") -> "SemiCDVL":
        """Make the network."""
        from .network import SemiCDVL

        return SemiCDVL(config)

    def normalise(self, net: "SemiCDVL", images: "Tensor", date: Date) -> "Tensor":  # type: ignore[override]
        """Take off ImageNet's mean of each colour and divide by its deviation."""
        mean, deviation = (images.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        return (images - mean) / deviation


FAMILY = SemiCDVLFamily()
