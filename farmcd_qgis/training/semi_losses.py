"""What a network learns from pairs without labels: consistency, contrast, opinions; and the mixing of two pairs.

Source: docs/methods/semicd_vl.md sections 3 and 4.2. Terms are means over the batches of all processes; where nothing
is known a term is 0, never NaN.
"""

from typing import Literal

import torch
from torch import Tensor

from farmcd_qgis.training.datasets import IGNORE, NO_CHANGE
from farmcd_qgis.training.processes import everywhere

MARGIN = 2.0
_BALANCE_EPS = 1e-4

Weighing = Literal["pixelwise", "pixelratio", "pixelavg"]
Divisor = Literal["mean_all", "mean_valid", "mean"]


def consistency_loss(
    loss: Tensor, confidence: Tensor, valid: Tensor, threshold: float = 0.95, weighing: Weighing = "pixelwise"
) -> Tensor:
    """Average a loss (B, H, W) against pseudo-labels by how sure those are, over the pixels that are `valid` (bool).

    `pixelwise` counts pixels of at least `threshold`; `pixelratio` weighs each image by their share; `pixelavg` by its
    mean confidence times the sum over the whole batch, as the authors' code does, so that it grows with the batch.
    """
    total = _mean_divisor(everywhere(valid.sum().to(loss.dtype)))
    if weighing == "pixelwise":
        return everywhere((loss * ((confidence >= threshold) & valid)).sum()) / total
    inside = valid.sum((1, 2), keepdim=True).clamp_min(1)
    if weighing == "pixelratio":
        share = ((confidence >= threshold) & valid).sum((1, 2), keepdim=True) / inside
        return everywhere((loss * share).sum()) / total
    mean = (confidence * valid).sum((1, 2), keepdim=True) / inside
    return everywhere(loss.sum()) * everywhere(mean.sum()) / total


def contrastive_pixels(distance: Tensor, label: Tensor, margin: float = MARGIN) -> Tensor:
    """Return per pixel (B, H, W) the squared distance where nothing changed, what it lacks to `margin` where it did.

    `label` is int64 with any class of change; 0 where it is 255.
    """
    apart = torch.where(label == NO_CHANGE, distance.square(), (margin - distance).clamp_min(0).square())
    return torch.where(label == IGNORE, 0.0, apart)


def contrastive_loss(distance: Tensor, label: Tensor, margin: float = MARGIN) -> Tensor:
    """Average `contrastive_pixels` over unchanged and over changed pixels apart, so that both count alike."""
    pixels = contrastive_pixels(distance, label, margin)
    unchanged = (label == NO_CHANGE).to(pixels.dtype)
    changed = ((label != NO_CHANGE) & (label != IGNORE)).to(pixels.dtype)
    means = [
        everywhere((pixels * part).sum()) / (everywhere(part.sum()) + _BALANCE_EPS) for part in (unchanged, changed)
    ]
    return means[0] + means[1]


def opinion_loss(loss: Tensor, label: Tensor, valid: Tensor, divisor: Divisor = "mean_all") -> Tensor:
    """Average a loss (B, H, W) against opinions, 0 where `label` is 255.

    Divided by the number of all pixels, of those where the image is `valid`, or (`mean`) of those where the opinion
    is known.
    """
    parts = {"mean_all": torch.ones_like(valid), "mean_valid": valid, "mean": label != IGNORE}
    total = everywhere(parts[divisor].sum().to(loss.dtype))
    return everywhere(loss.sum()) / _mean_divisor(total)


def _mean_divisor(count: Tensor) -> Tensor:
    return count.clamp_min(1)


def cutmix(own: Tensor, other: Tensor, box: Tensor) -> Tensor:
    """Take `other` inside the box, bool (B, H, W), and `own` outside; both (B, H, W) or (B, C, H, W)."""
    return torch.where(box if own.dim() == box.dim() else box[:, None], other, own)


def cutmix_boxes(
    count: int,
    size: int,
    share: float = 0.5,
    area: tuple[float, float] = (0.02, 0.4),
    aspect: tuple[float, float] = (0.3, 1 / 0.3),
) -> Tensor:
    """Draw boxes for `cutmix`, bool (count, size, size): each with probability `share`, else empty.

    Area (as a share of the image) and height over width are uniform in their ranges; a box that would not fit is
    drawn anew. From torch's global generator.
    """
    boxes = torch.zeros(count, size, size, dtype=torch.bool)
    for box in boxes:
        if float(torch.rand(())) >= share:
            continue
        height = width = size + 1
        while height > size or width > size:
            pixels, ratio = _uniform(area) * size * size, _uniform(aspect)
            height, width = round((pixels * ratio) ** 0.5), round((pixels / ratio) ** 0.5)
        top, left = int(torch.randint(size - height + 1, ())), int(torch.randint(size - width + 1, ()))
        box[top : top + height, left : left + width] = True
    return boxes


def _uniform(bounds: tuple[float, float]) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * float(torch.rand(()))
