"""SChanger for prediction on a CPU: the same numbers from fewer, wider passes over memory.

At full size the network waits for memory, not for arithmetic. So batch norms and layer scales are folded into the
convolutions, activations and sums are done while a convolution writes (oneDNN's fused convolution, which torch's own
compiler uses; where a torch lacks it, plain ones), the squeeze's weights go into the next convolution's instead of over
its whole input, and nothing is concatenated. Everything lies channels last. Section numbers: docs/methods/schanger.md.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import LEVELS, LFEM, SCAM, TFM, ChannelLayerNorm, ConvNormAct, Dates, SChanger

_ACTIVATIONS = {"none": lambda x: x, "swish": F.silu, "gelu": F.gelu}


class FoldedSChanger:
    """A network of two dates, frozen as it is now: `folded(before, after)` is `net(before, after)` up to rounding.

    For float32 on the CPU and without gradients. Later changes of the network don't reach it.
    """

    @torch.no_grad()
    def __init__(self, net: SChanger) -> None:
        if net.config.single_image:
            raise ValueError("only a network of two dates is folded")
        net = copy.deepcopy(net)
        self._stem = _folded(net.conv_1)
        self._encoders = [_Pair(getattr(net, f"encoder{level}")) for level in range(1, LEVELS + 1)]
        self._attention = [_Attention(getattr(net, f"Bi{place}")[0]) for place in range(1, LEVELS + 1)]
        self._decoders = [_Pair(getattr(net, f"decoder{place}")) for place in range(1, LEVELS + 1)]
        heads = [getattr(net, f"head{place}") for place in range(1, LEVELS + 1)]
        self._fusions = [_Fusion(fuse) for fuse, _ in heads]
        self._heads = [_plain(head.conv) for _, head in heads]
        self._last = _plain(net.head6[0].conv)

    @torch.inference_mode()
    def __call__(
        self, before: Tensor, after: Tensor, context: Sequence[str | None] | None = None
    ) -> tuple[Tensor, None]:
        """Return class logits (B, K, H, W) and None, as `SChanger.forward` does."""
        # One by one: the squeeze makes each image's weights its own, and less memory is touched at a time.
        maps = [self._one((b[None], a[None])) for b, a in zip(before, after, strict=True)]
        return SChanger.class_logits(torch.cat(maps)), None

    def _one(self, images: Dates) -> Tensor:
        dates = tuple(self._stem(_channels_last(image)) for image in images)
        skips: list[Dates] = []
        for level, encode in enumerate(self._encoders):
            if level:
                dates = tuple(F.max_pool2d(x, 2) for x in dates)
            dates = tuple(encode(x) for x in dates)
            skips.append(dates)
        maps = []
        for place, (attend, decode) in enumerate(zip(self._attention, self._decoders, strict=True)):
            seen = attend(skips.pop())
            dates = tuple(_resize(x, s).add_(s) for x, s in zip(dates, seen, strict=True)) if place else seen
            dates = tuple(decode(x) for x in dates)
            maps.append(_resize(self._heads[place](self._fusions[place](*dates)), images[0]))
        return self._last(torch.cat(maps, 1))


@dataclass(frozen=True)
class _Conv:
    weight: Tensor
    bias: Tensor | None
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    act: str = "none"

    def __call__(self, x: Tensor, plus: Tensor | None = None, gate: Tensor | None = None) -> Tensor:
        """Convolve; `plus` is added to the result, `gate` (1, C, 1, 1) weighs what goes in."""
        weight = self.weight if gate is None else self.weight * gate
        if not _has_fused():
            y = F.conv2d(x, weight, self.bias, 1, self.padding, self.dilation, self.groups)
            return _ACTIVATIONS[self.act](y if plus is None else y.add_(plus))
        fused, shape = torch.ops.mkldnn._convolution_pointwise, ([self.padding] * 2, [1, 1], [self.dilation] * 2)
        if plus is not None:
            return fused.binary(x, plus, weight, self.bias, *shape, self.groups, "add", 1.0, None, [], "")
        exact = "none" if self.act == "gelu" else ""
        return fused(x, weight, self.bias, *shape, self.groups, self.act, [], exact)


class _Pair:
    """Two LFEM, section 1."""

    def __init__(self, pair: nn.Sequential) -> None:
        self._blocks = [_LocalFeatures(block) for block in pair]

    def __call__(self, x: Tensor) -> Tensor:
        for block in self._blocks:
            x = block(x)
        return x


class _LocalFeatures:
    def __init__(self, block: LFEM) -> None:
        self._expand, self._depthwise = _folded(block.expand_conv), _folded(block.dwconv)
        self._project = _folded(block.project_conv)
        self._squeeze, self._residual = block.se, block.residual

    def __call__(self, x: Tensor) -> Tensor:
        v = self._depthwise(self._expand(x))
        return self._project(v, plus=x if self._residual else None, gate=self._squeeze.gate(v))


class _Fusion:
    """TFM, section 2; each date has its half of the weights."""

    def __init__(self, fusion: TFM) -> None:
        conv, self._norm = fusion.diff[0], fusion.diff[1]
        first, second = conv.weight.chunk(2, 1)
        self._first = _Conv(_channels_last(first), conv.bias)
        self._second = _Conv(_channels_last(second), None)

    def __call__(self, before: Tensor, after: Tensor) -> Tensor:
        norm: ChannelLayerNorm = self._norm
        y = self._second(after, plus=self._first(before)).permute(0, 2, 3, 1)
        return F.gelu(F.layer_norm(y, norm.weight.shape, norm.weight, norm.bias, norm.eps)).permute(0, 3, 1, 2)


class _Attention:
    """SCAM, section 3, where x * keep is what is left of x + l1 * BN(x) beside a constant."""

    def __init__(self, block: SCAM) -> None:
        attention, mlp = block.attn, block.mlp
        gating = attention.spatial_gating_unit
        (scale, shift), narrow, wide = _affine(block.norm1), block.layer_scale_1, block.layer_scale_2
        self._value = _after(block.norm1, attention.proj_1, "gelu")
        self._fusion = _Fusion(gating.diff)
        self._map = [_plain(layer) for layer in (gating.conv0, gating.conv_spatial, gating.conv1)]
        self._out = _Conv(
            _channels_last(attention.proj_2.weight * narrow[:, None, None, None]),
            narrow * (attention.proj_2.bias + shift),
        )
        self._keep = (1 + narrow * scale)[:, None, None]
        self._mlp = (_after(block.norm2, mlp.fc1), _plain(mlp.dwconv["dwconv"], "gelu"))
        self._narrow = _Conv(_channels_last(mlp.fc2.weight * wide[:, None, None, None]), mlp.fc2.bias * wide)

    def __call__(self, dates: Dates) -> Dates:
        values = tuple(self._value(x) for x in dates)
        weight = self._fusion(*values)
        for layer in self._map:
            weight = layer(weight)
        mixed = (self._out(v * weight, plus=x * self._keep) for v, x in zip(values, dates, strict=True))
        return tuple(self._narrow(self._mlp[1](self._mlp[0](y)), plus=y) for y in mixed)


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return scale and shift (C,) that a batch norm is in prediction."""
    assert norm.running_var is not None  # nosec B101 # the caller has seen to it
    assert norm.running_mean is not None  # nosec B101 # the caller has seen to it
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale, norm.bias - norm.running_mean * scale


