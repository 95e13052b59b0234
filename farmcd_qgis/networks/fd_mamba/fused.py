"""A folded network for one thread of a CPU: each convolution and what follows it in one pass over memory, by oneDNN.

Left alone, torch computes 1x1 convolutions on one thread with the channels first, and turns every map around for that
and back. The operations are those that torch's own compiler takes on a CPU; where a torch has none, networks stay.
"""

import logging
import platform
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cmla import CMLA
from .efficientnet import EfficientNetLite0, InvertedResidual, PaddedConv
from .encoded import EncodedFDMamba
from .network import Conv, FineGrainedDiffAttention

logger = logging.getLogger(__name__)

# What may follow a convolution: oneDNN's name and its numbers.
Then = tuple[str, list[float]]
NOTHING: Then = ("none", [])
RELU6: Then = ("hardtanh", [0.0, 6.0])
RELU, SILU, SIGMOID = (cast("Then", (name, [])) for name in ("relu", "swish", "sigmoid"))
FOLLOWING: dict[type[nn.Module], Then] = {nn.ReLU: RELU, nn.SiLU: SILU, nn.Sigmoid: SIGMOID}
CHANNELS_LAST = torch.channels_last


@cache
def can_fuse() -> bool:
    """Say whether this torch has the operations and they compute what a convolution is: tried on a few numbers."""
    if platform.machine().lower() not in ("x86_64", "amd64") or not torch.backends.mkldnn.is_available():
        return False
    generator = torch.Generator().manual_seed(0)
    x, other = torch.randn(2, 1, 4, 8, 8, generator=generator)
    conv = nn.Conv2d(4, 4, 3, padding=1).requires_grad_(False)
    conv.weight.normal_(generator=generator)
    try:
        found = [FusedConv(conv)(x, other), *(FusedConv(conv, then)(x) for then in (RELU6, RELU, SILU, SIGMOID))]
    except (AttributeError, RuntimeError, TypeError) as reason:
        logger.info("Convolutions are not fused: %s", reason)
        return False
    y = conv(x)
    wanted = [y + other, F.relu6(y), F.relu(y), F.silu(y), y.sigmoid()]
    return all(torch.allclose(one, two, atol=1e-3) for one, two in zip(found, wanted, strict=True))


@torch.no_grad()
def fuse(net: EncodedFDMamba) -> EncodedFDMamba:
    """Let a folded network on the CPU compute the same in fewer passes; it changes in place."""
    _fuse_in(net)
    return net


def _fuse_in(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, EfficientNetLite0):
            setattr(module, name, FusedEncoder(child))
        elif isinstance(child, CMLA):
            setattr(module, name, FusedCMLA(child))
        elif isinstance(child, nn.Conv2d | Conv):
            setattr(module, name, FusedConv(_conv(child)))
        elif isinstance(child, nn.Sequential):
            _fuse_row(child)
        else:
            _fuse_in(child)
    if isinstance(module, FineGrainedDiffAttention):
        for branch in (module.diff_conv_s, module.diff_conv_l):
            branch[1], branch[2] = QuickNorm(branch[1].eps), nn.Identity()


def _fuse_row(row: nn.Sequential) -> None:
    """Fuse the convolutions of layers in a row with what follows each."""
    for place, layer in enumerate(row):
        if not isinstance(layer, nn.Conv2d | Conv):
            _fuse_in(layer)
            continue
        conv = _conv(layer)
        if 1 < conv.groups < conv.in_channels:
            row[place] = GroupedConv(conv)
            continue
        later = [at for at in range(place + 1, len(row)) if not isinstance(row[at], nn.Identity)]
        then = FOLLOWING.get(type(row[later[0]]), NOTHING) if later else NOTHING
        if then != NOTHING:
            row[later[0]] = nn.Identity()
        row[place] = FusedConv(conv, then)


def _conv(layer: nn.Module) -> nn.Conv2d:
    inner = layer.conv if isinstance(layer, Conv) else layer
    assert isinstance(inner, nn.Conv2d)  # nosec B101 # for the type's sake
    return inner


