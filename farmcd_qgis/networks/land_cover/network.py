"""A network of single images: the finer levels of EfficientNet-Lite0, and a light decoder that names the ground.

Small enough to be bundled (0.71 M parameters): the encoder's last blocks, three quarters of its weights, are left out.
Shapes: B batch, K land covers, w decoder channels.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from ..fd_mamba.efficientnet import CHANNELS, LEVEL_ENDS, EfficientNetLite0
from ..fd_mamba.encoded import ConvBlock, enlarged

# The blocks whose outputs are the levels, of strides 2 to 16.
ENDS = LEVEL_ENDS[:4]
STRIDE = 16


@dataclass(frozen=True)
class LandCoverConfig:
    """What decides the network's shape; `single_image` says, as SChanger's prior does, that it sees one date."""

    encoder: Literal["efficientnet_lite0"] = "efficientnet_lite0"
    width: int = 32
    n_classes: int = 6
    single_image: Literal[True] = True

    @property
    def maps(self) -> int:
        """The number of logit maps: one a cover."""
        return self.n_classes


class LandCover(nn.Module):
    """One image in, logits of land covers out; `card` and `temperature` are set from the checkpoint."""

    family = "land_cover"
    half_stored = True
    card: Any = None
    temperature: float = 1.0

    def __init__(self, config: LandCoverConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LandCoverConfig()
        self.body = EfficientNetLite0(ENDS)
        width = config.width
        self.laterals = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
            for channels in CHANNELS[: len(ENDS)]
        )
        self.decoder = nn.ModuleList(ConvBlock(width) for _ in ENDS)
        self.classify = nn.Conv2d(width, config.n_classes, 1)

    def forward(
        self, image: Tensor, after: Tensor | None = None, context: Any = None, sides: bool = False
    ) -> tuple[Tensor, None]:
        """Return logits (B, K, H, W) of images (B, 3, H, W) as the encoder wants them, and None.

        With `sides` they are (B, 1, K, H, W), a network's outputs as `side_output_terms` takes them. Sides that are no
        multiple of 16 are filled up by repeating the edge; `after` and `context` are ignored.
        """
        height, width = image.shape[2:]
        padded = F.pad(image, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        levels = [lateral(level) for lateral, level in zip(self.laterals, self.body(padded), strict=True)]
        y = self.decoder[-1](levels[-1])
        for block, level in zip(self.decoder[-2::-1], levels[-2::-1], strict=True):
            y = block(enlarged(y) + level)
        logits = enlarged(self.classify(y))[..., :height, :width]
        return (logits[:, None] if sides else logits), None

    def train(self, mode: bool = True) -> "LandCover":
        """Set the mode of all but the encoder: its batch norms keep what they know."""
        super().train(mode)
        self.body.eval()
        return self
