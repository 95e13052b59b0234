"""Detection without training as a family: its checkpoint is a land-cover network with the table of its covers."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import Reason
from ...core.messages import part
from ..family import Date, Family, State, families, family_named

if TYPE_CHECKING:
    from torch import Tensor

    from .network import ZeroLabel, ZeroLabelConfig

PREFIX = "opinion."
# What travels beside the network inside.
INNER = "inner."


class ZeroLabelFamily(Family):
    """A land-cover network of any family that looks at one image, and the events of what it says of two dates."""

    name = "semicd_vl_zero"
    title = part("family_semicd_vl_zero")
    multiple = 16
    # A parcel of up to half a tile is whole in some tile then, and that tile decides.
    overlap = 0.5
    weighs = True
    methods = ()

    def recognise(self, state: State) -> bool:
        """Say that no authors' file is of this kind: it is made by `make_zero_label`."""
        return False

    def infer_config(self, state: State) -> "ZeroLabelConfig":
        """Find the family of the land-cover network inside by its tensors, and its variant."""
        from .network import ZeroLabelConfig

        inner = {name.removeprefix(PREFIX): value for name, value in state.items()}
        family = next((family for family in families() if family.recognise(inner)), None)
        if family is None:
            raise Reason("no_land_cover_network")
        return ZeroLabelConfig(family.name, family.infer_config(inner))

    def told(self, config: "ZeroLabelConfig", said: Mapping[str, Any]) -> "ZeroLabelConfig":
        """Let the family of the network inside take what no tensor of that tells."""
        return replace(config, inner=family_named(config.source).told(config.inner, said.get("inner", {})))

    def build(self, config: "ZeroLabelConfig") -> "ZeroLabel":
        """Make the network with fresh weights."""
        from .network import ZeroLabel

        return ZeroLabel(config, family_named(config.source).build(config.inner))

    def normalise(self, net: "ZeroLabel", images: "Tensor", date: Date) -> "Tensor":  # type: ignore[override]
        """Leave 0..255: the network inside has its own way."""
        return images

    def is_extra(self, name: str) -> bool:
        """Say whether a tensor travels beside the network inside."""
        return name.startswith(INNER)

    def attach(  # type: ignore[override]
        self, net: "ZeroLabel", extras: State, header: Mapping[str, Any], path: Path, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Set the covers and the threshold that the header says, and what the network inside needs."""
        from ..semicd_vl.opinions.covers import covers_from

        super().attach(net, extras, header, path, given)
        net.covers, net.threshold = covers_from(header["covers"]), float(header["threshold"])
        if not 0 < net.threshold <= 1 or not math.isfinite(net.threshold):
            raise Reason("bad_threshold", threshold=net.threshold)
        inner = {name.removeprefix(INNER): value for name, value in extras.items()}
        family_named(net.config.source).attach(net.opinion, inner, header["inner"], path, {})
        return {}

    def extras(self, net: "ZeroLabel") -> tuple[dict[str, "Tensor"], dict[str, Any]]:  # type: ignore[override]
        """Return what the network inside has beside it, and what the header says of covers and threshold."""
        tensors, entries = family_named(net.config.source).extras(net.opinion)
        own = {"covers": net.covers.as_dict(), "threshold": net.threshold, "inner": entries}
        return {f"{INNER}{name}": value for name, value in tensors.items()}, own


FAMILY = ZeroLabelFamily()