class FusedConv(nn.Module):
    """A convolution and what follows it: a function of its values (`then`), or the sum with another map (`plus`)."""

    def __init__(self, conv: nn.Conv2d, then: Then = NOTHING) -> None:
        super().__init__()
        weight, padding = conv.weight.detach(), list(conv.padding)
        if isinstance(conv, PaddedConv) and conv.uneven:
            # As many zeros on either side, and a kernel that takes nothing of the first: no padded copy is made.
            weight, padding = F.pad(weight, (1, 0, 1, 0)), [conv.after, conv.after]
        self._weight = weight.contiguous()
        self._packed: Tensor | None = None
        self._bias = None if conv.bias is None else conv.bias.detach()
        self._how: Any = (padding, list(conv.stride), list(conv.dilation), conv.groups)
        self._then = then

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """Convolve (B, C, H, W) with the channels last."""
        x = x.contiguous(memory_format=CHANNELS_LAST)
        packed = self._packed
        if packed is None:
            # How it is laid out best depends on the size of the map; any other is right, too. Two threads that come
            # here at once make the same.
            pack = torch.ops.mkldnn._reorder_convolution_weight
            packed = self._packed = pack(self._weight, *self._how, list(x.shape))
        convolve = torch.ops.mkldnn._convolution_pointwise
        if plus is None:
            made: Tensor = convolve(x, packed, self._bias, *self._how, *self._then, "")
        else:
            made = convolve.binary(x, plus, packed, self._bias, *self._how, "add", 1.0, None, [], None)
        return made


class GroupedConv(nn.Module):
    """A convolution whose groups have few channels: each channel is filtered by itself, and a group's are summed."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        outputs, inputs, *kernel = conv.weight.shape
        if outputs != conv.groups:
            raise ValueError("groups with one output each are all that there are")
        alone = nn.Conv2d(
            outputs * inputs,
            outputs * inputs,
            conv.kernel_size,
            conv.stride,
            conv.padding,
            conv.dilation,
            outputs * inputs,
            bias=False,
        )
        alone.weight.data = conv.weight.detach().reshape(outputs * inputs, 1, *kernel)
        total = nn.Conv2d(outputs * inputs, outputs, 1, bias=conv.bias is not None)
        total.weight.data = torch.eye(outputs).repeat_interleave(inputs, dim=1)[:, :, None, None]
        if conv.bias is not None:
            total.bias = conv.bias
        self.alone, self.total = FusedConv(alone), FusedConv(total)

    def forward(self, x: Tensor) -> Tensor:
        return self.total(self.alone(x))


class QuickNorm(nn.Module):
    """An instance norm and GELU of a map with the channels last, which torch's own would turn around."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
        scale = (variance + self.eps).rsqrt()
        return F.gelu(torch.addcmul(-mean * scale, x, scale))


class FusedCMLA(nn.Module):
    """CMLA's score map, with both of its small matrices in one convolution."""

    def __init__(self, head: CMLA) -> None:
        super().__init__()
        self.head = head

    def forward(self, feature: Tensor, context: Sequence[str | None] | None = None, pooled: bool = True) -> Tensor:
        """As CMLA."""
        head = self.head
        text = head.text_in_context(context, pooled)
        if text.dim() > 2:
            return head(feature, context, pooled)
        projection = head.proj.weight[:, :, 0, 0]
        weights = torch.cat([text @ projection, projection.T @ projection])[:, :, None, None]
        how = ([0, 0], [1, 1], [1, 1], 1)
        both = torch.ops.mkldnn._convolution_pointwise(feature, weights, None, *how, *NOTHING, "")
        norm = (feature * both[:, len(text) :]).sum(dim=1, keepdim=True).clamp(min=1e-24).sqrt()
        made: Tensor = head.logit_scale.exp() * both[:, : len(text)] / norm
        return made


class FusedEncoder(nn.Module):
    """An encoder of fused convolutions."""

    def __init__(self, encoder: EfficientNetLite0) -> None:
        super().__init__()
        self.ends = encoder.ends
        self.stem = FusedConv(encoder._conv_stem, RELU6)
        self.blocks = nn.ModuleList(FusedResidual(block) for block in encoder._blocks)

    def forward(self, images: Tensor) -> list[Tensor]:
        """As EfficientNetLite0."""
        x = self.stem(images)
        levels = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.ends:
                levels.append(x)
        return levels


class FusedResidual(nn.Module):
    """An inverted residual of fused convolutions."""

    def __init__(self, block: InvertedResidual) -> None:
        super().__init__()
        self.adds = block.adds
        self.expand = FusedConv(block._expand_conv, RELU6) if block.expands else nn.Identity()
        self.filter = FusedConv(block._depthwise_conv, RELU6)
        self.project = FusedConv(block._project_conv)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.filter(self.expand(x)), x if self.adds else None)
