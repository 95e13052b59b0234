"""FD-Mamba with CMLA: the small network for farmland semantic change, with its frozen text-prior pathway.

Arithmetic and parameter names are the authors' (docs/methods/fd_mamba.md, 1), so that their checkpoints load and
give their outputs. Reads from the whole to the parts: FDMamba, CMLA, blocks, ConvMamba.
Shapes: B batch, K classes, f filters, C channels, E = 2 C inner channels, L = H * W tokens, N = 16 states.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cmla import CMLA
from .constants import CONV_WIDTH, STATES
from .scan import Direction, compiled_layer, selective_scan

GROUPS = 8


@dataclass(frozen=True)
class FDMambaConfig:
    """What decides the network's shape; the defaults are the paper's 6.65 M parameters."""

    init_filters: int = 16
    n_classes: int = 6
    conv_mode: str = "orignal"
    up_conv_mode: str = "deepwise"
    blocks_down: tuple[int, int, int, int] = (1, 2, 2, 4)
    blocks_up: tuple[int, int, int] = (1, 1, 1)
    text_width: int = 512
    context_width: int = 512


class FDMamba(nn.Module):
    """Two dates in, class logits and CMLA's score map out.

    `card` and `temperature` (of the calibrated confidence) are set from the checkpoint.
    """

    family = "fd_mamba"
    card: Any = None
    temperature: float = 1.0

    def __init__(self, config: FDMambaConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FDMambaConfig()
        widths = [config.init_filters * 2**level for level in range(4)]
        self.convInit = Conv(3, widths[0], 3)
        self.srcm_encoder_layers = nn.ModuleList()
        for level, (width, blocks) in enumerate(zip(widths, config.blocks_down, strict=True)):
            down = (
                nn.Sequential(SRCMLayer(widths[level - 1], width, config.conv_mode), nn.MaxPool2d(2))
                if level
                else nn.Identity()
            )
            self.srcm_encoder_layers.append(
                nn.Sequential(down, *(SRCMBlock(width, config.conv_mode) for _ in range(blocks)))
            )
        self.diff_attentions = nn.ModuleList(FineGrainedDiffAttention(width) for width in widths)
        self.fusion_modules = nn.ModuleList(EnhancedSEFusionModule(width) for width in widths)
        self.up_samples = nn.ModuleList()
        self.srcm_decoder_layers = nn.ModuleList()
        for level, blocks in zip((2, 1, 0), config.blocks_up, strict=True):
            up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
            self.up_samples.append(nn.Sequential(Conv(widths[level + 1], widths[level], 1), up))
            self.srcm_decoder_layers.append(
                nn.Sequential(*(SRCMBlock(widths[level], config.up_conv_mode) for _ in range(blocks)))
            )
        self.score_head = CMLA(config.init_filters, config.n_classes, config.text_width, config.context_width)
        self.gating_conv = nn.Sequential(nn.Conv2d(config.n_classes, 1, 1), nn.Sigmoid())
        self.conv_final = nn.Sequential(
            nn.GroupNorm(GROUPS, config.init_filters), nn.ReLU(), Conv(config.init_filters, config.n_classes, 1, True)
        )

    def forward(
        self, before: Tensor, after: Tensor, context: Sequence[str | None] | None = None, pooled: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return logits and score map, both (B, K, H, W), of two (B, 3, H, W) images in [-1, 1].

        H and W are multiples of 8 and at least 16. `context` is a pool of context prompts, averaged for the
        whole batch as in the authors' code (section 1.7), or one for each sample (None: unknown) unless `pooled`; their
        text features must be in the score head.
        """
        feature = self.decode(self.encode(before, after))
        score_map = self.score_head(feature, context, pooled)
        feature = feature * (1 + self.gating_conv(score_map))
        return self.conv_final(feature), score_map

    def encode(self, before: Tensor, after: Tensor) -> list[Tensor]:
        """Fuse both dates at each level: four maps (B, f * 2**i, H / 2**i, W / 2**i).

        Both dates go through the encoder as one batch: nothing in it looks across the batch.
        """
        x = self.convInit(torch.cat([before, after]))
        fused = []
        for encoder, attention, fusion in zip(
            self.srcm_encoder_layers, self.diff_attentions, self.fusion_modules, strict=True
        ):
            x = encoder(x)
            a, b = x.chunk(2)
            fused.append(fusion(a, b, attention(a, b)))
        return fused

    def decode(self, fused: list[Tensor]) -> Tensor:
        """Climb from the coarsest fused map to the feature map (B, f, H, W)."""
        y = fused[3]
        for up, decoder, skip in zip(self.up_samples, self.srcm_decoder_layers, fused[2::-1], strict=True):
            y = decoder(up(y) + skip)
        return y


