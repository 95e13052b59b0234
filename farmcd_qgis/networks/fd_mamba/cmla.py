"""CMLA: a score map from frozen CLIP text features, which arbitrates the small network.

Source: docs/methods/fd_mamba.md, 1.7.
"""

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CMLA(nn.Module):
    """Compare every pixel's feature with the unit text feature of every class.

    The text features are constants that travel beside the parameters: `text` (K, width) for the classes and
    `contexts` {prompt: (width,)} for context prompts; both are set by `set_text`.
    """

    text: Tensor

    def __init__(self, filters: int, n_classes: int, width: int = 512, hidden: int = 512) -> None:
        super().__init__()
        self.proj = nn.Conv2d(filters, width, 1, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.ctx_scale = nn.Parameter(torch.tensor(0.1))
        self.ctx_mlp = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.register_buffer("text", torch.full((n_classes, width), math.nan), persistent=False)
        self.contexts: dict[str, Tensor] = {}

    def set_text(self, text: Tensor, contexts: Mapping[str, Tensor] | None = None) -> None:
        """Take the class prompts' features (K, width) and the context prompts' (width,); they are made unit here."""
        self.text = _unit(text.detach()).to(self.proj.weight)
        self.contexts = {prompt: _unit(v.detach().float()) for prompt, v in (contexts or {}).items()}

    def text_in_context(self, context: Sequence[str | None] | None, pooled: bool = True) -> Tensor:
        """Shift the class features by what the context prompts' features say; unit rows.

        Pooled: by the mean of all prompts, (K, width). Otherwise each prompt is that of one sample, or None where
        nothing is known of it: (B, K, width).
        """
        given = [prompt for prompt in context or () if prompt is not None]
        if not context or not given:
            return self.text
        pool = torch.stack([self.contexts[prompt] for prompt in given]).to(self.text)
        if pooled:
            shift = self.ctx_scale * self.ctx_mlp(pool.mean(dim=0))
        else:
            shift = self.text.new_zeros(len(context), 1, self.text.shape[1])
            places = [place for place, prompt in enumerate(context) if prompt is not None]
            shift[places, 0] = self.ctx_scale * self.ctx_mlp(pool)
        return F.normalize(self.text + shift, dim=-1)

    def forward(self, feature: Tensor, context: Sequence[str | None] | None = None, pooled: bool = True) -> Tensor:
        """Return the score map (B, K, H, W) of a feature map (B, f, H, W); `context` as in text_in_context.

        The cosine of the projected feature v = W f with a text row t is (t W) f / sqrt(f' W'W f): small
        matrices instead of a map of `width` channels, exactly.
        """
        projection = self.proj.weight[:, :, 0, 0]  # (width, f)
        text = self.text_in_context(context, pooled)
        with torch.autocast(feature.device.type, enabled=False):
            feature = feature.to(projection.dtype)
            weights = text @ projection  # (K, f), or (B, K, f)
            if weights.dim() == 2:
                dots = F.conv2d(feature, weights[:, :, None, None])  # (B, K, H, W)
            else:
                dots = torch.einsum("bkf,bfhw->bkhw", weights, feature)
            gram = F.conv2d(feature, (projection.T @ projection)[:, :, None, None])  # (B, f, H, W)
            norm = (feature * gram).sum(dim=1, keepdim=True).clamp(min=1e-24).sqrt()
            return self.logit_scale.exp() * dots / norm


def _unit(rows: Tensor) -> Tensor:
    """Make rows unit; those that are stay as they are, so that a checkpoint saved and loaded gives the same bits."""
    norms = rows.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    return torch.where((norms - 1).abs() < 1e-6, rows, rows / norms)
