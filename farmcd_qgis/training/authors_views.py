"""The augmentation of SChanger's authors: albumentations 1.4.0 as their code calls it, on torch tensors.

docs/methods/schanger.md, section 6. Shapes are drawn once for both dates and the label, colours once for both dates.
Images are float32 of 0..255, (3, T, T) a date; where theirs round to whole grey values in between, ours do not.
All randomness comes from torch's global generator, as in `augment`.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from kornia.color import hsv_to_rgb, rgb_to_hsv
from torch import Tensor

Crop = tuple[Tensor, Tensor, Tensor]

_GREY = (0.299, 0.587, 0.114)


def authors_view(crop: Crop, network: Literal["prior", "change"]) -> Crop:
    """Change a crop as the authors do for the prior network or for that of change; of a prior's both dates are one."""
    before, after, label = shaped(crop)
    if network == "prior":
        image = coloured(before[None], PRIOR_COLOURS)
        image = colour_jitter(image, *_jitter()) if _chance(0.4) else image
        return image[0], image[0], label
    both = coloured(torch.stack((before, after)), CHANGE_COLOURS)
    return both[0], both[1], label


def shaped(crop: Crop) -> Crop:
    """Flip and transpose in half of the crops each; turn, and shift, scale and turn, in three of ten each."""
    if _chance(0.5):
        # Upside down, left to right, or both.
        axes = ((-2,), (-1,), (-2, -1))[int(torch.randint(3, ()))]
        crop = _each(crop, lambda part: part.flip(axes))
    if _chance(0.5):
        crop = _each(crop, lambda part: part.transpose(-2, -1))
    if _chance(0.3):
        crop = moved(crop, _between(-45, 45))
    if _chance(0.3):
        degrees, scale = _between(-45, 45), _between(0.9, 1.1)
        crop = moved(crop, degrees, scale, (_between(-0.0625, 0.0625), _between(-0.0625, 0.0625)))
    return crop


