"""Telling a SemiCD-VL by its tensors, and its variant by their shapes."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...core.errors import Reason

if TYPE_CHECKING:
    from torch import Tensor

    from .network import SemiCDVLConfig

_HEAD = "decode_head.conv_seg.weight"
_OPINIONS = "decode_head.conv_seg_for_vl.weight"
_COVERS = "auxiliary_seg_head.conv_seg.weight"
_STAGES = 4


def is_semicd_vl(names: Mapping[str, "Tensor"]) -> bool:
    """Say whether a state dict has a ResNet with a deep stem and a light head on it."""
    return "backbone.conv1.6.weight" in names and any(name.startswith("decode_head.convs.") for name in names)


def infer_config(state: Mapping[str, "Tensor"]) -> "SemiCDVLConfig":
    """Work out the configuration; raises KeyError, IndexError or ValueError where none fits.

    Both heads of training are there, or neither.
    """
    from .network import SemiCDVLConfig

    if (_OPINIONS in state) != (_COVERS in state):
        there, lacking = (_OPINIONS, _COVERS) if _OPINIONS in state else (_COVERS, _OPINIONS)
        raise Reason("has_one_head", there=there, lacking=lacking)
    classes, channels = state[_HEAD].shape[:2]
    blocks = [_count(state, stage) for stage in range(1, _STAGES + 1)]
    return SemiCDVLConfig(
        n_classes=classes,
        width=state["backbone.conv1.0.weight"].shape[0],
        blocks=(blocks[0], blocks[1], blocks[2], blocks[3]),
        channels=channels,
        training_heads=_OPINIONS in state,
    )


def _count(state: Mapping[str, "Tensor"], stage: int) -> int:
    found = {m[1] for m in (re.match(rf"backbone\.layer{stage}\.(\d+)\.", name) for name in state) if m}
    if not found:
        raise KeyError(f"backbone.layer{stage}")
    return len(found)
