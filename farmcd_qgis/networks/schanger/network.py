"""SChanger: one network for a single image (SPN) or for two dates (SCN), told apart by its temporal fusion alone.

Arithmetic and parameter names are the authors' (docs/methods/schanger.md), so that their checkpoints load and give
their outputs. Reads from the whole to the parts: SChanger, head, SCAM, TFM, LFEM.
Shapes: B batch, C channels, M logit maps (1 if binary, else one a class), K classes. "Dates" are the feature maps of
one image (SPN) or of before and after (SCN), each (B, C, H, W).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .normalisation import Normalisation

Dates = tuple[Tensor, ...]

SMALL = (8, 16, 32, 40, 48, 48)
BASE = (24, 32, 48, 64, 104, 120)
LEVELS = 5
MULTIPLE = 2 ** (LEVELS - 1)

_EXPANSION = 6
_SQUEEZE = 0.25
# Fewer would leave nothing after the squeeze; more fit into no memory.
_LEAST_CHANNELS, _MOST_CHANNELS = 4, 2048
_MLP = 4
_LFEM_EPS = 1e-3
_LAYER_NORM_EPS = 1e-6
_LAYER_SCALE = 1e-2


@dataclass(frozen=True)
class SChangerConfig:
    """What decides the network's shape: six channel counts from the stem to the deepest level, and the logit maps.

    `maps` is 1 for a binary network, else the number of classes; `single_image` makes the prior network (SPN).
    `drop` is the share dropped in training, of paths and in the MLPs.
    """

    channels: tuple[int, int, int, int, int, int] = SMALL
    maps: int = 1
    single_image: bool = False
    drop: float = 0.2

    def __post_init__(self) -> None:
        """Raise ValueError for a shape that no such network has."""
        fit = [_LEAST_CHANNELS <= count <= _MOST_CHANNELS for count in self.channels]
        if len(fit) != LEVELS + 1 or not all(fit):
            raise ValueError(
                f"channels must be {LEVELS + 1} numbers from {_LEAST_CHANNELS} to {_MOST_CHANNELS}, "
                f"not {list(self.channels)}"
            )
        if self.maps < 1:
            raise ValueError(f"maps must be 1 (binary) or the number of classes, not {self.maps}")

    @property
    def n_classes(self) -> int:
        """The number of classes that `forward` gives logits of."""
        return max(2, self.maps)


class SChanger(nn.Module):
    """One image, or two dates, in; class logits out.

    `card`, `temperature` (of the calibrated confidence) and `normalisation` are set from the checkpoint.
    """

    family = "schanger"
    card: Any = None
    temperature: float = 1.0
    normalisation: Normalisation | None = None

    def __init__(self, config: SChangerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SChangerConfig()
        widths, drop, pair = config.channels, config.drop, not config.single_image
        self.conv_1 = ConvNormAct(3, widths[0], 3, eps=1e-5)
        for level, (shallow, deep) in enumerate(pairwise(widths), 1):
            self.add_module(f"encoder{level}", nn.Sequential(LFEM(shallow, deep, drop), LFEM(deep, deep, drop)))
        # Decoders, attention and heads are counted from the deepest level up.
        for place, level in enumerate(range(LEVELS, 0, -1), 1):
            deep, shallow = widths[level], widths[level - 1]
            self.add_module(f"Bi{place}", nn.Sequential(SCAM(deep, drop, pair)))
            self.add_module(f"decoder{place}", nn.Sequential(LFEM(deep, deep, drop), LFEM(deep, shallow, drop)))
            self.add_module(
                f"head{place}", nn.Sequential(TFM(shallow) if pair else nn.Identity(), Head(shallow, config.maps, 3))
            )
        self.head6 = nn.Sequential(Head(LEVELS * config.maps, config.maps, 1))
        self.apply(_initialise)

    def forward(
        self,
        before: Tensor,
        after: Tensor | None = None,
        context: Sequence[str | None] | None = None,
        sides: bool = False,
    ) -> tuple[Tensor, None]:
        """Return the fused logits (B, K, H, W), [0, z] if binary, and None: there is no text-prior pathway.

        `before` and `after` are (B, 3, H, W), each normalised with its own date's statistics; H and W are multiples of
        16. The prior network takes one image and no `after`. With `sides` the first tensor is the logit maps of all six
        outputs as they are trained, (B, 6, M, H, W), the fused one first. `context` is ignored.
        """
        maps = self._maps((before,) if after is None else (before, after))
        if sides:
            return torch.stack([self._fused(maps), *maps], 1), None
        return self.class_logits(self._fused(maps)), None

    @staticmethod
    def class_logits(maps: Tensor) -> Tensor:
        """Turn logit maps (B, M, H, W) into class logits (B, K, H, W): softmax of [0, z] is the sigmoid of z."""
        return torch.cat([torch.zeros_like(maps), maps], 1) if maps.shape[1] == 1 else maps

    def attention(self, before: Tensor, after: Tensor) -> Tensor:
        """Return the first channel of the shallowest SCAM's map (B, H, W), which weighs both dates at full size.

        Inputs as those of `forward`; nothing below the first level is computed.
        """
        self._check((before, after))
        dates = _each(self.encoder1, _each(self.conv_1, (before, after)))
        return getattr(self, f"Bi{LEVELS}")[0].weight(dates)[:, 0]

    def _maps(self, images: Dates) -> list[Tensor]:
        """Return the five side outputs (B, M, H, W) at full size, the deepest first."""
        self._check(images)
        size = images[0].shape[2:]
        dates = _each(self.conv_1, images)
        skips: list[Dates] = []
        for level in range(1, LEVELS + 1):
            if level > 1:
                dates = tuple(F.max_pool2d(x, 2) for x in dates)
            dates = _each(getattr(self, f"encoder{level}"), dates)
            skips.append(dates)
        maps = []
        for place in range(1, LEVELS + 1):
            seen = getattr(self, f"Bi{place}")(skips.pop())
            dates = seen if place == 1 else tuple(_resize(x, s.shape[2:]) + s for x, s in zip(dates, seen, strict=True))
            dates = _each(getattr(self, f"decoder{place}"), dates)
            fuse, head = getattr(self, f"head{place}")
            maps.append(_resize(head(fuse(*dates)), size))
        return maps

    def _fused(self, maps: list[Tensor]) -> Tensor:
        return self.head6(torch.cat(maps, 1))

    def _check(self, images: Dates) -> None:
        wanted = 1 if self.config.single_image else 2
        if len(images) != wanted:
            raise ValueError(f"This network takes {wanted} image(s), not {len(images)}.")
        height, width = images[0].shape[2:]
        if height % MULTIPLE or width % MULTIPLE:
            raise ValueError(f"Height and width must be multiples of {MULTIPLE}; the image is {height} x {width}.")


class Head(nn.Module):
    """One convolution to logit maps: of a level's features (3x3), or of all side outputs (1x1)."""

    def __init__(self, channels: int, maps: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, maps, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, C, H, W) to (B, M, H, W)."""
        return self.conv(x)


class SCAM(nn.Module):
    """Spatial consistency attention: one map, made from all dates, weighs every date; then an MLP (section 3)."""

    def __init__(self, channels: int, drop: float, pair: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.attn = Attention(channels, pair)
        self.mlp = MLP(channels, drop)
        self.layer_scale_1 = nn.Parameter(torch.full((channels,), _LAYER_SCALE))
        self.layer_scale_2 = nn.Parameter(torch.full((channels,), _LAYER_SCALE))
        self.drop = drop

    def forward(self, dates: Dates) -> Dates:
        """Return every date's features with what both dates agree to look at."""
        seen = self.attn(_each(self.norm1, dates))
        return tuple(self._mixed(x, z) for x, z in zip(dates, seen, strict=True))

    def weight(self, dates: Dates) -> Tensor:
        """Return the one map (B, C, H, W) that weighs every date."""
        return self.attn.weight(self.attn.values(_each(self.norm1, dates)))

    def _mixed(self, x: Tensor, seen: Tensor) -> Tensor:
        x = x + drop_path(self.layer_scale_1[:, None, None] * seen, self.drop, self.training)
        return x + drop_path(self.layer_scale_2[:, None, None] * self.mlp(self.norm2(x)), self.drop, self.training)


