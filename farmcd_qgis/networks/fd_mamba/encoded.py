"""FD-Mamba on a pre-trained encoder: the levels of EfficientNet-Lite0 take the place of the authors' stem and encoder.

What stands on them is theirs: fine-grained difference attention, fusion with squeeze and excitation, a decoder with
selective scans, CMLA's gate. The configuration says on which levels: `docs/training` says what each is worth here.
Attention and scans begin as nothing beside a plain fusion and a convolution: a trained network can be given them.
Reads from the whole to the parts. Shapes: B batch, K classes, w decoder channels, f channels of the last map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cmla import CMLA
from .efficientnet import CHANNELS, STRIDE, EfficientNetLite0
from .network import Conv, EnhancedSEFusionModule, FineGrainedDiffAttention, SRCMBlock

ENCODER = "efficientnet_lite0"


@dataclass(frozen=True)
class EncodedConfig:
    """What decides the network's shape; level 0 is the finest, at stride 2, level 4 the coarsest, at stride 32.

    `difference` says whether attention to the dates' difference stands beside the plain fusion of all levels but the
    finest, `scans` on which levels the decoder scans.
    """

    encoder: str = ENCODER
    width: int = 48
    filters: int = 32
    n_classes: int = 6
    difference: Literal["plain", "attention"] = "plain"
    scans: tuple[int, ...] = ()
    text_width: int = 512
    context_width: int = 512


class EncodedFDMamba(nn.Module):
    """Two dates in, class logits and CMLA's score map out; takes the same inputs as `FDMamba`.

    `card` and `temperature` (of the calibrated confidence) are set from the checkpoint.
    """

    family = "fd_mamba"
    half_stored = True
    card: Any = None
    temperature: float = 1.0

    def __init__(self, config: EncodedConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EncodedConfig()
        width = config.width
        self.encoder = EfficientNetLite0()
        self.fusions = nn.ModuleList(
            (AttendingFusion if level and config.difference == "attention" else PlainFusion)(channels, width)
            for level, channels in enumerate(CHANNELS)
        )
        self.decoder_layers = nn.ModuleList(
            (ScanBlock if level in config.scans else ConvBlock)(width) for level in range(len(CHANNELS))
        )
        self.last = nn.Sequential(Conv(width, config.filters, 3), nn.BatchNorm2d(config.filters), nn.ReLU())
        self.score_head = CMLA(config.filters, config.n_classes, config.text_width, config.context_width)
        self.gating_conv = nn.Sequential(nn.Conv2d(config.n_classes, 1, 1), nn.Sigmoid())
        self.conv_final = nn.Sequential(Conv(config.filters, config.n_classes, 1, True))

    def forward(
        self, before: Tensor, after: Tensor, context: Sequence[str | None] | None = None, pooled: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return logits and score map, both (B, K, H, W), of two (B, 3, H, W) images in [-1, 1].

        Sides that are no multiple of the encoder's stride, or less than twice it, are filled up by repeating the edge.
        `context` and `pooled` as in `FDMamba`.
        """
        height, width = before.shape[2:]
        feature = self.decode(self.encode(before, after))
        score_map = self.score_head(feature, context, pooled)
        feature = feature * (1 + self.gating_conv(score_map))
        read, score_map = (enlarged(part)[..., :height, :width] for part in (self.conv_final(feature), score_map))
        # Whether and into what are told apart: the first decides alone how likely "no change" is.
        return torch.cat([read[:, :1], F.log_softmax(read[:, 1:], dim=1)], dim=1), score_map

    def train(self, mode: bool = True) -> "EncodedFDMamba":
        """Set the mode of all but the encoder: its batch norms keep what they know."""
        super().train(mode)
        self.encoder.eval()
        return self

    def encode(self, before: Tensor, after: Tensor) -> list[Tensor]:
        """Fuse both dates at each level: five maps (B, w, H / s, W / s), s from 2 to 32; one batch for both dates."""
        images = torch.cat([before, after])
        # Twice the stride, since an instance norm needs more than one place.
        below, right = (max(-side % STRIDE, 2 * STRIDE - side) for side in images.shape[2:])
        images = F.pad(images, (0, right, 0, below), mode="replicate")
        # From [-1, 1] to (x - 127) / 128 of 0..255; depthwise convolutions are quick with the channels last.
        images = ((images * 127.5 + 0.5) / 128).contiguous(memory_format=torch.channels_last)
        return [fusion(level) for fusion, level in zip(self.fusions, self.encoder(images), strict=True)]

    def decode(self, fused: list[Tensor]) -> Tensor:
        """Climb from the coarsest fused map to the last map (B, f, H / 2, W / 2)."""
        y = self.decoder_layers[-1](fused[-1])
        for decoder, skip in zip(self.decoder_layers[-2::-1], fused[-2::-1], strict=True):
            y = decoder(enlarged(y) + skip)
        return self.last(y)


class PlainFusion(nn.Module):
    """Both dates and their absolute difference, each channel on its own scale, through one convolution."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.scale = nn.BatchNorm2d(channels, affine=False)
        self.project = nn.Sequential(nn.Conv2d(3 * channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())

    def forward(self, level: Tensor) -> Tensor:
        """Fuse a level of both dates (2 B, C, H, W) into (B, w, H, W)."""
        a, b = self.scale(level).chunk(2)
        return self.project(torch.cat([a, b, (a - b).abs()], dim=1))


class AttendingFusion(PlainFusion):
    """A plain fusion, and to it the authors' way: fine-grained difference attention, squeeze and excitation."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(channels, width)
        self.lateral = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width))
        self.attention = FineGrainedDiffAttention(width)
        self.fusion = EnhancedSEFusionModule(width)
        self.gain = nn.Parameter(torch.zeros(1, width, 1, 1))

    def forward(self, level: Tensor) -> Tensor:
        """As `PlainFusion`."""
        a, b = self.lateral(level).chunk(2)
        return super().forward(level) + self.gain * self.fusion(a, b, self.attention(a, b))


class ConvBlock(nn.Module):
    """A depthwise 3x3 and a 1x1 convolution with a residual: what stands in the decoder where no scan does."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class ScanBlock(ConvBlock):
    """A convolution block, and after it the authors' two layers with selective scans."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.scan = SRCMBlock(channels, "deepwise")
        last = self.scan.conv2.proj
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.scan(super().forward(x))


def enlarged(x: Tensor) -> Tensor:
    """Double height and width bilinearly."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