def _folded(block: ConvNormAct) -> _Conv:
    scale, shift = _affine(block.bn)
    act = "swish" if block.act else "none"
    weight = _channels_last(block.conv.weight * scale[:, None, None, None])
    return _Conv(weight, shift, block.conv.padding[0], groups=block.conv.groups, act=act)


def _after(norm: nn.BatchNorm2d, conv: nn.Conv2d, act: str = "none") -> _Conv:
    """Put the batch norm before a 1x1 convolution into it."""
    scale, shift = _affine(norm)
    return _Conv(
        _channels_last(conv.weight * scale[:, None, None]), conv.bias + conv.weight[:, :, 0, 0] @ shift, act=act
    )


def _plain(conv: nn.Conv2d, act: str = "none") -> _Conv:
    return _Conv(_channels_last(conv.weight), conv.bias, conv.padding[0], conv.dilation[0], conv.groups, act)


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _resize(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=True)


@cache
def _has_fused() -> bool:
    """Say whether this torch has oneDNN's fused convolution, in the form that is used here."""
    x, weight = torch.ones(1, 2, 4, 4), torch.ones(2, 2, 1, 1)
    try:
        fused = torch.ops.mkldnn._convolution_pointwise
        y = fused(x, weight, None, [0, 0], [1, 1], [1, 1], 1, "swish", [], "")
        y = fused.binary(y, x, weight, None, [0, 0], [1, 1], [1, 1], 1, "add", 1.0, None, [], "")
    except (AttributeError, RuntimeError, TypeError):
        return False
    wanted = F.conv2d(F.silu(F.conv2d(x, weight)), weight) + x
    return bool(torch.allclose(y, wanted))