class Attention(nn.Module):
    """Large-kernel attention whose map all dates share."""

    def __init__(self, channels: int, pair: bool) -> None:
        super().__init__()
        self.proj_1, self.proj_2 = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1)
        self.spatial_gating_unit = AttentionMap(channels, pair)

    def forward(self, dates: Dates) -> Dates:
        """Weigh every date's features with the one map, and add what came in."""
        values = self.values(dates)
        weight = self.weight(values)
        return tuple(self.proj_2(value * weight) + x for value, x in zip(values, dates, strict=True))

    def values(self, dates: Dates) -> Dates:
        """Return what is weighed of each date."""
        return tuple(F.gelu(self.proj_1(x)) for x in dates)

    def weight(self, values: Dates) -> Tensor:
        """Return the one map for all dates."""
        weight: Tensor = self.spatial_gating_unit(values)
        return weight


class AttentionMap(nn.Module):
    """The map itself: 23 pixels of context by a 5x5 and a dilated 7x7 depthwise convolution."""

    def __init__(self, channels: int, pair: bool) -> None:
        super().__init__()
        self.diff = TFM(channels) if pair else nn.Identity()
        self.conv0 = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.conv_spatial = nn.Conv2d(channels, channels, 7, padding=9, dilation=3, groups=channels)
        self.conv1 = nn.Conv2d(channels, channels, 1)

    def forward(self, dates: Dates) -> Tensor:
        """Return the weights (B, C, H, W), which are of any sign and size."""
        return self.conv1(self.conv_spatial(self.conv0(self.diff(*dates))))