class Conv(nn.Module):
    """A convolution that keeps the size; a module of its own because the authors' keys have it so."""

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class SRCMBlock(nn.Module):
    """Two pre-activated SRCM layers with a residual (section 1.2)."""

    def __init__(self, channels: int, conv_mode: str) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, channels)
        self.norm2 = nn.GroupNorm(GROUPS, channels)
        self.conv1 = SRCMLayer(channels, channels, conv_mode)
        self.conv2 = SRCMLayer(channels, channels, conv_mode)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.norm1(x)))
        return self.conv2(F.relu(self.norm2(y))) + x


class SRCMLayer(nn.Module):
    """ConvMamba between two uses of ONE LayerNorm, with a scaled skip around it (section 1.3)."""

    def __init__(self, inputs: int, outputs: int, conv_mode: str) -> None:
        super().__init__()
        self.skip_scale = nn.Parameter(torch.ones(1))
        self.norm = nn.LayerNorm(inputs)
        self.convmamba = ConvMamba(inputs, conv_mode)
        self.proj = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        tokens = x.flatten(2).transpose(1, 2)  # (B, L, C), row by row
        if compiled := compiled_layer(tokens, self.convmamba.A_log):
            return compiled(self, tokens, height, width).transpose(1, 2).unflatten(2, (height, width))
        mixed = torch.addcmul(self.convmamba(self.norm(tokens), height, width), self.skip_scale, tokens)
        out = self.proj(self.norm(mixed))
        return out.transpose(1, 2).unflatten(2, (height, width))


class ConvMamba(nn.Module):
    """A scan from the first token, a scan from the last and a local convolution, summed (section 1.4)."""

    def __init__(self, channels: int, conv_mode: str) -> None:
        super().__init__()
        inner = 2 * channels
        rank = math.ceil(channels / 16)
        self.rank = rank
        self.local_relation = local_branch(channels, inner, conv_mode)
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.out_proj = nn.Linear(inner, channels, bias=False)
        self.A_log, self.A_b_log = (nn.Parameter(torch.empty(inner, STATES)) for _ in range(2))
        self.D, self.D_b = (nn.Parameter(torch.ones(inner)) for _ in range(2))
        self.conv1d = nn.Conv1d(inner, inner, CONV_WIDTH, groups=inner, padding=CONV_WIDTH - 1)
        self.conv1d_b = nn.Conv1d(inner, inner, CONV_WIDTH, groups=inner, padding=CONV_WIDTH - 1)
        self.x_proj = nn.Linear(inner, rank + 2 * STATES, bias=False)
        self.x_proj_b = nn.Linear(inner, rank + 2 * STATES, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.dt_proj_b = nn.Linear(rank, inner)
        # On the meta device, where a checkpoint's network is laid out, these would load torch's compiler.
        if not self.A_log.is_meta:
            self._init_scan()

    @torch.no_grad()
    def _init_scan(self) -> None:
        """Start A at -1 to -16 and the forward scan's steps log-uniform in 0.001..0.1; the backward's keep torch's."""
        for a_log in (self.A_log, self.A_b_log):
            a_log.copy_(torch.log(torch.arange(1, STATES + 1, dtype=torch.float32)))
        nn.init.uniform_(self.dt_proj.weight, -(self.rank**-0.5), self.rank**-0.5)
        low, high = math.log(1e-3), math.log(1e-1)
        step = torch.exp(torch.empty_like(self.dt_proj.bias).uniform_(low, high)).clamp(min=1e-4)
        self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))  # the inverse of softplus

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Mix (B, L, C) tokens of a height x width image into (B, L, C)."""
        channels_first = tokens.transpose(1, 2)
        local = self.local_relation(channels_first.unflatten(2, (height, width))).flatten(2)  # (B, E, L)
        ahead, back = self.ways()
        x, z = project(self.in_proj.weight, channels_first).chunk(2, dim=1)  # (B, E, L) each
        both = self._scan(x, z, ahead, reverse=False) + self._scan(x, z, back, reverse=True)
        return project_back(self.out_proj.weight, both + local)

    def ways(self) -> tuple[Direction, Direction]:
        """Return the parameters of the scan from the first token and of that from the last."""
        return (
            self._way(self.conv1d, self.x_proj, self.dt_proj, self.A_log, self.D),
            self._way(self.conv1d_b, self.x_proj_b, self.dt_proj_b, self.A_b_log, self.D_b),
        )

    @staticmethod
    def _way(conv: nn.Conv1d, x_proj: nn.Linear, dt_proj: nn.Linear, a_log: Tensor, d: Tensor) -> Direction:
        return Direction(conv.weight, conv.bias, x_proj.weight, dt_proj.weight, dt_proj.bias, a_log, d)

    def _scan(self, x: Tensor, z: Tensor, way: Direction, *, reverse: bool) -> Tensor:
        """One direction; in reverse the convolution looks ahead instead of back, which equals flipping x."""
        length = x.shape[2]
        kernel = way.conv.flip(2) if reverse else way.conv
        u = F.conv1d(x, kernel, way.conv_bias, padding=CONV_WIDTH - 1, groups=x.shape[1])
        u = F.silu(u[..., CONV_WIDTH - 1 :] if reverse else u[..., :length])
        to_step, to_b, to_c = way.x_proj.split([self.rank, STATES, STATES])
        delta = project(way.step, project(to_step, u))  # the bias is added inside the scan
        b, c = (project_back(weight, u).transpose(1, 2) for weight in (to_b, to_c))  # (B, N, L)
        a = -torch.exp(way.a_log)
        return selective_scan(u, delta, a, b, c, way.d, z, way.step_bias, reverse=reverse)


def project(weight: Tensor, rows: Tensor) -> Tensor:
    """Apply a (P, C) weight to the channels of (B, C, L): (B, P, L), the tokens staying along the last axis."""
    return torch.bmm(weight.expand(len(rows), -1, -1), rows)


def project_back(weight: Tensor, rows: Tensor) -> Tensor:
    """As `project`, with the tokens along the middle axis: (B, L, P)."""
    return torch.bmm(rows.transpose(1, 2), weight.T.expand(len(rows), -1, -1))


def local_branch(channels: int, inner: int, conv_mode: str) -> nn.Sequential:
    """Build the local convolutions of one of the authors' modes (their spelling), (B, C, H, W) to (B, E, H, W)."""
    if conv_mode in ("deepwise", "deepwise_dinner"):
        middle = channels if conv_mode == "deepwise" else inner
        return nn.Sequential(SeparableConv(channels, middle), nn.SiLU(), SeparableConv(middle, inner))
    middles = {"orignal": channels, "orignal_dinner": inner, "orignal_1_5_dmodel": int(1.5 * channels)}
    middle = middles[conv_mode]
    return nn.Sequential(nn.Conv2d(channels, middle, 3, padding=1), nn.SiLU(), nn.Conv2d(middle, inner, 3, padding=1))


