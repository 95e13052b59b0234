"""What the field runs today, to be measured against: the authors' order of work with plain recurrences."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from farmcd_qgis.networks.fd_mamba.cmla import CMLA
from farmcd_qgis.networks.fd_mamba.network import FDMamba, FDMambaConfig
from farmcd_qgis.networks.fd_mamba.scan import use_backend


def long_score_map(head: CMLA, feature: Tensor, context: Sequence[str] | None = None) -> Tensor:
    """CMLA as it is written down: a map of 512 channels, made unit, against the text features (fd_mamba.md, 1.7)."""
    projected = F.normalize(head.proj(feature), dim=1)
    return head.logit_scale.exp() * torch.einsum("bchw,kc->bkhw", projected, head.text_in_context(context))


class ReferenceNetwork(FDMamba):
    """The same network worked through as the authors' code does: date by date, and CMLA the long way."""

    def forward(self, before: Tensor, after: Tensor, context: Sequence[str] | None = None, *_: Any) -> Any:
        """As FDMamba.forward."""
        feature = self.decode(self.encode(before, after))
        score_map = long_score_map(self.score_head, feature, context)
        return self.conv_final(feature * (1 + self.gating_conv(score_map))), score_map

    def encode(self, before: Tensor, after: Tensor) -> list[Tensor]:
        """As FDMamba.encode, one date after the other."""
        dates = []
        for image in (before, after):
            levels, x = [], self.convInit(image)
            for encoder in self.srcm_encoder_layers:
                x = encoder(x)
                levels.append(x)
            dates.append(levels)
        steps = zip(*dates, self.diff_attentions, self.fusion_modules, strict=True)
        return [fusion(a, b, attention(a, b)) for a, b, attention, fusion in steps]


@contextmanager
def as_today() -> Iterator[None]:
    """Scan with the plain recurrence inside the block."""
    with use_backend("recurrence"), torch.inference_mode():
        yield


def networks(config: FDMambaConfig) -> tuple[FDMamba, ReferenceNetwork]:
    """Make both with equal random weights and text features."""
    torch.manual_seed(0)
    ours, theirs = FDMamba(config).eval(), ReferenceNetwork(config).eval()
    theirs.load_state_dict(ours.state_dict())
    text = torch.randn(config.n_classes, config.text_width)
    for net in (ours, theirs):
        net.score_head.set_text(text)
    return ours, theirs


def mambapy_scan() -> Callable[..., Tensor] | None:
    """Return a scan by mambapy's parallel scan (Blelloch's, in torch) if it is installed (requirements-dev.txt)."""
    try:
        from mambapy.pscan import pscan
    except ImportError:
        return None

    def scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor) -> Tensor:
        width = F.softplus(delta + bias[:, None]).transpose(1, 2)[..., None]  # (batch, L, d, 1)
        rows, columns = b.transpose(1, 2), c.transpose(1, 2)  # (batch, L, n)
        pushed = width * rows[:, :, None] * u.transpose(1, 2)[..., None]
        states = pscan(torch.exp(width * a), pushed)  # (batch, L, d, n)
        y = (states @ columns[..., None])[..., 0] + d * u.transpose(1, 2)
        return y.transpose(1, 2) * F.silu(z)

    return scan