class MLP(nn.Module):
    """Widen four times, look at the neighbours, narrow."""

    def __init__(self, channels: int, drop: float) -> None:
        super().__init__()
        wide = _MLP * channels
        self.fc1 = nn.Conv2d(channels, wide, 1)
        self.dwconv = nn.ModuleDict({"dwconv": nn.Conv2d(wide, wide, 3, padding=1, groups=wide)})
        self.fc2 = nn.Conv2d(wide, channels, 1)
        self.drop = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        """Transform (B, C, H, W), size kept."""
        return self.drop(self.fc2(self.drop(F.gelu(self.dwconv["dwconv"](self.fc1(x))))))


class TFM(nn.Module):
    """Temporal fusion: two dates become one feature map, the order of the dates kept (section 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.diff = nn.Sequential(nn.Conv2d(2 * channels, channels, 1), ChannelLayerNorm(channels), nn.GELU())

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """Fuse two (B, C, H, W) into one."""
        return self.diff(torch.cat([before, after], 1))


class ChannelLayerNorm(nn.Module):
    """Layer norm over the channels of each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.eps = _LAYER_NORM_EPS

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, H, W) pixel by pixel."""
        centred = x - x.mean(1, keepdim=True)
        deviation = (centred.square().mean(1, keepdim=True) + self.eps).sqrt()
        return self.weight[:, None, None] * (centred / deviation) + self.bias[:, None, None]


class LFEM(nn.Module):
    """Widen six times, look at the neighbours, weigh the channels, narrow (section 1)."""

    def __init__(self, channels: int, out: int, drop: float) -> None:
        super().__init__()
        wide = _EXPANSION * channels
        self.expand_conv = ConvNormAct(channels, wide, 1)
        self.dwconv = ConvNormAct(wide, wide, 3, groups=wide)
        self.se = SqueezeExcite(wide, int(_SQUEEZE * channels))
        self.project_conv = ConvNormAct(wide, out, 1, act=False)
        self.residual, self.drop = channels == out, drop

    def forward(self, x: Tensor) -> Tensor:
        """Transform (B, C, H, W) to (B, out, H, W)."""
        narrow = self.project_conv(self.se(self.dwconv(self.expand_conv(x))))
        return x + drop_path(narrow, self.drop, self.training) if self.residual else narrow


class SqueezeExcite(nn.Module):
    """Weigh each channel by what all channels are on the whole image."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.conv_reduce = nn.Conv2d(channels, squeezed, 1)
        self.conv_expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scale (B, C, H, W) channel by channel."""
        return x * self.gate(x)

    def gate(self, x: Tensor) -> Tensor:
        """Return the channels' weights (B, C, 1, 1), 0..1."""
        return self.conv_expand(F.silu(self.conv_reduce(x.mean((2, 3), keepdim=True)))).sigmoid()


class ConvNormAct(nn.Module):
    """Convolution without bias, batch norm, and SiLU unless `act` is off."""

    def __init__(
        self, channels: int, out: int, kernel: int, groups: int = 1, act: bool = True, eps: float = _LFEM_EPS
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=eps)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Transform (B, C, H, W) to (B, out, H, W)."""
        x = self.bn(self.conv(x))
        return F.silu(x) if self.act else x


def drop_path(x: Tensor, share: float, training: bool) -> Tensor:
    """In training, drop a residual path of a `share` of the samples and scale up the others."""
    if not training or not share:
        return x
    keep = x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(1 - share)
    return x * keep / (1 - share)


def _each(layer: Callable[[Tensor], Tensor], dates: Dates) -> Dates:
    # One by one: in training each date is normalised by its own statistics.
    return tuple(layer(x) for x in dates)


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0, (2 / fan_out) ** 0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