class SeparableConv(nn.Module):
    """Depthwise 3x3, then pointwise 1x1, both with bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise_conv = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs)
        self.pointwise_conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise_conv(self.depthwise_conv(x))


class FineGrainedDiffAttention(nn.Module):
    """What differs between two feature maps, weighed in space and over channels (section 1.5)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.diff_conv_s = self._branch(channels, half, dilation=1)
        self.diff_conv_l = self._branch(channels, half, dilation=2)
        self.diff_fuse = nn.Conv2d(channels, channels, 1, bias=False)
        self.spatial_att = nn.Sequential(nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.Sigmoid())
        self.channel_att = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // 4, 1),
            nn.LayerNorm([channels // 4, 1, 1]),
            nn.GELU(),
            nn.Conv2d(channels // 4, channels, 1),
            nn.Sigmoid(),
        )
        self.out_proj = nn.Conv2d(channels, channels, 1, bias=False)

    @staticmethod
    def _branch(channels: int, half: int, dilation: int) -> nn.Sequential:
        conv = nn.Conv2d(2 * channels, half, 3, padding=dilation, dilation=dilation, groups=half, bias=False)
        return nn.Sequential(conv, nn.InstanceNorm2d(half), nn.GELU())

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        difference = (a - b).abs()
        both = torch.cat([difference, torch.maximum(a, b)], dim=1)
        fused = self.diff_fuse(torch.cat([self.diff_conv_s(both), self.diff_conv_l(both)], dim=1))
        pooled = torch.cat([fused.amax(dim=1, keepdim=True), fused.mean(dim=1, keepdim=True)], dim=1)
        return self.out_proj(fused * self.spatial_att(pooled) * self.channel_att(fused)) + difference


class EnhancedSEFusionModule(nn.Module):
    """Both dates and their difference in one map, with squeeze and excitation (section 1.6)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        middle = max(8, channels // 4)
        self.project = nn.Sequential(
            nn.Conv2d(3 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.spatial_refine = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.fc = nn.Sequential(
            nn.Linear(channels, middle, bias=False), nn.ReLU(), nn.Linear(middle, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, a: Tensor, b: Tensor, difference: Tensor) -> Tensor:
        x = self.spatial_refine(self.project(torch.cat([a, b, difference], dim=1)))
        weights = self.fc(x.mean(dim=(2, 3)))
        return x * weights[:, :, None, None]
