"""Which variant of FD-Mamba a state dict belongs to, told by its shapes."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...core.errors import Reason

if TYPE_CHECKING:
    from torch import Tensor

    from .encoded import EncodedConfig
    from .network import FDMambaConfig

# What only a network on a pre-trained encoder has.
ENCODED = "encoder._conv_stem.weight"


def infer_encoded(state: Mapping[str, "Tensor"]) -> "EncodedConfig":
    """Work out the configuration of a network on a pre-trained encoder; raises as `infer_config` does."""
    from .encoded import EncodedConfig

    found = [re.match(r"decoder_layers\.(\d)\.scan\.norm1\.weight$", key) for key in state]
    return EncodedConfig(
        width=state["last.0.conv.weight"].shape[1],
        filters=state["last.0.conv.weight"].shape[0],
        n_classes=state["conv_final.0.conv.weight"].shape[0],
        difference="attention" if "fusions.1.gain" in state else "plain",
        scans=tuple(sorted(int(m[1]) for m in found if m)),
        text_width=state["score_head.proj.weight"].shape[0],
        context_width=state["score_head.ctx_mlp.0.weight"].shape[0],
    )


def infer_config(state: Mapping[str, "Tensor"]) -> "FDMambaConfig":
    """Work out the network's variant from the shapes in a state dict.

    Raises KeyError for a missing tensor, IndexError or ValueError for shapes that fit no such network.
    """
    from .network import FDMambaConfig

    def blocks(part: str, levels: int) -> Any:
        found = [re.match(rf"{part}\.(\d)\.\d+\.norm1\.weight$", key) for key in state]
        return tuple(sum(m[1] == str(level) for m in found if m) for level in range(levels))

    return FDMambaConfig(
        init_filters=state["convInit.conv.weight"].shape[0],
        n_classes=state["conv_final.2.conv.weight"].shape[0],
        conv_mode=_conv_mode(state, "srcm_encoder_layers"),
        up_conv_mode=_conv_mode(state, "srcm_decoder_layers"),
        blocks_down=blocks("srcm_encoder_layers", 4),
        blocks_up=blocks("srcm_decoder_layers", 3),
        text_width=state["score_head.proj.weight"].shape[0],
        context_width=state["score_head.ctx_mlp.0.weight"].shape[0],
    )


def _conv_mode(state: Mapping[str, "Tensor"], part: str) -> str:
    stem = next(
        (k.partition("local_relation.")[0] for k in state if k.startswith(part) and "local_relation." in k), None
    )
    if stem is None:
        return "deepwise"
    channels = state[f"{stem}in_proj.weight"].shape[1]
    if (pointwise := state.get(f"{stem}local_relation.0.pointwise_conv.weight")) is not None:
        return "deepwise" if pointwise.shape[0] == channels else "deepwise_dinner"
    middle = state[f"{stem}local_relation.0.weight"].shape[0]
    modes = {channels: "orignal", 2 * channels: "orignal_dinner", int(1.5 * channels): "orignal_1_5_dmodel"}
    if middle not in modes:
        raise Reason("no_such_mode", layer=f"{stem}local_relation", middle=middle, channels=channels)
    return modes[middle]
