"""Batch norms folded into the convolutions beside them: the same function, a third of the passes over memory saved."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .efficientnet import EfficientNetLite0, InvertedResidual
from .encoded import EncodedFDMamba, PlainFusion
from .network import Conv


@torch.no_grad()
def folded(net: EncodedFDMamba) -> EncodedFDMamba:
    """Return a copy of a network that predicts the same with fewer layers; it cannot be trained or saved."""
    net = copy.deepcopy(net).eval()
    for module in net.modules():
        if isinstance(module, EfficientNetLite0):
            _fold(module, "_conv_stem", "_bn0")
        elif isinstance(module, InvertedResidual):
            if module.expands:
                _fold(module, "_expand_conv", "_bn0")
            _fold(module, "_depthwise_conv", "_bn1")
            _fold(module, "_project_conv", "_bn2")
        elif isinstance(module, nn.Sequential):
            _fold_row(module)
    for fusion in net.fusions:
        if isinstance(fusion, PlainFusion):
            _fold_scale(fusion)
    return net.to(memory_format=torch.channels_last)


def _fold(holder: nn.Module, conv: str, norm: str) -> None:
    setattr(holder, conv, fuse_conv_bn_eval(getattr(holder, conv), getattr(holder, norm)))
    setattr(holder, norm, nn.Identity())


def _fold_row(row: nn.Sequential) -> None:
    for place in range(len(row) - 1):
        conv, norm = row[place], row[place + 1]
        if isinstance(conv, Conv):
            conv = conv.conv
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            row[place], row[place + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()


def _fold_scale(fusion: PlainFusion) -> None:
    """Fold the norm before the difference: a, b and |a - b| are divided by the spread, a and b less the mean before."""
    conv, scale = fusion.project[0], fusion.scale
    mean, spread = _statistics(scale)
    weight = conv.weight[:, :, 0, 0]
    dates = weight[:, : len(mean)] + weight[:, len(mean) : 2 * len(mean)]
    bias = -dates @ (mean / spread)
    conv.bias = nn.Parameter(bias if conv.bias is None else conv.bias + bias)
    conv.weight.div_(spread.repeat(3)[None, :, None, None])
    fusion.scale = nn.Identity()


def _statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None  # nosec B101 # the caller has seen to it
    assert norm.running_var is not None  # nosec B101 # the caller has seen to it
    return norm.running_mean, (norm.running_var + norm.eps).sqrt()
