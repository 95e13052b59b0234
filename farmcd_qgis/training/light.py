"""Another light on an image: what season, sun, sensor and processing do to its colours."""

import torch
from torch import Tensor


def light(images: Tensor, strength: float) -> Tensor:
    """Change gain and offset of each band, brightness, contrast, saturation and gamma by chance, the same for all.

    `images` (B, 3, H, W) of 0..1; so is what comes back. `strength` 0 changes nothing, 1 much.
    """
    images = images.clamp(0, 1)
    gain = (1 + 0.15 * strength * torch.randn(3, 1, 1)).clamp(0.5, 1.6)
    images = images * gain * _between(1 - 0.2 * strength, 1 + 0.2 * strength)
    images = images + 0.05 * strength * torch.randn(3, 1, 1)
    mean = images.mean((2, 3), keepdim=True)
    images = mean + (images - mean) * _between(1 - 0.25 * strength, 1 + 0.25 * strength)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * _between(1 - 0.5 * strength, 1 + 0.3 * strength)
    return images.clamp(0, 1) ** (2 ** _between(-0.4 * strength, 0.4 * strength))


def restyled(images: Tensor, model: Tensor) -> Tensor:
    """Give images (B, 3, H, W) the mean and the spread of each band of `model` (3, H, W)."""
    mean, spread = images.mean((2, 3), keepdim=True), images.std((2, 3), keepdim=True)
    wanted = model.mean((1, 2))[:, None, None], model.std((1, 2))[:, None, None]
    return (images - mean) / (spread + 0.02) * wanted[1] + wanted[0]


def _between(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
