"""SemiCD-VL's network: a dilated ResNet-50 for both dates, light heads, two classifiers of change on one feature.

Arithmetic and parameter names are the authors' (docs/methods/semicd_vl.md section 2), so that their checkpoints load
and give their outputs. Reads from the whole to the parts: SemiCDVL, LightHead, ResNet.
Shapes: B batch, K classes of change, C channels; features lie at strides 4, 8, 16 and 16.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COVERS = 2
_EXPANSION = 4
_STRIDES = (1, 2, 2, 1)
# Dilation of the first block of each stage, and of the others.
_DILATIONS = ((1, 1), (1, 1), (1, 1), (1, 2))
_CLASSIFIER_DEVIATION = 0.01
_DISTANCE_EPS = 1e-6

Distance = Literal["intended", "shipped"]


@dataclass(frozen=True)
class SemiCDVLConfig:
    """What decides the network's shape; the defaults are the authors'.

    `width` is that of the encoder's first stage before its blocks widen it fourfold. `training_heads` are those that
    prediction does without: the classifier for opinions and the head for the foreground of each date.
    """

    n_classes: int = 2
    width: int = 64
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    channels: int = 256
    training_heads: bool = True


class Views(NamedTuple):
    """All that training looks at: logits (B, K, H, W) twice, logits of the foreground (B, 2, H, W), distance (B, H, W).

    `opinion`, `cover_before`, `cover_after` and `distance` are None where the network has no such head.
    """

    change: Tensor
    opinion: Tensor | None
    cover_before: Tensor | None
    cover_after: Tensor | None
    distance: Tensor | None


class SemiCDVL(nn.Module):
    """Two dates in, logits of change out; it has no text pathway, so there is no arbitration.

    `card` and `temperature` (of the calibrated confidence) are set from the checkpoint.
    """

    family: str = "semicd_vl"
    card: Any = None
    temperature: float = 1.0

    def __init__(self, config: SemiCDVLConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SemiCDVLConfig()
        self.backbone = ResNet(config.width, config.blocks)
        widths = [config.width * _EXPANSION * 2**stage for stage in range(4)]
        opinions = config.n_classes if config.training_heads else 0
        self.decode_head = LightHead(widths, config.channels, config.n_classes, opinions)
        self.auxiliary_seg_head = LightHead(widths, config.channels, COVERS) if config.training_heads else None

    def forward(self, before: Tensor, after: Tensor, context: Any = None) -> tuple[Tensor, None]:
        """Return logits (B, K, H, W) of two normalised images (B, 3, H, W), and no arbitration."""
        change = self._change(self.backbone(before), self.backbone(after))
        return _resized(self.decode_head.conv_seg(change), before.shape[-2:]), None

    def views(self, before: Tensor, after: Tensor, distance: Distance = "intended") -> Views:
        """Return what all heads say of two normalised images (B, 3, H, W)."""
        of_before, of_after = self.backbone(before), self.backbone(after)
        change, size = self._change(of_before, of_after), before.shape[-2:]
        logits = _resized(self.decode_head.conv_seg(change), size)
        if self.auxiliary_seg_head is None or self.decode_head.conv_seg_for_vl is None:
            return Views(logits, None, None, None, None)
        opinion = _resized(self.decode_head.conv_seg_for_vl(change), size)
        q_before, q_after = self.auxiliary_seg_head(of_before), self.auxiliary_seg_head(of_after)
        was, became = (_resized(self.auxiliary_seg_head.conv_seg(q), size) for q in (q_before, q_after))
        return Views(logits, opinion, was, became, feature_distance(q_before, q_after, size, distance))

    def _change(self, before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
        return self.decode_head([(a - b).abs() for a, b in zip(before, after, strict=True)])


def feature_distance(before: Tensor, after: Tensor, size: torch.Size, kind: Distance = "intended") -> Tensor:
    """Return how far two feature maps (B, C, h, w) lie apart, brought to `size`: (B, H, W).

    `intended` is the norm over channels; `shipped` the norm over the width that the authors' code takes, whose
    "map" of channels by rows means nothing (docs/methods/semicd_vl.md section 2.4).
    """
    apart = before - after + _DISTANCE_EPS
    distance = apart.norm(dim=1 if kind == "intended" else 3)
    return _resized(distance[:, None], size)[:, 0]


def _resized(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


class LightHead(nn.Module):
    """All levels at the width of the first, mixed into one feature; classifiers of 1x1 stand on it (section 2.2).

    `opinions` is the number of classes of the second classifier, 0 for none.
    """

    def __init__(self, widths: Sequence[int], channels: int, classes: int, opinions: int = 0) -> None:
        super().__init__()
        self.convs = nn.ModuleList(Mixed(width, channels) for width in widths)
        self.fusion_conv = Mixed(channels * len(widths), channels)
        self.conv_seg = nn.Conv2d(channels, classes, 1)
        self.conv_seg_for_vl = nn.Conv2d(channels, opinions, 1) if opinions else None
        nn.init.normal_(self.conv_seg.weight, std=_CLASSIFIER_DEVIATION)
        nn.init.zeros_(self.conv_seg.bias)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return the feature (B, channels, h, w) at the size of the first level."""
        size = levels[0].shape[-2:]
        maps = [_resized(conv(level), size) for conv, level in zip(self.convs, levels, strict=True)]
        return self.fusion_conv(torch.cat(maps, 1))


class Mixed(nn.Module):
    """1x1 convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu()


class ResNet(nn.Module):
    """ResNet-50 with a deep stem, whose last stage dilates instead of shrinking (section 2.1)."""

    def __init__(self, width: int, blocks: Sequence[int]) -> None:
        super().__init__()
        stem = (3, width, width, 2 * width)
        parts: list[nn.Module] = []
        for place, (inputs, outputs) in enumerate(pairwise(stem)):
            parts += [nn.Conv2d(inputs, outputs, 3, 1 if place else 2, 1, bias=False)]
            parts += [nn.BatchNorm2d(outputs), nn.ReLU()] if place < 2 else []
        self.conv1 = nn.Sequential(*parts)
        self.bn1 = nn.BatchNorm2d(2 * width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = 2 * width
        for stage, (count, stride, (first, rest)) in enumerate(zip(blocks, _STRIDES, _DILATIONS, strict=True)):
            inner = width * 2**stage
            made = [Bottleneck(inputs, inner, stride, first)]
            inputs = inner * _EXPANSION
            made += [Bottleneck(inputs, inner, 1, rest) for _ in range(count - 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*made))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return features (B, 4w, H/4, W/4), (B, 8w, H/8, W/8), (B, 16w, H/16, W/16) and (B, 32w, H/16, W/16)."""
        x = self.maxpool(self.bn1(self.conv1(images)).relu())
        features = []
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
            features.append(x)
        return features


class Bottleneck(nn.Module):
    """1x1 down, 3x3, 1x1 up, added to what came in."""

    def __init__(self, inputs: int, inner: int, stride: int, dilation: int) -> None:
        super().__init__()
        outputs = inner * _EXPANSION
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        kept = x if self.downsample is None else self.downsample(x)
        x = self.bn1(self.conv1(x)).relu()
        x = self.bn2(self.conv2(x)).relu()
        return (self.bn3(self.conv3(x)) + kept).relu()