def moved(crop: Crop, degrees: float, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> Crop:
    """Turn anticlockwise and enlarge about the middle, then shift by shares of the width and the height.

    Images are sampled linearly, the label at the nearest pixel; what comes from outside is mirrored at the outermost
    pixels.
    """
    before, after, label = crop
    height, width = label.shape
    turn = torch.deg2rad(torch.tensor(degrees))
    rows, columns = torch.meshgrid(torch.arange(height) + 0.0, torch.arange(width) + 0.0, indexing="ij")
    middle = (width - 1) / 2, (height - 1) / 2
    x, y = columns - middle[0] - shift[0] * width, rows - middle[1] - shift[1] * height
    from_x = (turn.cos() * x - turn.sin() * y) / scale + middle[0]
    from_y = (turn.sin() * x + turn.cos() * y) / scale + middle[1]
    grid = torch.stack((2 * from_x / (width - 1) - 1, 2 * from_y / (height - 1) - 1), -1)[None]
    pair = torch.cat((before, after))[None]
    seen = F.grid_sample(pair, grid, "bilinear", "reflection", align_corners=True)[0]
    ids = F.grid_sample(label[None, None].float(), grid, "nearest", "reflection", align_corners=True)[0, 0]
    return seen[:3], seen[3:], ids.to(label.dtype)


def coloured(images: Tensor, changes: tuple[Callable[[Tensor], Tensor], ...]) -> Tensor:
    """Change the colours of images (N, 3, T, T) by one of `changes`, in half of the crops."""
    return changes[int(torch.randint(len(changes), ()))](images) if _chance(0.5) else images


def noise(images: Tensor, grain: Tensor) -> Tensor:
    """Add grain (3, T, T) to all."""
    return (images + grain).clamp(0, 255)


def hue_saturation_value(images: Tensor, hue: float, saturation: float, value: float) -> Tensor:
    """Turn the hue by `hue` of 180 steps, add to saturation and value in steps of 255."""
    parts = rgb_to_hsv(images / 255)
    h = (parts[:, :1] + hue / 180 * 2 * torch.pi) % (2 * torch.pi)
    s, v = ((parts[:, k : k + 1] + step / 255).clamp(0, 1) for k, step in ((1, saturation), (2, value)))
    return hsv_to_rgb(torch.cat((h, s, v), 1)) * 255


def brightness_contrast(images: Tensor, brightness: float, contrast: float) -> Tensor:
    """Multiply by 1 + contrast and add the share `brightness` of white."""
    return (images * (1 + contrast) + brightness * 255).clamp(0, 255)


def gamma(images: Tensor, exponent: float) -> Tensor:
    """Raise the share of white to a power."""
    return (images / 255).pow(exponent) * 255


def emboss(images: Tensor, share: float, strength: float) -> Tensor:
    """Mix with the image lit from the upper left, by `share`."""
    s = strength
    lit = torch.tensor([[-1 - s, -s, 0.0], [-s, 1.0, s], [0.0, s, 1 + s]])
    plain = torch.zeros(3, 3)
    plain[1, 1] = 1
    return _filtered(images, (1 - share) * plain + share * lit)


def motion_blur(images: Tensor, kernel: Tensor) -> Tensor:
    """Average along the line that a kernel (K, K) of 0 and 1 draws."""
    return _filtered(images, kernel / kernel.sum())


def line_kernel(side: int, start: tuple[int, int], end: tuple[int, int]) -> Tensor:
    """Draw a line from (column, row) to (column, row) into a kernel of side x side, as OpenCV does."""
    kernel = torch.zeros(side, side)
    # From the left; what lies between two pixels goes to the one nearer to where the line began.
    (column, row), (last_column, last_row) = sorted((start, end), key=lambda point: point[0])
    right, down = last_column - column, last_row - row
    count = max(right, abs(down))
    for step in range(count + 1):
        across, along = (math.ceil(length * step / count - 0.5) for length in (right, abs(down)))
        kernel[row + (along if down > 0 else -along), column + across] = 1
    return kernel


def colour_jitter(
    images: Tensor, brightness: float, contrast: float, saturation: float, hue: float, order: tuple[int, ...]
) -> Tensor:
    """Multiply brightness, contrast and saturation, and turn the hue by a share of the circle, in an order of four."""

    def contrasted(now: Tensor) -> Tensor:
        mean = _grey(now).mean((1, 2, 3), keepdim=True)
        return (mean + (now - mean) * contrast).clamp(0, 255)

    def saturated(now: Tensor) -> Tensor:
        grey = _grey(now)
        return (grey + (now - grey) * saturation).clamp(0, 255)

    steps: tuple[Callable[[Tensor], Tensor], ...] = (
        lambda now: (now * brightness).clamp(0, 255),
        contrasted,
        saturated,
        lambda now: hue_saturation_value(now, hue * 180, 0.0, 0.0),
    )
    for place in order:
        images = steps[place](images)
    return images


def _grain(images: Tensor) -> Tensor:
    return torch.randn(images.shape[1:]) * _between(10, 50) ** 0.5


def _line() -> Tensor:
    side = (3, 5, 7)[int(torch.randint(3, ()))]
    while True:
        start, end = ((int(torch.randint(side, ())), int(torch.randint(side, ()))) for _ in range(2))
        if start != end:
            return line_kernel(side, start, end)


def _jitter() -> tuple[float, float, float, float, tuple[int, ...]]:
    factors = (_between(0.8, 1.2), _between(0.8, 1.2), _between(0.8, 1.2), _between(-0.2, 0.2))
    return *factors, tuple(torch.randperm(4).tolist())


PRIOR_COLOURS: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda images: noise(images, _grain(images)),
    lambda images: gamma(images, _between(0.8, 1.2)),
    lambda images: emboss(images, _between(0.2, 0.5), _between(0.2, 0.7)),
    lambda images: motion_blur(images, _line()),
)
CHANGE_COLOURS: tuple[Callable[[Tensor], Tensor], ...] = (
    *PRIOR_COLOURS,
    lambda images: hue_saturation_value(images, _between(-20, 20), _between(-30, 30), _between(-20, 20)),
    lambda images: brightness_contrast(images, _between(-0.2, 0.2), _between(-0.2, 0.2)),
)


def _filtered(images: Tensor, kernel: Tensor) -> Tensor:
    edge = kernel.shape[0] // 2
    padded = F.pad(images, (edge,) * 4, mode="reflect")
    return F.conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3).clamp(0, 255)


def _grey(images: Tensor) -> Tensor:
    return (images * torch.tensor(_GREY)[:, None, None]).sum(1, keepdim=True)


def _each(crop: Crop, change: Callable[[Tensor], Tensor]) -> Crop:
    before, after, label = (change(part) for part in crop)
    return before, after, label


def _chance(share: float) -> bool:
    return float(torch.rand(())) < share


def _between(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
